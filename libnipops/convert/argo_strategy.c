/* Steps of a canary become stages, a blue-green switch stays one. */
#include "convert/argo.h"

#include <string.h>

#include "base/text.h"
#include "base/time.h"

typedef struct stages {
    nip__argo *argo;
    nip__value *list;
    nip__value *guard;
    nip__value *last; /* the stage that pauses go to; NULL: none yet */
    bool asks;        /* the next stage waits for a person */
} stages;

static const char *step_place(nip__argo *argo, size_t index, const char *key)
{
    return nip__arena_printf(argo->arena, "spec.strategy.canary.steps[%zu].%s", index, key);
}

/* ---- steps ---- */

static void ask_before(stages *s, nip__value *stage)
{
    if (s->asks)
        nip__put_text(s->argo->arena, stage, "approve", nip__arena_printf(s->argo->arena, "go on to %lld %%?", (long long)nip__get_int(stage, "share", 0)));
    s->asks = false;
}

static void take_weight(stages *s, size_t index, const nip__value *weight)
{
    nip__argo *argo = s->argo;
    int64_t share = nip__is(weight, NIP__INT) ? weight->as.integer : -1, before = nip__get_int(s->last, "share", 0);
    if (share < 1 || share > 100) {
        nip__argo_note(argo, NIP__ARGO_DROPPED, weight, step_place(argo, index, "setWeight"), "a stage has a share from 1 to 100");
        return;
    }
    if (share <= before) {
        nip__argo_note(argo, NIP__ARGO_DROPPED, weight, step_place(argo, index, "setWeight"), "shares must rise: %lld after %lld is left out",
                       (long long)share, (long long)before);
        return;
    }
    s->last = nip__push(s->list, nip__map(argo->arena));
    nip__put_int(argo->arena, s->last, "share", share);
    ask_before(s, s->last);
}

/* A pause without end waits for a person: here the next stage asks. */
static void take_pause(stages *s, size_t index, const nip__value *pause)
{
    nip__argo *argo = s->argo;
    nip_duration length = nip__argo_duration(nip__get(pause, "duration"), -1);
    if (length < 0) {
        s->asks = true;
        return;
    }
    if (s->last == NULL) {
        nip__argo_note(argo, NIP__ARGO_DROPPED, pause, step_place(argo, index, "pause"), "there is nothing to wait for before the first share");
        return;
    }
    nip__put_duration(argo->arena, s->last, "duration", nip__get_duration(s->last, "duration", 0) + length);
}

static void take_analysis(stages *s, size_t index, const nip__value *analysis)
{
    nip__argo *argo = s->argo;
    nip__argo_note(argo, NIP__ARGO_CHANGED, analysis, step_place(argo, index, "analysis"),
                   "a guard watches every stage, this one too: give the stage a duration that is long enough to judge");
    nip__argo_analysis(argo, analysis, step_place(argo, index, "analysis"), s->guard);
}

static void take_unknown(stages *s, size_t index, const nip__value *step)
{
    static const struct {
        const char *key, *why;
    } reasons[] = {
        {"setCanaryScale", "a stage has as many new instances as its share needs"},
        {"setHeaderRoute", "traffic is shared out by percent, not by headers"},
        {"setMirrorRoute", "mirroring belongs to strategy shadow"},
        {"experiment", "versions side by side without a share are what strategy shadow is for"},
        {"plugin", "steps of plugins exist in Argo Rollouts only; a host's own driver can carry out actions"},
    };
    const char *why = "this step is not known";
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
        if (nip__text_equal(step->key, reasons[i].key))
            why = reasons[i].why;
    }
    nip__argo_note(s->argo, NIP__ARGO_DROPPED, step, step_place(s->argo, index, step->key), "%s", why);
}

static void take_step(stages *s, size_t index, const nip__value *step)
{
    static const struct {
        const char *key;
        void (*take)(stages *s, size_t index, const nip__value *value);
    } takers[] = {{"setWeight", take_weight}, {"pause", take_pause}, {"analysis", take_analysis}};
    for (NIP__EACH(item, step)) {
        size_t i = 0, count = sizeof takers / sizeof takers[0];
        while (i < count && !nip__text_equal(item->key, takers[i].key))
            i++;
        if (i < count)
            takers[i].take(s, index, item);
        else
            take_unknown(s, index, item);
    }
}

/* ---- both strategies ---- */

static void drop(nip__argo *argo, const nip__value *strategy, const char *at, const char *key, const char *why)
{
    const nip__value *value = nip__get(strategy, key);
    if (value != NULL)
        nip__argo_note(argo, NIP__ARGO_DROPPED, value, nip__arena_printf(argo->arena, "spec.strategy.%s.%s", at, key), "%s", why);
}

static void put_hold(nip__argo *argo, const nip__value *strategy)
{
    nip_duration delay = nip__argo_duration(nip__get(strategy, "scaleDownDelaySeconds"), 30 * NIP_SECOND);
    nip__put_duration(argo->arena, argo->out, "hold_old", delay);
}

