/* Objectives and alerts of a contract. */
#include "base/text.h"
#include "sla/contract_inside.h"
#include "sla/document.h"

static const char *const kinds[] = {
    [NIP__OBJECTIVE_AVAILABILITY] = "availability",
    [NIP__OBJECTIVE_ERROR_RATE] = "error_rate",
    [NIP__OBJECTIVE_LATENCY] = "latency",
    [NIP__OBJECTIVE_FRESHNESS] = "freshness",
};
enum { KIND_COUNT = sizeof kinds / sizeof kinds[0] };

const char *nip__objective_kind_name(nip__objective_kind kind)
{
    return kinds[kind];
}

static nip__ratio percentage(const nip__value *map, const char *key)
{
    nip__ratio ratio = {0, 1};
    nip__sla_percentage(nip__get(map, key), &ratio);
    return ratio;
}

/* ---- objectives ---- */

/* Of an error rate the most that may be bad is promised: what remains must be good. */
static void set_targets(const nip__value *value, nip__objective *objective)
{
    const nip__value *targets = nip__get(value, "targets");
    for (int kind = 0; kind < NIP__PERIOD_KINDS; kind++) {
        const nip__value *own = nip__get(targets, nip__period_kind_name((nip__period_kind)kind));
        nip__ratio ratio = {0, 0};
        if (!nip__sla_percentage(own != NULL ? own : nip__get(value, "target"), &ratio))
            continue;
        if (objective->kind == NIP__OBJECTIVE_ERROR_RATE)
            ratio.num = ratio.den - ratio.num;
        objective->targets[kind] = ratio;
    }
}

static nip__sla_missing missing_of(const nip__value *value)
{
    static const nip__sla_missing policies[] = {NIP__SLA_IGNORE, NIP__SLA_BAD, NIP__SLA_GOOD, NIP__SLA_HOLD};
    for (size_t i = 0; i < sizeof policies / sizeof policies[0]; i++) {
        if (nip__text_equal(nip__get_text(value, "missing"), nip__sla_missing_name(policies[i])))
            return policies[i];
    }
    return NIP__SLA_BAD;
}

static int read_credits(nip__arena *arena, const nip__value *credits, const nip__credit_terms **terms, nip_error **err)
{
    const nip__value *tiers = nip__get(credits, "tiers");
    nip__credit_terms *made = nip__arena_alloc(arena, sizeof *made);
    nip__credit_tier *items = nip__arena_alloc(arena, (nip__count(tiers) + 1) * sizeof *items);
    if (made == NULL || items == NULL)
        return nip__nomem(err);
    *made = (nip__credit_terms){
        .tiers = items,
        .fee = nip__get_int(credits, "fee", 0),
        .minimum = nip__get_int(credits, "minimum", 0),
        .cap = percentage(credits, "cap"),
    };
    for (NIP__EACH(tier, tiers))
        items[made->count++] = (nip__credit_tier){percentage(tier, "below"), percentage(tier, "credit")};
    *terms = made;
    return 0;
}

static size_t place_of(const nip__contract *contract, const char *name)
{
    size_t at = 0;
    while (at < contract->indicator_count && !nip__text_equal(contract->indicators[at].name, name))
        at++;
    return at;
}

int nip__contract_read_objective(const nip__contract *contract, const nip__value *value, nip__objective *objective, nip_error **err)
{
    int kind = 0;
    while (kind < KIND_COUNT - 1 && nip__get(value, kinds[kind]) == NULL)
        kind++;
    *objective = (nip__objective){
        .name = value->key,
        .kind = (nip__objective_kind)kind,
        .indicator = place_of(contract, nip__get_text(value, kinds[kind])),
        .missing = missing_of(value),
        .min_coverage = percentage(value, "min_coverage"),
        .quantile = nip__get_number(value, "quantile", 0),
    };
    if (objective->indicator == contract->indicator_count)
        return nip__fail(err, NIP_E_INVALID, "the objective \"%.64s\" names no indicator of the document", value->key);
    if (objective->missing == NIP__SLA_HOLD)
        objective->hold_ms = nip__get_duration(value, "hold", 300 * NIP_SECOND) / NIP_MILLISECOND;
    set_targets(value, objective);
    const nip__value *credits = nip__get(value, "credits");
    return credits == NULL ? 0 : read_credits(contract->arena, credits, &objective->credits, err);
}

