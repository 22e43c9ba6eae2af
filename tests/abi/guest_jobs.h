/* What a host has the library do in the tests of its manners, through nothing but the public headers. */
#ifndef NIP_TEST_GUEST_JOBS_H
#define NIP_TEST_GUEST_JOBS_H

#include <stddef.h>

#define GUEST_JOB __attribute__((visibility("default")))

/* Called between the steps of an operation; may be NULL. */
typedef void guest_look(void *data);

/* A first release of `app` in a simulated world, with a clock that does not wait. 0: it succeeded and its journal is intact. Else `why` says why not,
 * or how it ended. */
GUEST_JOB int guest_rollout(const char *store, const char *app, guest_look *look, void *data, char *why, size_t size);

/* Looks at three targets: two commands, of which one does well, and a port that nobody listens on. 0: `result` is the operation's. */
GUEST_JOB int guest_health(guest_look *look, void *data, char *result, size_t size);

#endif
