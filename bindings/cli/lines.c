/* One line an event: a table from kinds of records to words. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

/* Writes what happened; false: this one is a detail after all. `progress` may be NULL. */
typedef bool write_line(FILE *out, const cJSON *payload, const cli_progress *progress);

static const char *title_of(const cJSON *payload, const cli_progress *progress)
{
    const char *id = json_text(payload, "step", "");
    if (progress == NULL)
        return id;
    const cli_step_line *steps = progress->steps[progress->list];
    size_t current = progress->current[progress->list];
    bool known = current < progress->count[progress->list] && strcmp(steps[current].id, id) == 0;
    return known ? steps[current].title : id;
}

/* "step 3/14", "way back 1/4" */
static void write_place(FILE *out, const cJSON *payload, const cli_progress *progress)
{
    bool back = strcmp(json_text(payload, "list", "forward"), "back") == 0;
    fputs(back ? "way back" : "step", out);
    if (progress != NULL && progress->count[back] > 0)
        fprintf(out, " %zu/%zu", progress->current[back] + 1, progress->count[back]);
    fputs(": ", out);
}

/* ": reason: message", whichever is there. */
static void write_why(FILE *out, const cJSON *payload)
{
    const char *reason = json_text(payload, "reason", ""), *message = json_text(payload, "message", "");
    if (reason[0] != '\0')
        fprintf(out, ": %s", reason);
    if (message[0] != '\0')
        fprintf(out, ": %s", message);
}

static bool write_planned(FILE *out, const cJSON *payload, const cli_progress *progress)
{
    const cJSON *plan = json_at(payload, "plan");
    (void)progress;
    fprintf(out, "planned: %s (%d steps, %d back, %d guards)", json_text(plan, "title", ""),
            cJSON_GetArraySize(json_at(plan, "steps")), cJSON_GetArraySize(json_at(plan, "back")),
            cJSON_GetArraySize(json_at(plan, "guards")));
    return true;
}

static bool write_started(FILE *out, const cJSON *payload, const cli_progress *progress)
{
    (void)payload, (void)progress;
    fputs("begins", out);
    return true;
}

static bool write_resumed(FILE *out, const cJSON *payload, const cli_progress *progress)
{
    nip_duration gap = 0;
    char length[32];
    (void)progress;
    nip_duration_parse(json_text(payload, "gap", "0s"), &gap, NULL);
    fprintf(out, "taken up again; nobody drove it for %s", short_duration(gap, length));
    return true;
}

static bool write_step_started(FILE *out, const cJSON *payload, const cli_progress *progress)
{
    write_place(out, payload, progress);
    fputs(title_of(payload, progress), out);
    return true;
}

/* How long the step took that has just ended. */
static nip_duration duration_of(const cli_progress *progress)
{
    if (progress == NULL || progress->current[progress->list] >= progress->count[progress->list])
        return NIP_TIME_MAX;
    const cli_step_line *step = &progress->steps[progress->list][progress->current[progress->list]];
    return step->ended - step->began;
}

static bool write_step_done(FILE *out, const cJSON *payload, const cli_progress *progress)
{
    const char *why = json_text(payload, "why", "met");
    nip_duration took = duration_of(progress);
    bool met = strcmp(why, "met") == 0;
    char length[32];
    write_place(out, payload, progress);
    fputs(met ? "done" : strcmp(why, "waited") == 0 ? "over" : why, out);
    if (took != NIP_TIME_MAX)
        fprintf(out, " after %s", short_duration(took, length));
    return !met || took >= NIP_SECOND; /* that a short step is done shows by the next one */
}

static bool write_step_failed(FILE *out, const cJSON *payload, const cli_progress *progress)
{
    write_place(out, payload, progress);
    fprintf(out, RED "failed" PLAIN ": %s", title_of(payload, progress));
    write_why(out, payload);
    return true;
}

