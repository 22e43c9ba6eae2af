/* A run driven by the host alone: next, complete, and a clock that jumps to whatever comes next. */
#include "runner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An answer on its way. */
typedef struct pending {
    nip_time due;
    char *action, *outcome;
    struct pending *next;
} pending;

typedef struct host {
    drive *drive;
    nip_time now;
    pending *first;
} host;

static void post(host *h, const nip_action *action, const cJSON *rule)
{
    char *outcome = answer_of(rule);
    if (outcome == NULL)
        return;
    pending *made = malloc(sizeof *made), **at = &h->first;
    *made = (pending){h->now + duration_of(rule, "takes"), strdup(nip_action_id(action)), outcome, NULL};
    while (*at != NULL && (*at)->due <= made->due)
        at = &(*at)->next;
    made->next = *at;
    *at = made;
}

static void show_records(host *h)
{
    char *json = NULL;
    nip_error *err = NULL;
    if (nip_journal_read(h->drive->runner->store, nip_run_subject(h->drive->run), h->drive->seen, 1000, &json, &err) <
        0) {
        print_error(err);
        return;
    }
    cJSON *records = cJSON_Parse(json);
    const cJSON *record;
    cJSON_ArrayForEach(record, records)
    {
        see_record(h->drive, record, h->now);
    }
    cJSON_Delete(records);
    nip_free(json);
}

static void take_action(host *h, const nip_action *action)
{
    print_action(action);
    crash_after_action(h->drive);
    const cJSON *rule = find_rule(h->drive, action);
    if (rule == NULL)
        puts("no answer");
    post(h, action, rule);
}

static void answer(host *h)
{
    pending *due = h->first;
    nip_error *err = NULL;
    h->first = due->next;
    if (nip_run_complete(h->drive->run, h->now, due->action, due->outcome, &err) < 0)
        print_error(err);
    free(due->action);
    cJSON_free(due->outcome);
    free(due);
}

static void poll_requests(host *h)
{
    nip_error *err = NULL;
    int rc = nip_run_poll(h->drive->run, &err);
    if (rc < 0)
        print_error(err);
    else
        printf("poll %d\n", rc);
}

/* Moves on to the first of: an answer, a request, what the run waits for. False: nothing will ever happen. */
static bool move_on(host *h, nip_time until)
{
    int request = -1;
    nip_time asked = next_timed_request(h->drive, &request);
    nip_time next = h->first != NULL && h->first->due < until ? h->first->due : until;
    next = asked < next ? asked : next;
    if (next == NIP_TIME_MAX)
        return false;
    h->now = next > h->now ? next : h->now;
    while (h->first != NULL && h->first->due <= h->now)
        answer(h);
    if (asked <= h->now)
        make_request(h->drive, request, h->now);
    poll_requests(h);
    return true;
}

static void show_status(const host *h, bool whole)
{
    char *json = NULL;
    nip_error *err = NULL;
    if (nip_run_status(h->drive->run, h->now, &json, &err) < 0) {
        print_error(err);
        return;
    }
    print_status(json);
    if (whole)
        print_json_text("  whole", json);
    nip_free(json);
}

void drive_by_next(drive *d, nip_time now)
{
    host h = {d, now, NULL};
    for (;;) {
        const nip_action *action = NULL;
        nip_time until = NIP_TIME_MAX;
        nip_error *err = NULL;
        int rc = nip_run_next(d->run, h.now, &action, &until, &err);
        show_records(&h);
        if (rc < 0) {
            print_error(err);
            break;
        }
        if (rc == NIP_RUN_DONE || d->leaves)
            break;
        if (rc == NIP_RUN_ACTION) {
            take_action(&h, action);
            continue;
        }
        print_instant("wait", until);
        show_status(&h, false);
        if (!move_on(&h, until)) {
            puts("nothing left to wait for");
            break;
        }
    }
    while (h.first != NULL) /* late ones are recorded, and otherwise ignored */
        answer(&h);
    show_records(&h);
    show_status(&h, true);
}
