/* The operation that collects what all indicators of a contract measured, from Prometheus, into a state.
 *
 * One indicator after the other, a day at a time (less where a day has more samples than are held at once), at most two requests at once. What a day's
 * slices come to depends on nothing but the samples around them (sla/sampled.h): whoever collects again, or other stretches, gets the same slices.
 * Where what fails may pass by itself (nobody answers, a server is too busy, or a part of it is away), nothing behind that is asked of the indicator:
 * the next time can go on there. What will not pass, such as samples that count no events, is left out alone.
 *
 * Nothing is written anywhere: whoever calls takes the state.
 *
 * The result, as JSON:
 *
 *     {"v":1,"sla":"shop","at":"...","begin":"...","end":"...","known":1430,"missing":10,"waiting":0,"server":{"retention":"15d"},
 *      "indicators":[{"name":"requests","kind":"events","begin":"...","end":"...","waiting":0,"left":0,"known":1430,"missing":10,"samples":23040,
 *                     "series":4,"resets":1,"births":0,"gaps":2,"unplaced":17,"hidden":40,"absent":0,"problems":["..."],"warnings":["..."]}, ...]}
 *
 * "begin" and "end" are those of the slices that touch what was asked; "waiting" are slices of it that are not final yet: max_gap has not passed since
 * their end. "left" were not asked yet: of the status. Of events, "unplaced" were counted in gaps, "hidden" in slices that are not known; "absent" are
 * samples that are NaN. Problems say why slices are missing; ten are kept. Indicators that nobody is asked about are not in it. */
#ifndef NIP__COLLECT_H
#define NIP__COLLECT_H

#include "nipops/op.h"
#include "op/loop.h"
#include "sla/contract.h"

/* `loop` NULL: one of its own. `contract` is borrowed until the operation is freed. Of [begin, end) all slices that touch it; `begins`, one for each of the
 * contract's indicators, says where each begins (later than `begin`); NULL: all begin there. NIP_E_INVALID (the stretch; no metrics in a contract
 * that needs them), NIP_E_NOMEM. */
int nip__collect_new(nip_ctx *ctx, nip__loop *loop, const nip__contract *contract, nip__ms begin, nip__ms end, const nip__ms *begins, nip_op **op,
                     nip_error **err);
/* What was collected so far; once it is over, all of it. Borrowed until the operation is freed. */
const nip__state *nip__collect_state(const nip_op *op);

#endif
