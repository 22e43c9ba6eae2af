/* The drivers that a plan needs: opened as it says, refused while one is missing. */
#include "op/roles.h"

#include "base/error.h"
#include "base/text.h"

/* Roles that plans need not name a driver for: they are bound to the built-in one of the same name, and only where they are used, since a driver that
 * waits serves one operation at a time. Instances of a simulated target exist in its world only: no socket would find them, so the target
 * checks them itself. */
static const struct {
    const char *role;
    bool of_world;
} own[] = {{"check", true}, {"person", false}, {"clock", false}, {"notify", false}};

static int bind_own(nip_drivers *drivers, nip_ctx *ctx, const char *role, bool of_world, nip_error **err)
{
    nip_driver *driver = NULL, *target = nip__drivers_find(drivers, "target");
    if (nip__drivers_find(drivers, role) != NULL)
        return 0;
    if (of_world && target != NULL && nip__text_equal(target->kind, "sim"))
        return nip_drivers_bind(drivers, role, target, err);
    int rc = nip_driver_open(ctx, role, NULL, &driver, err);
    if (rc == 0)
        rc = nip_drivers_bind(drivers, role, driver, err);
    nip_driver_free(driver);
    return rc;
}

int nip__roles_bind_own(nip_drivers *drivers, nip_ctx *ctx, const char *role, nip_error **err)
{
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++) {
        if (nip__text_equal(role, own[i].role))
            return bind_own(drivers, ctx, role, own[i].of_world, err);
    }
    return nip__fail(err, NIP_E_STATE,
                     "the plan's role \"%.64s\" is bound to no driver: bind one (nip_drivers_bind), or name one in the plan's drivers", role);
}

/* ---- the roles of a plan ---- */

typedef struct binder {
    nip_ctx *ctx;
    nip_drivers *drivers;
} binder;

static int bind_role(const binder *b, const char *role, nip_error **err)
{
    return nip__drivers_find(b->drivers, role) != NULL ? 0 : nip__roles_bind_own(b->drivers, b->ctx, role, err);
}

static int bind_calls(const binder *b, const nip__calls *calls, nip_error **err)
{
    int rc = 0;
    for (size_t i = 0; i < calls->count && rc == 0; i++)
        rc = bind_role(b, calls->list[i].role, err);
    return rc;
}

static int bind_step(const binder *b, const nip__step *step, nip_error **err)
{
    const nip__calls *const all[] = {&step->require.observe, &step->actions, &step->until.observe};
    int rc = 0;
    for (size_t i = 0; i < sizeof all / sizeof all[0] && rc == 0; i++)
        rc = bind_calls(b, all[i], err);
    return rc;
}

static int bind_steps(const binder *b, const nip__steps *steps, nip_error **err)
{
    int rc = 0;
    for (size_t i = 0; i < steps->count && rc == 0; i++)
        rc = bind_step(b, &steps->list[i], err);
    return rc;
}

int nip__roles_bind(const nip_plan *plan, nip_ctx *ctx, nip_drivers *drivers, nip_error **err)
{
    binder b = {ctx, drivers};
    int rc = nip_drivers_open(drivers, ctx, plan->drivers, err);
    if (rc >= 0)
        rc = bind_steps(&b, &plan->steps[NIP__FORWARD], err);
    if (rc == 0)
        rc = bind_steps(&b, &plan->steps[NIP__BACK], err);
    for (size_t i = 0; i < plan->guard_count && rc == 0; i++)
        rc = bind_role(&b, plan->guards[i].action.role, err);
    return rc;
}
