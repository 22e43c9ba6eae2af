/* Drivers and the set that binds them to roles. */
#include "driver/driver.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/text.h"
#include "doc/json.h"

/* ---- one driver ---- */

static void destroy_self(const nip_driver_vtable *vtable, void *self)
{
    if (vtable->destroy != NULL)
        vtable->destroy(self);
}

/* A vtable of an older header is shorter: what it lacks stays NULL. One of a newer header is longer: what we do not
 * know is left out. */
static nip_driver_vtable known_part(const nip_driver_vtable *theirs)
{
    nip_driver_vtable ours = {0};
    size_t size = theirs->size < sizeof ours ? theirs->size : sizeof ours;
    memcpy(&ours, theirs, size);
    return ours;
}

/* Takes `self` over, on failure too. */
static int make_driver(const nip_driver_vtable *vtable, void *self, const char *kind,
                       const nip__driver_services *services, nip_driver **driver, nip_error **err)
{
    nip_driver *made = nip__calloc(1, sizeof *made);
    if (made == NULL) {
        destroy_self(vtable, self);
        return nip__nomem(err);
    }
    *made = (nip_driver){.vtable = *vtable, .self = self, .holds = 1, .services = services, .kind = kind};
    *driver = made;
    return 0;
}

int nip_driver_new(const nip_driver_vtable *vtable, void *self, nip_driver **driver, nip_error **err)
{
    NIP_ARG(vtable != NULL && vtable->size >= offsetof(nip_driver_vtable, cancel));
    nip_driver_vtable known = known_part(vtable);
    if (driver == NULL || known.verb_class == NULL || known.start == NULL) {
        destroy_self(&known, self);
        return nip__fail(err, NIP_E_INVALID,
                         "nip_driver_new: a driver needs verb_class, start and a place to return it");
    }
    return make_driver(&known, self, "host", NULL, driver, err);
}

nip_driver *nip__driver_hold(nip_driver *driver)
{
    driver->holds++;
    return driver;
}

void nip_driver_free(nip_driver *driver)
{
    if (driver == NULL || --driver->holds > 0)
        return;
    destroy_self(&driver->vtable, driver->self);
    nip__free(driver);
}

static int unknown_kind(const char *kind, nip_error **err)
{
    const char *const *names = nip__driver_kind_names();
    const char *nearest = nip__text_nearest(kind, names);
    nip__buffer list = NIP__BUFFER(1024);
    for (size_t i = 0; names[i] != NULL; i++)
        nip__buffer_printf(&list, "%s%s", i == 0 ? "" : names[i + 1] == NULL ? " and " : ", ", names[i]);
    int rc = nip__fail(err, NIP_E_NOTFOUND, "there is no driver \"%.64s\"%s%s%s; there are %s", kind,
                       nearest != NULL ? "; did you mean \"" : "", nearest != NULL ? nearest : "",
                       nearest != NULL ? "\"?" : "", nip__buffer_string(&list));
    nip__buffer_clear(&list);
    return rc;
}

/* `path` is where the settings stand, "/router", or "". */
static int open_kind(nip_ctx *ctx, const char *name, const nip__value *settings, const char *path, nip__arena *arena,
                     nip_driver **driver, nip_error **err)
{
    const nip__driver_kind *kind = nip__driver_kind_find(name);
    if (kind == NULL)
        return unknown_kind(name, err);
    const char *stated = nip__get_text(settings, "driver");
    if (stated != NULL && strcmp(stated, name) != 0)
        return nip__fail(err, NIP_E_DOCUMENT, "these are settings of the driver \"%.64s\", not of \"%s\"", stated,
                         name);
    nip__problems problems = {0};
    nip__value *normalized = nip__schema_apply(arena, kind->fields, settings, name, path, &problems);
    int rc = nip__problems_finish(&problems, NIP_E_DOCUMENT, err);
    if (rc < 0)
        return rc;
    if (normalized == NULL)
        return nip__nomem(err);
    void *self = NULL;
    rc = kind->open(ctx, normalized, &self, err);
    return rc < 0 ? rc : make_driver(kind->vtable, self, kind->name, kind->services, driver, err);
}

