/* The one place that waits: descriptors, timers, children and HTTP transfers on one epoll descriptor. Nothing here blocks but
 * nip__loop_wait. All structs are embedded in their owner and must be zeroed before first use; callbacks may stop, start and free
 * anything, their own struct included. */
#ifndef NIP__LOOP_H
#define NIP__LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "nipops/base.h"
#include "base/ctx.h"
#include "base/buffer.h"

typedef struct nip__loop nip__loop;

int nip__loop_new(nip_ctx *ctx, nip__loop **loop, nip_error **err);
void nip__loop_free(nip__loop *loop); /* everything on it must have been stopped */
nip_ctx *nip__loop_ctx(const nip__loop *loop);
/* One `now` a turn. Run time: real time read when the loop was made, moved on by the monotonic clock; a virtual clock's own. */
nip_time nip__loop_now(const nip__loop *loop);
/* Time goes on from `at` when it is behind that, and never falls. Before anything is set. */
void nip__loop_not_before(nip__loop *loop, nip_time at);
/* Reads the clock again. */
void nip__loop_update(nip__loop *loop);
int nip__loop_fd(const nip__loop *loop);
/* How many events of descriptors were dispatched so far, its own left out. */
uint64_t nip__loop_dispatched(const nip__loop *loop);
/* Dispatches what is due; waits for it until `until` (loop time) at most; NIP_TIME_NONE: does not wait. With a virtual clock that has
 * nothing in flight (no watch, child or transfer), moves the clock to the next timer or to `until`. Returns 1 when something was
 * dispatched, 0 when `until` came (or a signal), or an error. */
int nip__loop_wait(nip__loop *loop, nip_time until, nip_error **err);
/* True when waiting would move a virtual clock to a timer instead of blocking. */
bool nip__loop_can_jump(const nip__loop *loop);
/* Time from now to the next timer; 0: it is due; NIP_TIME_MAX: none is set. */
nip_duration nip__loop_next_after(const nip__loop *loop);
/* True while something real holds a virtual clock back. */
bool nip__loop_is_held(const nip__loop *loop);
/* Something real is waited for that has no descriptor, such as a person: until it is let go again a virtual clock stands still. Each hold is
 * let go once. */
void nip__loop_hold(nip__loop *loop);
void nip__loop_let_go(nip__loop *loop);
/* Makes the descriptor become readable when the next timer is due: for those who poll it instead of calling nip__loop_wait. */
int nip__loop_arm(nip__loop *loop, nip_error **err);
/* Makes nip__loop_wait return soon. Any thread, signal handlers. */
void nip__loop_wake(nip__loop *loop);

/* A timer that fires once. */
typedef struct nip__timer {
    nip__loop *loop; /* NULL: not set */
    nip_time at;
    size_t index;
    uint64_t order; /* timers of the same instant fire in the order they were set */
    bool real;
    void (*fire)(void *data); /* NULL: the loop only returns from waiting, and the operation's step does the rest */
    void *data;
} nip__timer;

int nip__timer_set(nip__loop *loop, nip__timer *timer, nip_time at, void (*fire)(void *data), void *data, nip_error **err);
/* A timer of real time, whatever clock the loop has: for peers and children, which know no virtual clock. */
int nip__timer_set_real(nip__loop *loop, nip__timer *timer, nip_duration after, void (*fire)(void *data), void *data, nip_error **err);
void nip__timer_stop(nip__timer *timer);

/* A descriptor. events: EPOLLIN, EPOLLOUT. The descriptor stays the owner's. */
typedef struct nip__watch {
    nip__loop *loop; /* NULL: not set */
    int fd;
    uint32_t events;
    bool quiet; /* set by whom it is: does not count as in flight, a virtual clock may move on */
    void (*ready)(void *data, uint32_t events);
    void *data;
} nip__watch;

int nip__watch_set(nip__loop *loop, nip__watch *watch, int fd, uint32_t events, void (*ready)(void *data, uint32_t events), void *data,
                   nip_error **err);
void nip__watch_stop(nip__watch *watch);
/* Says anew whether it holds a virtual clock back. */
void nip__watch_set_quiet(nip__watch *watch, bool quiet);

/* ---- children (op/child.c): posix_spawn, pidfd; never fork, never SIGCHLD ---- */

typedef struct nip__spawn {
    const char *const *argv;  /* ends with NULL; argv[0] is looked up in PATH */
    const char *const *extra_env; /* "NAME=value" that replace or add to the environment; may be NULL */
    const char *folder;       /* working directory; NULL: the same */
    int out_fd, err_fd;       /* where stdout and stderr go; -1: /dev/null */
    int in_fd;                /* what stdin is; 0: /dev/null */
    bool errors_apart;        /* a command's: stderr is kept by itself */
    bool new_session;         /* setsid: survives us, and its whole group can be signalled */
} nip__spawn;

/* Starts a process and opens its pidfd (close-on-exec). Start errors (no such program, ...) are reported here. *pidfd is
 * -1 when it ran and was gone, reaped by the host, before it could be held: then only its exit status is lost. */
