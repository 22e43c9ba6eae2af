/* How a run stands, folded from its records (docs/formats.md, "Records"). The driving process feeds it its events, `status` the journal:
 * both show the same. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

void progress_begin(cli_progress *progress, const char *run)
{
    *progress = (cli_progress){.run = copy_text(run),
                               .state = "planned",
                               .title = "",
                               .wait_until = NIP_TIME_NONE,
                               .started = NIP_TIME_NONE,
                               .ended = NIP_TIME_NONE};
    progress->guards = need(cJSON_CreateObject());
}

static void drop_pending(cli_pending_action *pending)
{
    free(pending->id);
    free(pending->role);
    free(pending->verb);
    free(pending);
}

void progress_end(cli_progress *progress)
{
    while (progress->pending != NULL) {
        cli_pending_action *next = progress->pending->next;
        drop_pending(progress->pending);
        progress->pending = next;
    }
    cJSON_Delete(progress->plan);
    cJSON_Delete(progress->shares);
    cJSON_Delete(progress->health);
    cJSON_Delete(progress->stands);
    cJSON_Delete(progress->guards);
    free(progress->steps[0]);
    free(progress->steps[1]);
    free(progress->run);
    free(progress->asks);
    free(progress->asked);
    free(progress->window);
    free(progress->gate);
    free(progress->why);
    free(progress->unmet);
    *progress = (cli_progress){0};
}

static void set_text(char **place, const char *text)
{
    char *copy = text == NULL ? NULL : copy_text(text);
    free(*place);
    *place = copy;
}

/* "reason: message", or what there is of it. */
static void set_why(cli_progress *progress, const cJSON *payload)
{
    const char *reason = json_text(payload, "reason", ""), *message = json_text(payload, "message", "");
    free(progress->why);
    progress->why = format_text("%s%s%s", reason, reason[0] != '\0' && message[0] != '\0' ? ": " : "", message);
}

/* ---- steps ---- */

static void list_steps(cli_progress *progress, int list, const char *key)
{
    const cJSON *steps = json_at(progress->plan, key), *step;
    size_t count = (size_t)cJSON_GetArraySize(steps), i = 0;
    progress->steps[list] = need(calloc(count + 1, sizeof *progress->steps[list]));
    progress->count[list] = count;
    cJSON_ArrayForEach(step, steps)
    {
        progress->steps[list][i].id = json_text(step, "id", "");
        progress->steps[list][i++].title = json_text(step, "title", "");
    }
}

static void on_planned(cli_progress *progress, const cJSON *payload)
{
    if (progress->plan != NULL)
        return;
    progress->plan = need(cJSON_Duplicate(json_at(payload, "plan"), true));
    progress->title = json_text(progress->plan, "title", "");
    list_steps(progress, 0, "steps");
    list_steps(progress, 1, "back");
    progress->started = progress->now;
}

/* The step that a record is about; steps come in order, so the search begins where the run is. NULL: not known. */
static cli_step_line *find_step(cli_progress *progress, const cJSON *payload)
{
    const char *id = json_text(payload, "step", NULL);
    int list = strcmp(json_text(payload, "list", "forward"), "back") == 0;
    size_t count = progress->count[list];
    for (size_t i = 0; id != NULL && i < count; i++) {
        size_t index = (progress->current[list] + i) % count;
        if (strcmp(progress->steps[list][index].id, id) == 0) {
            progress->list = list;
            progress->current[list] = index;
            return &progress->steps[list][index];
        }
    }
    return NULL;
}

/* Nobody is asked any more. */
static void end_gate(cli_progress *progress)
{
    set_text(&progress->asks, NULL);
    set_text(&progress->asked, NULL);
    set_text(&progress->window, NULL);
    set_text(&progress->gate, NULL);
}

static void mark_step(cli_progress *progress, const cJSON *payload, step_mark mark)
{
    cli_step_line *step = find_step(progress, payload);
    progress->wait_until = NIP_TIME_NONE;
    set_text(&progress->unmet, NULL);
    end_gate(progress);
    if (step == NULL)
        return;
    step->mark = mark;
    if (mark == STEP_DOING)
        step->began = progress->now;
    else
        step->ended = progress->now;
}

static void on_step_started(cli_progress *progress, const cJSON *payload)
{
    mark_step(progress, payload, STEP_DOING);
}

static void on_step_done(cli_progress *progress, const cJSON *payload)
{
    mark_step(progress, payload, STEP_DONE);
    if (strcmp(progress->state, "waiting") == 0)
        progress->state = "running";
}

static void on_step_failed(cli_progress *progress, const cJSON *payload)
{
    mark_step(progress, payload, STEP_FAILED);
}

static void on_step_waiting(cli_progress *progress, const cJSON *payload)
{
    find_step(progress, payload);
    progress->state = "waiting";
    progress->wait_until = json_time(payload, "until");
}

static void on_step_checked(cli_progress *progress, const cJSON *payload)
{
    const cJSON *failed = json_at(payload, "failed");
    const char *unmet =
        cJSON_IsTrue(json_at(payload, "met")) ? NULL : cJSON_GetStringValue(cJSON_GetArrayItem(failed, 0));
    progress->same_unmet = unmet != NULL && progress->unmet != NULL && strcmp(unmet, progress->unmet) == 0;
    set_text(&progress->unmet, unmet);
}

