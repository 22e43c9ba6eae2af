/**
 * nipops/outbox.h: who is told when a run has ended (a document's on_end), and whether they were. The outbox is a fold of the journal: it
 * holds every end of a run for which somebody is to be told, less those of which the journal says that they were. Deliveries are made by the
 * operation that runs the plan, once its end is journaled, and by whoever takes the ended run up again; what a run left is told at the end of
 * the next one, and by whoever takes up the latest one. A mark in the journal says up to where everybody was told or given up. They never
 * change how the run ended.
 */
#ifndef NIPOPS_OUTBOX_H
#define NIPOPS_OUTBOX_H

#include "base.h"
#include "store.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Deliveries of a subject's latest run, and of runs before it as far back as some were left when it began.
 *
 * @param subject  may be NULL: of all subjects
 * @param json     out, owned: nip_free: [{"run":"shop-45","subject":"shop","end":112,"state":"succeeded","number":1,
 *                 "to":"POST https://hooks.example","outcome":"pending"|"done"|"failed","attempts":2,"given_up":false,"reason","message","at"}].
 *                 "pending": not tried yet, or nobody knows what came of it. What is "pending" or "failed" is tried again when the subject's
 *                 latest run is resumed or the next one ends, six times in all, until it is given up. The latest run, resumed when nothing
 *                 else is left, tries what was given up once more. "end" is the sequence of the run's run.ended
 * @return 0, or what the store says
 */
NIP_API int nip_outbox_read(nip_store *store, const char *subject, char **json, nip_error **err);

#ifdef __cplusplus
}
#endif

#endif
