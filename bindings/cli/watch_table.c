/* The live table of nipops health --watch. It takes the terminal's second screen and hides the cursor, so that what was on the
 * terminal before comes back when it is over. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

/* Where lines go, and how many there may be. */
typedef struct cli_canvas {
    int width, left;
    bool whole;  /* the screen is ours: what stands behind a line's end is wiped away */
} cli_canvas;

/* Widths of the columns that depend on the window and on what is in them; the others are fixed. */
enum { STATE = 9, SINCE = 7, LATENCY = 9, FAILED = 6, FIXED = STATE + SINCE + LATENCY + FAILED + 5 * 2, LEAST = 10, HEADER = 2 };

static bool open;

void table_open(void)
{
    open = true;
    fputs("\033[?1049h\033[?25l\033[H\033[2J", stdout);
    fflush(stdout);
}

void table_close(void)
{
    if (!open)
        return;
    open = false;
    fputs("\033[?25h\033[?1049l", stdout);
    fflush(stdout);
}

/* No line is followed by a new one that the window has no room for. */
static void add(cli_canvas *canvas, char *line)
{
    if (canvas->left-- > 0) {
        if (canvas->whole)
            fputs("\033[K", stdout);
        output_line(stdout, line, canvas->width);
    }
    free(line);
}

/* ---- parts ---- */

static void add_summary(cli_canvas *canvas, const cJSON *status)
{
    double healthy = json_number(status, "healthy", 0), unhealthy = json_number(status, "unhealthy", 0);
    double unknown = json_number(status, "unknown", 0);
    add(canvas, format_text("%s%.0f healthy" PLAIN ", %s%.0f unhealthy" PLAIN ", %s%.0f unknown" PLAIN " of %.0f  " DIM "every %s, %.19sZ" PLAIN,
                            healthy > 0 ? GREEN : "", healthy, unhealthy > 0 ? RED : "", unhealthy, unknown > 0 ? YELLOW : "", unknown,
                            healthy + unhealthy + unknown, json_text(status, "interval", "?"), json_text(status, "now", "?")));
}

static const char *colour_of(const char *state)
{
    return strcmp(state, "healthy") == 0 ? GREEN : strcmp(state, "unhealthy") == 0 ? RED : YELLOW;
}

static void latency_text(const cJSON *target, char text[32])
{
    const cJSON *latency = json_at(target, "latency_ms");
    if (!cJSON_IsNumber(latency))
        snprintf(text, 32, "-");
    else if (latency->valuedouble >= 1000)
        snprintf(text, 32, "%.3g s", latency->valuedouble / 1000);
    else
        snprintf(text, 32, "%.3g ms", latency->valuedouble);
}

static void add_target(cli_canvas *canvas, const cJSON *target, nip_time now, int names)
{
    char since[32], latency[32];
    const char *state = json_text(target, "state", "?"), *name = json_text(target, "target", "?");
    const cJSON *failure = json_at(target, "failure");
    const char *reason = json_text(failure, "reason", ""), *message = message_beside(json_text(failure, "message", ""), name);
    char *shown = output_cell(name, names), *why = output_cell(message, 0);
    short_duration(now - json_time(target, "since"), since);
    latency_text(target, latency);
    add(canvas, format_text("%s%-*s" PLAIN "  %*s  %*s  %*.0f  %s  %s%s%s", colour_of(state), STATE, state, SINCE, since, LATENCY, latency,
                            FAILED, json_number(target, "failures", 0), shown, reason, why[0] != '\0' ? ": " : "", why));
    free(shown);
    free(why);
}

/* How the column of names is to be: what the shown ones need, and no more than half of what there is. */
static int width_of_names(const cJSON *targets, int shown, int width)
{
    int most = (width - FIXED) / 2, widest = LEAST;
    const cJSON *target;
    cJSON_ArrayForEach(target, targets)
    {
        int columns = shown-- > 0 ? output_columns(json_text(target, "target", "?")) : 0;
        widest = columns > widest ? columns : widest;
    }
    return width <= 0 || widest <= most ? widest : most > LEAST ? most : LEAST;
}

static void count(double counts[3], const char *state, double more)
{
    counts[strcmp(state, "unhealthy") == 0 ? 0 : strcmp(state, "unknown") == 0 ? 1 : 2] += more;
}

static void add_rest(cli_canvas *canvas, const double rest[3])
{
    char *unhealthy = rest[0] > 0 ? format_text(", " RED "%.0f unhealthy" PLAIN, rest[0]) : copy_text("");
    char *unknown = rest[1] > 0 ? format_text(", " YELLOW "%.0f unknown" PLAIN, rest[1]) : copy_text("");
    char *healthy = rest[2] > 0 ? format_text(", %.0f healthy", rest[2]) : copy_text("");
    add(canvas, format_text("and %.0f more%s%s%s", rest[0] + rest[1] + rest[2], unhealthy, unknown, healthy));
    free(unhealthy);
    free(unknown);
    free(healthy);
}

/* As many of the worst as there is room for; the last line counts the others. */
static void add_targets(cli_canvas *canvas, const cJSON *status)
{
    const cJSON *targets = json_at(status, "targets"), *target;
    double rest[3] = {json_number(status, "unhealthy", 0), json_number(status, "unknown", 0), json_number(status, "healthy", 0)};
    double all = rest[0] + rest[1] + rest[2];
    int listed = cJSON_GetArraySize(targets), shown = all <= canvas->left && listed == (int)all ? listed : canvas->left - 1;
    shown = shown < listed ? shown : listed;
    int names = width_of_names(targets, shown, canvas->width);
    nip_time now = json_time(status, "now");
    cJSON_ArrayForEach(target, targets)
    {
        if (shown-- <= 0)
            break;
        add_target(canvas, target, now, names);
        count(rest, json_text(target, "state", "?"), -1);
    }
    if (rest[0] + rest[1] + rest[2] > 0)
        add_rest(canvas, rest);
}

static void draw(cli_canvas *canvas, const cJSON *status)
{
    int names = width_of_names(json_at(status, "targets"), canvas->left - HEADER, canvas->width);
    add_summary(canvas, status);
    char *target = output_cell("TARGET", names);
    add(canvas, format_text(BOLD "%-*s  %*s  %*s  %*s  %s  LAST ERROR" PLAIN, STATE, "STATE", SINCE, "SINCE", LATENCY, "LATENCY", FAILED, "FAILED",
                            target));
    free(target);
    add_targets(canvas, status);
}

/* ---- drawing ---- */

/* One line and one column are left free: where a terminal would scroll or wrap. */
void table_draw(const cJSON *status)
{
    int columns, lines;
    output_size(&columns, &lines);
    cli_canvas canvas = {.width = columns > 1 ? columns - 1 : 1, .left = lines > 1 ? lines - 1 : 1, .whole = true};
    fputs("\033[H", stdout); /* goes out in one write with what follows: nothing flickers */
    draw(&canvas, status);
    fputs("\033[J", stdout);
    fflush(stdout);
}

void table_print(const cJSON *status)
{
    int columns, lines;
    output_size(&columns, &lines);
    cli_canvas canvas = {.width = columns > 1 ? columns - 1 : 1, .left = lines > HEADER + 3 ? lines - 2 : HEADER + 3};
    draw(&canvas, status);
}
