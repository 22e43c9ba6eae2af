/* What folds several calls of the library into one crossing between Go and C. Nothing here decides anything. */
#ifndef NIPOPS_GO_GLUE_H
#define NIPOPS_GO_GLUE_H

#include <nipops.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

/* All that an error tells, read in one crossing. Borrowed until the error is freed. */
typedef struct glue_error {
    const char *name, *message, *file, *path;
    const nip_error *cause;
    int code, retryable, line, column, http_status, os_errno, count;
} glue_error;

static inline void glue_error_read(const nip_error *error, glue_error *out)
{
    out->name = nip_error_name(error);
    out->message = nip_error_message(error);
    out->file = nip_error_file(error);
    out->path = nip_error_path(error);
    out->cause = nip_error_cause(error);
    out->code = nip_error_code(error);
    out->retryable = nip_error_retryable(error);
    out->line = nip_error_line(error);
    out->column = nip_error_column(error);
    out->http_status = nip_error_http_status(error);
    out->os_errno = nip_error_os_errno(error);
    out->count = nip_error_count(error);
}

/* All that an action tells. Borrowed until the action is completed or cancelled. */
typedef struct glue_action {
    const char *id, *run, *subject, *role, *verb, *args, *before;
    nip_time deadline;
    int settles, repeated;
} glue_action;

static inline void glue_action_read(const nip_action *action, glue_action *out)
{
    out->id = nip_action_id(action);
    out->run = nip_action_run(action);
    out->subject = nip_action_subject(action);
    out->role = nip_action_role(action);
    out->verb = nip_action_verb(action);
    out->args = nip_action_args(action);
    out->before = nip_action_before(action);
    out->deadline = nip_action_deadline(action);
    out->settles = nip_action_settles(action);
    out->repeated = nip_action_repeated(action);
}

/* What to do next, and, when that is an action, all about it. */
static inline int glue_run_next(nip_run *run, nip_time now, glue_action *action, nip_time *until, nip_error **err)
{
    const nip_action *handed = NULL;
    int rc = nip_run_next(run, now, &handed, until, err);
    if (rc == NIP_RUN_ACTION)
        glue_action_read(handed, action);
    return rc;
}

enum { GLUE_EVENT = 2 }; /* beside NIP_OP_MORE and NIP_OP_DONE: an event was found */

/* A step, and the event that it brought. An event that cannot be read now is tried again later, and is an error at the
 * end only: a run's way back goes on without its journal. */
static inline int glue_op_advance(nip_op *op, const char **event, nip_error **err)
{
    int stepped = nip_op_step(op, err);
    if (stepped < 0)
        return stepped;
    int rc = nip_op_next_event(op, event, stepped == NIP_OP_DONE ? err : NULL);
    if (rc == 1)
        return GLUE_EVENT;
    return rc < 0 && stepped == NIP_OP_DONE ? rc : stepped;
}

/* Is there something to read at once? */
static inline int glue_readable(int fd)
{
    struct pollfd asked = {.fd = fd, .events = POLLIN};
    return poll(&asked, 1, 0) > 0;
}

static inline int glue_wakeup_open(void)
{
    return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

/* In glue.c: vtables whose functions are the exported ones of Go. `handle` is a cgo.Handle. */
int glue_driver_new(uintptr_t handle, nip_driver **driver, nip_error **err);
int glue_clock_set(nip_ctx *ctx, uintptr_t handle, int is_virtual, nip_error **err);

#endif