/* ---- alerts ---- */

static int64_t ms_of(const nip__value *map, const char *key)
{
    return nip__get_duration(map, key, 0) / NIP_MILLISECOND;
}

static nip__ratio factor_of(const nip__value *pair, int64_t period_ms)
{
    nip__decimal factor = {0, 0};
    if (nip__get(pair, "budget") != NULL)
        return nip__burn_factor(percentage(pair, "budget"), period_ms, ms_of(pair, "long"));
    nip__sla_decimal(nip__get(pair, "factor"), &factor);
    int64_t den = 1;
    for (int i = 0; i < factor.scale; i++)
        den *= 10;
    return (nip__ratio){factor.digits, den};
}

static void set_written(nip__contract *contract, const nip__value *pairs)
{
    for (NIP__EACH(pair, pairs)) {
        contract->pairs[contract->pair_count++] = (nip__burn_pair){
            .severity = nip__get_text(pair, "severity"),
            .factor = factor_of(pair, contract->alert_period_ms),
            .long_ms = ms_of(pair, "long"),
            .short_ms = ms_of(pair, "short"),
            .min_bad = nip__get_int(pair, "min_bad", 0),
            .for_ms = ms_of(pair, "for"),
        };
    }
}

/* The parts of the budget stay what they are, whatever the period: its factors follow. */
static void set_defaults(nip__contract *contract)
{
    static const int parts[NIP__BURN_DEFAULTS] = {2, 5, 10, 10};
    for (size_t i = 0; i < NIP__BURN_DEFAULTS; i++) {
        nip__burn_pair *pair = &contract->pairs[contract->pair_count++];
        *pair = nip__burn_defaults[i];
        pair->factor = nip__burn_factor((nip__ratio){parts[i], 100}, contract->alert_period_ms, pair->long_ms);
    }
}

int nip__contract_read_alerts(nip__contract *contract, const nip__value *alerts, nip_error **err)
{
    const nip__value *pairs = nip__get(alerts, "pairs");
    contract->alert_period_ms = nip__get_duration(alerts, "period", INT64_C(720) * 3600 * NIP_SECOND) / NIP_MILLISECOND;
    contract->pairs = nip__arena_alloc(contract->arena, (nip__count(pairs) + NIP__BURN_DEFAULTS) * sizeof *contract->pairs);
    if (contract->pairs == NULL)
        return nip__nomem(err);
    contract->pairs_written = pairs != NULL;
    if (pairs != NULL)
        set_written(contract, pairs);
    else
        set_defaults(contract);
    return 0;
}

static nip__ratio any_target(const nip__objective *objective)
{
    static const nip__period_kind order[] = {NIP__PERIOD_MONTH, NIP__PERIOD_ROLLING, NIP__PERIOD_QUARTER, NIP__PERIOD_YEAR, NIP__PERIOD_WEEK, NIP__PERIOD_DAY};
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        if (objective->targets[order[i]].den != 0)
            return objective->targets[order[i]];
    }
    return (nip__ratio){0, 0};
}

int nip__contract_check_pairs(const nip__contract *contract, nip_error **err)
{
    int rc = 0;
    for (size_t i = 0; i < contract->objective_count && contract->pairs_written; i++) {
        const nip__objective *objective = &contract->objectives[i];
        for (size_t k = 0; k < contract->pair_count && rc == 0; k++)
            rc = nip__burn_check(&contract->pairs[k], any_target(objective), contract->indicators[objective->indicator].slice_ms, err);
        if (rc < 0)
            return nip__wrap(err, "an alert of the objective \"%.64s\"", objective->name);
    }
    return 0;
}
