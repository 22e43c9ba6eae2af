/* The laws: what must hold whatever the world, the crashes and the people do. A case is one run of one plan in one
 * simulated world; all of its luck comes from its seed, so that a broken law can be seen again. */
#ifndef LAWS_H
#define LAWS_H

#include <stdbool.h>
#include <stdint.h>
#include "nipops.h"
#include "base/random.h"
#include "doc/json.h"
#include "driver/sim.h"
#include "plan/run.h"

enum { LAW_VERSIONS = 8, LAW_TEXT = 1024 };

typedef enum law_goal { LAW_ROLLOUT, LAW_ROLLBACK, LAW_ENSURE, LAW_RETIRE, LAW_SHADOW, LAW_PLAN } law_goal;

/* What is done, and what was done before it. */
typedef struct law_strategy {
    const char *name;
    law_goal goal;
    int replicas;
    int max_unavailable; /* law 2 */
    const char *rollout; /* lines of the rollout document beside the common ones */
    bool first;          /* nothing was released before */
    bool twice;          /* 1.0 and then 1.1 were released before, and it is about 1.0 again */
    const char *plan;    /* of LAW_PLAN: the plan itself */
} law_strategy;

/* How the new version behaves. */
typedef struct law_mood {
    const char *name;
    const char *behaviour; /* settings of the version, JSON without braces */
    bool ill;              /* instances fall ill by themselves: what the plan cannot help is forgiven */
    bool luck;             /* ... at moments that differ when a run is interrupted: no two runs can be compared */
} law_mood;

typedef enum law_crash {
    LAW_NO_CRASH,
    LAW_BEFORE_START,  /* the intent is journaled, the action was not begun */
    LAW_MIDWAY,        /* it has begun to take effect */
    LAW_BEFORE_ANSWER, /* it took effect (or failed), and nobody has heard */
    LAW_AFTER_ANSWER,  /* the answer is journaled, nothing was decided */
    LAW_AFTER_RECORD,  /* after record `record` of the run, in the middle of deciding */
    LAW_CRASHES,
} law_crash;

/* One action of a run that something happens to. */
typedef struct law_spot {
    char step[64];
    nip__purpose purpose;
    int64_t index;
} law_spot;

typedef struct law_case {
    uint64_t seed;
    const law_strategy *strategy;
    const law_mood *mood;
    /* One planned blow... */
    bool aimed;
    law_spot spot;
    nip__sim_fate fate;
    law_crash crash;
    int64_t record;   /* of LAW_AFTER_RECORD */
    nip_duration gap; /* how long nobody drives after the crash */
    /* ... or luck. */
    bool wild;
    double faults, crashes, requests, jumps;
    bool restarts;
    bool trace; /* print the journal */
} law_case;

/* How a case ended, in words that can be compared. */
typedef struct law_end {
    char state[32];
    char stands[LAW_TEXT];
    int64_t records;
} law_end;

/* What happened in all. */
typedef struct law_counts {
    int64_t runs, records, writes, crashes, requests, ends[9], blows, missed;
    int64_t broken;
    bool hasty; /* the first broken law ends the program */
} law_counts;

/* A world with its store, its release, and an ear at every change. */
typedef struct law_world {
    const law_case *law;
    law_counts *counts;
    nip__arena *arena;
    nip_ctx *ctx;
    nip_store *store;
    nip__sim *sim;
    nip_time now;
    nip_time woken; /* when a process that slept went on, knowing only what it knew before; NIP_TIME_NONE */
    nip__random random;
    const char *fresh; /* version whose share law 1 is about; "": none */
    bool broken;
    bool gave_up; /* a step that failed was left behind: sessions that did not end in time */
    /* The write under way. */
    char write[128];
    double last[LAW_VERSIONS], before[LAW_VERSIONS], after[LAW_VERSIONS];
} law_world;

#define SUBJECT "shop"
#define OLD     "1.0"
#define NEW     "1.1"
#define NEXT    "1.2"

/* Reports a broken law, once a case. */
void law_broken(law_world *world, int law, const char *format, ...) __attribute__((format(printf, 3, 4)));

void law_print_case(const law_case *law);

/* world.c */
bool law_world_open(law_world *world, const law_case *law, law_counts *counts);
void law_world_close(law_world *world);
bool law_world_pass(law_world *world, nip_time now);
/* The observed state as planners want it. Owned. */
char *law_world_observe(law_world *world);
void law_world_describe(law_world *world, char *text, size_t size);

/* drive.c: drives a run of the plan to its end, through all that the case has in store. calm: nothing happens to it.
 * The run is still open afterwards, and is the caller's. */
nip_run *law_drive(law_world *world, const nip_plan *plan, bool calm, bool *hit);
/* Where a calm run of this plan can be hit; returns how many. */
size_t law_spots(law_world *world, const char *run, law_spot **spots);

/* journal.c: laws that the journal shows. */
void law_check_journal(law_world *world, nip_run *run);
nip__value *law_read_journal(law_world *world, nip__arena *arena, int64_t after);

/* scenario.c: the whole of a case. false: a law was broken. spots and count may be NULL. */
bool law_run_case(const law_case *law, law_counts *counts, law_end *end, law_spot **spots, size_t *count, bool *hit);
extern const law_strategy law_strategies[];
extern const law_mood law_moods[];
const char *law_crash_name(law_crash crash);
const char *law_fate_name(nip__sim_fate_kind fate);

#endif
