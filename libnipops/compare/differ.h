/* Two answers to the same request: where they differ. */
#ifndef NIP__COMPARE_DIFFER_H
#define NIP__COMPARE_DIFFER_H

#include "compare/rules.h"

enum { NIP__ANSWER_MAX = 16 << 20 }; /* bytes of a body */
#define NIP__ALL_VALUES (INT64_C(1) << 40) /* more than any body has */

/* What came back. */
typedef struct nip__answer {
    const char *reason;  /* why there is no reply, "timeout"; NULL: there is one */
    const char *message; /* one line, for people; "" with a reply */
    int status;
    const char *headers; /* raw, CRLF separated */
    const char *body;
    size_t body_length;
    nip_duration duration;
} nip__answer;

/* One place where two answers differ. Borrowed during the call. */
typedef struct nip__difference {
    const char *
        field; /* "status", "answer", "header NAME", "body", or "body " and a JSON pointer with an asterisk for any index */
    const char *kind;                  /* "changed", "missing" (in the second), "added" (in the second), "type" */
    const nip__value *old, *fresh;     /* JSON of both sides; NULL: none */
    const char *old_text, *fresh_text; /* where it is not about JSON; NULL: none */
    size_t old_length, fresh_length;
    const char *too_long; /* the rule by which it would take too long to say whether it is one; NULL: it is one */
    bool secret;    /* a name on the way to it sounds secret */
    int64_t values; /* of the body that lie there, a text being one; NIP__ALL_VALUES: no body says anything then; of a header 0 */
} nip__difference;

/* What is looked at. */
typedef struct nip__differ {
    bool status, body;
    const nip__value *headers; /* names of headers, a list of texts; may be NULL */
    nip__rules *rules;         /* NULL: none */
} nip__differ;

/* From the arguments of check/compare (borrowed). The rules are left as they are. */
void nip__differ_read(const nip__value *args, nip__differ *differ);

/* Calls `found` for every place where `b` differs from `a`; the same field may come several times. `values`: how many values of the bodies
 * were looked at, 0 when these are equal byte by byte; may be NULL. NIP_E_NOMEM, or 0. */
int nip__differ_compare(const nip__differ *differ, const nip__answer *a, const nip__answer *b,
                        void (*found)(void *data, const nip__difference *difference), void *data, int64_t *values,
                        nip_error **err);

#endif
