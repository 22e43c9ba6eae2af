/* The driver "train": it drives the runs of several apps inside the run of their train. train.c is the driver itself, train_app.c one app's
 * run, train_tasks.c what the train's actions wait for, train_back.c the way back of an app that had ended already.
 *
 * An app's run is found again in its journal: it is the first one planned after the record that the train's first step looked at, and says
 * that it was begun by this train: another train may have looked at the same moment and carry an equal plan. While another process drives
 * it, it is only looked at. */
#ifndef NIP__TRAIN_H
#define NIP__TRAIN_H

#include "driver/driver.h"
#include "nipops/op.h"
#include "op/loop.h"
#include "plan/run.h"

/* How an app stands, in the order in which it comes about. */
typedef enum nip__stand {
    NIP__NOT_BEGUN,
    NIP__FORWARD_BOUND, /* on its way to the barrier, or to its end where there is none */
    NIP__HELD,          /* somebody has paused it on that way */
    NIP__PROVEN,        /* waits at the barrier */
    NIP__FINISHING,     /* let go on from there */
    NIP__DONE,          /* succeeded */
    NIP__GOING_BACK,
    NIP__BACK_AGAIN,    /* returned, or stopped before anything was changed */
    NIP__STUCK,         /* broken */
} nip__stand;

typedef struct nip__train nip__train;

typedef struct nip__train_app {
    nip__train *train;
    const char *name; /* of the app: the subject of its journal */
    nip_plan *plan;
    int64_t after;    /* its run comes after this record; -1: not known yet */
    bool marked;      /* its run says whose it is; false: the train was begun by a library that did not let runs say so */
    char *id;         /* of its run; NULL: not begun */
    bool looked;      /* nothing may be concluded before it was looked at once */
    nip__stand stand; /* as last looked at */
    char *why;        /* the reason of an end, for messages; may be NULL */
    char *foreign;    /* somebody else's run that was begun instead; NULL: none */
    char *trouble;    /* why this process cannot drive it; NULL: none */
    int64_t seen;     /* head of its journal when its run was looked at from outside; -1: not yet */
    /* what this process drives of it: its run, a rollback's, or an observation before that; all NULL: nothing */
    nip_drivers *drivers;
    nip_run *run;
    nip_op *op;
    nip__watch watch;
    nip__timer due;
    bool observing;
    char *observed; /* result of the observation that a rollback is planned from; NULL: not made yet */
    struct nip__train_app *next;
} nip__train_app;

typedef struct nip__train_task {
    nip__train *train;
    nip_action *action;
    nip__train_app *app; /* NULL: it is about all of them */
    int (*judge)(struct nip__train_task *task, nip_error **err); /* 1: over, the action was completed */
    bool back_planned; /* it has tried a rollback of the app */
    struct nip__train_task *next;
} nip__train_task;

struct nip__train {
    nip_ctx *ctx;
    nip__arena *arena;
    const char *run;      /* of the train; NULL: no action has told yet */
    nip__train_app *apps; /* in the plan's order */
    nip__loop *loop;      /* NULL: no operation drives us */
    nip_store *store;
    nip__train_task *tasks;
    nip__timer work;      /* something has changed: judge anew */
    nip__timer look;      /* of real time: at what other processes drive */
    bool holds;           /* the clock, while only others can bring something about */
};

/* ---- train_app.c ---- */

/* Finds its run, and how that stands. Drives it from now on when it is not over and nobody else does. */
int nip__train_app_look(nip__train_app *app, nip_error **err);
/* Begins its run. */
int nip__train_app_begin(nip__train_app *app, nip_error **err);
/* Drives `run`, which is taken over, also on failure. */
int nip__train_app_drive(nip__train_app *app, nip_run *run, nip_error **err);
/* Asks for its request, once. */
int nip__train_app_ask(nip__train_app *app, const char *kind, const nip_action *action, const char *why, nip_error **err);
/* Lets go of what this process drives of it; its run stays resumable. */
void nip__train_app_let_go(nip__train_app *app);
/* "shop is proven and waits at the barrier (shop-12)" */
void nip__train_app_write(nip__buffer *text, const nip__train_app *app);
bool nip__train_app_is_driven(const nip__train_app *app);
/* Puts the operation onto the train's loop. */
int nip__train_app_watch(nip__train_app *app, nip_error **err);

/* ---- train_back.c ---- */

/* One step further on the way back of an app whose run has succeeded: 1 when it stands at the release before, 0 when that is under way. */
int nip__train_app_roll_back(nip__train_task *task, nip_error **err);
/* Version that it stands at now, into `arena`; NULL: none. */
int nip__train_app_version(nip__train_app *app, nip__arena *arena, const char **version, nip_error **err);
/* Version that its plan starts from; NULL: none was released. */
const char *nip__train_app_before(const nip__train_app *app);

/* ---- train_tasks.c ---- */

extern const struct nip__train_verb {
    const char *name;
    int verb_class;
    int (*judge)(nip__train_task *task, nip_error **err);
} nip__train_verbs[];
extern const size_t nip__train_verbs_count;

/* Completes what is over. Then something has to be driven, looked at, or waited for. */
void nip__train_work(void *train);
int nip__train_work_soon(nip__train *train, nip_error **err);
/* One line on every app. */
void nip__train_write(nip__buffer *text, const nip__train *train);

#endif
