/* What follows from an objective's numbers: sentences for people, each with a word for programs. */
#ifndef NIP__RECOMMEND_H
#define NIP__RECOMMEND_H

#include "sla/answer.h"

/* Items {"code", "objective", "text"} into a list that the writer has begun:
 *
 *     budget_spent      more was bad than the target allows
 *     at_risk           a period that goes on will be breached unless less is bad from now on
 *     budget_low        less than a quarter of it is left
 *     not_proven        whether it was met hangs on what is missing
 *     missing_data      a twentieth or more of what counts is not known
 *     conflicts         two things are said of the same slices
 *     limit_in_bucket   the limit lies inside of a bucket: some requests are neither within it nor beyond
 *     no_budget         a target of 100 % leaves no room for anything
 *     credit_due        a finished period gives back a part of the fee */
void nip__recommend(nip__writer *writer, const nip__sla_answer *answer);

#endif