/* ---- actions ---- */

/* "2 of sre (ann, bob, eve)" */
static char *people_of(const cJSON *args)
{
    char *names = copy_text("");
    const cJSON *member;
    cJSON_ArrayForEach(member, json_at(args, "members"))
    {
        const char *name = cJSON_GetStringValue(member);
        char *longer = format_text("%s%s%s", names, names[0] == '\0' ? "" : ", ", name == NULL ? "?" : name);
        free(names);
        names = longer;
    }
    char *people = format_text("%.0f of %s (%s)", json_number(args, "count", 1), json_text(args, "role", "?"), names);
    free(names);
    return people;
}

static void begin_gate(cli_progress *progress, const cJSON *payload)
{
    const cJSON *args = json_at(payload, "args");
    if (strcmp(json_text(payload, "role", ""), "clock") == 0) {
        end_gate(progress);
        progress->window = json_print(args);
        set_text(&progress->gate, json_text(payload, "action", ""));
    }
    if (strcmp(json_text(payload, "role", ""), "person") != 0)
        return;
    end_gate(progress);
    set_text(&progress->asks, json_text(args, "ask", "may it go on?"));
    progress->asked = people_of(args);
    set_text(&progress->gate, json_text(payload, "action", ""));
}

static void on_intended(cli_progress *progress, const cJSON *payload)
{
    begin_gate(progress, payload);
    cli_pending_action *pending = need(calloc(1, sizeof *pending));
    pending->id = copy_text(json_text(payload, "action", ""));
    pending->role = copy_text(json_text(payload, "role", ""));
    pending->verb = copy_text(json_text(payload, "verb", ""));
    pending->next = progress->pending;
    progress->pending = pending;
}

static void replace(cJSON **place, const cJSON *value)
{
    if (!cJSON_IsObject(value))
        return;
    cJSON_Delete(*place);
    *place = need(cJSON_Duplicate(value, true));
}

static void learn(cli_progress *progress, const cli_pending_action *action, const cJSON *payload)
{
    const cJSON *groups = json_at(payload, "result/groups");
    if (strcmp(action->role, "router") == 0 && strcmp(action->verb, "route") == 0)
        replace(&progress->shares, groups);
    else if (strcmp(action->role, "check") == 0)
        replace(&progress->health, groups);
}

static void on_answered(cli_progress *progress, const cJSON *payload)
{
    const char *id = json_text(payload, "action", "");
    if (progress->gate != NULL && strcmp(progress->gate, id) == 0)
        end_gate(progress);
    for (cli_pending_action **place = &progress->pending; *place != NULL; place = &(*place)->next) {
        cli_pending_action *action = *place;
        if (strcmp(action->id, id) == 0) {
            learn(progress, action, payload);
            *place = action->next;
            drop_pending(action);
            return;
        }
    }
}

static void on_judged(cli_progress *progress, const cJSON *payload)
{
    const char *guard = json_text(payload, "guard", ""), *step = json_text(payload, "step", "");
    const cJSON *other = cJSON_GetArrayItem(progress->guards, 0);
    if (other != NULL &&
        strcmp(json_text(other, "step", ""), step) != 0) { /* those of the stage before say nothing any more */
        cJSON_Delete(progress->guards);
        progress->guards = need(cJSON_CreateObject());
    }
    cJSON_DeleteItemFromObjectCaseSensitive(progress->guards, guard);
    cJSON_AddItemToObject(progress->guards, guard, need(cJSON_Duplicate(payload, true)));
}

/* ---- the run ---- */

static void on_started(cli_progress *progress, const cJSON *payload)
{
    (void)payload;
    progress->state = "running";
}

static void on_resumed(cli_progress *progress, const cJSON *payload)
{
    nip_duration gap = 0;
    const char *text = json_text(payload, "gap", NULL);
    if (text != NULL && nip_duration_parse(text, &gap, NULL) == 0 && progress->wait_until != NIP_TIME_NONE)
        progress->wait_until += gap; /* time in which nobody drove the run does not count */
    if (strcmp(progress->state, "planned") == 0)
        progress->state = "running";
}

static void on_waiting(cli_progress *progress, const cJSON *payload)
{
    progress->state = "waiting";
    if (strcmp(json_text(payload, "for", ""), "approval") != 0)
        return;
    int list = progress->list;
    const cJSON *step =
        cJSON_GetArrayItem(json_at(progress->plan, list == 0 ? "steps" : "back"), (int)progress->current[list]);
    set_text(&progress->asks, json_text(step, "approve", "may it go on?"));
}

static void on_paused(cli_progress *progress, const cJSON *payload)
{
    progress->state = "paused";
    set_why(progress, payload);
}

static void on_continued(cli_progress *progress, const cJSON *payload)
{
    (void)payload;
    progress->state = progress->list == 1 ? "returning" : "running";
    set_text(&progress->why, NULL);
}

