/* Gates: steps that wait for people or for a time window before the plan goes on. */
#include "rollout/plans.h"

#include "gate/window.h"

#define PATIENCE (8760 * NIP_HOUR) /* a year, the longest deadline of a step: it is for people to say when it is too late */

/* ---- people ---- */

static nip__value *approval_args(nip__draft *draft, const char *id, const nip__value *approval)
{
    nip__arena *arena = draft->arena;
    const char *role = nip__get_text(approval, "role");
    nip__value *args = nip__map(arena);
    nip__put_text(arena, args, "step", id);
    nip__put_text(arena, args, "ask", nip__get_text(approval, "ask"));
    nip__put_text(arena, args, "role", role);
    nip__put(arena, args, "members", nip__share(arena, nip__get(nip__get(draft->app->document, "roles"), role)));
    nip__put_int(arena, args, "count", nip__get_int(approval, "count", 1));
    return args;
}

static void add_role_approval(nip__draft *draft, const char *id, const char *what, const nip__value *approval)
{
    nip__arena *arena = draft->arena;
    int64_t count = nip__get_int(approval, "count", 1);
    const char *many = count == 1 ? "" : nip__arena_printf(arena, "%lld of ", (long long)count);
    const char *title = nip__arena_printf(arena, "%s%s approve%s %s", many, nip__get_text(approval, "role"), count == 1 ? "s" : "", what);
    nip__value *step = nip__draft_step(draft, draft->steps, id, title);
    nip__draft_act(draft, step, nip__draft_read(draft, "person", "approve", approval_args(draft, id, approval)));
    nip__put_duration(arena, step, "deadline", nip__get_duration(approval, "within", PATIENCE));
}

void nip__add_approval(nip__draft *draft, const nip__value *settings, const char *id, const char *what)
{
    nip__arena *arena = draft->arena;
    const char *ask = nip__get_text(settings, "approve");
    const nip__value *approval = nip__get(settings, "approval");
    if (approval != NULL)
        add_role_approval(draft, id, what, approval);
    if (approval != NULL || ask == NULL)
        return;
    nip__value *step = nip__draft_step(draft, draft->steps, id, nip__arena_printf(arena, "a person approves %s", what));
    nip__put_text(arena, step, "approve", ask);
}

/* ---- time ---- */

static nip__value *override_of(nip__draft *draft)
{
    const char *role = nip__get_text(draft->app->document, "window_override");
    if (role == NULL)
        return NULL;
    nip__value *override = nip__map(draft->arena);
    nip__put_text(draft->arena, override, "role", role);
    nip__put(draft->arena, override, "members", nip__share(draft->arena, nip__get(nip__get(draft->app->document, "roles"), role)));
    return override;
}

void nip__add_window(nip__draft *draft, const char *id, const char *what)
{
    nip__arena *arena = draft->arena;
    const nip__value *document = draft->app->document, *windows = nip__get(document, "windows"), *freeze = nip__get(document, "freeze");
    if (nip__count(windows) == 0 && nip__count(freeze) == 0)
        return;
    const char *title = nip__arena_printf(arena, "wait for the window for %s: %.250s", what, nip__windows_text(arena, windows, freeze));
    nip__value *args = nip__map(arena);
    nip__put_text(arena, args, "step", id);
    nip__put(arena, args, "windows", nip__share(arena, windows));
    nip__put(arena, args, "freeze", nip__share(arena, freeze));
    nip__put(arena, args, "override", override_of(draft));
    nip__value *step = nip__draft_step(draft, draft->steps, id, title);
    nip__draft_act(draft, step, nip__draft_read(draft, "clock", "window", args));
    nip__put_duration(arena, step, "deadline", PATIENCE);
}

/* ---- before anything is changed ---- */

void nip__add_gates(nip__draft *draft)
{
    const char *what = nip__arena_printf(draft->arena, "the release of %s", draft->app->fresh.version);
    if (!draft->gated)
        return;
    nip__add_approval(draft, draft->app->document, "approve", what);
    nip__add_window(draft, "window", what);
}

/* ---- before the old version is given up ---- */

void nip__add_barrier(nip__draft *draft)
{
    const char *ask = nip__get_text(draft->app->document, "barrier");
    if (!draft->gated || ask == NULL)
        return;
    const char *title = nip__arena_printf(draft->arena, "wait at the barrier: %s is proven", draft->app->fresh.version);
    nip__value *step = nip__draft_step(draft, draft->steps, "barrier", title);
    nip__put_text(draft->arena, step, "approve", ask);
}
