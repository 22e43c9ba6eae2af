/* target/instances under way: first all that is missing is started, then all that is surplus stopped. */
#ifndef NIP__LOCAL_WORK_H
#define NIP__LOCAL_WORK_H

#include "driver/local.h"

typedef struct nip__local_work nip__local_work;

typedef struct nip__local_driver {
    nip_ctx *ctx;
    nip__loop *loop;
    nip__arena *arena; /* of the settings */
    nip__local_settings settings;
    nip__local_work *works;
} nip__local_driver;

/* One process that is waited for. */
typedef struct nip__local_member {
    nip__local_work *work;
    nip__local_instance instance;
    int pidfd, probe;
    nip__watch watch;
    bool listening, gone;
    const nip__local_process *kin; /* of an adopted one: what descended from it when it was told to stop */
    size_t kin_count;
    nip_time quiet_since; /* of an adopted one: when nobody of it was left and its endpoint was free */
    bool counted; /* its family was looked for just now, and */
    int left;     /* that many live */
} nip__local_member;

struct nip__local_work {
    nip__local_driver *driver;
    nip_action *action;
    nip__local_work *previous, *next;
    nip__arena *arena;
    nip__local_instances *instances;
    nip__local_plan plan;
    nip__local_member *starting, *stopping;
    size_t start_count, stop_count;
    nip__local_family *families; /* room for all that stop */
    nip__timer tick;
    nip_time until; /* of the present phase */
    bool killed;
    nip_error *unknown; /* why the last look could not tell who is left; NULL: it could */
};

void nip__local_start_all(nip__local_work *work); /* local_start.c; goes on with nip__local_stop_all */
void nip__local_stop_all(nip__local_work *work);  /* local_stop.c; completes the action */
void nip__local_adopt(nip__local_work *work);     /* local_adopt.c; completes the action */

/* local_work.c */
nip__local_work *nip__local_work_new(nip__local_driver *driver, nip_action *action); /* NULL: no memory */
void nip__local_work_free(nip__local_work *work);                                    /* processes stay as they are */
void nip__local_fail(nip__local_work *work, const char *reason, bool retryable, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* The reason when it is this side that lacks something: "no_descriptors" or "no_memory"; else NULL. */
const char *nip__local_shortage(const nip_error *error);
void nip__local_fail_error(nip__local_work *work, const nip_error *error);
void nip__local_done(nip__local_work *work); /* with the result of target/instances */
void nip__local_answer(nip__local_work *work, const nip__value *result);
/* What target/instances answers, by what runs now. NULL: it could not be read, or memory is out. */
nip__value *nip__local_instances_result(nip__local_work *work, nip_error **err);
/* Watches a member's process; `ready` is called when it ends. False: the action was failed. */
bool nip__local_watch(nip__local_member *member, void (*ready)(void *data, uint32_t events));
void nip__local_unwatch(nip__local_member *member);
bool nip__local_tick(nip__local_work *work, nip_duration after,
                     void (*fire)(void *data)); /* false: the action was failed */
/* Has the member's process ended? False also when it cannot be known now. Takes and files its exit status when it is our child. */
bool nip__local_ended(nip__local_member *member);

#endif