int nip_driver_open(nip_ctx *ctx, const char *kind, const char *config, nip_driver **driver, nip_error **err)
{
    NIP_ARG(ctx != NULL && kind != NULL && driver != NULL);
    nip__arena *arena = nip__arena_new();
    if (arena == NULL)
        return nip__nomem(err);
    nip__value *settings = NULL;
    const char *text = config != NULL ? config : "{}";
    int rc = nip__json_read(arena, text, strlen(text), kind, &nip__document_limits, &settings, err);
    if (rc == 0 && !nip__is(settings, NIP__MAP))
        rc = nip__fail(err, NIP_E_DOCUMENT, "settings of the driver \"%s\" must be a map, found %s", kind,
                       nip__kind_name(settings->kind));
    if (rc == 0)
        rc = open_kind(ctx, kind, settings, "", arena, driver, err);
    nip__arena_free(arena);
    return rc;
}

/* ---- the set ---- */

typedef struct binding {
    char *role;
    nip_driver *driver;
} binding;

struct nip_drivers {
    binding *bindings;
    size_t count, capacity;
    int holds;
    int users; /* operations that have lent actions or their loop to these drivers */
};

int nip_drivers_new(nip_drivers **drivers, nip_error **err)
{
    NIP_ARG(drivers != NULL);
    nip_drivers *made = nip__calloc(1, sizeof *made);
    if (made == NULL)
        return nip__nomem(err);
    made->holds = 1;
    *drivers = made;
    return 0;
}

nip_drivers *nip__drivers_hold(nip_drivers *drivers)
{
    drivers->holds++;
    return drivers;
}

nip_drivers *nip__drivers_use(nip_drivers *drivers)
{
    drivers->users++;
    return nip__drivers_hold(drivers);
}

void nip__drivers_unuse(nip_drivers *drivers)
{
    drivers->users--;
    nip_drivers_free(drivers);
}

void nip_drivers_free(nip_drivers *drivers)
{
    if (drivers == NULL || --drivers->holds > 0)
        return;
    for (size_t i = 0; i < drivers->count; i++) {
        nip__free(drivers->bindings[i].role);
        nip_driver_free(drivers->bindings[i].driver);
    }
    nip__free(drivers->bindings);
    nip__free(drivers);
}

static binding *find_binding(const nip_drivers *drivers, const char *role)
{
    for (size_t i = 0; i < drivers->count; i++)
        if (strcmp(drivers->bindings[i].role, role) == 0)
            return &drivers->bindings[i];
    return NULL;
}

nip_driver *nip__drivers_find(const nip_drivers *drivers, const char *role)
{
    const binding *bound = find_binding(drivers, role);
    return bound == NULL ? NULL : bound->driver;
}

static int add_binding(nip_drivers *drivers, const char *role, binding **added, nip_error **err)
{
    binding *grown = nip__grow(drivers->bindings, &drivers->capacity, drivers->count, sizeof *grown);
    if (grown == NULL)
        return nip__nomem(err);
    drivers->bindings = grown;
    char *copy = nip__strdup(role);
    if (copy == NULL)
        return nip__nomem(err);
    *added = &grown[drivers->count++];
    **added = (binding){.role = copy};
    return 0;
}

static int bind_while(nip_drivers *drivers, int users, const char *role, nip_driver *driver, nip_error **err)
{
    if (drivers->users > users)
        return nip__fail(err, NIP_E_BUSY, "role %.64s: an operation uses these drivers; bind before it begins, or make a set for each",
                         role);
    binding *bound = find_binding(drivers, role);
    int rc = bound != NULL ? 0 : add_binding(drivers, role, &bound, err);
    if (rc < 0)
        return rc;
    nip_driver *before = bound->driver;
    bound->driver = nip__driver_hold(driver);
    nip_driver_free(before);
    return 0;
}

int nip_drivers_bind(nip_drivers *drivers, const char *role, nip_driver *driver, nip_error **err)
{
    NIP_ARG(drivers != NULL && role != NULL && role[0] != '\0' && driver != NULL);
    return bind_while(drivers, 0, role, driver, err);
}

