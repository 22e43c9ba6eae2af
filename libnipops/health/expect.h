/* What makes an answer good. Pure: the answer is given, the verdict and its reason come out. */
#ifndef NIP__EXPECT_H
#define NIP__EXPECT_H

#include "base/buffer.h"
#include "doc/value.h"

/* What a target said. */
typedef struct nip__answer {
    int status;          /* HTTP; 0: none */
    const char *headers; /* raw, CRLF separated; "" when none */
    const char *body;    /* or a command's output */
    size_t body_length;
    nip_duration latency;
    int exit_code;       /* of a command; -1: it was killed */
} nip__answer;

/* Judges by an `expect` map (nip__expect_fields; NULL: the defaults). Returns 1 when all holds; 0 when not, with
 * why on `why`; NIP_E_NOMEM. Without `status` any 2xx is good, without `exit` only 0. */
int nip__expect_http(const nip__value *expect, const nip__answer *answer, nip__buffer *why);
int nip__expect_command(const nip__value *expect, const nip__answer *answer, nip__buffer *why);
int nip__expect_connection(const nip__value *expect, const nip__answer *answer, nip__buffer *why);

#endif
