/* What comparing found, and the verdict on it. */
#include "compare/tally.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "compare/advice.h"
#include "compare/fields.h"
#include "compare/latency.h"
#include "doc/json.h"
#include "nipops/analysis.h"

/* Of a hundred requests, how many may be hidden by noise: a few say little against the many that were compared. */
enum { HIDDEN_PERCENT = 10 };

/* The fields in which one request's answers differed, and how many values of the body lie in each. */
typedef struct outcome {
    const uint16_t *fields;
    const int64_t *values;
    size_t count;
    int64_t all_values;   /* of the body */
    const char *too_long; /* the rule that would have taken too long for these answers */
} outcome;

struct nip__tally {
    nip__differ differ;
    nip__tally_limits limits;
    nip__field_counts fields;
    outcome *outcomes; /* one a compared request */
    size_t most, compared;
    double *old_seconds, *fresh_seconds; /* of requests that both answered */
    size_t timed;
    nip__value *lost; /* why requests could not be compared: how many */
    int64_t lost_count;
};

static nip__value *latency_limits(nip__arena *arena, const nip__value *limits)
{
    nip__value *map = nip__map(arena);
    for (NIP__EACH(item, limits)) {
        if (nip__text_starts(item->key, "latency_p"))
            nip__put(arena, map, item->key + strlen("latency_"), nip__copy(arena, item));
    }
    return map;
}

void nip__tally_limits_read(nip__arena *arena, const nip__value *args, nip__tally_limits *limits)
{
    const nip__value *given = nip__get(args, "limits");
    *limits = (nip__tally_limits){
        .mismatches = nip__get_number(given, "mismatches", 0) / 100,
        .latency = latency_limits(arena, given),
        .latency_floor = (double)nip__get_duration(given, "latency_floor", NIP_MILLISECOND) / (double)NIP_SECOND,
        .min_samples = nip__get_int(given, "min_samples", 20),
        .alpha = nip__get_number(given, "alpha", 0.01),
        .baseline = nip__get_bool(args, "baseline", true),
        .examples = nip__get_int(args, "examples", 3),
    };
}

nip__tally *nip__tally_new(const nip__differ *differ, const nip__tally_limits *limits, size_t most)
{
    nip__tally *made = nip__calloc(1, sizeof *made);
    nip__arena *arena = nip__arena_new();
    if (made == NULL || arena == NULL) {
        nip__free(made);
        nip__arena_free(arena);
        return NULL;
    }
    *made = (nip__tally){.differ = *differ, .limits = *limits, .most = most};
    made->fields.arena = arena;
    made->outcomes = nip__arena_alloc(arena, (most + 1) * sizeof *made->outcomes);
    made->old_seconds = nip__arena_alloc(arena, (most + 1) * sizeof(double));
    made->fresh_seconds = nip__arena_alloc(arena, (most + 1) * sizeof(double));
    made->lost = nip__map(arena);
    if (nip__arena_failed(arena)) {
        nip__tally_free(made);
        return NULL;
    }
    return made;
}

void nip__tally_free(nip__tally *tally)
{
    if (tally == NULL)
        return;
    nip__arena_free(tally->fields.arena);
    nip__free(tally);
}

/* ---- one request ---- */

typedef struct collecting {
    nip__tally *tally;
    const nip__answers *answers;
    nip__field_set set;
    bool baseline;
    const char *too_long;
} collecting;

/* Only a text as a whole needs one: a place in JSON has its pointer. */
static void find_pattern(nip__tally *tally, nip__field_count *field, const nip__difference *difference)
{
    if (field->pattern == NULL && strcmp(difference->field, "body") == 0 && strcmp(difference->kind, "changed") == 0 &&
        difference->old_text != NULL)
        field->pattern = nip__advice_pattern(tally->fields.arena, difference);
}

static void collect(void *data, const nip__difference *difference)
{
    collecting *c = data;
    nip__tally *tally = c->tally;
    if (difference->too_long != NULL)
        c->too_long = difference->too_long;
    if (difference->too_long != NULL && !c->baseline)
        return; /* what may be none is no difference of the new version's, but may be noise */
    size_t field = nip__fields_find(&tally->fields, difference->field);
    if (!nip__field_set_add(&c->set, field, difference))
        return;
    field = c->set.list[c->set.count - 1];
    if (c->baseline && tally->limits.examples > 0)
        find_pattern(tally, &tally->fields.list[field], difference);
    if (!c->baseline && tally->fields.list[field].example_count < tally->limits.examples)
        nip__fields_add_example(&tally->fields, field, c->answers->method, c->answers->target, difference);
}

