/* What the fault tests share: a simulated world on a virtual clock in which 1.0 runs and 1.1 is rolled out, and the
 * laws that must hold at the end of every run in it, whatever failed on the way. */
#ifndef FAULT_WORLD_H
#define FAULT_WORLD_H

#include "../unit/unit.h"
#include "doc/json.h"
#include "driver/sim.h"
#include "nipops.h"
#include "plan/run.h"
#include "store/backend.h"

#define SUBJECT "shop"
#define OLD     "1.0"
#define NEW     "1.1"
#define START   "2026-11-23T06:00:00Z"

enum { REPLICAS = 2 };

typedef struct world {
    nip_ctx *ctx;
    nip__sim *sim;
    nip_drivers *drivers;
    nip_store *store;
} world;

/* Rollouts from 1.0 to 1.1. */
typedef struct strategy {
    const char *name;
    const char *lines; /* of the document, beside the common ones */
} strategy;

extern const strategy strategies[]; /* ends with a NULL name */
enum { ROLLING, BLUE_GREEN, CANARY };

/* A call that is given `&err` must succeed. */
#define must(call)                                                                                                     \
    do {                                                                                                               \
        nip_error *err = NULL;                                                                                         \
        int must_rc = (call);                                                                                          \
        ended_well(must_rc, err, __FILE__, __LINE__);                                                                  \
    } while (0)
void ended_well(int rc, nip_error *err, const char *file, int line);

/* A world in which 1.0 has all traffic and 1.1 has never been heard of. `url` names its store; NULL: none. */
void world_open(world *w, const char *url);
void world_close(world *w);
/* A context with the world's clock and seed. */
nip_ctx *world_ctx(void);
void world_pass(world *w, nip_duration duration);

nip_doc *world_document(const strategy *how, const char *version);
/* The release record that says that 1.0 runs. Owned: nip_free. */
char *world_release(const strategy *how);
char *world_observe(world *w, const strategy *how);
/* The plan of a strategy as JSON, made in a world of its own. Static. */
const char *world_plan_text(const strategy *how);
/* The same as a plan. Owned. */
nip_plan *world_plan(const strategy *how);

void world_request(world *w, const nip_run *run, const char *kind);
/* Drives an operation to its end. A run that pauses for a person is told to go back. */
int world_drive(world *w, const nip_run *run, nip_op *op, nip_error **err);

/* A folder of its own, gone at `folder_close`; in memory where the system has such a place, since every record is
 * flushed. */
typedef struct folder {
    char path[64];
    char url[128]; /* of a store in it */
} folder;

void folder_open(folder *f);
void folder_empty(const folder *f); /* the next store in it is a new one */
void folder_close(const folder *f);

/* Law 3: the run has ended, and the world stands as its state says; the journal's chain holds, and its replay is the
 * live state. */
void check_end(world *w, const nip_run *run, const char *what);
/* `version` has all of the traffic and all of its instances, and the other one has nothing. */
void check_serves(world *w, const char *version, const char *what);
void check_journal(nip_store *store, const nip_run *run, nip_time now, const char *what);
/* Times a text occurs in the journal of shop. */
int count_in_journal(nip_store *store, const char *part);

#endif
