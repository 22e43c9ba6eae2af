/* What one indicator measured in some slices, collected from Prometheus: its raw samples, and from them its slices, exactly.
 *
 * Good, bad and total are asked apart, at most two of them at a time (op/fetch.h). What a slice depends on around it is asked too: an hour before
 * the first one and max_gap after the last, since births and gaps hang on it (sla/sampled.h), and of counters that begin whether they had been there
 * before (op/before.h). So any stretch gives the same slices, collected at once or in pieces. Slices are final once max_gap has passed since their end: later ones are left to the next time.
 *
 * When anything fails, none of the slices is known, and the reason is told: a part of the samples must not pass for all of them. */
#ifndef NIP__SAMPLES_H
#define NIP__SAMPLES_H

#include "op/before.h"
#include "sla/sampled.h"

enum { NIP__SAMPLES_SIDES = 2 };
#define NIP__SAMPLES_MOST UINT64_C(8000000) /* held at once of each side: 128 MB */

typedef struct nip__samples_request {
    const nip__indicator *indicator;
    const nip__value *settings; /* of the driver prometheus */
    const char *place;          /* where they stand, for messages */
    int64_t first, end;         /* slices [first, end), all of them final */
    uint64_t most;              /* samples of each side: NIP__SAMPLES_MOST */
    nip__sampled *out;          /* slices and what is told are added to it */
} nip__samples_request;

typedef struct nip__samples_end {
    int rc;        /* 0, whatever became of the slices; NIP_E_NOMEM; NIP_E_LIMIT of the state. What is wrong with a state is in `err` */
    nip_error *err; /* of rc < 0: whoever is told takes it */
    bool too_many; /* more samples than are held at once: nothing was told or counted, fewer slices may do */
    bool passing;  /* what failed may pass by itself: later slices had better not be asked before these were */
    bool lost;     /* no answer of Prometheus came: asking for more is of no use now */
} nip__samples_end;

typedef struct nip__samples_side {
    const char *name; /* "total" */
    const char *selector;
    nip__fetch fetch;
    nip__sample_set set;
} nip__samples_side;

/* Embedded in its owner; zeroed before its first use. */
typedef struct nip__samples {
    nip__samples_request request;
    nip__samples_side sides[NIP__SAMPLES_SIDES];
    size_t count, left; /* sides */
    nip__before before;
    nip__loop *loop;
    void (*done)(void *data, const nip__samples_end *end);
    void *data;
} nip__samples;

/* Is there anything to ask? */
bool nip__samples_asks(const nip__indicator *indicator);
/* 0, NIP_E_NOMEM, NIP_E_INVALID: as it is in the settings. `done` is never called from here; once it was, it may start again. */
int nip__samples_start(nip__samples *samples, nip__loop *loop, const nip__samples_request *request,
                       void (*done)(void *data, const nip__samples_end *end), void *data, nip_error **err);
void nip__samples_stop(nip__samples *samples); /* `done` is not called. What is not under way is fine */

#endif
