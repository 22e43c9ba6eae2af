/* The course of an error budget. */
#include "sla/history.h"

#include <math.h>

#include "base/memory.h"

enum { HOUR_MS = 3600000, DIGITS = 4 };

/* ---- points ---- */

static double part(double bad, double total, nip__ratio target)
{
    double allowed = total * (double)(target.den - target.num) / (double)target.den;
    return allowed > 0 ? bad / allowed : NAN;
}

/* Of the hour that ends behind slice `end`. */
static double burn_at(const nip__burn_history *slices, int64_t end, nip__ratio target)
{
    int64_t hour = HOUR_MS / slices->slice_ms, begin = end > hour ? end - hour : 0;
    return part((double)(slices->bad[end] - slices->bad[begin]), (double)(slices->total[end] - slices->total[begin]), target);
}

static double highest_burn(const nip__burn_history *slices, int64_t first, int64_t end, nip__ratio target)
{
    double highest = NAN;
    for (int64_t i = first + 1; i <= end; i++)
        highest = fmax(highest, burn_at(slices, i, target)); /* of a number and a NaN, the number */
    return highest;
}

static void set_points(nip__sla_history *history, const nip__burn_history *slices, int64_t stride, nip__ratio target)
{
    double all = (double)slices->total[slices->count];
    for (size_t i = 0; i < history->count; i++) {
        int64_t first = (int64_t)i * stride, end = first + stride < slices->count ? first + stride : slices->count;
        history->spent[i] = part((double)slices->bad[end], all, target);
        history->burn[i] = highest_burn(slices, first, end, target);
    }
}

int nip__sla_history_make(const nip__series *series, const nip__spans *counted, nip__ms until, nip__ratio target, nip__sla_history *history, nip_error **err)
{
    nip__burn_history slices = {0};
    *history = (nip__sla_history){.until = until};
    if (target.num >= target.den)
        return 0;
    int rc = nip__series_history(series, counted, until, &slices, err);
    if (rc == 0 && slices.count > 0) {
        int64_t stride = (slices.count + NIP__HISTORY_POINTS - 1) / NIP__HISTORY_POINTS;
        history->begin = slices.begin;
        history->step_ms = stride * slices.slice_ms;
        history->count = (size_t)((slices.count + stride - 1) / stride);
        history->spent = nip__calloc(history->count, sizeof *history->spent);
        history->burn = nip__calloc(history->count, sizeof *history->burn);
        rc = history->spent == NULL || history->burn == NULL ? nip__nomem(err) : 0;
        if (rc == 0)
            set_points(history, &slices, stride, target);
    }
    nip__burn_history_clear(&slices);
    if (rc < 0)
        nip__sla_history_clear(history);
    return rc;
}

void nip__sla_history_clear(nip__sla_history *history)
{
    nip__free(history->spent);
    nip__free(history->burn);
    *history = (nip__sla_history){0};
}

/* ---- as JSON ---- */

static void write_numbers(nip__writer *writer, const char *key, const double *numbers, size_t count)
{
    double scale = pow(10, DIGITS);
    nip__write_list(writer, key);
    for (size_t i = 0; i < count; i++) {
        if (isfinite(numbers[i]))
            nip__write_real(writer, NULL, round(numbers[i] * scale) / scale);
        else
            nip__write_null(writer, NULL);
    }
    nip__write_end_list(writer);
}

void nip__sla_history_write(nip__writer *writer, const nip__sla_history *history)
{
    if (history == NULL || history->count == 0) {
        nip__write_null(writer, "history");
        return;
    }
    nip__write_map(writer, "history");
    nip__write_time(writer, "begin", nip__ms_time(history->begin));
    nip__write_int(writer, "step_ms", history->step_ms);
    nip__write_time(writer, "until", nip__ms_time(history->until));
    write_numbers(writer, "spent", history->spent, history->count);
    write_numbers(writer, "burn", history->burn, history->count);
    nip__write_end_map(writer);
}
