/* Rules of a rollout document that a schema cannot say. */
#include "rollout/document.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/print.h"
#include "base/text.h"
#include "gate/notice.h"
#include "gate/window.h"
#include "compare/document.h"
#include "health/dependency.h"
#include "health/document.h"
#include "nipops/store.h"
#include "rollout/capabilities.h"
#include "rollout/sequence.h"
#include "rollout/words.h"

typedef struct checker {
    const nip__value *rollout; /* the inner map */
    const char *file;
    nip__problems *problems;
} checker;

static void problem(const checker *c, const nip__value *where, const char *path, const char *format, ...)
    NIP__PRINTF(4, 5);

/* `where` gives the position; a value that was not written (a default) has that of the whole. */
static void problem(const checker *c, const nip__value *where, const char *path, const char *format, ...)
{
    char what[512];
    va_list arguments;
    va_start(arguments, format);
    nip__vprint(what, sizeof what, format, arguments);
    va_end(arguments);
    if (where == NULL || where->line == 0)
        where = c->rollout;
    nip__problems_add(c->problems, c->file, (int)where->line, (int)where->column, path, "%s", what);
}

static void check_app(const checker *c)
{
    const char *app = nip__get_text(c->rollout, "app");
    if (app != NULL && !nip__text_subject(app))
        problem(c, nip__get(c->rollout, "app"), "/rollout/app",
                "must be 1 to %d of A-Z a-z 0-9 . _ - and begin with a letter or digit, found \"%s\"", NIP_SUBJECT_MAX,
                app);
}

static void check_drivers(const checker *c)
{
    static const struct {
        const char *role, *path, *example;
    } roles[] = {{"target", "/rollout/target", "local"},
                 {"router", "/rollout/router", "haproxy"},
                 {"metrics", "/rollout/metrics", "prometheus"}};
    for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++) {
        const nip__value *settings = nip__get(c->rollout, roles[i].role);
        if (settings != NULL && nip__get_text(settings, "driver") == NULL)
            problem(c, settings, roles[i].path, "must be a map that names its driver, for example {driver: %s, ...}",
                    roles[i].example);
    }
}

/* ---- health ---- */

static void check_health(const checker *c)
{
    static const char *const ways[] = {"url", "tcp", "command"};
    const nip__value *health = nip__get(c->rollout, "health");
    int given = 0;
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++)
        given += nip__get(health, ways[i]) != NULL;
    if (health == NULL)
        return;
    nip__health_check_part(health, "/rollout/health", c->file, c->problems);
    if (given != 1)
        problem(c, health, "/rollout/health", "must have exactly one of url, tcp and command, found %d of them", given);
    const char *url = nip__get_text(health, "url");
    if (url != NULL && strstr(url, "{endpoint}") == NULL && strstr(url, "{port}") == NULL)
        problem(c, nip__get(health, "url"), "/rollout/health/url",
                "cannot tell one instance from another: it must contain {endpoint} or {port}, as "
                "http://{endpoint}/health does");
}

static void check_preflight(const checker *c)
{
    nip__dependencies_check(nip__get(nip__get(c->rollout, "preflight"), "dependencies"), "/rollout/preflight/dependencies", c->file,
                            c->problems);
}

/* ---- strategies ---- */

static void check_amount(const checker *c, const nip__value *map, const char *key, const char *path, bool part)
{
    const char *text = nip__get_text(map, key);
    nip__amount amount;
    if (text == NULL)
        return;
    if (!nip__amount_read(text, &amount))
        problem(c, nip__get(map, key), path, "must be a count or a percentage such as 1 or \"25%%\", found \"%.40s\"",
                text);
    else if (part && amount.percent && amount.number > 100)
        problem(c, nip__get(map, key), path, "must not be more than 100%%, found \"%.40s\"", text);
}

static void check_rolling(const checker *c)
{
    const nip__value *rolling = nip__get(c->rollout, "rolling");
    const nip__value *batch = nip__get(rolling, "batch_size");
    check_amount(c, rolling, "max_surge", "/rollout/rolling/max_surge", false);
    check_amount(c, rolling, "max_unavailable", "/rollout/rolling/max_unavailable", true);
    if (batch != NULL && (nip__get(rolling, "max_surge") != NULL || nip__get(rolling, "max_unavailable") != NULL))
        problem(c, batch, "/rollout/rolling/batch_size",
                "cannot be combined with max_surge or max_unavailable: a batch size stands for max_surge: %lld, "
                "max_unavailable: 0",
                (long long)nip__get_int(rolling, "batch_size", 1));
}

