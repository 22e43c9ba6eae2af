/* The drivers that a plan needs: opened as it says, refused while one is missing. */
#include "op/roles.h"

#include "base/error.h"
#include "base/text.h"

/* Roles that are bound by themselves, to the built-in driver of the same name. Instances of a simulated target exist in its world only: no
 * socket would find them, so the target checks them itself. */
static const struct {
    const char *role;
    bool of_world;
} own[] = {{"check", true}, {"person", false}, {"clock", false}, {"notify", false}};

static bool is_own(const char *role)
{
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++) {
        if (nip__text_equal(role, own[i].role))
            return true;
    }
    return false;
}

static bool is_bound(const nip_drivers *drivers, const char *role)
{
    return is_own(role) || nip__drivers_find(drivers, role) != NULL;
}

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

int nip__roles_bind_own(nip_drivers *drivers, nip_ctx *ctx, nip_error **err)
{
    int rc = 0;
    for (size_t i = 0; i < sizeof own / sizeof own[0] && rc == 0; i++)
        rc = bind_own(drivers, ctx, own[i].role, own[i].of_world, err);
    return rc;
}

static const char *missing_of(const nip__calls *calls, const nip_drivers *drivers)
{
    for (size_t i = 0; i < calls->count; i++) {
        if (!is_bound(drivers, calls->list[i].role))
            return calls->list[i].role;
    }
    return NULL;
}

static const char *missing_of_step(const nip__step *step, const nip_drivers *drivers)
{
    const nip__calls *const all[] = {&step->require.observe, &step->actions, &step->until.observe};
    const char *role = NULL;
    for (size_t i = 0; i < sizeof all / sizeof all[0] && role == NULL; i++)
        role = missing_of(all[i], drivers);
    return role;
}

static const char *missing_of_steps(const nip__steps *steps, const nip_drivers *drivers)
{
    const char *role = NULL;
    for (size_t i = 0; i < steps->count && role == NULL; i++)
        role = missing_of_step(&steps->list[i], drivers);
    return role;
}

static const char *missing_of_guards(const nip_plan *plan, const nip_drivers *drivers)
{
    for (size_t i = 0; i < plan->guard_count; i++) {
        if (!is_bound(drivers, plan->guards[i].action.role))
            return plan->guards[i].action.role;
    }
    return NULL;
}

int nip__roles_bind(const nip_plan *plan, nip_ctx *ctx, nip_drivers *drivers, nip_error **err)
{
    int rc = nip_drivers_open(drivers, ctx, plan->drivers, err);
    if (rc < 0)
        return rc;
    const char *role = missing_of_steps(&plan->steps[NIP__FORWARD], drivers);
    if (role == NULL)
        role = missing_of_steps(&plan->steps[NIP__BACK], drivers);
    if (role == NULL)
        role = missing_of_guards(plan, drivers);
    if (role == NULL)
        return 0;
    return nip__fail(err, NIP_E_STATE,
                     "the plan's role \"%.64s\" is bound to no driver: bind one (nip_drivers_bind), or name one in the plan's drivers", role);
}