int nip__spawn_start(const nip__spawn *spawn, pid_t *pid, int *pidfd, nip_error **err);

/* ---- how children end (op/child_end.c), also in a host that ignores SIGCHLD or waits for any child ---- */

typedef struct nip__child_end {
    int exit_code; /* 0..255; -1: killed by `signal`, or unknown */
    int signal;
    bool unknown;  /* it ended, but the host has taken its exit status */
} nip__child_end;

#define NIP__STATUS_UNKNOWN "its exit status is unknown: the host process ignores SIGCHLD or waits for children not its own"

/* A child that has ended, or is about to: waits for it. pidfd -1: as nip__spawn_start gives it. */
void nip__child_reap(int pidfd, nip__child_end *end);
/* 1: it has ended, and is reaped; 0: not yet; -1: not our child, or the host has reaped it. */
int nip__child_wait(int pidfd, bool block, nip__child_end *end);
/* Does the kernel still say how it ended, though it was reaped by others? */
bool nip__child_end_kept(int pidfd, nip__child_end *end);
/* Not reaped yet: until then its number cannot be another process's. */
bool nip__child_is_ours(int pidfd);

/* A command with captured output, a timeout, and its whole group killed when it is stopped or late. */
typedef struct nip__command nip__command;
typedef struct nip__command_result {
    int exit_code;          /* 0..255; -1: killed by `signal`, or unknown */
    int signal;
    bool timed_out;
    bool unknown;           /* NIP__STATUS_UNKNOWN: it may have done well or ill; all its output is there */
    const char *output;     /* stdout and stderr together, at most `output_max` last bytes */
    size_t output_length;
    const char *errors;     /* stderr, when it was asked for by itself: then it is not in `output` */
    size_t errors_length;
} nip__command_result;

int nip__command_start(nip__loop *loop, const nip__spawn *spawn, nip_duration timeout, size_t output_max,
                       void (*done)(void *data, const nip__command_result *result), void *data, nip__command **command, nip_error **err);
void nip__command_stop(nip__command *command); /* kills it; `done` is not called. After `done` the command is gone by itself */

/* ---- HTTP (op/http.c): libcurl's multi interface on the loop ---- */

typedef struct nip__http_request {
    const char *url;
    const char *method;              /* NULL: GET */
    const char *const *headers;      /* "Name: value", ends with NULL; may be NULL */
    const char *body;                /* may be NULL */
    size_t body_length;
    nip_duration timeout;
    size_t reply_max;                /* larger replies fail with "too_large" */
    const char *ca_file;             /* NULL: the system's */
    const char *cert_file, *key_file;
    const char *server_name;         /* name to verify and to send instead of the URL's host; NULL: the URL's */
    const char *user_password;       /* "user:password" for basic authentication; NULL: none */
    const char *bearer;              /* NULL: none */
    bool fresh_connection;           /* do not reuse a connection, and close it after */
    const char *exchange;            /* other bytes than HTTP, none of them NUL, sent with a CRLF behind them: what comes until the peer
                                        closes is the body, without status and headers. NULL: HTTP */
    size_t exchange_length;
    bool connect_only;               /* done once the TCP connection stands: status 0, nothing is sent */
    /* NULL: the reply has the body. Else it comes here as it comes in, with the `data` that `done` gets, whatever the status is going to
     * be worth, and the reply has none. < 0 ends the transfer, with the reason "refused"; nothing else here may stop it. */
    int (*take)(void *data, const char *bytes, size_t length);
} nip__http_request;

typedef struct nip__http_reply {
    const char *reason;    /* NULL: a reply arrived; else "connection_refused", "timeout", "resolve_failed", "tls_failed", "reset",
                              "too_large", "refused" (by `take`), "no_descriptors", "truncated", "unreachable", "no_memory",
                              "protocol" */
    const char *message;   /* one line, for people; "" when reason is NULL */
    int status;
    const char *headers;   /* raw, CRLF separated, those of the final reply; "" when none */
    const char *body;
    size_t body_length;
    const char *address;   /* of the peer, an IP address; "" when there was no connection */
    nip_duration duration; /* from start to the last byte */
} nip__http_reply;

typedef struct nip__http nip__http;
int nip__http_start(nip__loop *loop, const nip__http_request *request, void (*done)(void *data, const nip__http_reply *reply), void *data,
                    nip__http **http, nip_error **err);

/* What many requests have in common, everything but the URL: copied, checked and prepared once. `request->url` may be NULL. Counted:
 * transfers hold it. It must be freed before its loop. */
typedef struct nip__http_profile nip__http_profile;
int nip__http_profile_new(nip__loop *loop, const nip__http_request *request, nip__http_profile **profile, nip_error **err);
void nip__http_profile_free(nip__http_profile *profile); /* gives up a hold; NULL is fine */
/* As nip__http_start; `url` is borrowed until the transfer is gone. */
int nip__http_ask(nip__loop *loop, nip__http_profile *profile, const char *url, void (*done)(void *data, const nip__http_reply *reply),
                  void *data, nip__http **http, nip_error **err);
void nip__http_stop(nip__http *http); /* `done` is not called. After `done` the transfer is gone by itself */

#endif
