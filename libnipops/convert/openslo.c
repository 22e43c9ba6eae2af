/* OpenSLO manifests (openslo.com, v1) in, an sla document and an account of what became of everything out. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/print.h"
#include "base/text.h"
#include "base/time.h"
#include "convert/manifests.h"
#include "convert/promql.h"
#include "convert/yaml_write.h"
#include "nipops/convert.h"

typedef struct openslo {
    nip__arena *arena;
    const nip__value *slos[NIP__MANIFESTS_MAX], *slis[NIP__MANIFESTS_MAX], *sources[NIP__MANIFESTS_MAX];
    size_t slo_count, sli_count, source_count;
    nip__value *out, *indicators, *objectives; /* `out`: the map under "sla:" */
    nip__value *notes;
} openslo;

static void note(openslo *o, nip__argo_fate fate, const nip__value *where, const char *at, const char *format, ...) __attribute__((format(printf, 5, 6)));

static void note(openslo *o, nip__argo_fate fate, const nip__value *where, const char *at, const char *format, ...)
{
    char message[512];
    va_list arguments;
    va_start(arguments, format);
    nip__vprint(message, sizeof message, format, arguments);
    va_end(arguments);
    nip__manifests_note(o->arena, o->notes, fate, where, at, message);
}

static const char *name_of(const nip__value *manifest)
{
    return nip__get_text(nip__get(manifest, "metadata"), "name");
}

/* Letters, digits, dots, dashes and underscores, as names of ours have them. */
static const char *plain_name(openslo *o, const char *name, const char *otherwise)
{
    char *made = nip__arena_text(o->arena, name != NULL && name[0] != '\0' ? name : otherwise);
    for (char *p = made; p != NULL && *p != '\0'; p++) {
        if (!nip__text_is_letter_or_digit(*p) && strchr("._-", *p) == NULL)
            *p = '_';
    }
    return made != NULL && nip__text_subject(made) ? made : otherwise;
}

/* ---- reading ---- */

static void sort_in(void *data, const nip__value *manifest)
{
    openslo *o = data;
    const char *kind = nip__get_text(manifest, "kind"), *version = nip__get_text(manifest, "apiVersion");
    if (!nip__text_equal(version, "openslo/v1"))
        note(o, NIP__ARGO_DROPPED, manifest, kind != NULL ? kind : "?", "only manifests of openslo/v1 are converted");
    else if (nip__text_equal(kind, "SLO"))
        o->slos[o->slo_count++] = manifest;
    else if (nip__text_equal(kind, "SLI"))
        o->slis[o->sli_count++] = manifest;
    else if (nip__text_equal(kind, "DataSource"))
        o->sources[o->source_count++] = manifest;
    else if (!nip__text_equal(kind, "Service"))
        note(o, NIP__ARGO_DROPPED, manifest, kind != NULL ? kind : "?", "alerts here are on burn rates: see alerts in the document, and nipops sla rules");
}

static const nip__value *find(const nip__value *const *list, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (nip__text_equal(name_of(list[i]), name))
            return list[i];
    }
    return NULL;
}

/* ---- indicators ---- */

/* What is inside of sum(rate(SELECTOR[5m])): the counter itself, whose raw samples are asked here. */
static const char *selector_of(openslo *o, const char *query)
{
    nip__buffer bare = NIP__BUFFER(16384);
    nip__promql_bare(&bare, query);
    const char *begin = strrchr(nip__buffer_string(&bare), '('), *range = strrchr(nip__buffer_string(&bare), '[');
    const char *selector = NULL;
    if (nip__promql_selects(nip__buffer_string(&bare)))
        selector = nip__arena_text(o->arena, nip__buffer_string(&bare));
    else if (begin != NULL && range != NULL && begin < range && (strstr(nip__buffer_string(&bare), "rate(") != NULL || strstr(nip__buffer_string(&bare), "increase(") != NULL))
        selector = nip__arena_copy(o->arena, begin + 1, (size_t)(range - begin - 1));
    if (bare.failed && !bare.full)
        nip__arena_fail(o->arena);
    nip__buffer_clear(&bare);
    return selector != NULL && nip__promql_selects(selector) ? selector : NULL;
}

static void take_source(openslo *o, const nip__value *source)
{
    const nip__value *named = find(o->sources, o->source_count, nip__get_text(source, "metricSourceRef"));
    const char *url = nip__get_text(nip__pointer(named, "/spec/connectionDetails"), "url");
    nip__value *metrics = (nip__value *)(uintptr_t)nip__get(o->out, "metrics"); /* the tree is ours */
    if (url != NULL)
        nip__put_text(o->arena, metrics, "url", url);
}

