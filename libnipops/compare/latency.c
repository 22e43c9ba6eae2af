/* Latencies of both versions: quantiles, histograms, and verdicts by ranks, which no single slow reply can sway. */
#include "compare/latency.h"

#include <string.h>

#include "analysis/rank.h"
#include "base/text.h"
#include "nipops/analysis.h"

/* Upper ends of the histogram's buckets, seconds; one more bucket has no end. */
static const double bounds[] = {0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10};
enum { BOUNDS = sizeof bounds / sizeof bounds[0] };

static const struct {
    const char *name;
    double quantile;
} quantiles[] = {{"p50", 0.5}, {"p90", 0.9}, {"p95", 0.95}, {"p99", 0.99}, {"max", 1}};

static void put_buckets(nip__arena *arena, nip__value *map, const double *sorted, int64_t count)
{
    int64_t buckets[BOUNDS + 1] = {0};
    nip__value *list = nip__list(arena);
    size_t at = 0;
    for (int64_t i = 0; i < count; i++) {
        while (at < BOUNDS && sorted[i] > bounds[at])
            at++;
        buckets[at]++;
    }
    for (size_t i = 0; i <= BOUNDS; i++)
        nip__push(list, nip__int(arena, buckets[i]));
    nip__put(arena, map, "buckets", list);
}

static nip__value *side(nip__arena *arena, const double *sorted, int64_t count)
{
    nip__value *map = nip__map(arena);
    nip__put_int(arena, map, "count", count);
    for (size_t i = 0; i < sizeof quantiles / sizeof quantiles[0] && count > 0; i++)
        nip__put_real(arena, map, quantiles[i].name, sorted[nip__quantile_rank(count, quantiles[i].quantile) - 1]);
    put_buckets(arena, map, sorted, count);
    return map;
}

static double quantile_named(const char *name)
{
    for (size_t i = 0; i < sizeof quantiles / sizeof quantiles[0]; i++) {
        if (nip__text_equal(quantiles[i].name, name))
            return quantiles[i].quantile;
    }
    return -1;
}

static int64_t count_above(const double *sorted, int64_t count, double limit)
{
    int64_t above = 0;
    while (above < count && sorted[count - 1 - above] > limit)
        above++;
    return above;
}

/* The limit lies a given part above the old version's quantile. Were the new version's latencies those of the old one, all made longer by
 * that part, how probable were as many above the limit as there are? Ranks know nothing of how latencies are distributed. Both versions
 * answer the same requests, which makes their samples more alike than the test supposes: it errs towards "not proven". */
static int judge(const nip__latencies *l, int64_t rank, int64_t above, int64_t tests, double *tail)
{
    *tail = nip__precedence_tail(l->count, l->count, rank, above);
    if (l->count < l->min_samples)
        return NIP_VERDICT_INCONCLUSIVE;
    if (above <= l->count - rank) /* its own quantile is not above the limit */
        return NIP_VERDICT_PASS;
    return *tail <= l->alpha / (double)tests ? NIP_VERDICT_FAIL : NIP_VERDICT_INCONCLUSIVE;
}

static void put_limit(nip__arena *arena, nip__value *list, const nip__latencies *l, const nip__value *given,
                      int64_t tests)
{
    double quantile = quantile_named(given->key), percent = 0, tail = 1, limit = 0;
    nip__value *map = nip__map(arena);
    if (quantile < 0 || !nip__number(given, &percent))
        return;
    int64_t above = 0, rank = nip__quantile_rank(l->count, quantile);
    int verdict = NIP_VERDICT_NO_DATA;
    nip__put_text(arena, map, "quantile", given->key);
    if (l->count > 0) {
        limit = l->old[rank - 1] * (1 + percent / 100) + l->floor;
        above = count_above(l->fresh, l->count, limit);
        verdict = judge(l, rank, above, tests, &tail);
        nip__put_real(arena, map, "old", l->old[rank - 1]);
        nip__put_real(arena, map, "new", l->fresh[rank - 1]);
        nip__put_real(arena, map, "limit", limit);
    }
    nip__put_text(arena, map, "verdict", nip_verdict_name(verdict));
    nip__put_int(arena, map, "above", above);
    nip__put_int(arena, map, "total", l->count);
    nip__put_real(arena, map, "probability", tail);
    nip__push(list, map);
}

nip__value *nip__latencies_result(nip__latencies *latencies, nip__arena *arena)
{
    nip__value *result = nip__map(arena), *ends = nip__list(arena), *limits = nip__list(arena);
    nip__sort_numbers(latencies->old, (size_t)latencies->count);
    nip__sort_numbers(latencies->fresh, (size_t)latencies->count);
    for (size_t i = 0; i < BOUNDS; i++)
        nip__push(ends, nip__real(arena, bounds[i]));
    int64_t tests = (int64_t)nip__count(latencies->limits);
    for (NIP__EACH(given, latencies->limits))
        put_limit(arena, limits, latencies, given, tests);
    nip__put(arena, result, "bounds", ends);
    nip__put(arena, result, "old", side(arena, latencies->old, latencies->count));
    nip__put(arena, result, "new", side(arena, latencies->fresh, latencies->count));
    nip__put(arena, result, "limits", limits);
    return result;
}

int nip__latencies_verdict(const nip__value *result, const char **why)
{
    static const char *const lines[] = {
        [NIP_VERDICT_NO_DATA] = "no latency could be measured of both versions",
        [NIP_VERDICT_INCONCLUSIVE] = "it is not proven either way whether the new version keeps to its latency limits",
        [NIP_VERDICT_FAIL] = "the new version is slower than its latency limits allow",
    };
    int worst = NIP_VERDICT_PASS;
    for (NIP__EACH(limit, nip__get(result, "limits"))) {
        const char *name = nip__get_text(limit, "verdict");
        for (int verdict = NIP_VERDICT_PASS; verdict <= NIP_VERDICT_FAIL; verdict++)
            worst = nip__text_equal(name, nip_verdict_name(verdict)) && verdict > worst ? verdict : worst;
    }
    *why = worst == NIP_VERDICT_PASS ? NULL : lines[worst];
    return worst;
}
