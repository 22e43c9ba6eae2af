/* Rules for Prometheus. */
#include "sla/rules.h"

#include "convert/promql.h"
#include "doc/json.h"

typedef struct writing {
    nip__writer *writer;
    const nip__contract *contract;
    const nip__objective *objective;
    const nip__indicator *indicator;
    nip__ratio target;
} writing;

/* ---- parts ---- */

/* 300000: "5m", 3600000: "1h", as names of rules have it. */
static void put_length(nip__buffer *out, int64_t ms)
{
    static const struct {
        int64_t ms;
        char unit;
    } units[] = {{86400000, 'd'}, {3600000, 'h'}, {60000, 'm'}, {1000, 's'}};
    size_t at = 0;
    while (at < 3 && ms % units[at].ms != 0)
        at++;
    nip__buffer_printf(out, "%lld%c", (long long)(ms / units[at].ms), units[at].unit);
}

static int finish(nip__writer *writer, const char *key, nip__buffer *text, int rc)
{
    if (rc == 0)
        nip__write_text(writer, key, nip__buffer_string(text));
    writer->buffer->failed |= text->failed;
    nip__buffer_clear(text);
    return rc;
}

static void put_record_name(nip__buffer *out, int64_t window_ms)
{
    nip__buffer_text(out, "sla:error_ratio:rate");
    put_length(out, window_ms);
}

/* The recorded ratio of a window, of this objective. Names are letters, digits, dots, dashes and underscores. */
static void put_recorded(nip__buffer *out, const writing *w, int64_t window_ms)
{
    put_record_name(out, window_ms);
    nip__buffer_printf(out, "{sla=\"%s\",objective=\"%s\"}", w->contract->name, w->objective->name);
}

/* `window_ms` 0: it is of none. */
static void write_labels(const writing *w, const char *severity, int64_t window_ms)
{
    nip__buffer window = NIP__BUFFER(100);
    nip__write_map(w->writer, "labels");
    if (severity != NULL)
        nip__write_text(w->writer, "severity", severity);
    if (window_ms > 0) {
        put_length(&window, window_ms);
        finish(w->writer, "window", &window, 0);
    }
    nip__write_text(w->writer, "sla", w->contract->name);
    nip__write_text(w->writer, "objective", w->objective->name);
    nip__write_end_map(w->writer);
}

/* ---- recording rules ---- */

static int write_record(const writing *w, int64_t window_ms, nip_error **err)
{
    nip__buffer name = NIP__BUFFER(200), expression = NIP__BUFFER(100000);
    put_record_name(&name, window_ms);
    nip__write_map(w->writer, NULL);
    finish(w->writer, "record", &name, 0);
    int rc = finish(w->writer, "expr", &expression, nip__sla_rules_ratio(&expression, w->indicator, window_ms, err));
    write_labels(w, NULL, 0);
    nip__write_end_map(w->writer);
    return rc;
}

static bool is_earlier(const nip__contract *contract, size_t pair, int64_t window_ms, bool in_long)
{
    for (size_t i = 0; i < pair; i++) {
        if (contract->pairs[i].long_ms == window_ms || contract->pairs[i].short_ms == window_ms)
            return true;
    }
    return in_long && contract->pairs[pair].short_ms == window_ms;
}

/* Each window once. */
static int write_records(const writing *w, nip_error **err)
{
    int rc = 0;
    for (size_t i = 0; i < w->contract->pair_count && rc == 0; i++) {
        const nip__burn_pair *pair = &w->contract->pairs[i];
        if (!is_earlier(w->contract, i, pair->short_ms, false))
            rc = write_record(w, pair->short_ms, err);
        if (rc == 0 && !is_earlier(w->contract, i, pair->long_ms, true))
            rc = write_record(w, pair->long_ms, err);
    }
    return rc;
}

/* ---- alerts ---- */