static bool write_step_waiting(FILE *out, const cJSON *payload, const cli_progress *progress)
{
    char length[32];
    nip_time until = json_time(payload, "until");
    write_place(out, payload, progress);
    fputs("stays", out);
    if (progress != NULL && until != NIP_TIME_NONE)
        fprintf(out, " for %s", short_duration(until - progress->now, length));
    fprintf(out, " until %.19sZ", json_text(payload, "until", "?"));
    return true;
}

static bool write_step_checked(FILE *out, const cJSON *payload, const cli_progress *progress)
{
    bool met = cJSON_IsTrue(json_at(payload, "met"));
    const cJSON *failed = json_at(payload, "failed"), *text;
    write_place(out, payload, progress);
    fprintf(out, "%s: %s", json_text(payload, "of", "until"), met ? "holds" : "not yet");
    cJSON_ArrayForEach(text, failed)
    {
        fprintf(out, ": %s", cJSON_GetStringValue(text) == NULL ? "?" : cJSON_GetStringValue(text));
    }
    return !met && (progress == NULL || !progress->same_unmet); /* said once, not every few seconds */
}

static bool write_retrying(FILE *out, const cJSON *payload, const cli_progress *progress)
{
    write_place(out, payload, progress);
    fprintf(out, "tries again, attempt %.0f at %.19sZ", json_number(payload, "attempt", 0),
            json_text(payload, "until", "?"));
    return true;
}

/* A question to people of a role must be seen. `progress` has taken the record in already, or is not there. */
static void write_asked(FILE *out, const cJSON *payload, const cli_progress *progress)
{
    char *typed = hint("approve", json_text(payload, "run", "RUN"));
    fprintf(out, YELLOW "waits for an approval" PLAIN " by %s: %s: %s",
            progress != NULL && progress->asked != NULL ? progress->asked : json_text(json_at(payload, "args"), "role", "?"),
            json_text(json_at(payload, "args"), "ask", "may it go on?"), typed);
    free(typed);
}

static void write_window(FILE *out, const cJSON *payload, const cli_progress *progress)
{
    char *rules = json_print(json_at(payload, "args"));
    char *opens = window_text(rules, progress->now);
    char *typed = hint("override", json_text(payload, "run", "RUN"));
    const cJSON *override = json_at(payload, "args/override");
    fprintf(out, YELLOW "waits for the window" PLAIN ": %s", opens);
    if (override != NULL)
        fprintf(out, "; %s may go on before: %s --reason ...", json_text(override, "role", "?"), typed);
    free(rules);
    free(opens);
    free(typed);
}

static bool write_answered(FILE *out, const cJSON *payload, const cli_progress *progress)
{
    static const struct {
        const char *decision, *says;
    } words[] = {{"approve", "approves"}, {"reject", RED "rejects" PLAIN}, {"override", RED "overrides" PLAIN " the window of"}};
    const char *decision = json_text(payload, "decision", "?"), *says = decision, *why = json_text(payload, "why", "");
    (void)progress;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(words[i].decision, decision) == 0)
            says = words[i].says;
    }
    fprintf(out, "%s %s step %s%s%s", json_text(payload, "who", "somebody"), says, json_text(payload, "step", "?"),
            why[0] == '\0' ? "" : ": ", why);
    return true;
}

/* People copy what they read: secrets masked, as in a document of no known kind. The journal itself has what was done. */
static char *print_masked(const cJSON *value)
{
    static const char before[] = "{\"shown\":";
    char *bare = json_print(value), *whole = format_text("%s%s}", before, bare), *masked = NULL;
    nip_doc *doc = NULL;
    if (nip_doc_load_text(whole, strlen(whole), "record", &doc, NULL) == 0)
        (void)nip_doc_to_json(doc, &masked, NULL);
    size_t length = masked != NULL && strncmp(masked, before, sizeof before - 1) == 0 ? strlen(masked) : 0;
    char *shown = length == 0 ? copy_text("...") : format_text("%.*s", (int)(length - sizeof before), masked + sizeof before - 1);
    nip_free(masked);
    nip_doc_free(doc);
    free(whole);
    free(bare);
    return shown;
}

