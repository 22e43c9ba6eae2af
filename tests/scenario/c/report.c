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

static void print_taken(const char *label, int rc, char *json, nip_error *err)
{
    if (rc < 0)
        print_error(err);
    else
        print_json_text(label, json);
    nip_free(json);
}

void report_subject(runner *r, const char *subject)
{
    char *json = NULL;
    nip_error *err = NULL;
    print_records(r, subject);
    int rc = nip_journal_head(r->store, subject, &json, &err);
    cJSON *head = rc == 0 ? cJSON_Parse(json) : NULL;
    nip_free(json);
    cJSON_DeleteItemFromObject(head, "hash");
    json = cJSON_PrintUnformatted(head);
    print_json_text("head", json);
    cJSON_free(json);
    cJSON_Delete(head);
    json = NULL;
    rc = nip_journal_verify(r->store, subject, NULL, &json, &err);
    print_taken("verified", rc, json, err);
    json = NULL, err = NULL;
    rc = nip_run_list(r->store, subject, &json, &err);
    print_taken("runs", rc, json, err);
    json = NULL, err = NULL;
    rc = nip_release_read(r->store, subject, &json, &err);
    print_taken("release", rc, json, err);
}