static void count_fields(nip__tally *tally, const nip__field_set *differs, const nip__field_set *noise)
{
    for (size_t i = 0; i < differs->count; i++) {
        nip__field_count *field = &tally->fields.list[differs->list[i]];
        field->name = field->name != NULL ? field->name : "other places";
        field->differs++;
        field->kinds[differs->kinds[i]]++;
        field->only_differs += !nip__field_set_has(noise, differs->list[i]);
    }
    for (size_t i = 0; i < noise->count; i++) {
        nip__field_count *field = &tally->fields.list[noise->list[i]];
        field->name = field->name != NULL ? field->name : "other places";
        field->baseline++;
        field->only_baseline += !nip__field_set_has(differs, noise->list[i]);
    }
}

static void keep_outcome(nip__tally *tally, const nip__field_set *differs, int64_t all_values, const char *too_long)
{
    size_t count = differs->count;
    uint16_t *list = nip__arena_alloc(tally->fields.arena, (count + 1) * sizeof *list);
    int64_t *values = nip__arena_alloc(tally->fields.arena, (count + 1) * sizeof *values);
    if (list == NULL || values == NULL)
        return;
    memcpy(list, differs->list, count * sizeof *list);
    memcpy(values, differs->values, count * sizeof *values);
    tally->outcomes[tally->compared++] = (outcome){list, values, count, all_values, too_long};
}

static double seconds_of(const nip__answer *answer)
{
    return (double)answer->duration / (double)NIP_SECOND;
}

int nip__tally_add(nip__tally *tally, const nip__answers *answers, nip_error **err)
{
    collecting differs = {.tally = tally, .answers = answers},
               noise = {.tally = tally, .answers = answers, .baseline = true};
    if (tally->compared == tally->most)
        return nip__fail(err, NIP_E_LIMIT, "more requests than were announced");
    if (answers->old->reason != NULL) {
        nip__tally_lost(tally, answers->old->reason);
        return 0;
    }
    int64_t all_values = 0;
    int rc = nip__differ_compare(&tally->differ, answers->old, answers->fresh, collect, &differs, &all_values, err);
    if (rc == 0 && answers->again != NULL)
        rc = nip__differ_compare(&tally->differ, answers->old, answers->again, collect, &noise, NULL, err);
    if (rc < 0)
        return rc;
    count_fields(tally, &differs.set, &noise.set);
    keep_outcome(tally, &differs.set, all_values, differs.too_long != NULL ? differs.too_long : noise.too_long);
    if (answers->fresh->reason == NULL) {
        tally->old_seconds[tally->timed] = seconds_of(answers->old);
        tally->fresh_seconds[tally->timed++] = seconds_of(answers->fresh);
    }
    return nip__arena_failed(tally->fields.arena) ? nip__nomem(err) : 0;
}

void nip__tally_lost(nip__tally *tally, const char *reason)
{
    nip__put_int(tally->fields.arena, tally->lost, reason, nip__get_int(tally->lost, reason, 0) + 1);
    tally->lost_count++;
}

/* ---- what counts ---- */

/* A place in which the old version's own two answers differ now and then proves nothing when the new version's differ there too. Were both
 * versions alike, then among the requests in which just one of the two pairs differs there, it would be the one or the other with equal
 * probability (McNemar's exact test). */
static bool is_more_than_noise(const nip__tally *tally, const nip__field_count *field)
{
    double tail = 1;
    if (field->baseline == 0)
        return field->differs > 0;
    nip_binomial_tail(field->only_differs, field->only_differs + field->only_baseline, 0.5, &tail, NULL);
    return tail <= tally->limits.alpha;
}

static void decide_fields(nip__tally *tally)
{
    for (size_t i = 0; i <= NIP__FIELDS_KEPT; i++)
        tally->fields.list[i].counts = is_more_than_noise(tally, &tally->fields.list[i]);
}

static bool is_mismatch(const nip__tally *tally, const outcome *o)
{
    bool counts = false;
    for (size_t i = 0; i < o->count; i++)
        counts |= tally->fields.list[o->fields[i]].counts;
    return counts;
}

/* Of an answer of which more than half differs as the old version's own answers do, the rest says too little: nobody knows whether noise is
 * all that differs there. */
static bool is_hidden(const outcome *o)
{
    int64_t noisy = 0;
    for (size_t i = 0; i < o->count; i++)
        noisy += o->values[i];
    return noisy > o->all_values / 2;
}

static void note_hiders(nip__tally *tally, const outcome *o)
{
    for (size_t i = 0; i < o->count; i++)
        tally->fields.list[o->fields[i]].hides += o->values[i] > 0;
}

typedef struct sums {
    int64_t mismatched, hidden; /* requests */
    int64_t unsettled;          /* a rule would have taken too long for them */
    int64_t comparable;         /* neither hidden nor unsettled */
    const char *too_long;       /* the first such rule */
    nip__value *why;            /* not comparable: {reason: how many} */
} sums;