/* One of good, bad and total. */
static bool take_side(openslo *o, nip__value *events, const nip__value *ratio, const char *side, const char *at)
{
    const nip__value *source = nip__get(nip__get(ratio, side), "metricSource");
    const char *query = nip__get_text(nip__get(source, "spec"), "query"), *type = nip__get_text(source, "type");
    const char *selector = query == NULL ? NULL : selector_of(o, query);
    if (source == NULL)
        return false;
    if (type != NULL && !nip__text_alike(type, "prometheus"))
        note(o, NIP__ARGO_DROPPED, source, at, "only Prometheus is asked, and %.64s is something else", type);
    else if (selector == NULL)
        note(o, NIP__ARGO_DROPPED, source, at, "the query of %s is neither a counter nor the sum of rates of one: write its selector", side);
    else
        nip__put_text(o->arena, events, side, selector);
    take_source(o, source);
    return selector != NULL;
}

/* NULL: it cannot be carried over. */
static nip__value *indicator_of(openslo *o, const nip__value *sli, const char *at)
{
    static const char *const sides[] = {"good", "bad", "total"};
    const nip__value *ratio = nip__pointer(sli, "/spec/ratioMetric");
    nip__value *indicator = nip__map(o->arena), *events = nip__put(o->arena, indicator, "events", nip__map(o->arena));
    size_t taken = 0;
    if (ratio == NULL) {
        note(o, NIP__ARGO_DROPPED, sli, at, "only ratioMetric is converted: of a threshold, count how often it was kept");
        return NULL;
    }
    for (size_t i = 0; i < 3; i++)
        taken += take_side(o, events, ratio, sides[i], at);
    if (!nip__get_bool(ratio, "counter", true))
        note(o, NIP__ARGO_CHANGED, ratio, at, "the metric is no counter there, and taken for one here");
    if (taken == 3)
        nip__remove(events, "good");
    if (taken >= 2)
        return indicator;
    note(o, NIP__ARGO_DROPPED, ratio, at, "two of good, bad and total are needed");
    return NULL;
}

/* ---- windows ---- */

static void take_window(openslo *o, const nip__value *slo)
{
    static const struct {
        char unit;
        const char *period;
    } units[] = {{'d', "day"}, {'w', "week"}, {'M', "month"}, {'Q', "quarter"}, {'Y', "year"}};
    const nip__value *windows = nip__pointer(slo, "/spec/timeWindow"), *window = nip__is(windows, NIP__LIST) ? nip__first(windows) : windows;
    const char *duration = nip__get_text(window, "duration"), *zone = nip__get_text(nip__get(window, "calendar"), "timeZone");
    size_t length = duration == NULL ? 0 : strlen(duration);
    if (zone != NULL)
        nip__put_text(o->arena, o->out, "zone", zone);
    if (nip__get_bool(window, "isRolling", false)) {
        note(o, NIP__ARGO_CHANGED, window, "spec.timeWindow", "a rolling window is asked for when reporting: --period %.32s", duration != NULL ? duration : "30d");
        return;
    }
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (length == 2 && duration[0] == '1' && duration[1] == units[i].unit) {
            nip__put_text(o->arena, o->out, "period", units[i].period);
            return;
        }
    }
    if (window != NULL)
        note(o, NIP__ARGO_DROPPED, window, "spec.timeWindow", "calendars here have days, weeks, months, quarters and years, one at a time");
}

/* ---- objectives ---- */

/* 0.999 and 99.9, exactly. */
static nip__value *target_of(openslo *o, const nip__value *objective)
{
    double part;
    char text[40];
    if (nip__get(objective, "targetPercent") != NULL)
        return nip__copy(o->arena, nip__get(objective, "targetPercent"));
    if (!nip__number(nip__get(objective, "target"), &part) || !(part > 0 && part <= 1))
        return NULL;
    /* Moving the point of the shortest text by two keeps every digit. */
    nip__text_from_real(part, text);
    const char *digits = text[0] == '0' && text[1] == '.' ? text + 2 : NULL;
    if (digits == NULL)
        return nip__string(o->arena, part == 1 ? "100" : "");
    char padded[44];
    size_t count = strlen(digits);
    snprintf(padded, sizeof padded, "%s%s", digits, count == 1 ? "0" : "");
    const char *whole = nip__arena_copy(o->arena, padded, 2), *rest = padded + 2;
    while (whole != NULL && whole[0] == '0' && whole[1] != '\0')
        whole++;
    return nip__string(o->arena, nip__arena_printf(o->arena, rest[0] != '\0' ? "%s.%s" : "%s", whole, rest));
}