static void check_stages(const checker *c)
{
    int64_t before = 0;
    for (NIP__EACH(stage, nip__get(nip__get(c->rollout, "canary"), "stages"))) {
        int64_t share = nip__get_int(stage, "share", -1);
        if (share < 0)
            continue; /* the schema has told */
        if (share <= before)
            problem(c, nip__get(stage, "share"), "/rollout/canary/stages",
                    "shares must rise from stage to stage: %lld %% comes after %lld %%", (long long)share,
                    (long long)before);
        before = share;
    }
}

static void check_smoke(const checker *c)
{
    for (NIP__EACH(smoke, nip__get(nip__get(c->rollout, "blue_green"), "smoke"))) {
        if ((nip__get(smoke, "command") != NULL) == (nip__get(smoke, "url") != NULL))
            problem(c, smoke, "/rollout/blue_green/smoke", "a smoke check has either a command or a url");
    }
}

static void check_hold(const checker *c)
{
    const nip__value *hold = nip__get(c->rollout, "hold_old");
    const char *strategy = nip__get_text(c->rollout, "strategy");
    const nip__value *canary = nip__get(c->rollout, "canary");
    if (nip__get_duration(c->rollout, "hold_old", 0) == 0)
        return;
    if (nip__text_equal(strategy, "rolling"))
        problem(c, hold, "/rollout/hold_old",
                "a rolling update stops old instances as it goes and cannot hold them: use strategy blue_green or "
                "canary, or hold_old: 0s");
    if (nip__text_equal(strategy, "canary") && nip__get_bool(canary, "dynamic_stable_scale", false))
        problem(c, hold, "/rollout/hold_old",
                "with dynamic_stable_scale the old version shrinks as the new one grows, so nothing is left to hold: "
                "drop one of the two");
}

/* ---- people ---- */

static void check_roles(const checker *c)
{
    for (NIP__EACH(role, nip__get(c->rollout, "roles"))) {
        for (NIP__EACH(member, role)) {
            for (const nip__value *other = member->next; other != NULL; other = other->next) {
                if (nip__equal(member, other))
                    problem(c, other, "/rollout/roles", "names %.200s twice in the role %.100s", other->as.string.text, role->key);
            }
        }
    }
}

static const char *keys_of(const nip__value *map, char *names, size_t size)
{
    size_t length = 0;
    names[0] = '\0';
    for (NIP__EACH(item, map)) {
        int written = snprintf(names + length, size - length, "%s%s", length > 0 ? ", " : "", item->key);
        length += written > 0 && (size_t)written < size - length ? (size_t)written : 0;
    }
    return names;
}

static void check_approval(const checker *c, const nip__value *settings, const char *path)
{
    char names[256];
    const nip__value *approval = nip__get(settings, "approval"), *roles = nip__get(c->rollout, "roles");
    const char *role = nip__get_text(approval, "role");
    const nip__value *members = nip__get(roles, role != NULL ? role : "");
    int64_t count = nip__get_int(approval, "count", 1);
    if (approval != NULL && nip__get(settings, "approve") != NULL)
        problem(c, approval, path, "is asked twice, by approve and by approval: give one");
    if (role == NULL)
        return;
    if (members == NULL)
        problem(c, nip__get(approval, "role"), path, "there is no role \"%.100s\": %s%s", role,
                nip__count(roles) > 0 ? "there are " : "name its people under roles: {ROLE: [NAME, ...]}",
                keys_of(roles, names, sizeof names));
    else if (count > (int64_t)nip__count(members))
        problem(c, nip__get(approval, "count"), path, "wants %lld approvals by different persons, but the role %.100s has only %zu",
                (long long)count, role, nip__count(members));
}

static void check_people(const checker *c)
{
    check_roles(c);
    check_approval(c, c->rollout, "/rollout/approval");
    check_approval(c, nip__get(c->rollout, "blue_green"), "/rollout/blue_green/approval");
    for (NIP__EACH(stage, nip__get(nip__get(c->rollout, "canary"), "stages")))
        check_approval(c, stage, "/rollout/canary/stages");
}