static void count_reason(nip__arena *arena, nip__value *why, const char *reason)
{
    nip__put_int(arena, why, reason, nip__get_int(why, reason, 0) + 1);
}

static void note_unsettled(nip__arena *arena, sums *s, const char *rule)
{
    s->unsettled++;
    s->too_long = s->too_long != NULL ? s->too_long : rule;
    count_reason(arena, s->why, nip__arena_printf(arena, "%s takes too long", rule));
}

static sums sum_up(nip__tally *tally, nip__arena *arena)
{
    sums s = {.why = nip__map(arena)};
    for (size_t i = 0; i < tally->compared; i++) {
        const outcome *o = &tally->outcomes[i];
        if (is_mismatch(tally, o)) {
            s.mismatched++;
        } else if (o->too_long != NULL) {
            note_unsettled(arena, &s, o->too_long);
        } else if (is_hidden(o)) {
            s.hidden++;
            count_reason(arena, s.why, "noise");
            note_hiders(tally, o);
        }
    }
    s.comparable = (int64_t)tally->compared - s.hidden - s.unsettled;
    return s;
}

static bool hides_too_much(const nip__tally *tally, const sums *s)
{
    return s->hidden * 100 > (int64_t)tally->compared * HIDDEN_PERCENT;
}

static int ratio(const nip__tally *tally, int64_t events, int64_t total)
{
    return nip_ratio_verdict(events, total, tally->limits.mismatches, tally->limits.min_samples, 1, tally->limits.alpha,
                             NULL);
}

/* What is not comparable can be no part of a pass, and proves nothing: a fail is one even if all of it is alike. */
static int judge(const nip__tally *tally, const sums *s)
{
    if (ratio(tally, s->mismatched, (int64_t)tally->compared) == NIP_VERDICT_FAIL)
        return NIP_VERDICT_FAIL;
    int verdict = ratio(tally, s->mismatched, s->comparable);
    bool doubtful = s->unsettled > 0 || hides_too_much(tally, s) || verdict == NIP_VERDICT_FAIL;
    return doubtful ? NIP_VERDICT_INCONCLUSIVE : verdict;
}

/* ---- the result ---- */

static void put_examples(nip__arena *arena, nip__value *field, const nip__field_count *count)
{
    nip__value *list = nip__list(arena);
    for (const nip__example *example = count->examples; example != NULL; example = example->next) {
        nip__value *one = nip__push(list, nip__map(arena));
        nip__put_text(arena, one, "request", example->request);
        nip__put(arena, one, "old", nip__string(arena, example->old));
        nip__put(arena, one, "new", nip__string(arena, example->fresh));
    }
    nip__put(arena, field, "examples", list);
}

static void put_field(nip__arena *arena, nip__value *list, const nip__field_count *count)
{
    nip__value *field = nip__push(list, nip__map(arena));
    nip__value *kinds = nip__map(arena);
    nip__put_text(arena, field, "field", count->name);
    nip__put_bool(arena, field, "counts", count->counts);
    nip__put_int(arena, field, "differs", count->differs);
    nip__put_int(arena, field, "baseline_differs", count->baseline);
    for (size_t i = 0; i < NIP__DIFFERENCE_KINDS; i++) {
        if (count->kinds[i] > 0)
            nip__put_int(arena, kinds, nip__difference_kinds[i], count->kinds[i]);
    }
    nip__put(arena, field, "kinds", kinds);
    put_examples(arena, field, count);
}

enum { FIELDS_TOLD = 50 };

/* The one that comes next: what counts before noise, the more frequent before the rarer, then in order of their finding. */
static const nip__field_count *next_field(const nip__tally *tally, const bool *told)
{
    const nip__field_count *best = NULL;
    for (size_t i = 0; i <= NIP__FIELDS_KEPT; i++) {
        const nip__field_count *field = &tally->fields.list[i];
        if (told[i] || field->name == NULL || field->differs + field->baseline == 0)
            continue;
        if (best == NULL || field->counts > best->counts ||
            (field->counts == best->counts && field->differs > best->differs))
            best = field;
    }
    return best;
}

static void put_fields(nip__tally *tally, nip__arena *arena, nip__value *result)
{
    bool told[NIP__FIELDS_KEPT + 1] = {false};
    nip__value *list = nip__put(arena, result, "fields", nip__list(arena));
    const nip__field_count *field = next_field(tally, told);
    for (size_t i = 0; i < FIELDS_TOLD && field != NULL; i++, field = next_field(tally, told)) {
        put_field(arena, list, field);
        told[field - tally->fields.list] = true;
    }
    int64_t left = 0;
    for (size_t i = 0; i <= NIP__FIELDS_KEPT; i++)
        left += !told[i] && tally->fields.list[i].differs + tally->fields.list[i].baseline > 0;
    nip__put_int(arena, result, "fields_left_out", left);
}

