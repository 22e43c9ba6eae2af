/* Indicators of a contract, and their definitions. */
#include "base/text.h"
#include "sla/contract_inside.h"
#include "sla/document.h"

/* What a document has nothing of is kept out of it, so that later keys change no older definition. */
static nip__value *defining(nip__arena *arena, const nip__indicator *indicator)
{
    static const char *const kinds[] = {"time", "events", "latency"};
    nip__value *map = nip__map(arena);
    bool asked = indicator->query != NULL || indicator->good != NULL || indicator->bad != NULL || indicator->histogram != NULL;
    nip__put_text(arena, map, "kind", kinds[indicator->kind]);
    nip__put_text(arena, map, "name", asked ? NULL : indicator->name); /* nothing else tells those apart that are pushed */
    nip__put_int(arena, map, "slice_ms", indicator->slice_ms);
    nip__put_int(arena, map, "max_gap_ms", indicator->max_gap_ms);
    nip__put_text(arena, map, "query", indicator->query);
    nip__put_text(arena, map, "good", indicator->good);
    nip__put_text(arena, map, "bad", indicator->bad);
    nip__put_text(arena, map, "total", indicator->total);
    nip__put_text(arena, map, "histogram", indicator->histogram);
    if (indicator->kind == NIP__INDICATOR_TIME) {
        nip__put_text(arena, map, "up_when", nip__sla_comparisons[indicator->up_when]);
        nip__put_real(arena, map, "up_value", indicator->up_value);
        nip__put_text(arena, map, "instance_label", indicator->instance_label);
    }
    if (indicator->kind == NIP__INDICATOR_LATENCY) {
        nip__put_real(arena, map, "limit", indicator->limit_seconds);
        nip__put_bool(arena, map, "buckets", indicator->buckets);
    }
    return map;
}

/* ---- kinds ---- */

static nip__ms instant(const nip__value *instance, const char *key, nip__ms otherwise)
{
    nip_time time = nip__get_time(instance, key, NIP_TIME_NONE);
    return time == NIP_TIME_NONE ? otherwise : nip__ms_of(time);
}

static int read_instances(nip__arena *arena, const nip__value *values, nip__indicator *indicator, nip_error **err)
{
    nip__instance *instances = nip__arena_alloc(arena, (nip__count(values) + 1) * sizeof *instances);
    if (instances == NULL)
        return nip__nomem(err);
    for (NIP__EACH(value, values)) {
        instances[indicator->instance_count++] = (nip__instance){
            .name = nip__get_text(value, "name"), .from = instant(value, "from", INT64_MIN), .until = instant(value, "until", INT64_MAX)};
    }
    indicator->instances = instances;
    return 0;
}

static nip__agreement agreement_of(const nip__value *time)
{
    static const struct {
        const char *name;
        nip__agreement agreement;
    } agreements[] = {{"any", NIP__ANY}, {"all", NIP__ALL}, {"majority", NIP__MAJORITY}, {"prefer", NIP__PREFER}};
    if (nip__get(time, "k") != NULL)
        return NIP__K_OF_N;
    for (size_t i = 0; i < sizeof agreements / sizeof agreements[0]; i++) {
        if (nip__text_equal(nip__get_text(time, "agree"), agreements[i].name))
            return agreements[i].agreement;
    }
    return NIP__ALL;
}

static int read_time(nip__arena *arena, const nip__value *time, nip__indicator *indicator, nip_error **err)
{
    int comparison = NIP__AT_LEAST;
    double value = 1;
    const char *up_when = nip__get_text(time, "up_when");
    if (up_when != NULL)
        nip__sla_comparison(up_when, &comparison, &value);
    indicator->kind = NIP__INDICATOR_TIME;
    indicator->query = nip__get_text(time, "query");
    indicator->up_when = (nip__comparison)comparison;
    indicator->up_value = value;
    indicator->instance_label = nip__get_text(time, "instance_label");
    indicator->agreement = agreement_of(time);
    indicator->k = nip__get_int(time, "k", 1);
    return read_instances(arena, nip__get(time, "instances"), indicator, err);
}

static int read_events(nip__arena *arena, const nip__value *events, nip__indicator *indicator, nip_error **err)
{
    (void)arena;
    (void)err;
    indicator->kind = NIP__INDICATOR_EVENTS;
    indicator->good = nip__get_text(events, "good");
    indicator->bad = nip__get_text(events, "bad");
    indicator->total = nip__get_text(events, "total");
    indicator->events_prefer = nip__text_equal(nip__get_text(events, "streams"), "prefer");
    return 0;
}

static nip__decimal seconds(nip_duration duration)
{
    nip__decimal decimal = {duration, 9};
    while (decimal.scale > 0 && decimal.digits % 10 == 0) {
        decimal.digits /= 10;
        decimal.scale--;
    }
    return decimal;
}

static int read_latency(nip__arena *arena, const nip__value *latency, nip__indicator *indicator, nip_error **err)
{
    (void)arena;
    (void)err;
    nip_duration limit = nip__get_duration(latency, "limit", 0);
    indicator->kind = NIP__INDICATOR_LATENCY;
    indicator->histogram = nip__get_text(latency, "histogram");
    indicator->limit = seconds(limit);
    indicator->limit_seconds = (double)limit / (double)NIP_SECOND;
    indicator->buckets = nip__get_bool(latency, "buckets", true);
    indicator->events_prefer = nip__text_equal(nip__get_text(latency, "streams"), "prefer");
    return 0;
}

int nip__contract_read_indicator(nip__arena *arena, const nip__value *value, nip__indicator *indicator, nip_error **err)
{
    static const struct {
        const char *name;
        int (*read)(nip__arena *arena, const nip__value *part, nip__indicator *indicator, nip_error **err);
    } kinds[] = {{"time", read_time}, {"events", read_events}, {"latency", read_latency}};
    int rc = 0;
    *indicator = (nip__indicator){
        .name = value->key,
        .slice_ms = nip__get_duration(value, "slice", 60 * NIP_SECOND) / NIP_MILLISECOND,
        .max_gap_ms = nip__get_duration(value, "max_gap", 150 * NIP_SECOND) / NIP_MILLISECOND,
    };
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0] && rc == 0; i++) {
        if (nip__get(value, kinds[i].name) != NULL)
            rc = kinds[i].read(arena, nip__get(value, kinds[i].name), indicator, err);
    }
    if (rc == 0)
        rc = nip__definition_of(defining(arena, indicator), indicator->definition, err);
    return rc == 0 && nip__arena_failed(arena) ? nip__nomem(err) : rc;
}
