/* Instances that commands of the user's start, stop and list: role target. What `list` prints is the truth; a start or
 * a stop counts once the list shows it. */
#ifndef NIP__COMMAND_WORK_H
#define NIP__COMMAND_WORK_H

#include "driver/local.h"
#include "driver/work.h"
#include "op/loop.h"

extern const nip__driver_kind nip__driver_command; /* command.c */

enum {
    NIP__ARGV_LINES_MAX = 10000,
    NIP__ARGV_OUTPUT_MAX = 1024 * 1024,
    NIP__ARGV_WORDS_MAX = 64, /* of a line's pattern */
};

typedef struct nip__argv_settings {
    nip__local_settings local;                                  /* host and ports; the rest is not used */
    const nip__value *start, *stop, *list, *observe, *artifact; /* lists of texts; the last two may be NULL */
    const char *lines;                                          /* pattern of the list's lines */
    nip_duration timeout;
    int64_t parallel;
} nip__argv_settings;

/* ---- command_list.c: pure ---- */

/* What is wrong with a pattern; NULL: nothing. */
const char *nip__argv_check_lines(const char *pattern);
/* Reads what `list` printed into `instances`, in its order. */
bool nip__argv_read_list(nip__arena *arena, const nip__argv_settings *settings, const char *text, size_t length,
                         nip__local_instances *instances, nip__trouble *trouble);
nip__value *nip__argv_observed(nip__arena *arena, const nip__argv_settings *settings,
                               const nip__local_instances *instances);
bool nip__argv_is_local(const char *host); /* of this machine: its ports can be tried */

/* ---- actions under way ---- */

typedef struct nip__argv_driver {
    nip_ctx *ctx;
    nip__loop *loop;
    nip__arena *arena; /* of the settings */
    nip__argv_settings settings;
    nip__work *works;
} nip__argv_driver;

typedef struct nip__argv_work nip__argv_work;
typedef void nip__argv_step(nip__argv_work *work);

/* One command for one instance. */
typedef struct nip__argv_job {
    nip__argv_work *work;
    const nip__value *command;
    nip__local_start about;
    const char *endpoint;
    nip__command *running;
    bool done, well, unknown; /* unknown: it may have ended well, what is listed decides */
    char excerpt[300]; /* why not well */
} nip__argv_job;

struct nip__argv_work {
    nip__work base;
    nip__argv_driver *driver;
    nip__local_instances *instances;
    nip__argv_job *jobs;
    size_t job_count, jobs_begun, jobs_done;
    nip__argv_step *step;
    nip__timer timer;
    nip_time until;
    /* target/instances */
    nip__local_plan plan;
    nip__argv_job *starting, *stopping; /* whose commands have ended */
    size_t start_count;
    const nip__value *stopped;
    nip__trouble trouble;
};

/* Room for `count` jobs in place of those before. False: the action was failed. */
bool nip__argv_jobs(nip__argv_work *work, size_t count);
nip__argv_job *nip__argv_job_add(nip__argv_work *work, const nip__value *command, nip__local_start about);
/* Runs all jobs, some at a time; then `step`. */
void nip__argv_run(nip__argv_work *work, nip__argv_step *step);
/* Runs `list`; then `step` with work->instances. Fails the action when it cannot be read. */
void nip__argv_list(nip__argv_work *work, nip__argv_step *step);
/* The same after a moment. */
void nip__argv_list_again(nip__argv_work *work, nip__argv_step *step);
/* What an instance at `port` is called in commands. */
nip__local_start nip__argv_about(nip__argv_work *work, const char *version, const char *artifact, int port);

void nip__argv_instances(nip__argv_work *work); /* command_instances.c: target/instances */

#endif