int nip__drivers_add(nip_drivers *drivers, const char *role, nip_driver *driver, nip_error **err)
{
    return bind_while(drivers, 1, role, driver, err);
}

/* A text that the library wrote: lines and columns of it would lead nobody anywhere, paths do. */
static void forget_positions(nip__value *value)
{
    value->line = value->column = 0;
    bool holds = nip__is(value, NIP__MAP) || nip__is(value, NIP__LIST);
    for (nip__value *item = holds ? value->as.items.first : NULL; item != NULL; item = item->next)
        forget_positions(item);
}

static int open_role(nip_drivers *drivers, nip_ctx *ctx, const nip__value *settings, nip__arena *arena, nip_error **err)
{
    const char *role = settings->key, *kind = nip__get_text(settings, "driver");
    if (nip__drivers_find(drivers, role) != NULL)
        return 0;
    if (kind == NULL)
        return nip__fail(err, NIP_E_DOCUMENT,
                         "%.64s: must be a map that names its driver, for example {\"driver\":\"local\"}", role);
    char *path = nip__arena_printf(arena, "/%s", role);
    nip_driver *driver = NULL;
    int rc = path == NULL ? nip__nomem(err) : open_kind(ctx, kind, settings, path, arena, &driver, err);
    if (rc < 0)
        return rc;
    rc = nip_drivers_bind(drivers, role, driver, err);
    nip_driver_free(driver);
    return rc;
}

/* Those of kinds that are not built in come last: they are the program's own, and what is wrong with the others is told first. */
static int open_roles(nip_drivers *drivers, nip_ctx *ctx, const nip__value *roles, bool built_in, nip__arena *arena, nip_error **err)
{
    int rc = 0;
    for (const nip__value *settings = nip__first(roles); settings != NULL && rc == 0; settings = settings->next) {
        const char *kind = nip__get_text(settings, "driver");
        bool known = kind == NULL || nip__driver_kind_find(kind) != NULL;
        rc = known == built_in ? open_role(drivers, ctx, settings, arena, err) : 0;
    }
    return rc;
}

int nip_drivers_open(nip_drivers *drivers, nip_ctx *ctx, const char *json, nip_error **err)
{
    NIP_ARG(drivers != NULL && ctx != NULL && json != NULL);
    nip__arena *arena = nip__arena_new();
    if (arena == NULL)
        return nip__nomem(err);
    nip__value *roles = NULL;
    int rc = nip__json_read(arena, json, strlen(json), "drivers", &nip__document_limits, &roles, err);
    if (rc == 0 && !nip__is(roles, NIP__MAP))
        rc = nip__fail(err, NIP_E_DOCUMENT, "drivers must be a map of roles, found %s", nip__kind_name(roles->kind));
    if (rc == 0)
        forget_positions(roles);
    if (rc == 0)
        rc = open_roles(drivers, ctx, roles, true, arena, err);
    if (rc == 0)
        rc = open_roles(drivers, ctx, roles, false, arena, err);
    nip__arena_free(arena);
    return rc;
}

void nip__drivers_each(const nip_drivers *drivers, void (*each)(void *data, nip_driver *driver), void *data)
{
    for (size_t i = 0; i < drivers->count; i++) {
        bool seen = false;
        for (size_t j = 0; j < i; j++)
            seen = seen || drivers->bindings[j].driver == drivers->bindings[i].driver;
        if (!seen)
            each(data, drivers->bindings[i].driver);
    }
}

int nip__drivers_copy(const nip_drivers *drivers, nip_drivers **copy, nip_error **err)
{
    nip_drivers *made = NULL;
    int rc = nip_drivers_new(&made, err);
    for (size_t i = 0; rc == 0 && i < drivers->count; i++)
        rc = nip_drivers_bind(made, drivers->bindings[i].role, drivers->bindings[i].driver, err);
    if (rc < 0)
        nip_drivers_free(made);
    else
        *copy = made;
    return rc;
}