static void put_mismatches(const nip__tally *tally, nip__arena *arena, nip__value *result, int verdict, const sums *s)
{
    nip__value *map = nip__put(arena, result, "mismatches", nip__map(arena));
    nip__put_text(arena, map, "verdict", nip_verdict_name(verdict));
    nip__put_int(arena, map, "events", s->mismatched);
    nip__put_int(arena, map, "total", s->comparable);
    nip__put_real(arena, map, "limit", tally->limits.mismatches);
}

static void put_not_comparable(const nip__tally *tally, nip__arena *arena, nip__value *result, const sums *s)
{
    nip__put_int(arena, result, "not_comparable", s->hidden + s->unsettled);
    nip__put(arena, result, "not_comparable_why", s->why);
    nip__put(arena, result, "advice", nip__advice_rules(arena, &tally->fields));
}

/* ---- one line for people, when it is not a pass ---- */

static const char *explain_hidden(const nip__tally *tally, nip__arena *arena, const sums *s)
{
    nip__value *rules = nip__advice_rules(arena, &tally->fields);
    nip__buffer list = NIP__BUFFER(4000);
    for (NIP__EACH(rule, rules)) {
        nip__buffer_text(&list, rule != nip__first(rules)
                                    ? ", "
                                    : "; add to shadow.compare.ignore what differs by itself, such as ");
        nip__json_write(&list, rule);
    }
    const char *made =
        nip__arena_printf(arena,
                          "in %lld of %zu requests the old version's own noise hides whether the new version answers "
                          "otherwise%s",
                          (long long)s->hidden, tally->compared,
                          list.length > 0 ? nip__buffer_string(&list) : ": its two answers to the same request differ");
    if (list.failed)
        nip__arena_fail(arena);
    nip__buffer_clear(&list);
    return made;
}

static const char *explain(const nip__tally *tally, nip__arena *arena, int verdict, const sums *s)
{
    if (verdict == NIP_VERDICT_PASS)
        return NULL;
    if (tally->compared == 0)
        return "no request could be compared";
    if ((int64_t)tally->compared < tally->limits.min_samples)
        return nip__arena_printf(arena, "only %zu requests could be compared, %lld are wanted", tally->compared,
                                 (long long)tally->limits.min_samples);
    if ((double)s->mismatched > tally->limits.mismatches * (double)s->comparable)
        return nip__arena_printf(arena, "%lld of %lld requests are answered otherwise, at most %.4g %% may be%s",
                                 (long long)s->mismatched, (long long)s->comparable, tally->limits.mismatches * 100,
                                 verdict == NIP_VERDICT_FAIL ? "" : " (which is not proven to be too many)");
    if (s->unsettled > 0)
        return nip__arena_printf(arena, "%lld of %zu answers could not be compared in bounded time: %s takes too long",
                                 (long long)s->unsettled, tally->compared, s->too_long);
    return explain_hidden(tally, arena, s);
}

nip__value *nip__tally_result(nip__tally *tally, nip__arena *arena)
{
    nip__value *result = nip__map(arena);
    decide_fields(tally);
    sums s = sum_up(tally, arena);
    int verdict = judge(tally, &s);
    nip__latencies latencies = {
        .old = tally->old_seconds,
        .fresh = tally->fresh_seconds,
        .count = (int64_t)tally->timed,
        .limits = tally->limits.latency,
        .floor = tally->limits.latency_floor,
        .min_samples = tally->limits.min_samples,
        .alpha = tally->limits.alpha,
    };
    const char *slower = NULL;
    nip__value *latency = nip__latencies_result(&latencies, arena);
    int timing = nip__latencies_verdict(latency, &slower);
    nip__put_text(arena, result, "verdict", nip_verdict_name(timing > verdict ? timing : verdict));
    nip__put(arena, result, "first_failure",
             nip__string(arena, timing > verdict ? slower : explain(tally, arena, verdict, &s)));
    nip__put_int(arena, result, "compared", (int64_t)tally->compared);
    nip__put_int(arena, result, "not_compared", tally->lost_count);
    nip__put(arena, result, "not_compared_why", nip__copy(arena, tally->lost));
    nip__put_bool(arena, result, "baseline", tally->limits.baseline);
    put_not_comparable(tally, arena, result, &s);
    put_mismatches(tally, arena, result, verdict, &s);
    put_fields(tally, arena, result);
    nip__put(arena, result, "latency", latency);
    nip__put_int(arena, result, "rules_exhausted", nip__rules_exhausted(tally->differ.rules));
    return result;
}