/* A guard without any limit would watch nothing. */
static void put_guard(nip__argo *argo, nip__value *section, nip__value *guard)
{
    if (guard != NULL && nip__get(argo->out, "metrics") != NULL)
        nip__put(argo->arena, section, "guard", guard);
    else
        nip__argo_note(argo, NIP__ARGO_GUESSED, NULL, "spec.strategy", "nothing is measured, so only health can stop the rollout: add metrics and a guard");
}

/* ---- canary ---- */

static void put_amounts(nip__argo *argo, const nip__value *canary, nip__value *section)
{
    static const char *const keys[][2] = {{"maxSurge", "max_surge"}, {"maxUnavailable", "max_unavailable"}};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        nip__put(argo->arena, section, keys[i][1], nip__copy(argo->arena, nip__get(canary, keys[i][0])));
}

/* Without steps a canary is a rolling update. */
static void rolling(nip__argo *argo, const nip__value *canary)
{
    nip__value *section = nip__map(argo->arena);
    nip__put_text(argo->arena, argo->out, "strategy", "rolling");
    put_amounts(argo, canary, section);
    if (nip__count(section) > 0)
        nip__put(argo->arena, argo->out, "rolling", section);
}

static void finish_stages(stages *s)
{
    if (nip__get_int(s->last, "share", 0) < 100 && s->asks) {
        nip__value *all = nip__push(s->list, nip__map(s->argo->arena));
        nip__put_int(s->argo->arena, all, "share", 100);
        ask_before(s, all);
    }
}

static void take_canary(nip__argo *argo, const nip__value *canary)
{
    const nip__value *steps = nip__get(canary, "steps"), *dynamic = nip__get(canary, "dynamicStableScale");
    nip__value *section = nip__map(argo->arena);
    stages s = {.argo = argo, .list = nip__list(argo->arena), .guard = nip__map(argo->arena)};
    size_t index = 0;
    drop(argo, canary, "canary", "trafficRouting", "routers of Kubernetes are not driven: say under router what shares the traffic out");
    drop(argo, canary, "canary", "antiAffinity", "where instances run is the target's own");
    drop(argo, canary, "canary", "abortScaleDownDelaySeconds", "what is taken back is stopped as soon as its sessions have ended");
    for (NIP__EACH(step, steps))
        take_step(&s, index++, step);
    finish_stages(&s);
    if (nip__count(s.list) == 0) {
        rolling(argo, canary);
        return;
    }
    const nip__value *analysis = nip__get(canary, "analysis");
    if (analysis != NULL)
        nip__argo_analysis(argo, analysis, "spec.strategy.canary.analysis", s.guard);
    nip__put_text(argo->arena, argo->out, "strategy", "canary");
    nip__put(argo->arena, section, "stages", s.list);
    if (nip__is(dynamic, NIP__BOOL) && dynamic->as.boolean)
        nip__put_bool(argo->arena, section, "dynamic_stable_scale", true);
    else
        put_hold(argo, canary);
    put_guard(argo, section, s.guard);
    nip__put(argo->arena, argo->out, "canary", section);
}

/* ---- blue-green ---- */

static void take_blue_green(nip__argo *argo, const nip__value *blue_green)
{
    nip__value *section = nip__map(argo->arena), *guard = nip__map(argo->arena);
    const nip__value *after = nip__get(blue_green, "postPromotionAnalysis"), *promotes = nip__get(blue_green, "autoPromotionEnabled");
    drop(argo, blue_green, "blueGreen", "previewReplicaCount", "the new colour has its full size before it gets traffic");
    drop(argo, blue_green, "blueGreen", "prePromotionAnalysis", "without traffic there is nothing to measure: use blue_green.smoke, commands or URLs that must succeed");
    drop(argo, blue_green, "blueGreen", "autoPromotionSeconds", "an approval has no end of its own; a run that waits can be approved by a timer of yours");
    if (after != NULL) {
        nip__argo_analysis(argo, after, "spec.strategy.blueGreen.postPromotionAnalysis", guard);
        nip__put_text(argo->arena, section, "watch", "10m");
        nip__argo_note(argo, NIP__ARGO_GUESSED, after, "spec.strategy.blueGreen.postPromotionAnalysis", "blue_green.watch says how long it is watched");
    }
    if (nip__is(promotes, NIP__BOOL) && !promotes->as.boolean)
        nip__put_text(argo->arena, section, "approve", "switch all traffic?");
    nip__put_text(argo->arena, argo->out, "strategy", "blue_green");
    put_hold(argo, blue_green);
    put_guard(argo, section, after != NULL ? guard : NULL);
    if (nip__count(section) > 0)
        nip__put(argo->arena, argo->out, "blue_green", section);
}

void nip__argo_strategy(nip__argo *argo)
{
    const nip__value *strategy = nip__pointer(argo->rollout, "/spec/strategy");
    const nip__value *blue_green = nip__get(strategy, "blueGreen"), *canary = nip__get(strategy, "canary");
    if (blue_green != NULL)
        take_blue_green(argo, blue_green);
    else
        take_canary(argo, canary);
}
