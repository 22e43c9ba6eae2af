/* One run's records as a tree, for whatever tells of it afterwards. */
#ifndef NIP__HISTORY_H
#define NIP__HISTORY_H

#include "doc/value.h"
#include "nipops/store.h"

typedef struct nip__event nip__event;
struct nip__event {
    int64_t sequence;
    const char *kind;
    nip_time at;
    const nip__value *payload; /* NULL: purged */
    const nip__event *intent;  /* of an answer: the action.intended that it answers; NULL: none */
    const nip__event *answer;  /* of an action.intended: the first action.completed or action.unanswered; NULL: none yet */
    nip__event *next;
};

typedef struct nip__history {
    nip__arena *arena;
    const char *subject, *run;
    nip__event *first, *last; /* oldest first; the first one is run.planned */
    size_t count;
} nip__history;

/* Reads the run that `id` names ("shop-1", or a subject: its latest) into `arena`. NIP_E_NOTFOUND, NIP_E_LIMIT, NIP_E_CORRUPT. */
int nip__history_read(nip__arena *arena, nip_store *store, const char *id, nip__history *history, nip_error **err);

/* for (NIP__EACH_EVENT(event, &history)) ... */
#define NIP__EACH_EVENT(event, history) const nip__event *event = (history)->first; event != NULL; event = event->next

#endif
