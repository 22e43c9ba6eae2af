/* Lines over time, as inline SVG. */
#include "doc/html.h"

#include <math.h>

#include "base/text.h"
#include "base/time.h"

enum { WIDTH = 900, HEIGHT = 220, LEFT = 60, RIGHT = 20, TOP = 34, BOTTOM = 30, MARKS = 5 };

/* Where the picture's edges lie in the chart's own measures. */
typedef struct frame {
    const nip__chart *chart;
    double highest;
} frame;

/* The next of 1, 2, 5, 10, ... that is not below. */
static double rounded_up(double value)
{
    double power = pow(10, floor(log10(value)));
    static const double steps[] = {1, 2, 5, 10};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        if (value <= steps[i] * power * (1 + 1e-9))
            return steps[i] * power;
    }
    return value;
}

static double highest(const nip__chart *chart)
{
    double most = chart->limited ? chart->limit : 0;
    for (int row = 0; row < 2; row++) {
        for (size_t i = 0; i < chart->counts[row]; i++)
            most = chart->points[row][i].value > most ? chart->points[row][i].value : most;
    }
    return most > 0 && isfinite(most) ? rounded_up(most) : 1;
}

static double x_of(const frame *f, nip_time at)
{
    double span = (double)(f->chart->to - f->chart->from), part = span > 0 ? (double)(at - f->chart->from) / span : 0;
    return LEFT + fmin(fmax(part, 0), 1) * (WIDTH - LEFT - RIGHT);
}

static double y_of(const frame *f, double value)
{
    return HEIGHT - BOTTOM - fmin(fmax(value / f->highest, 0), 1) * (HEIGHT - TOP - BOTTOM);
}

static void put_pair(nip__buffer *out, char command, double x, double y)
{
    nip__buffer_char(out, command);
    nip__html_number(out, x);
    nip__buffer_char(out, ' ');
    nip__html_number(out, y);
}

static void put_line(nip__buffer *out, const frame *f, int row)
{
    const nip__chart *chart = f->chart;
    double last = NAN;
    nip__buffer_printf(out, "<path class=\"line %s\" d=\"", row == 0 ? "first" : "second");
    for (size_t i = 0; i < chart->counts[row]; i++) {
        const nip__point *point = &chart->points[row][i];
        double x = x_of(f, point->at), y = y_of(f, point->value);
        if (!isnan(point->value) && chart->steps && !isnan(last))
            put_pair(out, 'L', x, y_of(f, last));
        if (!isnan(point->value))
            put_pair(out, isnan(last) ? 'M' : 'L', x, y);
        last = point->value;
    }
    if (chart->holds && !isnan(last))
        put_pair(out, 'L', x_of(f, chart->to), y_of(f, last));
    nip__buffer_text(out, "\"/>");
}

/* A single value makes no line, so every value has its dot, which says what it is. */
static void put_dots(nip__buffer *out, const frame *f, int row)
{
    const nip__chart *chart = f->chart;
    char text[40];
    for (size_t i = 0; i < chart->counts[row]; i++) {
        const nip__point *point = &chart->points[row][i];
        if (isnan(point->value))
            continue;
        nip__buffer_printf(out, "<circle class=\"%s\" r=\"3\" cx=\"", row == 0 ? "first" : "second");
        nip__html_number(out, x_of(f, point->at));
        nip__buffer_text(out, "\" cy=\"");
        nip__html_number(out, y_of(f, point->value));
        nip__buffer_text(out, "\"><title>");
        nip__html_text(out, chart->names[row]);
        nip__text_from_real(round(point->value * 1e4) / 1e4, text);
        nip__buffer_printf(out, ": %s %s, ", text, chart->unit);
        nip__time_write(out, point->at);
        nip__buffer_text(out, "</title></circle>");
    }
}

/* ---- bands ---- */

static void put_band(nip__buffer *out, const frame *f, const nip__band *band)
{
    double left = x_of(f, band->from), width = fmax(x_of(f, band->to) - left, 2); /* a minute of a month must be seen */
    nip__buffer_text(out, "<g class=\"band\"><title>");
    nip__html_text(out, band->title);
    nip__buffer_text(out, "</title><rect x=\"");
    nip__html_number(out, left);
    nip__buffer_text(out, "\" width=\"");
    nip__html_number(out, width);
    nip__buffer_printf(out, "\" y=\"%d\" height=\"%d\"/><text class=\"axis\" text-anchor=\"middle\" x=\"", TOP, HEIGHT - TOP - BOTTOM);
    nip__html_number(out, left + width / 2);
    nip__buffer_printf(out, "\" y=\"%d\">%c</text></g>", TOP - 4, band->letter);
}

/* ---- axes ---- */

static void put_rule(nip__buffer *out, const char *class_name, double y)
{
    nip__buffer_printf(out, "<line class=\"%s\" x1=\"%d\" x2=\"%d\" y1=\"", class_name, LEFT, WIDTH - RIGHT);
    nip__html_number(out, y);
    nip__buffer_text(out, "\" y2=\"");
    nip__html_number(out, y);
    nip__buffer_text(out, "\"/>");
}

static void put_scale(nip__buffer *out, const frame *f)
{
    char text[40];
    for (int i = 0; i <= 2; i++) {
        double value = f->highest * i / 2;
        put_rule(out, "grid", y_of(f, value));
        nip__text_from_real(round(value * 1e6) / 1e6, text);
        nip__buffer_printf(out, "<text class=\"axis\" text-anchor=\"end\" x=\"%d\" y=\"", LEFT - 6);
        nip__html_number(out, y_of(f, value) + 4);
        nip__buffer_printf(out, "\">%s%s%s</text>", text, f->chart->unit[0] != '\0' ? " " : "", f->chart->unit);
    }
}

/* Time since the begin. */
static void put_times(nip__buffer *out, const frame *f)
{
    for (int i = 0; i <= MARKS; i++) {
        nip_duration since = (f->chart->to - f->chart->from) / MARKS * i;
        nip__buffer_printf(out, "<text class=\"axis\" text-anchor=\"%s\" x=\"", i == 0 ? "start" : i == MARKS ? "end" : "middle");
        nip__html_number(out, x_of(f, f->chart->from + since));
        nip__buffer_printf(out, "\" y=\"%d\">", HEIGHT - BOTTOM / 2 + 6);
        nip__duration_write_short(out, since);
        nip__buffer_text(out, "</text>");
    }
}

static void put_limit(nip__buffer *out, const frame *f)
{
    if (!f->chart->limited)
        return;
    put_rule(out, "limit", y_of(f, f->chart->limit));
    nip__buffer_printf(out, "<text class=\"axis\" text-anchor=\"end\" x=\"%d\" y=\"16\">- - limit</text>", WIDTH - RIGHT);
}

void nip__html_chart(nip__buffer *out, const nip__chart *chart)
{
    frame f = {chart, highest(chart)};
    nip__html_begin_picture(out, chart->title, WIDTH, HEIGHT);
    put_scale(out, &f);
    put_times(out, &f);
    put_limit(out, &f);
    for (size_t i = 0; i < chart->band_count; i++)
        put_band(out, &f, &chart->bands[i]);
    for (int row = 0; row < 2; row++) {
        if (chart->names[row] == NULL)
            continue;
        nip__html_legend(out, row, chart->names[row]);
        put_line(out, &f, row);
        if (!chart->plain)
            put_dots(out, &f, row);
    }
    nip__buffer_text(out, "</svg>\n");
}