static void take_objective(openslo *o, const nip__value *objective, const char *name, const char *indicator)
{
    nip__value *target = target_of(o, objective), *made = nip__map(o->arena);
    if (target == NULL) {
        note(o, NIP__ARGO_DROPPED, objective, "spec.objectives", "%.64s has neither target (above 0, at most 1) nor targetPercent", name);
        return;
    }
    nip__put_text(o->arena, made, "availability", indicator);
    nip__put(o->arena, made, "target", target);
    nip__put(o->arena, o->objectives, name, made);
    if (nip__get(objective, "timeSliceTarget") != NULL)
        note(o, NIP__ARGO_DROPPED, objective, "spec.objectives.timeSliceTarget", "events are summed up first and divided once: slices are not judged one by one");
}

static void take_slo(openslo *o, const nip__value *slo)
{
    const nip__value *spec = nip__get(slo, "spec"), *sli = nip__get(spec, "indicator");
    const char *name = plain_name(o, name_of(slo), "slo"), *reference = nip__get_text(spec, "indicatorRef"), *method = nip__get_text(spec, "budgetingMethod");
    if (sli == NULL)
        sli = find(o->slis, o->sli_count, reference);
    if (sli == NULL) {
        note(o, NIP__ARGO_DROPPED, slo, "spec.indicatorRef", "%.64s: its indicator is not in this file", name);
        return;
    }
    nip__value *indicator = indicator_of(o, sli, "spec.indicator");
    if (indicator == NULL)
        return;
    nip__put(o->arena, o->indicators, name, indicator);
    if (method != NULL && !nip__text_equal(method, "Occurrences"))
        note(o, NIP__ARGO_CHANGED, nip__get(spec, "budgetingMethod"), "spec.budgetingMethod", "%.32s: events are counted here, as with Occurrences", method);
    take_window(o, slo);
    size_t count = 0;
    for (NIP__EACH(objective, nip__get(spec, "objectives"))) {
        const char *own = count == 0 ? name : nip__arena_printf(o->arena, "%s-%zu", name, count + 1);
        take_objective(o, objective, own, name);
        count++;
    }
    if (nip__get(spec, "alertPolicies") != NULL)
        note(o, NIP__ARGO_DROPPED, nip__get(spec, "alertPolicies"), "spec.alertPolicies", "alerts here are on burn rates: see alerts in the document, and nipops sla rules");
}

/* ---- the whole ---- */

static void convert(openslo *o)
{
    const nip__value *first = o->slos[0];
    nip__value *metrics = nip__map(o->arena);
    nip__put_text(o->arena, o->out, "name", plain_name(o, nip__get_text(nip__get(first, "spec"), "service"), "service"));
    nip__put_text(o->arena, metrics, "driver", "prometheus");
    nip__put(o->arena, o->out, "metrics", metrics);
    o->indicators = nip__put(o->arena, o->out, "indicators", nip__map(o->arena));
    o->objectives = nip__put(o->arena, o->out, "objectives", nip__map(o->arena));
    for (size_t i = 0; i < o->slo_count; i++)
        take_slo(o, o->slos[i]);
    if (nip__get(metrics, "url") != NULL)
        return;
    nip__put_text(o->arena, metrics, "url", "http://127.0.0.1:9090");
    note(o, NIP__ARGO_GUESSED, NULL, "spec.connectionDetails.url", "no address of Prometheus is given: metrics.url is a placeholder");
}

static char *yaml_of(const openslo *o)
{
    nip__buffer buffer = NIP__BUFFER(NIP__MANIFESTS_RESULT_MAX);
    nip__buffer_text(&buffer, "# Converted from OpenSLO. Read it through: the notes say what was guessed, changed and left out.\nsla:\n");
    nip__yaml_write(&buffer, o->out, 1);
    return nip__buffer_take(&buffer);
}

int nip_openslo_convert(const char *text, size_t length, const char *name, char **json, nip_error **err)
{
    NIP_ARG(text != NULL && json != NULL);
    nip__arena *arena = nip__arena_new();
    openslo o = {.arena = arena, .out = nip__map(arena), .notes = nip__list(arena)};
    if (arena == NULL)
        return nip__nomem(err);
    if (name == NULL)
        name = "manifest";
    int rc = nip__manifests_read(arena, text, length, name, sort_in, &o, err);
    if (rc == 0 && o.slo_count == 0)
        rc = nip__fail(err, NIP_E_DOCUMENT, "%s holds no manifest of apiVersion: openslo/v1 and kind: SLO", name);
    if (rc == 0) {
        convert(&o);
        rc = nip__manifests_result(arena, yaml_of(&o), o.notes, json, err);
    }
    nip__arena_free(arena);
    return rc;
}
