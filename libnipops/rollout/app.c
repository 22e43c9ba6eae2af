/* One app as a planner sees it. Records and observations come from outside: whatever they lack is treated as not
 * there. */
#include "rollout/app.h"

#include <string.h>

#include "base/text.h"
#include "doc/json.h"
#include "rollout/names.h"

static int parse(nip__arena *arena, const char *json, const char *name, const nip__value **value, nip_error **err)
{
    nip__value *read = NULL;
    int rc = nip__json_read(arena, json, strlen(json), name, &nip__record_limits, &read, err);
    if (rc == 0)
        *value = read;
    return rc;
}

static int check_release(const nip__value *release, nip_error **err)
{
    if (!nip__is(release, NIP__MAP) || nip__get_text(release, "version") == NULL ||
        nip__get_text(release, "artifact") == NULL || nip__get_int(release, "replicas", 0) < 1)
        return nip__fail(
            err, NIP_E_DOCUMENT,
            "not a release record: it must be a map with version, artifact and replicas, as nip_release_read gives it");
    if (nip__get_number(release, "v", 1) > 1)
        return nip__fail(err, NIP_E_VERSION,
                         "the release record's format is newer than 1, the newest that this library reads: use a newer libnipops");
    return 0;
}

int nip__release_parse(nip__arena *arena, const char *json, const nip__value **release, nip_error **err)
{
    const nip__value *read = NULL;
    int rc = json != NULL ? parse(arena, json, "release record", &read, err) : 0;
    if (rc == 0 && nip__is(read, NIP__NULL))
        read = NULL;
    if (rc == 0 && read != NULL)
        rc = check_release(read, err);
    if (rc == 0)
        *release = read;
    return rc;
}

int nip__observed_parse(nip__arena *arena, const char *json, const char *name, const nip__value **observed,
                        nip_error **err)
{
    const nip__value *read = NULL;
    int rc = parse(arena, json, name, &read, err);
    if (rc < 0)
        return rc;
    if (!nip__is(nip__get(nip__get(read, "target"), "versions"), NIP__MAP))
        return nip__fail(err, NIP_E_DOCUMENT,
                         "%s: not an observed state: it must have /target/versions, as nip_op_observe gives it", name);
    *observed = read;
    return 0;
}

const nip__value *nip__observed_versions(const nip__value *observed)
{
    return nip__get(nip__get(observed, "target"), "versions");
}

static void look(const nip__app *app, nip__side *side)
{
    const nip__value *seen = nip__get(nip__observed_versions(app->observed), side->version);
    const nip__value *health = nip__get(nip__get(nip__get(app->observed, "health"), "groups"), side->version);
    side->endpoints = nip__get(seen, "endpoints");
    if (!nip__is(side->endpoints, NIP__LIST))
        side->endpoints = nip__list(app->arena);
    side->running = nip__get_int(seen, "running", (int64_t)nip__count(side->endpoints));
    side->healthy = nip__get_int(health, "healthy", -1);
    if (!nip__is(side->settings, NIP__MAP))
        side->settings = nip__map(app->arena);
}

nip__side nip__side_of_record(const nip__app *app, const nip__value *record)
{
    nip__side side = {
        .version = nip__get_text(record, "version"),
        .artifact = nip__get_text(record, "artifact"),
        .replicas = nip__get_int(record, "replicas", 0),
        .settings = nip__get(record, "settings"),
    };
    if (side.artifact == NULL)
        side.artifact = side.version;
    look(app, &side);
    return side;
}

nip__side nip__side_of_document(const nip__app *app)
{
    const char *version = nip__get_text(app->document, "version");
    nip__side side = {
        .artifact = nip__get_text(app->document, "artifact"),
        .replicas = nip__get_int(app->document, "replicas", 1),
        .settings = nip__get(app->document, "settings"),
    };
    side.version = version != NULL ? version : side.artifact;
    look(app, &side);
    return side;
}

void nip__app_look(nip__app *app)
{
    app->name = nip__get_text(app->document, "app");
    app->fresh = nip__side_of_document(app);
    if (app->release != NULL)
        app->old = nip__side_of_record(app, app->release);
}

const nip__value *nip__held_find(const nip__value *release, const char *version)
{
    for (NIP__EACH(held, nip__get(release, "held"))) {
        if (nip__text_equal(nip__get_text(held, "version"), version))
            return held;
    }
    return NULL;
}

bool nip__serves(const nip__value *seen)
{
    return nip__text_equal(nip__get_text(seen, "state"), "ready") && nip__get_number(seen, "share", 0) > 0;
}

bool nip__has_traffic(const nip__app *app, const nip__side *side)
{
    const nip__value *router = nip__get(nip__get(app->observed, "router"), "endpoints");
    const nip__value *first = nip__first(side->endpoints);
    if (nip__is(first, NIP__STRING) && nip__serves(nip__get(router, first->as.string.text)))
        return true; /* nearly always: all of a version serve, or none */
    nip__names own = nip__names_of(app->arena, side->endpoints);
    for (NIP__EACH(seen, router)) {
        if (nip__serves(seen) && nip__names_have(&own, seen->key))
            return true;
    }
    return false;
}

nip_duration nip__hold_of(const nip__value *document)
{
    bool blue_green = nip__text_equal(nip__get_text(document, "strategy"), "blue_green");
    return nip__get_duration(document, "hold_old", blue_green ? 24 * NIP_HOUR : 0);
}

int nip__document_of(const nip__value *release, const nip__value **document, nip_error **err)
{
    const nip__value *found = nip__get(release, "rollout");
    if (!nip__is(found, NIP__MAP) || nip__get_text(found, "app") == NULL ||
        nip__get_text(nip__get(found, "target"), "driver") == NULL)
        return nip__fail(err, NIP_E_STATE,
                         "the release record does not say how %s is run (its rollout document): roll it out anew",
                         nip__get_text(release, "version"));
    *document = found;
    return 0;
}
