/* The live view: a few lines at the foot of the terminal, drawn over themselves. It takes nothing of the terminal (no alternate screen, no
 * hidden cursor, no modes), so that nothing has to be given back, however the command ends. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

/* Lines that are going to be drawn. */
typedef struct cli_picture {
    FILE *out;
    int width, count, most;
} cli_picture;

static void add(cli_picture *picture, char *line)
{
    if (picture->count < picture->most) {
        output_line(picture->out, line, picture->width);
        picture->count++;
    }
    free(line);
}

/* ---- parts ---- */

static const char *state_colour(const char *state)
{
    static const struct {
        const char *state, *colour;
    } table[] = {{"succeeded", GREEN}, {"running", GREEN}, {"waiting", YELLOW}, {"paused", YELLOW},
                 {"returning", RED},   {"returned", RED},  {"broken", RED},     {"stopped", RED}};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (strcmp(table[i].state, state) == 0)
            return table[i].colour;
    }
    return "";
}

static void add_head(cli_picture *picture, const cli_progress *progress)
{
    char age[32] = "";
    nip_time end = progress->over ? progress->ended : progress->now;
    if (progress->started != NIP_TIME_NONE)
        short_duration(end - progress->started, age);
    add(picture, format_text(BOLD "%s" PLAIN "  %s%s" PLAIN "  %s  " DIM "%s" PLAIN, progress->run,
                             state_colour(progress->state), progress->state, progress->title, age));
    if (progress->why != NULL && progress->why[0] != '\0')
        add(picture, format_text("  why      %s", progress->why));
    if (progress->asks != NULL) {
        char *typed = hint("approve", progress->run);
        add(picture, format_text("  asks     " YELLOW "%s" PLAIN "  %s", progress->asks, typed));
        if (progress->asked != NULL)
            add(picture, format_text("  of       %s", progress->asked));
        free(typed);
    }
}

static void add_window(cli_picture *picture, const cli_progress *progress)
{
    if (progress->window == NULL)
        return;
    char *opens = window_text(progress->window, progress->now);
    add(picture, format_text("  waits    " YELLOW "for the window: %s" PLAIN, opens));
    free(opens);
}

static char *step_text(const cli_progress *progress, const cli_step_line *step)
{
    static const char *const marks[] = {"[ ] ", YELLOW "[>] " PLAIN, GREEN "[x] " PLAIN, RED "[!] " PLAIN};
    char took[32];
    switch (step->mark) {
    case STEP_DONE:
        return format_text("  %s%s  " DIM "%s" PLAIN, marks[step->mark], step->title,
                           short_duration(step->ended - step->began, took));
    case STEP_DOING:
        if (progress->over)
            return format_text("  %s%s", marks[STEP_TO_DO], step->title);
        if (progress->wait_until != NIP_TIME_NONE)
            return format_text("  %s%s  " BOLD "%s left" PLAIN, marks[step->mark], step->title,
                               short_duration(progress->wait_until - progress->now, took));
        return format_text("  %s%s  " DIM "%s" PLAIN "%s%s", marks[step->mark], step->title,
                           short_duration(progress->now - step->began, took),
                           progress->unmet != NULL ? "  not yet: " : "",
                           progress->unmet != NULL ? progress->unmet : "");
    default:
        return format_text("  %s%s", marks[step->mark], step->title);
    }
}

/* The steps around the present one, at most `most` of them. */
static void add_steps(cli_picture *picture, const cli_progress *progress, size_t most)
{
    const cli_step_line *steps = progress->steps[progress->list];
    size_t count = progress->count[progress->list], current = progress->current[progress->list];
    size_t first = current > most / 2 ? current - most / 2 : 0;
    if (count <= most)
        first = 0;
    else if (first > count - most)
        first = count - most;
    if (progress->list == 1)
        add(picture, copy_text("  " RED "the way back" PLAIN));
    if (first > 0)
        add(picture, format_text(DIM "      %zu before" PLAIN, first));
    size_t end = first + most < count ? first + most : count;
    for (size_t i = first; i < end; i++)
        add(picture, step_text(progress, &steps[i]));
    if (end < count)
        add(picture, format_text(DIM "      %zu more" PLAIN, count - end));
}

static void add_shares(cli_picture *picture, const cli_progress *progress)
{
    char *line = copy_text("  traffic");
    const cJSON *group;
    cJSON_ArrayForEach(group, progress->shares)
    {
        char *longer =
            format_text("%s  " BOLD "%s" PLAIN " %.4g %%", line, group->string, json_number(group, "share", 0));
        free(line);
        line = longer;
    }
    add(picture, line);
}

static void add_health(cli_picture *picture, const cli_progress *progress)
{
    char *line = copy_text("  healthy");
    const cJSON *group;
    cJSON_ArrayForEach(group, progress->health)
    {
        double healthy = json_number(group, "healthy", 0), total = json_number(group, "total", 0);
        char *longer = format_text("%s  " BOLD "%s" PLAIN " %s%.0f of %.0f" PLAIN, line, group->string,
                                   healthy < total ? RED : GREEN, healthy, total);
        free(line);
        line = longer;
    }
    add(picture, line);
}