static bool write_intended(FILE *out, const cJSON *payload, const cli_progress *progress)
{
    char *args = print_masked(json_at(payload, "args"));
    (void)progress;
    fprintf(out, "%s intends %s/%s for %s %.300s", json_text(payload, "action", "?"), json_text(payload, "role", "?"),
            json_text(payload, "verb", "?"), json_text(payload, "for", "act"), args);
    free(args);
    return true;
}

static bool write_completed(FILE *out, const cJSON *payload, const cli_progress *progress)
{
    (void)progress;
    fprintf(out, "%s %s", json_text(payload, "action", "?"), json_text(payload, "outcome", "?"));
    write_why(out, payload);
    return strcmp(json_text(payload, "outcome", ""), "failed") == 0;
}

static bool write_unanswered(FILE *out, const cJSON *payload, const cli_progress *progress)
{
    (void)progress;
    fprintf(out, "%s had no answer: %s", json_text(payload, "action", "?"), json_text(payload, "why", ""));
    return true;
}

static void write_metric(FILE *out, const cJSON *metric)
{
    char value[32], limit[32];
    const char *name = json_text(metric, "name", "?");
    const cJSON *samples = json_at(metric, "samples");
    fprintf(out, "%s ", name);
    if (cJSON_IsNumber(json_at(metric, "value")))
        fprintf(out, "%s (at most %s", metric_text(name, json_number(metric, "value", 0), value),
                metric_text(name, json_number(metric, "limit", 0), limit));
    else
        fprintf(out, "unknown (at most %s", metric_text(name, json_number(metric, "limit", 0), limit));
    if (cJSON_IsNumber(samples))
        fprintf(out, ", %.0f samples", samples->valuedouble);
    fprintf(out, ") %s", json_text(metric, "reason", json_text(metric, "verdict", "?")));
}

static void write_problems(FILE *out, const cJSON *payload)
{
    const cJSON *problem;
    write_why(out, payload);
    cJSON_ArrayForEach(problem, json_at(payload, "problems"))
    {
        fprintf(out, "; %s", cJSON_IsString(problem) ? problem->valuestring : "?");
    }
}

static bool write_judged(FILE *out, const cJSON *payload, const cli_progress *progress)
{
    const char *separator = ": ", *verdict = json_text(payload, "verdict", "?");
    bool fails = strcmp(verdict, "fail") == 0, passes = strcmp(verdict, "pass") == 0;
    const cJSON *metric;
    (void)progress;
    fprintf(out, "guard %s: %s%s" PLAIN, json_text(payload, "guard", "?"),
            fails    ? RED
            : passes ? GREEN
                     : YELLOW,
            verdict);
    cJSON_ArrayForEach(metric, json_at(payload, "metrics"))
    {
        fputs(separator, out);
        write_metric(out, metric);
        separator = ", ";
    }
    write_problems(out, payload);
    return true;
}

static bool write_waiting(FILE *out, const cJSON *payload, const cli_progress *progress)
{
    if (strcmp(json_text(payload, "for", ""), "approval") != 0) {
        fputs(YELLOW "waits" PLAIN " for enough data", out);
        return false; /* what data are missing, the guard's own lines say */
    }
    char *typed = hint("approve", json_text(payload, "run", "RUN"));
    fprintf(out, YELLOW "waits for an approval" PLAIN ": %s: %s",
            progress != NULL && progress->asks != NULL ? progress->asks : "may it go on?", typed);
    free(typed);
    return true;
}

static bool write_paused(FILE *out, const cJSON *payload, const cli_progress *progress)
{
    const char *run = json_text(payload, "run", "RUN");
    char *go_on = hint("promote", run), *go_back = hint("abort", run);
    (void)progress;
    fputs(YELLOW "paused" PLAIN, out);
    write_why(out, payload);
    fprintf(out, "; %s, or %s", go_on, go_back);
    free(go_on);
    free(go_back);
    return true;
}

