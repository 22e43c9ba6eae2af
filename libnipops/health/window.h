/* How many tries at once. Fast targets need few: more would only wait for this process, and cost it memory, connections
 * and time. So it begins small, doubles whenever all of them are waited for and nobody answers, and shrinks again by one
 * with every so many answers: slowly, since some may never answer and hold their places. Where answers are fast, a silence is more likely a pause of a busy machine than slow targets: it is
 * given ten times as long. Pure. */
#ifndef NIP__WINDOW_H
#define NIP__WINDOW_H

#include <stdbool.h>
#include <stdint.h>
#include "nipops/base.h"

enum { NIP__WINDOW_FEW = 64, NIP__WINDOW_SHRINKS = 16, NIP__WINDOW_RECOVERY = 16 };
#define NIP__WINDOW_PATIENCE      (500 * NIP_MICROSECOND)
#define NIP__WINDOW_FAST          (10 * NIP_MILLISECOND) /* answers that come sooner are fast */
#define NIP__WINDOW_FAST_PATIENCE (5 * NIP_MILLISECOND)

typedef struct nip__window {
    int64_t cap;     /* never more */
    int64_t most;    /* ... and what this side was found able to do; it grows again by and by */
    int64_t few;     /* the least it shrinks to */
    int64_t size;
    int64_t answers; /* since `most` last grew */
    int64_t calm;    /* answers since it last shrank or grew */
    nip_duration latency; /* of good answers lately; 0: not known */
    nip_time quiet;  /* since when nobody has answered or been asked */
    bool stirred;    /* somebody has, since it was last looked at */
} nip__window;

nip__window nip__window_new(int64_t few, int64_t most);
/* May one more be begun, with `running` under way? If not: `until` is when to ask again, NIP_TIME_MAX when only an
 * answer helps. */
bool nip__window_has_room(nip__window *window, int64_t running, nip_time now, nip_time *until);
void nip__window_begun(nip__window *window);
/* `latency`: what a good answer took; 0: nothing is to be learned from this one. */
void nip__window_answered(nip__window *window, nip_duration latency);
/* Something came from somebody, if no answer yet: they are not waited for in vain. */
void nip__window_stir(nip__window *window);
/* This side can do no more than `most` at once, for the time being. */
void nip__window_limit(nip__window *window, int64_t most);

#endif