static int put_condition(nip__buffer *out, const writing *w, const nip__burn_pair *pair, nip_error **err)
{
    put_recorded(out, w, pair->short_ms);
    nip__buffer_text(out, " > ");
    nip__sla_rules_threshold(out, pair->factor, w->target);
    nip__buffer_text(out, " and ");
    put_recorded(out, w, pair->long_ms);
    nip__buffer_text(out, " > ");
    nip__sla_rules_threshold(out, pair->factor, w->target);
    if (pair->min_bad == 0)
        return 0;
    nip__buffer_text(out, " and on () (");
    int rc = nip__sla_rules_bad(out, w->indicator, pair->long_ms, err);
    nip__buffer_text(out, ") >= ");
    if (w->indicator->kind == NIP__INDICATOR_TIME) /* ms there, seconds here */
        nip__sla_rules_threshold(out, (nip__ratio){pair->min_bad, 1000}, (nip__ratio){0, 1});
    else
        nip__buffer_int(out, pair->min_bad);
    return rc;
}

static void write_annotations(const writing *w, const nip__burn_pair *pair)
{
    nip__buffer summary = NIP__BUFFER(1000), description = NIP__BUFFER(1000);
    nip__buffer_printf(&summary, "%s of %s: the error budget burns too fast", w->objective->name, w->contract->name);
    nip__buffer_text(&description, "More than ");
    nip__sla_rules_threshold(&description, pair->factor, (nip__ratio){0, 1});
    nip__buffer_text(&description, " times as fast as it may, in ");
    put_length(&description, pair->long_ms);
    nip__buffer_text(&description, " and in ");
    put_length(&description, pair->short_ms);
    nip__write_map(w->writer, "annotations");
    finish(w->writer, "summary", &summary, 0);
    finish(w->writer, "description", &description, 0);
    nip__write_end_map(w->writer);
}

static int write_alert(const writing *w, const nip__burn_pair *pair, nip_error **err)
{
    nip__buffer expression = NIP__BUFFER(100000), length = NIP__BUFFER(100);
    nip__write_map(w->writer, NULL);
    nip__write_text(w->writer, "alert", "SLABudgetBurn");
    int rc = finish(w->writer, "expr", &expression, put_condition(&expression, w, pair, err));
    if (pair->for_ms > 0) {
        nip__buffer_printf(&length, "%lldms", (long long)pair->for_ms);
        finish(w->writer, "for", &length, 0);
    }
    write_labels(w, pair->severity, pair->long_ms);
    write_annotations(w, pair);
    nip__write_end_map(w->writer);
    return rc;
}

/* Without data no burn rate says anything: somebody must hear of that, too. */
static void write_absent(const writing *w)
{
    nip__buffer expression = NIP__BUFFER(20000), summary = NIP__BUFFER(1000);
    nip__buffer_text(&expression, "absent(");
    nip__promql_bare(&expression, nip__sla_rules_watched(w->indicator));
    nip__buffer_char(&expression, ')');
    nip__buffer_printf(&summary, "%s of %s: there is no data", w->objective->name, w->contract->name);
    nip__write_map(w->writer, NULL);
    nip__write_text(w->writer, "alert", "SLADataAbsent");
    finish(w->writer, "expr", &expression, 0);
    nip__write_text(w->writer, "for", "10m");
    write_labels(w, "page", 0);
    nip__write_map(w->writer, "annotations");
    finish(w->writer, "summary", &summary, 0);
    nip__write_text(w->writer, "description", "What was measured is gone, or nothing measures: no alert on a burn rate can fire.");
    nip__write_end_map(w->writer);
    nip__write_end_map(w->writer);
}

/* ---- groups ---- */

/* Of the periods that have a target, the one nearest to what budgets are for. */
static nip__ratio target_of(const nip__objective *objective)
{
    static const nip__period_kind order[] = {NIP__PERIOD_MONTH, NIP__PERIOD_ROLLING, NIP__PERIOD_QUARTER, NIP__PERIOD_YEAR, NIP__PERIOD_WEEK, NIP__PERIOD_DAY};
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        if (objective->targets[order[i]].den != 0)
            return objective->targets[order[i]];
    }
    return (nip__ratio){1, 1};
}