static bool write_continued(FILE *out, const cJSON *payload, const cli_progress *progress)
{
    (void)progress;
    fprintf(out, "goes on: %s", json_text(payload, "why", ""));
    return true;
}

static bool write_returning(FILE *out, const cJSON *payload, const cli_progress *progress)
{
    (void)progress;
    fputs(RED "goes back" PLAIN, out);
    write_why(out, payload);
    return true;
}

static bool write_ended(FILE *out, const cJSON *payload, const cli_progress *progress)
{
    const char *state = json_text(payload, "state", "?");
    (void)progress;
    fprintf(out, "%s%s" PLAIN, strcmp(state, "succeeded") == 0 ? GREEN : RED, state);
    write_why(out, payload);
    return true;
}

static bool write_request(FILE *out, const cJSON *payload, const cli_progress *progress)
{
    const char *why = json_text(payload, "why", "");
    (void)progress;
    fprintf(out, "%s asks: %s%s%s", json_text(payload, "who", "somebody"), json_text(payload, "request", "?"),
            why[0] == '\0' ? "" : ": ", why);
    return true;
}

static bool write_queued(FILE *out, const cJSON *payload, const cli_progress *progress)
{
    (void)progress;
    fprintf(out, "%s waits for its turn (%s), by %s", json_text(payload, "version", "?"), json_text(payload, "policy", "?"),
            json_text(payload, "who", "somebody"));
    return true;
}

static bool write_unqueued(FILE *out, const cJSON *payload, const cli_progress *progress)
{
    (void)progress;
    fprintf(out, "who waited since record %.0f waits no longer: %s", json_number(payload, "entry", 0), json_text(payload, "why", "?"));
    return true;
}

static bool write_telling(FILE *out, const cJSON *payload, const cli_progress *progress)
{
    (void)progress;
    fprintf(out, "tells %s, attempt %.0f", json_text(payload, "to", "?"), json_number(payload, "attempt", 1));
    return false;
}

static bool write_told(FILE *out, const cJSON *payload, const cli_progress *progress)
{
    (void)progress;
    if (strcmp(json_text(payload, "outcome", ""), "done") == 0) {
        fprintf(out, "told %s", json_text(payload, "to", "?"));
        return true;
    }
    fprintf(out, RED "could not tell" PLAIN " %s, attempt %.0f", json_text(payload, "to", "?"), json_number(payload, "attempt", 1));
    write_why(out, payload);
    if (cJSON_IsTrue(json_at(payload, "given_up")))
        fputs(": given up", out);
    return true;
}

static bool write_settled(FILE *out, const cJSON *payload, const cli_progress *progress)
{
    (void)progress;
    fprintf(out, "nobody is left to be told of ends up to record %.0f", json_number(payload, "through", 0));
    return true;
}

static bool write_clock(FILE *out, const cJSON *payload, const cli_progress *progress)
{
    (void)progress;
    fprintf(out, "the system's clock was moved by %s", json_text(payload, "by", "?"));
    return true;
}

static bool write_bare(FILE *out, const cJSON *payload, const cli_progress *progress)
{
    char *text = print_masked(payload);
    (void)progress;
    fprintf(out, "%.300s", text);
    free(text);
    return true;
}

