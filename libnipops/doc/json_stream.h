/* JSON in pieces of any size: tokens as they are complete, memory that does not grow with the text. What json_read.c refuses is
 * refused here too, and besides texts and maps beyond the limits below. */
#ifndef NIP__JSON_STREAM_H
#define NIP__JSON_STREAM_H

#include "base/buffer.h"

enum {
    NIP__STREAM_LEVELS = 64,      /* of maps and lists in each other */
    NIP__STREAM_TOKEN_MAX = 65536, /* bytes of one text or number, as it stands in the JSON text */
    NIP__STREAM_KEYS_MAX = 256,   /* of one map: duplicates are found */
};

typedef enum nip__token_kind {
    NIP__TOKEN_MAP,
    NIP__TOKEN_MAP_END,
    NIP__TOKEN_LIST,
    NIP__TOKEN_LIST_END,
    NIP__TOKEN_KEY,    /* decoded */
    NIP__TOKEN_TEXT,   /* decoded */
    NIP__TOKEN_NUMBER, /* as it stands there: a valid JSON number within a double's range */
    NIP__TOKEN_WORD,   /* true, false, null */
} nip__token_kind;

typedef struct nip__json_stream nip__json_stream;

typedef struct nip__json_sink {
    /* `text` has no NUL behind it and lives until this returns; < 0 ends the reading. */
    int (*token)(void *data, nip__token_kind kind, const char *text, size_t length);
    /* NULL: none. Called where an item of a list may begin, with what is at hand of it. Takes whole items with the commas between
     * them, valid JSON that it answers for, and returns the place behind the last one: `p` when it takes none. */
    const char *(*items)(void *data, const char *p, const char *end, int *rc);
    void *data;
} nip__json_sink;

/* NULL: out of memory. The sink is copied. */
nip__json_stream *nip__json_stream_new(const nip__json_sink *sink);
void nip__json_stream_free(nip__json_stream *stream);

/* 0, NIP_E_SYNTAX, NIP_E_LIMIT, NIP_E_NOMEM, or what the sink gave; after a failure always the same. */
int nip__json_stream_feed(nip__json_stream *stream, const char *bytes, size_t length);
int nip__json_stream_finish(nip__json_stream *stream); /* NIP_E_SYNTAX: the text is not complete */
const char *nip__json_stream_problem(const nip__json_stream *stream); /* what failed, one line; "" when nothing did, or the sink */

#endif
