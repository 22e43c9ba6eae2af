/* What a journal says in the end: every record, whether it is intact, its runs, and what is released. */
#include "runner.h"

#include <stdio.h>

static void print_records(runner *r, const char *subject)
{
    char *json = NULL;
    nip_error *err = NULL;
    if (nip_journal_read(r->store, subject, 0, 10000, &json, &err) < 0) {
        print_error(err);
        return;
    }
    cJSON *records = cJSON_Parse(json);
    const cJSON *record;
    cJSON_ArrayForEach(record, records)
    {
        print_record("record", record);
    }
    cJSON_Delete(records);
    nip_free(json);
}

static void print_parsed(const char *label, const char *json, const char *const *keys)
{
    cJSON *map = cJSON_Parse(json);
    print_fields(label, map, keys);
    cJSON_Delete(map);
}

void print_requested(const char *json)
{
    static const char *const keys[] = {"run", "sequence", "driven", NULL};
    print_parsed("requested", json, keys);
}

static void print_waiting(const cJSON *waiting)
{
    static const char *const keys[] = {"for", "message", "until", NULL};
    static const char *const keys_for_data[] = {"for", "why", "until", NULL};
    bool for_data = cJSON_HasObjectItem(waiting, "why");
    if (waiting != NULL)
        print_fields("  waiting", waiting, for_data ? keys_for_data : keys);
}

/* How a run stands: what every language has a name for. */
void print_status(const char *json)
{
    static const char *const keys[] = {"run",     "subject", "title", "state",    "reason",
                                       "message", "started", "ended", "sequence", NULL};
    static const char *const step_keys[] = {"id", "title", "list", "number", "of", "attempt", NULL};
    cJSON *map = cJSON_Parse(json);
    const cJSON *step = cJSON_GetObjectItemCaseSensitive(map, "step");
    print_fields("status", map, keys);
    if (step != NULL)
        print_fields("  step", step, step_keys);
    print_waiting(cJSON_GetObjectItemCaseSensitive(map, "waiting"));
    cJSON_Delete(map);
}

static void print_runs(const char *json)
{
    static const char *const keys[] = {"run", "subject", "state", "title", "started", "ended", NULL};
    cJSON *runs = cJSON_Parse(json);
    const cJSON *run;
    cJSON_ArrayForEach(run, runs)
    {
        print_fields("listed", run, keys);
    }
    cJSON_Delete(runs);
}

/* Where a run waits, for whom, and what they said. */
void print_gate(const char *json)
{
    static const char *const keys[] = {"gate", "step", "ask", NULL}, *const said[] = {"decision", "who", "why", "sequence", NULL};
    cJSON *gate = cJSON_Parse(json);
    const cJSON *override = cJSON_GetObjectItemCaseSensitive(gate, "override"), *member, *answer;
    const cJSON *missing = cJSON_GetObjectItemCaseSensitive(gate, "missing");
    print_fields("gate", gate, keys);
    printf("  missing %.0f\n", missing != NULL ? missing->valuedouble : 0);
    cJSON_ArrayForEach(member, cJSON_GetObjectItemCaseSensitive(override != NULL ? override : gate, "members"))
    {
        print_text("  member", member->valuestring);
    }
    cJSON_ArrayForEach(answer, cJSON_GetObjectItemCaseSensitive(gate, "answers"))
    {
        print_fields("  answer", answer, said);
    }
    cJSON_Delete(gate);
}

static void print_head(const char *json)
{
    static const char *const keys[] = {"subject", "sequence", NULL};
    print_parsed("head", json, keys);
}

static void print_verification(const char *json)
{
    static const char *const keys[] = {"subject", "verdict", "records", "purged", "broken_at", "reason", "head", NULL};
    print_parsed("verified", json, keys);
}

static void print_release(const char *json)
{
    print_json_text("release", json);
}

static int verify(nip_store *store, const char *subject, char **json, nip_error **err)
{
    return nip_journal_verify(store, subject, NULL, json, err);
}

void report_subject(runner *r, const char *subject)
{
    static const struct {
        int (*ask)(nip_store *store, const char *subject, char **json, nip_error **err);
        void (*print)(const char *json);
    } questions[] = {
        {nip_journal_head, print_head},
        {verify, print_verification},
        {nip_run_list, print_runs},
        {nip_release_read, print_release},
    };
    print_records(r, subject);
    for (size_t i = 0; i < sizeof questions / sizeof questions[0]; i++) {
        char *json = NULL;
        nip_error *err = NULL;
        if (questions[i].ask(r->store, subject, &json, &err) < 0)
            print_error(err);
        else
            questions[i].print(json);
        nip_free(json);
    }
}