static int write_group(writing *w, nip_error **err)
{
    nip__buffer name = NIP__BUFFER(400);
    nip__buffer_printf(&name, "sla-%s-%s", w->contract->name, w->objective->name);
    nip__write_map(w->writer, NULL);
    finish(w->writer, "name", &name, 0);
    nip__write_list(w->writer, "rules");
    int rc = write_records(w, err);
    for (size_t i = 0; i < w->contract->pair_count && rc == 0; i++) {
        const nip__burn_pair *pair = &w->contract->pairs[i];
        if (w->contract->pairs_written || nip__burn_check(pair, w->target, w->indicator->slice_ms, NULL) == 0) /* a usual pair that could never fire is left out */
            rc = write_alert(w, pair, err);
    }
    if (rc == 0)
        write_absent(w);
    nip__write_end_list(w->writer);
    nip__write_end_map(w->writer);
    return rc;
}

static int write_objective(writing *w, nip_error **err)
{
    if (nip__sla_rules_watched(w->indicator) == NULL)
        return nip__fail(err, NIP_E_INVALID, "the objective %s cannot be alerted on by Prometheus: its indicator %s asks it nothing", w->objective->name, w->indicator->name);
    const char *odd = nip__sla_rules_odd(w->indicator);
    if (odd != NULL)
        return nip__fail(err, NIP_E_INVALID, "the objective %s cannot be alerted on by Prometheus: its indicator %s asks for %s, where a name and labels are wanted and nothing behind them",
                         w->objective->name, w->indicator->name, odd);
    if (w->target.num >= w->target.den)
        return nip__fail(err, NIP_E_INVALID, "the objective %s has a target of 100 %%: no burn rate can be alerted on", w->objective->name);
    return write_group(w, err);
}

static int write_json(nip__buffer *out, const nip__contract *contract, nip_error **err)
{
    nip__writer writer = NIP__WRITER(out);
    int rc = 0;
    nip__write_map(&writer, NULL);
    nip__write_list(&writer, "groups");
    for (size_t i = 0; i < contract->objective_count && rc == 0; i++) {
        const nip__objective *objective = &contract->objectives[i];
        writing w = {&writer, contract, objective, &contract->indicators[objective->indicator], target_of(objective)};
        rc = write_objective(&w, err);
    }
    nip__write_end_list(&writer);
    nip__write_end_map(&writer);
    return rc == 0 && out->failed ? nip__nomem(err) : rc;
}

/* ---- as YAML ---- */

static void put_indent(nip__buffer *out, int indent)
{
    nip__buffer_printf(out, "%*s", indent, "");
}

/* Maps and lists in block style, texts as JSON has them, which YAML reads as they are. `begun`: the first line has its indent already. */
static void put_yaml(nip__buffer *out, const nip__value *value, int indent, bool begun)
{
    bool list = nip__is(value, NIP__LIST);
    if (!list && !nip__is(value, NIP__MAP)) {
        nip__json_write(out, value);
        nip__buffer_char(out, '\n');
        return;
    }
    for (NIP__EACH(item, value)) {
        bool nested = nip__is(item, NIP__LIST) || nip__is(item, NIP__MAP);
        if (!begun)
            put_indent(out, indent);
        begun = false;
        if (list)
            nip__buffer_text(out, "- ");
        else
            nip__buffer_printf(out, nested ? "%s:\n" : "%s: ", item->key);
        put_yaml(out, item, indent + 2, list);
    }
}

int nip__sla_rules_write(nip__buffer *out, const nip__contract *contract, nip_error **err)
{
    nip__buffer json = NIP__BUFFER(out->max);
    nip__arena *arena = nip__arena_new();
    nip__value *rules = NULL;
    int rc = arena == NULL ? nip__nomem(err) : write_json(&json, contract, err);
    if (rc == 0)
        rc = nip__json_read(arena, json.data, json.length, "rules", &nip__internal_limits, &rules, err);
    if (rc == 0)
        put_yaml(out, rules, 0, false);
    nip__arena_free(arena);
    nip__buffer_clear(&json);
    if (rc == 0 && out->full)
        return nip__fail(err, NIP_E_LIMIT, "the rules would be larger than %zu bytes", out->max);
    return rc == 0 && out->failed ? nip__nomem(err) : rc;
}
