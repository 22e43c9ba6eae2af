/* Following a run: which action was answered how, and what that says about its versions. */
#include "report/course.h"

#include <math.h>
#include <string.h>

#include "base/text.h"

/* Counts of a version at its last measurement: what came since is the difference. */
typedef struct counted {
    double errors, total;
    bool known;
} counted;

typedef struct follower {
    nip__course *course;
    counted counts[NIP__COURSE_VERSIONS];
} follower;

/* ---- versions and values ---- */

/* The place of a version's line; -1: there are two others already. */
static int row_of(nip__course *course, const char *version)
{
    for (int row = 0; row < NIP__COURSE_VERSIONS; row++) {
        if (course->versions[row] == NULL)
            course->versions[row] = nip__arena_text(course->arena, version);
        if (nip__text_equal(course->versions[row], version))
            return row;
    }
    return -1;
}

static void add(nip__course *course, nip__track *track, int row, nip_time at, double value)
{
    if (row < 0)
        return;
    if (track->counts[row] == track->capacities[row]) {
        size_t capacity = track->capacities[row] > 0 ? track->capacities[row] * 2 : 32;
        nip__point *grown = nip__arena_alloc(course->arena, capacity * sizeof *grown);
        if (grown == NULL)
            return;
        if (track->counts[row] > 0)
            memcpy(grown, track->points[row], track->counts[row] * sizeof *grown);
        track->points[row] = grown;
        track->capacities[row] = capacity;
    }
    track->points[row][track->counts[row]++] = (nip__point){at, value};
}

static nip__track *metric_of(nip__course *course, const char *name)
{
    for (size_t i = 0; i < course->metric_count; i++) {
        if (nip__text_equal(course->metrics[i].metric, name))
            return &course->metrics[i];
    }
    if (course->metric_count == NIP__COURSE_METRICS)
        return NULL;
    nip__track *track = &course->metrics[course->metric_count++];
    track->metric = nip__arena_text(course->arena, name);
    return track;
}

/* ---- what answers say ---- */

static void take_shares(follower *f, const nip__value *result, nip_time at)
{
    const nip__value *groups = nip__get(result, "groups");
    for (NIP__EACH(group, groups))
        add(f->course, &f->course->shares, row_of(f->course, group->key), at, nip__get_number(group, "share", 0));
    for (int row = 0; row < NIP__COURSE_VERSIONS; row++) { /* who is not named has nothing */
        const char *version = f->course->versions[row];
        if (version != NULL && groups != NULL && nip__get(groups, version) == NULL)
            add(f->course, &f->course->shares, row, at, 0);
    }
}

static void take_health(follower *f, const nip__value *result, nip_time at)
{
    for (NIP__EACH(group, nip__get(result, "groups")))
        add(f->course, &f->course->health, row_of(f->course, group->key), at, nip__get_number(group, "healthy", 0));
}

static void sum(const nip__value *counters, counted *all)
{
    for (NIP__EACH(counter, counters)) {
        all->errors += nip__get_number(counter, "errors", 0);
        all->total += nip__get_number(counter, "total", 0);
        all->known = true;
    }
}

/* Errors among the requests since the measurement before; NaN when there were none, or when counters began anew. */
static double rate_since(counted *before, const counted *now)
{
    double errors = now->errors - before->errors, total = now->total - before->total;
    bool told = before->known && now->known && errors >= 0 && total > 0;
    *before = *now;
    return told ? errors / total : NAN;
}

static void take_rate(follower *f, int row, const nip__value *version, nip_time at)
{
    const nip__value *window = nip__get(version, "window");
    nip__track *track = metric_of(f->course, "error_rate");
    double total = nip__get_number(window, "total", 0);
    counted now = {0};
    if (track == NULL || row < 0)
        return;
    if (window != NULL) {
        add(f->course, track, row, at, total > 0 ? nip__get_number(window, "errors", 0) / total : NAN);
        return;
    }
    sum(nip__get(version, "counters"), &now);
    add(f->course, track, row, at, rate_since(&f->counts[row], &now));
}

static void take_measurement(follower *f, const nip__value *result, nip_time at)
{
    for (NIP__EACH(version, nip__get(result, "versions"))) {
        int row = row_of(f->course, version->key);
        if (nip__get(version, "window") != NULL || nip__get(version, "counters") != NULL)
            take_rate(f, row, version, at);
        for (NIP__EACH(value, nip__get(version, "values"))) {
            nip__track *track = metric_of(f->course, value->key);
            double number;
            if (track != NULL)
                add(f->course, track, row, at, nip__number(value, &number) ? number : NAN);
        }
    }
}

static const struct {
    const char *role, *verb;
    void (*take)(follower *f, const nip__value *result, nip_time at);
} takers[] = {
    {"router", "route", take_shares}, {"check", "http", take_health}, {"check", "tcp", take_health},
    {"check", "command", take_health}, {"metrics", "measure", take_measurement},
};

static void on_answer(follower *f, const nip__event *answer)
{
    const nip__value *asked = answer->intent != NULL ? answer->intent->payload : NULL, *result = nip__get(answer->payload, "result");
    for (size_t i = 0; i < sizeof takers / sizeof takers[0]; i++) {
        if (nip__text_equal(nip__get_text(asked, "role"), takers[i].role) && nip__text_equal(nip__get_text(asked, "verb"), takers[i].verb))
            takers[i].take(f, result, answer->at);
    }
}

/* ---- events ---- */

static void on_judged(follower *f, const nip__event *event)
{
    for (NIP__EACH(metric, nip__get(event->payload, "metrics"))) {
        nip__track *track = metric_of(f->course, nip__get_text(metric, "name"));
        double limit;
        if (track == NULL || !nip__number(nip__get(metric, "limit"), &limit))
            continue;
        track->limited = true;
        track->limit = limit;
    }
}

void nip__course_read(nip__course *course, nip__arena *arena, const nip__history *history)
{
    static const struct {
        const char *kind;
        void (*take)(follower *f, const nip__event *event);
    } kinds[] = {{"action.completed", on_answer}, {"guard.judged", on_judged}};
    follower f = {.course = course};
    *course = (nip__course){.arena = arena};
    const nip__value *plan = nip__get(history->first->payload, "plan");
    const char *before = nip__get_text(nip__pointer(plan, "/release/previous"), "version"), *fresh = nip__get_text(nip__get(plan, "release"), "version");
    if (before != NULL)
        row_of(course, before);
    if (fresh != NULL)
        row_of(course, fresh);
    for (NIP__EACH_EVENT(event, history)) {
        for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
            if (strcmp(event->kind, kinds[i].kind) == 0)
                kinds[i].take(&f, event);
        }
    }
}
