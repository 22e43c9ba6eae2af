/* An action under way at nginx: questions to its status server, runs of its program, and waiting in between. */
#ifndef NIP__NGINX_WORK_H
#define NIP__NGINX_WORK_H

#include <sys/types.h>
#include "driver/nginx.h"
#include "driver/work.h"
#include "op/loop.h"

typedef struct nip__nginx_work nip__nginx_work;

typedef struct nip__nginx_driver {
    nip_ctx *ctx;
    nip__loop *loop;
    nip__arena *arena; /* of the settings */
    nip__nginx_settings settings;
    nip__work *works;
} nip__nginx_driver;

/* ---- nginx_process.c: what /proc tells of nginx ---- */

/* The master that the pid file names. False: it is not there or is no nginx. */
bool nip__nginx_master(const nip__nginx_settings *settings, pid_t *master, nip__trouble *trouble);

typedef struct nip__nginx_worker {
    pid_t pid;
    uint64_t start;
} nip__nginx_worker;

typedef struct nip__nginx_workers {
    nip__nginx_worker *serving; /* that take new connections */
    size_t count;
    int64_t leaving; /* that only end what they have */
} nip__nginx_workers;

/* Workers of `master`. False: it cannot be known. */
bool nip__nginx_workers_read(nip__arena *arena, pid_t master, nip__nginx_workers *workers);
/* How many of those still take new connections? */
size_t nip__nginx_still_serving(const nip__nginx_workers *workers);
/* Workers of earlier generations, each with at least one connection open; -1: it cannot be known. */
int64_t nip__nginx_old_workers(nip__arena *arena, const nip__nginx_settings *settings);

/* ---- nginx_ask.c ---- */

typedef void nip__nginx_step(nip__nginx_work *work);

/* What the status server answered. */
typedef struct nip__nginx_running {
    bool answered; /* with one of our generations */
    int64_t generation;
    char token[NIP__NGINX_TOKEN_MAX];
    char problem[300]; /* why not answered */
} nip__nginx_running;

struct nip__nginx_work {
    nip__work base;
    nip__nginx_driver *driver;
    nip__nginx_step *step; /* what comes after the answer */
    nip__http *http;
    nip__command *command;
    nip__timer timer;
    nip__nginx_file file;
    nip__buffer old; /* the file's text as it was found; of a write, what goes back should it fail */
    bool absent;     /* there was no file at all */
    nip__nginx_running running;
    bool ran_well; /* the program: exit 0 in time */
    bool ran_unknown; /* not well, but perhaps not ill: `excerpt` says why nobody knows */
    bool lacks_memory; /* so that what was asked last says nothing of nginx */
    nip__nginx_dump dump;
    char excerpt[400]; /* last words of the program that did not */
    /* a write */
    nip__nginx_state wanted, before;
    bool has_before, mirrors; /* router/mirror rather than router/route */
    char token[NIP__NGINX_TOKEN_MAX];
    nip__nginx_workers workers;
    bool knows_workers, reloaded;
    char mark[NIP__NGINX_MARK_MAX]; /* of `old`, which is set aside until the write is proven */
    const char *kept; /* where a hand's edit was set aside; NULL: there was none */
    int proofs;
    nip_time until;
    nip__trouble trouble;
};

/* Does the action put right what other hands did to the file? */
bool nip__nginx_repairs(const nip__nginx_work *work);
/* Reads the file into work->file and work->old. False: the action was failed. */
bool nip__nginx_look(nip__nginx_work *work);
/* Does nginx work by the file as it stands? */
bool nip__nginx_in_force(const nip__nginx_work *work);
/* Asks what generation is in force; then `step`. */
void nip__nginx_ask(nip__nginx_work *work, nip__nginx_step *step);
/* Runs nginx -T; then `step` with work->ran_well, dump and excerpt. */
void nip__nginx_test(nip__nginx_work *work, nip__nginx_step *step);
/* Has nginx read its configuration; then `step` with work->ran_well and excerpt. */
void nip__nginx_reload(nip__nginx_work *work, nip__nginx_step *step);
/* Waits a moment; then `step`. */
void nip__nginx_pause(nip__nginx_work *work, nip_duration time, nip__nginx_step *step);

/* ---- nginx_keep.c ---- */

/* Sets the file's text aside if other hands changed it, and says so in work->kept. */
bool nip__nginx_keep_edited(nip__nginx_work *work, nip_error **err);
/* Sets aside what goes back into the file should the write fail, under work->mark. Where the file was written by somebody
 * who died before it was proven, work->old becomes what stood before that. */
bool nip__nginx_keep_before(nip__nginx_work *work, nip_error **err);
/* What stood before the text of that mark's is not needed any more: the text is in force, or has gone. */
void nip__nginx_forget_before(nip__nginx_work *work, const char *mark);

void nip__nginx_write(nip__nginx_work *work); /* nginx_write.c: router/route and router/mirror */

#endif
