/* Pictures of a report. */
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "base/time.h"
#include "doc/html.h"
#include "sla/report_html.h"

enum { WIDTH = 900, HEIGHT = 70, LEFT = 10, RIGHT = 10, MIDDLE = 40, BANDS_MAX = 1000, POINTS_MAX = 10000 };

/* ---- a line with marks ---- */

/* "99.9516 %": the number before the blank; NaN for anything else. */
static double percentage(const nip__value *answer, const char *key)
{
    const char *text = nip__get_text(answer, key), *blank = text == NULL ? NULL : strchr(text, ' ');
    double number;
    return blank != NULL && nip__text_real_of(text, (size_t)(blank - text), &number) ? number : NAN;
}

/* From `least` to `most`, with a margin. */
typedef struct scale {
    double least, most;
} scale;

static scale scale_of(const double *numbers, size_t count)
{
    scale s = {INFINITY, -INFINITY};
    for (size_t i = 0; i < count; i++) {
        s.least = isnan(numbers[i]) ? s.least : fmin(s.least, numbers[i]);
        s.most = isnan(numbers[i]) ? s.most : fmax(s.most, numbers[i]);
    }
    double margin = s.most > s.least ? (s.most - s.least) / 5 : 0.5;
    return (scale){s.least - margin, s.most + margin};
}

static double x_of(const scale *s, double number)
{
    return LEFT + (number - s->least) / (s->most - s->least) * (WIDTH - LEFT - RIGHT);
}

static void put_bar(nip__buffer *out, const scale *s, const char *class_name, double from, double to, int half)
{
    nip__buffer_printf(out, "<rect class=\"%s\" x=\"", class_name);
    nip__html_number(out, x_of(s, from));
    nip__buffer_text(out, "\" width=\"");
    nip__html_number(out, fmax(x_of(s, to) - x_of(s, from), 2));
    nip__buffer_printf(out, "\" y=\"%d\" height=\"%d\"/>", MIDDLE - half, 2 * half);
}

static void put_mark(nip__buffer *out, const scale *s, double number, const char *label, const char *text, int y)
{
    double x = x_of(s, number);
    nip__buffer_printf(out, "<text class=\"axis\" text-anchor=\"%s\" x=\"", x < WIDTH / 4.0 ? "start" : x > WIDTH * 0.75 ? "end" : "middle");
    nip__html_number(out, x);
    nip__buffer_printf(out, "\" y=\"%d\">%s ", y, label);
    nip__html_text(out, text);
    nip__buffer_text(out, "</text>");
}

static void put_limit(nip__buffer *out, const scale *s, double number)
{
    nip__buffer_text(out, "<line class=\"limit\" x1=\"");
    nip__html_number(out, x_of(s, number));
    nip__buffer_text(out, "\" x2=\"");
    nip__html_number(out, x_of(s, number));
    nip__buffer_printf(out, "\" y1=\"%d\" y2=\"%d\"/>", MIDDLE - 18, MIDDLE + 18);
}

void nip__sla_picture_bounds(nip__buffer *out, const nip__value *answer)
{
    double numbers[] = {percentage(answer, "lower"), percentage(answer, "upper"), percentage(answer, "target"), percentage(answer, "value")};
    if (isnan(numbers[0]) || isnan(numbers[1]) || isnan(numbers[2]))
        return;
    scale s = scale_of(numbers, 4);
    nip__html_begin_picture(out, "Value, between its bounds, against the target", WIDTH, HEIGHT);
    put_bar(out, &s, "first", fmin(numbers[0], numbers[1]), fmax(numbers[0], numbers[1]), 6);
    if (!isnan(numbers[3]))
        put_bar(out, &s, "second", numbers[3], numbers[3], 11);
    put_limit(out, &s, numbers[2]);
    put_mark(out, &s, numbers[2], "target", nip__get_text(answer, "target"), MIDDLE - 22);
    if (!isnan(numbers[3]))
        put_mark(out, &s, numbers[3], "value", nip__get_text(answer, "value"), MIDDLE + 26);
    nip__buffer_text(out, "</svg>\n");
}

static void put_seconds(nip__buffer *out, const scale *s, double seconds, const char *label, int y)
{
    char text[40];
    nip__text_from_real(seconds, text);
    strcat(text, " s"); /* which has room: numbers take 32 bytes at most */
    put_mark(out, s, seconds, label, text, y);
}