/* Whether a zone exists only the system's files can tell; better now than in the middle of a rollout. */
static void check_windows(const checker *c)
{
    char names[256];
    const nip__value *windows = nip__get(c->rollout, "windows"), *freeze = nip__get(c->rollout, "freeze");
    const nip__value *roles = nip__get(c->rollout, "roles");
    const char *role = nip__get_text(c->rollout, "window_override");
    nip__windows_check(windows, freeze, c->file, c->problems);
    if (role != NULL && nip__get(roles, role) == NULL)
        problem(c, nip__get(c->rollout, "window_override"), "/rollout/window_override", "there is no role \"%.100s\": %s%s", role,
                nip__count(roles) > 0 ? "there are " : "name its people under roles: {ROLE: [NAME, ...]}", keys_of(roles, names, sizeof names));
    for (NIP__EACH(stage, nip__get(nip__get(c->rollout, "canary"), "stages"))) {
        if (nip__get_bool(stage, "window", false) && windows == NULL && freeze == NULL)
            problem(c, nip__get(stage, "window"), "/rollout/canary/stages", "there are no windows to wait for: add windows: or freeze: to the rollout");
    }
}

static void check_on_end(const checker *c)
{
    for (NIP__EACH(notice, nip__get(c->rollout, "on_end")))
        nip__notice_check(notice, "/rollout/on_end", c->file, c->problems);
}

static void check_shadow(const checker *c)
{
    const nip__value *shadow = nip__get(c->rollout, "shadow"), *mirror = nip__get(shadow, "mirror");
    const char *router = nip__get_text(nip__get(c->rollout, "router"), "driver");
    if (shadow == NULL && nip__text_equal(nip__get_text(c->rollout, "strategy"), "shadow"))
        problem(c, nip__get(c->rollout, "strategy"), "/rollout/shadow",
                "is missing: strategy shadow needs recorded requests to send, for example shadow: {requests: recorded.jsonl}");
    if (shadow != NULL)
        nip__compare_check_part(shadow, "/rollout/shadow", c->file, c->problems);
    if (mirror != NULL && router != NULL && !nip__router_mirrors(router))
        problem(c, mirror, "/rollout/shadow/mirror",
                "cannot be done: the router driver \"%.40s\" cannot send copies of requests; drop mirror, the recorded requests are "
                "compared all the same",
                router);
}

/* ---- limits ---- */

static void check_limits(const checker *c, const nip__value *section, const char *path)
{
    const nip__value *guard = nip__get(section, "guard");
    const nip__value *metrics = nip__get(c->rollout, "metrics");
    const char *driver = nip__get_text(metrics, "driver");
    for (NIP__EACH(item, guard)) {
        bool latency = nip__text_starts(item->key, "latency_");
        if (!latency && !nip__text_equal(item->key, "error_rate"))
            continue;
        if (metrics == NULL)
            problem(c, item, path, "a limit on %s needs metrics to judge by: add metrics: {driver: prometheus, ...}",
                    item->key);
        else if (latency && driver != NULL && !nip__metrics_have_quantiles(driver))
            problem(c, item, path,
                    "%s cannot be judged: the metrics driver \"%.40s\" knows no latency quantiles, only error rates; "
                    "use metrics: {driver: prometheus, ...} or drop the limit",
                    item->key, driver);
    }
}

void nip__rollout_check(const nip__value *normalized, const nip__value *original, const char *file,
                        nip__problems *problems)
{
    (void)original;
    checker c = {.rollout = nip__get(normalized, "rollout"), .file = file, .problems = problems};
    if (!nip__is(c.rollout, NIP__MAP))
        return; /* the schema has told */
    check_app(&c);
    check_drivers(&c);
    check_health(&c);
    check_preflight(&c);
    check_rolling(&c);
    check_stages(&c);
    check_amount(&c, nip__get(c.rollout, "canary"), "max_surge", "/rollout/canary/max_surge", false);
    check_smoke(&c);
    check_hold(&c);
    check_people(&c);
    check_windows(&c);
    check_on_end(&c);
    check_shadow(&c);
    nip__rollout_check_words(c.rollout, file, problems);
    check_limits(&c, nip__get(c.rollout, "canary"), "/rollout/canary/guard");
    check_limits(&c, nip__get(c.rollout, "blue_green"), "/rollout/blue_green/guard");
    check_limits(&c, nip__get(nip__get(c.rollout, "shadow"), "mirror"), "/rollout/shadow/mirror/guard");
}
