/* One app as a planner sees it: what is wanted, what the record says, what was observed. */
#ifndef NIP__APP_H
#define NIP__APP_H

#include "base/error.h"
#include "doc/value.h"

/* One version of the app. */
typedef struct nip__side {
    const char *version; /* NULL: there is none (the first release has no old side) */
    const char *artifact;
    int64_t replicas;            /* wanted, or as released */
    const nip__value *settings;  /* never NULL */
    const nip__value *endpoints; /* observed; never NULL */
    int64_t running;             /* observed */
    int64_t healthy;             /* observed; -1: not known */
} nip__side;

typedef struct nip__app {
    nip__arena *arena;
    const char *name;
    const nip__value *document; /* the normalized rollout that steps are made by: its health, target, router, ... */
    const nip__value *release;  /* the record as it stands; NULL: nothing was released yet */
    const nip__value *observed;
    nip__side fresh, old; /* fresh: what shall run; old: what does */
} nip__app;

/* A release record or an observed state as JSON; *release becomes NULL for "null". */
int nip__release_parse(nip__arena *arena, const char *json, const nip__value **release, nip_error **err);
int nip__observed_parse(nip__arena *arena, const char *json, const char *name, const nip__value **observed,
                        nip_error **err);

/* The version that a record, or one of its `held` entries, is about, with what was observed of it. */
nip__side nip__side_of_record(const nip__app *app, const nip__value *record);
nip__side nip__side_of_document(const nip__app *app);
/* Both sides, from app->document, app->release and app->observed. */
void nip__app_look(nip__app *app);

/* Which held entry has this version; NULL: none. */
const nip__value *nip__held_find(const nip__value *release, const char *version);
/* Does the router send new sessions there? `seen`: of an endpoint, as router/observe tells. */
bool nip__serves(const nip__value *seen);
/* Does the router send new sessions to any instance of this version? */
bool nip__has_traffic(const nip__app *app, const nip__side *side);
/* Every version that the target runs. */
const nip__value *nip__observed_versions(const nip__value *observed);

nip_duration nip__hold_of(const nip__value *document);
/* The rollout document of a record; NIP_E_STATE when it has none. */
int nip__document_of(const nip__value *release, const nip__value **document, nip_error **err);

#endif
