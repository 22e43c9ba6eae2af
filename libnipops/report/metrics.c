/* Runs, verdicts and releases as Prometheus metrics: one function a family. What is not known has no sample. */
#include "nipops/report.h"

#include "base/error.h"
#include "base/text.h"
#include "doc/json.h"
#include "report/exposition.h"
#include "report/overview.h"

enum { METRICS_MAX = 64 * 1024 * 1024 };

static const char *const states[] = {"planned", "running", "waiting", "paused", "returning", "succeeded", "returned", "stopped", "broken", NULL};
static const char *const verdicts[] = {"pass", "fail", "inconclusive", "no_data", NULL};

/* What the writer of a family gets. */
typedef struct scene {
    nip__buffer *buffer;
    const char *name;              /* of the family */
    const nip__standing *standing; /* of one subject */
    const char *run;               /* its latest; NULL: none */
} scene;

static void put(const scene *s, double value)
{
    nip__exposition_sample(s->buffer, s->name, (nip__label[]){{"app", s->standing->subject}, {"run", s->run}, {0}}, value);
}

static double seconds(nip_time at)
{
    return (double)(at / NIP_MILLISECOND) / 1000;
}

/* ---- runs ---- */

static void write_counts(const scene *s)
{
    for (size_t i = 0; states[i] != NULL; i++) {
        double count = 0;
        for (NIP__EACH(run, s->standing->runs))
            count += nip__text_equal(nip__get_text(run, "state"), states[i]);
        nip__exposition_sample(s->buffer, s->name, (nip__label[]){{"app", s->standing->subject}, {"state", states[i]}, {0}}, count);
    }
}

static void write_state(const scene *s)
{
    const char *now = nip__get_text(s->standing->status, "state");
    for (size_t i = 0; now != NULL && states[i] != NULL; i++)
        nip__exposition_sample(s->buffer, s->name,
                               (nip__label[]){{"app", s->standing->subject}, {"run", s->run}, {"state", states[i]}, {0}},
                               nip__text_equal(now, states[i]));
}

static void write_instant(const scene *s, const char *key)
{
    nip_time at = nip__get_time(s->standing->status, key, NIP_TIME_NONE);
    if (at != NIP_TIME_NONE)
        put(s, seconds(at));
}

static void write_started(const scene *s)
{
    write_instant(s, "started");
}

static void write_ended(const scene *s)
{
    write_instant(s, "ended");
}

/* Whether a living process drives it; from another host that cannot be told. */
static void write_driven(const scene *s)
{
    const nip__value *alive = nip__get(s->standing->lease, "alive");
    if (s->standing->status != NULL && nip__is(alive, NIP__BOOL))
        put(s, alive->as.boolean);
}

static void write_step_number(const scene *s, const char *key)
{
    const nip__value *step = nip__get(s->standing->status, "step");
    if (step != NULL)
        nip__exposition_sample(s->buffer, s->name,
                               (nip__label[]){{"app", s->standing->subject}, {"run", s->run}, {"list", nip__get_text(step, "list")}, {0}},
                               nip__get_number(step, key, 0));
}

static void write_step(const scene *s)
{
    write_step_number(s, "number");
}

static void write_steps(const scene *s)
{
    write_step_number(s, "of");
}

static void write_waiting(const scene *s)
{
    const char *what = s->standing->waits_for;
    if (what != NULL)
        nip__exposition_sample(s->buffer, s->name, (nip__label[]){{"app", s->standing->subject}, {"run", s->run}, {"for", what}, {0}}, 1);
}

/* ---- guards ---- */

static void put_guard(const scene *s, const nip__value *guard, const nip__value *metric, const char *verdict, double value)
{
    nip__exposition_sample(s->buffer, s->name,
                           (nip__label[]){{"app", s->standing->subject},
                                          {"run", s->run},
                                          {"guard", nip__get_text(guard, "id")},
                                          {"metric", nip__get_text(metric, "name")},
                                          {"verdict", verdict},
                                          {0}},
                           value);
}

static void write_verdicts(const scene *s)
{
    for (NIP__EACH(guard, nip__get(s->standing->status, "guards"))) {
        for (NIP__EACH(metric, nip__get(guard, "metrics"))) {
            const char *now = nip__get_text(metric, "verdict");
            for (size_t i = 0; now != NULL && verdicts[i] != NULL; i++)
                put_guard(s, guard, metric, verdicts[i], nip__text_equal(now, verdicts[i]));
        }
    }
}

static void write_of_metrics(const scene *s, const char *key)
{
    for (NIP__EACH(guard, nip__get(s->standing->status, "guards"))) {
        for (NIP__EACH(metric, nip__get(guard, "metrics"))) {
            double value;
            if (nip__number(nip__get(metric, key), &value))
                put_guard(s, guard, metric, NULL, value);
        }
    }
}

static void write_values(const scene *s)
{
    write_of_metrics(s, "value");
}

static void write_limits(const scene *s)
{
    write_of_metrics(s, "limit");
}