static const struct {
    const char *kind;
    int matters;
    write_line *write;
} kinds[] = {
    {"run.planned", LINES_NORMAL, write_planned},
    {"run.started", LINES_DETAIL, write_started},
    {"run.resumed", LINES_IMPORTANT, write_resumed},
    {"step.started", LINES_NORMAL, write_step_started},
    {"step.done", LINES_NORMAL, write_step_done},
    {"step.failed", LINES_IMPORTANT, write_step_failed},
    {"step.waiting", LINES_NORMAL, write_step_waiting},
    {"step.checked", LINES_NORMAL, write_step_checked},
    {"step.acted", LINES_DETAIL, write_bare},
    {"step.retrying", LINES_NORMAL, write_retrying},
    {"action.intended", LINES_DETAIL, write_intended},
    {"action.completed", LINES_NORMAL, write_completed},
    {"action.ignored", LINES_DETAIL, write_bare},
    {"action.unanswered", LINES_NORMAL, write_unanswered},
    {"guard.judged", LINES_NORMAL, write_judged},
    {"guard.window", LINES_DETAIL, write_bare},
    {"run.waiting", LINES_IMPORTANT, write_waiting},
    {"run.paused", LINES_IMPORTANT, write_paused},
    {"run.continued", LINES_IMPORTANT, write_continued},
    {"run.returning", LINES_IMPORTANT, write_returning},
    {"run.ended", LINES_IMPORTANT, write_ended},
    {"request.made", LINES_IMPORTANT, write_request},
    {"queue.entered", LINES_IMPORTANT, write_queued},
    {"queue.left", LINES_NORMAL, write_unqueued},
    {"gate.answered", LINES_IMPORTANT, write_answered},
    {"notify.intended", LINES_NORMAL, write_telling},
    {"notify.completed", LINES_NORMAL, write_told},
    {"notify.settled", LINES_DETAIL, write_settled},
    {"clock.stepped", LINES_IMPORTANT, write_clock},
};

static int write_event(FILE *out, const cJSON *record, const cli_progress *progress)
{
    const char *kind = json_text(record, "kind", "?");
    const cJSON *payload = json_at(record, "payload");
    if (cJSON_IsNull(payload)) {
        fprintf(out, "%s (purged)", kind);
        return LINES_NORMAL;
    }
    if (strcmp(kind, "action.intended") == 0 && strcmp(json_text(payload, "role", ""), "person") == 0) {
        write_asked(out, payload, progress);
        return LINES_IMPORTANT;
    }
    if (strcmp(kind, "action.intended") == 0 && strcmp(json_text(payload, "role", ""), "clock") == 0 && progress != NULL) {
        write_window(out, payload, progress);
        return LINES_IMPORTANT;
    }
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(kinds[i].kind, kind) != 0)
            continue;
        if (kinds[i].matters == LINES_DETAIL)
            fprintf(out, "%s ", kind);
        return kinds[i].write(out, payload, progress) ? kinds[i].matters : LINES_DETAIL;
    }
    fprintf(out, "%s ", kind); /* a note, or a record of a newer library */
    write_bare(out, payload, progress);
    return LINES_NORMAL;
}

char *lines_format(const cJSON *record, const cli_progress *progress, int *matters)
{
    char *line = NULL;
    size_t length = 0;
    FILE *out = need(open_memstream(&line, &length));
    const char *at = json_text(record, "at", "");
    fprintf(out, "%.19sZ %s ", at, json_text(json_at(record, "payload"), "run", "-"));
    *matters = write_event(out, record, progress);
    if (fclose(out) != 0)
        need(NULL);
    return line;
}

/* A pasted log for a reason must not bury what stands around it. */
static char *shorten(char *line)
{
    enum { LONGEST = 1000 };
    size_t length = strlen(line);
    if (length <= LONGEST)
        return line;
    for (length = LONGEST; length > 0 && ((unsigned char)line[length] & 0xc0) == 0x80;)
        length--;
    char *cut = format_text("%.*s" DIM " ... (--json has all of it)" PLAIN, (int)length, line);
    free(line);
    return cut;
}

void lines_print(FILE *out, const cJSON *record, const cli_progress *progress, int least)
{
    int matters;
    char *line = lines_format(record, progress, &matters);
    if (line != NULL && matters >= least) {
        line = shorten(line);
        output_line(out, line, 0);
        fflush(out);
    }
    free(line);
}
