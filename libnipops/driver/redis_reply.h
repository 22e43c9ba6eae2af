/* Replies of Redis (RESP2, and RESP3's containers), read from bytes that may be anybody's. Pure. */
#ifndef NIP__REDIS_REPLY_H
#define NIP__REDIS_REPLY_H

#include <stdbool.h>
#include <stddef.h>

typedef struct nip__redis_reply {
    char kind;        /* '+' a word, '-' an error, ':' an integer, '$' a text, '*' a container, whose content is skipped */
    bool nil;         /* a text or container that is not there */
    const char *text; /* of the first four; not NUL-terminated */
    size_t length;
} nip__redis_reply;

/* Reads the reply at *at and moves behind it. 1: it is whole; 0: more bytes would be needed; -1: no Redis says that. Only for 1 is
 * anything changed. */
int nip__redis_reply_read(const char **at, const char *end, nip__redis_reply *reply);

#endif