static void write_failures(const scene *s)
{
    for (NIP__EACH(guard, nip__get(s->standing->status, "guards")))
        put_guard(s, guard, NULL, NULL, nip__get_number(guard, "failures", 0));
}

/* ---- releases ---- */

static void write_release(const scene *s)
{
    const nip__value *release = s->standing->release;
    if (release != NULL)
        nip__exposition_sample(s->buffer, s->name,
                               (nip__label[]){{"app", s->standing->subject},
                                              {"version", nip__get_text(release, "version")},
                                              {"artifact", nip__get_text(release, "artifact")},
                                              {0}},
                               1);
}

static void write_replicas(const scene *s)
{
    double replicas;
    if (nip__number(nip__get(s->standing->release, "replicas"), &replicas))
        nip__exposition_sample(s->buffer, s->name, (nip__label[]){{"app", s->standing->subject}, {0}}, replicas);
}

static void write_shares(const scene *s)
{
    for (NIP__EACH(share, s->standing->shares)) {
        double percent;
        if (nip__number(share, &percent))
            nip__exposition_sample(s->buffer, s->name, (nip__label[]){{"app", s->standing->subject}, {"version", share->key}, {0}}, percent / 100);
    }
}

static void write_records(const scene *s)
{
    nip__exposition_sample(s->buffer, s->name, (nip__label[]){{"app", s->standing->subject}, {0}}, (double)s->standing->records);
}

/* ---- all of them ---- */

static const struct {
    const char *name, *type, *help;
    void (*write)(const scene *s);
} families[] = {
    {"nipops_runs", "gauge", "Runs in the journal by the state that they are in or ended in.", write_counts},
    {"nipops_run_state", "gauge", "State of the latest run: 1 for the one that it is in.", write_state},
    {"nipops_run_driven", "gauge", "Whether a living process drives the latest run.", write_driven},
    {"nipops_run_start_timestamp_seconds", "gauge", "When the latest run was started.", write_started},
    {"nipops_run_end_timestamp_seconds", "gauge", "When the latest run ended.", write_ended},
    {"nipops_run_step", "gauge", "Number of the step that the latest run is at, from 1.", write_step},
    {"nipops_run_steps", "gauge", "Steps of the list (forward or back) that the latest run walks.", write_steps},
    {"nipops_run_waiting", "gauge", "1 while the latest run waits, by what for: approval, window, data or time.", write_waiting},
    {"nipops_guard_verdict", "gauge", "Last verdict on a guarded metric: 1 for the one that it is.", write_verdicts},
    {"nipops_guard_value", "gauge", "Last value of a guarded metric: ratios, and seconds for latencies.", write_values},
    {"nipops_guard_limit", "gauge", "Limit of a guarded metric, in the unit of its value.", write_limits},
    {"nipops_guard_failures", "gauge", "Failing verdicts of a guard so far.", write_failures},
    {"nipops_release_info", "gauge", "What is released; always 1.", write_release},
    {"nipops_release_replicas", "gauge", "Instances that the release has.", write_replicas},
    {"nipops_traffic_share_ratio", "gauge", "Share of the traffic of a version, as last read back from the router, or as released.", write_shares},
    {"nipops_journal_records_total", "counter", "Records in the journal.", write_records},
};

static void write_family(nip__buffer *buffer, size_t index, const nip__standing *first)
{
    nip__exposition_family(buffer, families[index].name, families[index].type, families[index].help);
    for (const nip__standing *standing = first; standing != NULL; standing = standing->next)
        families[index].write(&(scene){buffer, families[index].name, standing, nip__get_text(standing->status, "run")});
}

static int write_all(nip__arena *arena, nip_store *store, nip_time now, nip__buffer *buffer, nip_error **err)
{
    nip__standing *first = NULL;
    int rc = nip__overview_read(arena, store, now, &first, err);
    if (rc < 0)
        return rc;
    nip__exposition_family(buffer, "nipops_info", "gauge", "The library that wrote this; always 1.");
    nip__exposition_sample(buffer, "nipops_info", (nip__label[]){{"version", nip_version()}, {0}}, 1);
    for (size_t i = 0; i < sizeof families / sizeof families[0]; i++)
        write_family(buffer, i, first);
    return 0;
}

int nip_metrics_text(nip_store *store, nip_time now, char **text, nip_error **err)
{
    NIP_ARG(store != NULL && text != NULL);
    nip__arena *arena = nip__arena_new();
    if (arena == NULL)
        return nip__nomem(err);
    nip__buffer buffer = NIP__BUFFER(METRICS_MAX);
    int rc = write_all(arena, store, now, &buffer, err);
    char *written = rc < 0 ? NULL : nip__buffer_take(&buffer);
    nip__buffer_clear(&buffer);
    nip__arena_free(arena);
    if (rc < 0)
        return rc;
    if (written == NULL)
        return nip__nomem(err);
    *text = written;
    return 0;
}
