/* What happens at a stated moment of a run: requests, and the process's own sudden end. */
#include "runner.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const cJSON *item(const drive *d, const char *list, int index)
{
    return cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(d->said, list), index);
}

static int count(const drive *d, const char *list)
{
    return cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(d->said, list));
}

/* `after`: {kind, step?, nth?} */
static bool is_moment(const cJSON *after, const cJSON *record, int *times)
{
    const cJSON *payload = cJSON_GetObjectItemCaseSensitive(record, "payload");
    const cJSON *nth = cJSON_GetObjectItemCaseSensitive(after, "nth");
    const char *step = text_of(after, "step"), *found = text_of(payload, "step");
    if (after == NULL || strcmp(text_of(after, "kind"), text_of(record, "kind")) != 0)
        return false;
    if (step != NULL && (found == NULL || strcmp(step, found) != 0))
        return false;
    return ++*times == (nth != NULL ? nth->valueint : 1);
}

static void die_suddenly(void)
{
    puts("crash");
    fflush(stdout);
    kill(getpid(), SIGKILL);
}

void make_request(drive *d, int index, nip_time now)
{
    const cJSON *request = item(d, "requests", index);
    nip_error *err = NULL;
    char *json = NULL;
    d->requested[index] = true;
    const char *decision = text_of(request, "answer"), *who = text_of(request, "who"), *why = text_of(request, "why");
    nip_store *store = d->runner->store;
    const char *id = nip_run_id(d->run);
    int rc = decision != NULL ? nip_gate_answer(store, id, decision, who, why, now, &json, &err)
                              : nip_run_request(store, id, text_of(request, "request"), who, why, now, &json, &err);
    if (rc < 0)
        print_error(err);
    else if (decision != NULL)
        print_json_text("answered", json);
    else
        print_requested(json);
    nip_free(json);
}

/* A record was written: is it what somebody waited for? */
void see_record(drive *d, const cJSON *record, nip_time now)
{
    const cJSON *payload = cJSON_GetObjectItemCaseSensitive(record, "payload");
    print_record("event", record);
    d->seen = (int64_t)cJSON_GetObjectItemCaseSensitive(record, "sequence")->valuedouble;
    if (strcmp(text_of(record, "kind"), "action.intended") == 0)
        cJSON_AddItemToObject(d->intended, text_of(payload, "action"), cJSON_Duplicate(payload, true));
    for (int i = 0; i < count(d, "requests"); i++) {
        const cJSON *after = cJSON_GetObjectItemCaseSensitive(item(d, "requests", i), "after");
        if (!d->requested[i] && is_moment(after, record, &d->request_counts[i]))
            make_request(d, i, now);
    }
    if (is_moment(cJSON_GetObjectItemCaseSensitive(item(d, "crashes", d->crash), "after"), record, &d->crash_count))
        die_suddenly();
    if (is_moment(cJSON_GetObjectItemCaseSensitive(d->said, "leave"), record, &d->leave_count))
        d->leaves = true;
}

void crash_after_action(drive *d)
{
    const cJSON *wanted = cJSON_GetObjectItemCaseSensitive(item(d, "crashes", d->crash), "after_action");
    if (wanted != NULL && ++d->handed == wanted->valueint)
        die_suddenly();
}

/* The earliest request that bears an instant and was not made yet. */
nip_time next_timed_request(const drive *d, int *index)
{
    nip_time earliest = NIP_TIME_MAX;
    for (int i = 0; i < count(d, "requests"); i++) {
        nip_time at = d->runner->start + duration_of(item(d, "requests", i), "at");
        if (!d->requested[i] && text_of(item(d, "requests", i), "at") != NULL && at < earliest) {
            earliest = at;
            *index = i;
        }
    }
    return earliest;
}
