/* The end of a rollout: the old version goes or is held, and what is released now is written down. */
#include "rollout/plans.h"

#include "base/text.h"

nip__value *nip__record_with(nip__arena *arena, const nip__value *record, const char *key, nip__value *value)
{
    nip__value *copy = nip__map(arena);
    for (NIP__EACH(item, record)) {
        if (!nip__text_equal(item->key, key))
            nip__put(arena, copy, item->key, nip__share(arena, item));
    }
    nip__put(arena, copy, key, value);
    return copy;
}

nip__value *nip__held_old(nip__draft *draft, nip_duration hold, const nip__value *endpoints)
{
    nip__arena *arena = draft->arena;
    const nip__side *old = &draft->app->old;
    nip__value *until = nip__map(arena), *held = nip__map(arena), *list = nip__list(arena);
    nip__put_duration(arena, until, "after", hold);
    nip__put_text(arena, held, "version", old->version);
    nip__put_text(arena, held, "artifact", old->artifact);
    nip__put_int(arena, held, "replicas", old->replicas);
    nip__put(arena, held, "settings", nip__share(arena, old->settings));
    nip__put(arena, held, "endpoints", nip__share(arena, endpoints));
    nip__put(arena, held, "until", until);
    nip__push(list, held);
    return list;
}

void nip__set_release(nip__draft *draft, const nip__value *endpoints, nip__value *held)
{
    nip__arena *arena = draft->arena;
    const nip__side *fresh = &draft->app->fresh;
    nip__value *record = nip__map(arena), *shares = nip__map(arena);
    nip__put_int(arena, record, "v", 1);
    nip__put_text(arena, record, "app", draft->app->name);
    nip__put_text(arena, record, "version", fresh->version);
    nip__put_text(arena, record, "artifact", fresh->artifact);
    nip__put_int(arena, record, "replicas", fresh->replicas);
    nip__put(arena, record, "settings", nip__share(arena, fresh->settings));
    nip__put(arena, record, "endpoints", nip__share(arena, endpoints));
    nip__put_int(arena, shares, fresh->version, 100);
    nip__put(arena, record, "shares", shares);
    nip__put(arena, record, "held", held != NULL ? held : nip__list(arena));
    nip__put(arena, record, "rollout", nip__share(arena, draft->app->document));
    const nip__value *release = draft->app->release;
    nip__put(arena, record, "previous",
             release != NULL ? nip__record_with(arena, release, "previous", NULL) : nip__null(arena));
    draft->release = record;
}

void nip__add_farewell(nip__draft *draft, const nip__value *endpoints, int64_t count, const nip__value *fresh)
{
    nip__app *app = draft->app;
    nip_duration hold = nip__hold_of(app->document);
    if (hold > 0 && count > 0) {
        nip__set_release(draft, fresh, nip__held_old(draft, hold, endpoints));
        return;
    }
    if (count > 0) {
        nip__add_sessions(draft, draft->steps, "drain-old", app->old.version, endpoints);
        nip__value *stop = nip__add_stop(draft, draft->steps, "stop-old", &app->old, count, 0, endpoints, NULL);
        nip__require_left(draft, stop, nip__draft_groups(draft, &app->fresh, fresh), NULL, app->fresh.replicas);
    }
    nip__set_release(draft, fresh, NULL);
}