static void add_metric(cli_picture *picture, const cJSON *metric)
{
    char value[32] = "unknown", limit[32];
    const char *name = json_text(metric, "name", "?"), *verdict = json_text(metric, "verdict", "?");
    const cJSON *samples = json_at(metric, "samples");
    bool fails = strcmp(verdict, "fail") == 0, passes = strcmp(verdict, "pass") == 0;
    if (cJSON_IsNumber(json_at(metric, "value")))
        metric_text(name, json_number(metric, "value", 0), value);
    char *count = cJSON_IsNumber(samples) ? format_text(" of %.0f samples", samples->valuedouble) : copy_text("");
    add(picture, format_text("  %-12s %s%s" PLAIN " (at most %s)%s  %s%s" PLAIN "%s%s", name,
                             fails    ? RED
                             : passes ? GREEN
                                      : YELLOW,
                             value, metric_text(name, json_number(metric, "limit", 0), limit), count,
                             fails    ? RED
                             : passes ? GREEN
                                      : YELLOW,
                             verdict, passes ? "" : ": ", passes ? "" : json_text(metric, "reason", "")));
    free(count);
}

static void add_guards(cli_picture *picture, const cli_progress *progress)
{
    const cJSON *guard, *metric;
    cJSON_ArrayForEach(guard, progress->guards)
    {
        cJSON_ArrayForEach(metric, json_at(guard, "metrics"))
        {
            add_metric(picture, metric);
        }
    }
}

static void add_all(cli_picture *picture, const cli_progress *progress, size_t most_steps)
{
    add_head(picture, progress);
    add_window(picture, progress);
    add_steps(picture, progress, most_steps);
    if (progress->shares != NULL)
        add_shares(picture, progress);
    if (progress->health != NULL)
        add_health(picture, progress);
    add_guards(picture, progress);
}

/* ---- drawing ---- */

void view_clear(cli_view *view)
{
    if (view->drawn > 0)
        fprintf(view->out, "\033[%dA\r\033[J", view->drawn);
    view->drawn = 0;
}

void view_draw(cli_view *view, const cli_progress *progress)
{
    int columns, lines;
    output_size(&columns, &lines);
    view_clear(view); /* goes out in one write with what follows: nothing flickers */
    cli_picture picture = {.out = view->out, .width = columns - 1, .most = lines > 2 ? lines - 1 : 1};
    add_all(&picture, progress, lines > 16 ? (size_t)lines - 12 : 4);
    view->drawn = picture.count;
    fflush(view->out);
}

void view_print(FILE *out, const cli_progress *progress, int most_steps)
{
    cli_picture picture = {.out = out, .width = 0, .most = 1000000};
    add_all(&picture, progress, (size_t)most_steps);
}

static void print_way_on(FILE *out, const cli_progress *progress)
{
    char *abort = hint("abort", progress->run), *resume = hint("resume", progress->run);
    char *line = format_text("  next     put right what failed, then: %s && %s", abort, resume);
    output_line(out, line, 0);
    free(line);
    free(resume);
    free(abort);
}

/* Of a broken run: what was done to which part, what is unknown, and how it goes on. One that was put right since then stands otherwise. */
void view_print_stands(FILE *out, const cli_progress *progress)
{
    const cJSON *step;
    if (!progress->over || strcmp(progress->state, "broken") != 0)
        return;
    cJSON_ArrayForEach(step, progress->stands)
    {
        char *result = json_print(json_at(step, "result"));
        char *line = format_text("  stands   %s: %s %s %.300s", step->string, json_text(step, "verb", "?"),
                                 json_text(step, "outcome", "unknown"), strcmp(result, "null") == 0 ? "" : result);
        output_line(out, line, 0);
        free(line);
        free(result);
    }
    print_way_on(out, progress);
}

/* How it goes on with one: whoever takes the app's latest run up tells what earlier ones left, too. */
static char *untold_hint(const cJSON *delivery, const nip_run *latest)
{
    bool given_up = cJSON_IsTrue(json_at(delivery, "given_up"));
    bool over = progress_exit_status(nip_run_state(latest)) != EXIT_WAITING;
    char *typed = hint("resume", nip_run_id(latest));
    char *text = over ? format_text("%s%s", given_up ? "given up; once more: " : "again by: ", typed)
                      : format_text(given_up ? "given up" : "again when run %s has ended", nip_run_id(latest));
    free(typed);
    return text;
}

static void print_untold(FILE *out, const cJSON *delivery, const nip_run *latest, const char *shown)
{
    const char *run = json_text(delivery, "run", "?"), *message = json_text(delivery, "message", "");
    bool other = strcmp(run, shown) != 0;
    char *next = untold_hint(delivery, latest);
    char *line = format_text("  on_end   " RED "%s was not told" PLAIN "%s%s%s%s; %s", json_text(delivery, "to", "?"),
                             other ? " of run " : "", other ? run : "", message[0] == '\0' ? "" : ": ", message, next);
    output_line(out, line, 0);
    free(line);
    free(next);
}

void view_print_untold(FILE *out, nip_store *store, const char *subject, const char *run)
{
    char *json = NULL;
    nip_run *latest = NULL;
    if (nip_run_open(store, subject, &latest, NULL) < 0 || nip_outbox_read(store, subject, &json, NULL) < 0) {
        nip_run_free(latest);
        return;
    }
    bool is_latest = strcmp(run, nip_run_id(latest)) == 0;
    cJSON *deliveries = json_parse(json), *delivery;
    cJSON_ArrayForEach(delivery, deliveries)
    {
        bool of_run = is_latest || strcmp(json_text(delivery, "run", ""), run) == 0;
        if (of_run && strcmp(json_text(delivery, "outcome", ""), "done") != 0)
            print_untold(out, delivery, latest, run);
    }
    cJSON_Delete(deliveries);
    nip_free(json);
    nip_run_free(latest);
}
