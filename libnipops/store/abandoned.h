/* Leases that this process gave up without being able to say so: memory or the disk was out when they were to be
 * given back. They still name this process, which lives on; without a note of its own it would keep itself out for
 * as long as it lives. */
#ifndef NIP__ABANDONED_H
#define NIP__ABANDONED_H

#include <stdbool.h>
#include <stdint.h>

/* The newest few are remembered; noting one takes no memory. Any thread. */
void nip__abandoned_note(const char *url, const char *subject, int64_t epoch, const char *token);
bool nip__abandoned_is(const char *url, const char *subject, int64_t epoch, const char *token);

#endif