void nip__sla_picture_quantile(nip__buffer *out, const nip__value *quantile)
{
    double lower = nip__get_number(quantile, "at_least_seconds", NAN), limit = nip__get_number(quantile, "limit_seconds", NAN);
    double upper = nip__get_number(quantile, "at_most_seconds", NAN), zero = 0;
    if (!isfinite(lower) || !isfinite(limit) || lower < 0 || limit <= 0 || (isfinite(upper) && upper < lower))
        return;
    double numbers[] = {zero, lower, isfinite(upper) ? upper : fmax(lower, limit) * 2, limit};
    scale s = scale_of(numbers, 4);
    nip__html_begin_picture(out, "The quantile's interval against its limit", WIDTH, HEIGHT);
    put_bar(out, &s, "second", lower, isfinite(upper) ? upper : s.most, 6);
    put_limit(out, &s, limit);
    put_seconds(out, &s, limit, "limit", MIDDLE - 22);
    put_seconds(out, &s, lower, "at least", MIDDLE + 26);
    nip__buffer_text(out, "</svg>\n");
}

/* ---- over time ---- */

typedef struct bands {
    nip__band *items;
    size_t count;
} bands;

/* What has no end goes on. */
static void add_bands(bands *all, const nip__value *list, char letter, const char *title, nip_time until)
{
    for (NIP__EACH(item, list)) {
        nip_time begin = nip__get_time(item, "begin", NIP_TIME_NONE);
        if (begin == NIP_TIME_NONE || all->count == BANDS_MAX)
            continue;
        const char *text = nip__get_text(item, title);
        all->items[all->count++] = (nip__band){begin, nip__get_time(item, "end", until), letter, text != NULL ? text : ""};
    }
}

static nip_duration step_of(const nip__value *history)
{
    int64_t step = nip__get_int(history, "step_ms", 0);
    return step >= 1 && step <= INT64_C(400) * 86400000 ? step * NIP_MILLISECOND : 0;
}

static size_t read_points(const nip__value *history, const char *key, double times, nip__point *points)
{
    nip_time begin = nip__get_time(history, "begin", NIP_TIME_NONE), until = nip__get_time(history, "until", NIP_TIME_NONE), at = begin;
    size_t count = 0;
    for (const nip__value *number = nip__first(nip__get(history, key)); number != NULL && count < POINTS_MAX; number = number->next) {
        double value = NAN;
        nip__number(number, &value);
        at = nip__time_add(at, step_of(history));
        points[count++] = (nip__point){at < until ? at : until, value * times};
    }
    return count;
}

static void put_chart(nip__buffer *out, const nip__value *history, const bands *all, const char *key, double times, nip__chart chart, nip__point *points)
{
    chart.points[1] = points;
    chart.counts[1] = read_points(history, key, times, points);
    chart.bands = all->items;
    chart.band_count = all->count;
    chart.plain = true;
    chart.limited = true;
    chart.from = nip__get_time(history, "begin", 0);
    chart.to = nip__get_time(history, "until", 0);
    if (chart.counts[1] > 0 && chart.to > chart.from)
        nip__html_chart(out, &chart);
}

void nip__sla_picture_history(nip__buffer *out, const nip__value *report, const nip__value *answer)
{
    const nip__value *history = nip__get(answer, "history");
    nip_time until = nip__get_time(history, "until", NIP_TIME_NONE);
    if (until == NIP_TIME_NONE || step_of(history) == 0) {
        nip__buffer_text(out, "<p class=\"soft\">There is no course of a budget to show.</p>\n");
        return;
    }
    bands all = {.items = nip__calloc(BANDS_MAX, sizeof *all.items)};
    nip__point *points = nip__calloc(POINTS_MAX, sizeof *points);
    if (all.items == NULL || points == NULL) {
        out->failed = true;
    } else {
        add_bands(&all, nip__get(report, "exclusions"), 'E', "why", until);
        add_bands(&all, nip__get(report, "incidents"), 'I', "title", until);
        add_bands(&all, nip__get(report, "rollouts"), 'R', "title", until);
        put_chart(out, history, &all, "spent", 100, (nip__chart){.title = "Error budget spent", .unit = "%", .names = {NULL, "error budget spent, of that of all that is known"}, .limit = 100}, points);
        put_chart(out, history, &all, "burn", 1, (nip__chart){.title = "Burn rate", .unit = "", .names = {NULL, "burn rate, the highest of an hour; 1 spends the budget by the end"}, .limit = 1}, points);
        if (all.count > 0)
            nip__buffer_text(out, "<p class=\"soft\">E: excluded. I: incident. R: rollout.</p>\n");
    }
    nip__free(points);
    nip__free(all.items);
}
