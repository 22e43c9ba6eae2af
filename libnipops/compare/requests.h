/* Recorded requests: a HAR file, or JSON lines. What of them may be sent, and how. Hostile text: limits everywhere. */
#ifndef NIP__COMPARE_REQUESTS_H
#define NIP__COMPARE_REQUESTS_H

#include "base/error.h"
#include "doc/value.h"

enum {
    NIP__RECORDED_FILE_MAX = 32 << 20, /* bytes of a file */
    NIP__RECORDED_MAX = 100000,        /* requests of a file that are sent */
    NIP__TARGET_MAX = 8192,            /* bytes of "/path?query" */
};

/* One request as it will be sent, whoever it is sent to. */
typedef struct nip__recorded {
    const char *method;
    const char *target; /* "/path?query" */
    const char *const
        *headers;     /* "Name: value", ends with NULL; none that belongs to one connection, or to one length */
    const char *body; /* NULL: none */
    size_t body_length;
    int64_t number; /* in the file, from 1 */
} nip__recorded;

typedef struct nip__recording {
    nip__recorded *list;
    size_t count;
    int64_t found;       /* requests in the file */
    const char *format;  /* "har" or "json_lines" */
    nip__value *skipped; /* why: how many, {"method POST": 3, "beyond max_requests": 10} */
} nip__recording;

/* What is taken of a file. */
typedef struct nip__recording_choice {
    const nip__value *methods; /* list of texts */
    const nip__value *drop;    /* names of headers that are not sent; may be NULL */
    const nip__value *set;     /* map by name of headers that are sent in place of recorded ones; may be NULL */
    size_t most;               /* 1..NIP__RECORDED_MAX */
} nip__recording_choice;

/* Reads a file's text into `arena`. `name` is the file's in messages. NIP_E_DOCUMENT, NIP_E_LIMIT, NIP_E_SYNTAX. */
int nip__recording_read(nip__arena *arena, const char *text, size_t length, const char *name,
                        const nip__recording_choice *choice, nip__recording *recording, nip_error **err);

#endif