static void on_returning(cli_progress *progress, const cJSON *payload)
{
    progress->state = "returning";
    progress->list = 1;
    progress->current[1] = (size_t)json_number(payload, "entry", 0);
    progress->wait_until = NIP_TIME_NONE;
    end_gate(progress);
    progress->over = false; /* a broken run may be sent back again */
    set_why(progress, payload);
}

static const char *known_state(const char *state)
{
    static const char *const states[] = {"succeeded", "returned", "stopped", "broken"};
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
        if (strcmp(states[i], state) == 0)
            return states[i];
    }
    return "broken";
}

static void on_ended(cli_progress *progress, const cJSON *payload)
{
    progress->state = known_state(json_text(payload, "state", ""));
    replace(&progress->stands, json_at(payload, "stands"));
    progress->over = true;
    progress->ended = progress->now;
    progress->wait_until = NIP_TIME_NONE;
    end_gate(progress);
    set_why(progress, payload);
}

static const struct {
    const char *kind;
    void (*take)(cli_progress *progress, const cJSON *payload);
} kinds[] = {
    {"run.planned", on_planned},        {"run.started", on_started},      {"run.resumed", on_resumed},
    {"run.waiting", on_waiting},        {"run.paused", on_paused},        {"run.continued", on_continued},
    {"run.returning", on_returning},    {"run.ended", on_ended},          {"step.started", on_step_started},
    {"step.done", on_step_done},        {"step.failed", on_step_failed},  {"step.waiting", on_step_waiting},
    {"step.checked", on_step_checked},  {"action.intended", on_intended}, {"action.completed", on_answered},
    {"action.unanswered", on_answered}, {"guard.judged", on_judged},
};

bool progress_feed(cli_progress *progress, const cJSON *record)
{
    int64_t sequence = (int64_t)json_number(record, "sequence", 0);
    const cJSON *payload = json_at(record, "payload");
    if (sequence <= progress->sequence)
        return false;
    progress->sequence = sequence;
    if (strcmp(json_text(payload, "run", ""), progress->run) != 0)
        return false;
    nip_time at = json_time(record, "at");
    if (at != NIP_TIME_NONE)
        progress->now = at;
    const char *kind = json_text(record, "kind", "");
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(kinds[i].kind, kind) == 0)
            kinds[i].take(progress, payload);
    }
    return true;
}

int progress_read(cli_progress *progress, nip_store *store, const char *subject,
                  void (*each)(void *data, const struct cli_progress *progress, const cJSON *record), void *data)
{
    enum { PAGE = 500 };
    for (int count = PAGE; count == PAGE;) {
        char *json = NULL;
        nip_error *err = NULL;
        if (nip_journal_read(store, subject, progress->sequence, PAGE, &json, &err) < 0)
            return fail(err);
        cJSON *records = json_parse(json), *record;
        count = cJSON_GetArraySize(records);
        cJSON_ArrayForEach(record, records)
        {
            if (progress_feed(progress, record) && each != NULL)
                each(data, progress, record);
        }
        cJSON_Delete(records);
        nip_free(json);
    }
    return 0;
}

static bool between(const cli_progress *progress, const cJSON *guard)
{
    const char *from = json_text(guard, "from", ""), *to = json_text(guard, "to", "");
    bool begun = false;
    for (size_t i = 0; i < progress->count[0] && i <= progress->current[0]; i++) {
        const char *id = progress->steps[0][i].id;
        begun = begun || strcmp(id, from) == 0;
        if (strcmp(id, to) == 0 && i < progress->current[0])
            return false;
    }
    return begun;
}

const char *progress_guarded(const cli_progress *progress)
{
    const cJSON *guard;
    if (progress->list == 1 || progress->over)
        return NULL;
    cJSON_ArrayForEach(guard, json_at(progress->plan, "guards"))
    {
        if (between(progress, guard))
            return json_text(guard, "title", "a guard");
    }
    return NULL;
}

char *window_text(const char *rules, nip_time now)
{
    char *json = NULL;
    nip_error *err = NULL;
    if (nip_window_judge(rules, now, &json, &err) < 0) {
        char *why = copy_text(nip_error_message(err));
        nip_error_free(err);
        return why;
    }
    cJSON *judged = json_parse(json);
    const char *frozen = json_text(judged, "why", NULL), *opens = json_text(judged, "opens_civil", NULL);
    bool open = cJSON_IsTrue(json_at(judged, "open"));
    char *text = open            ? copy_text("open now")
                 : opens == NULL ? copy_text("does not open any more")
                                 : format_text("opens %s (%s)%s%s", opens, json_text(judged, "zone", "UTC"), frozen == NULL ? "" : ": closed for ",
                                               frozen == NULL ? "" : frozen);
    cJSON_Delete(judged);
    nip_free(json);
    return text;
}

int progress_exit_status(const char *state)
{
    static const struct {
        const char *state;
        int status;
    } table[] = {
        {"succeeded", EXIT_DONE}, {"returned", EXIT_RETURNED}, {"stopped", EXIT_REFUSED}, {"broken", EXIT_BROKEN}};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (strcmp(table[i].state, state) == 0)
            return table[i].status;
    }
    return EXIT_WAITING;
}
