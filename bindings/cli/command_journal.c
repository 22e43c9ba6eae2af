/* journal: what happened to a subject, and the proof that nobody changed it carelessly. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

enum { PAGE = 500 };

/* ---- reading ---- */

typedef struct cli_reader {
    const cli_options *given;
    cli_progress progress; /* of the run whose records come now: lines name steps by their titles */
    cJSON *list;           /* for --json */
} cli_reader;

static bool wanted(const cli_reader *reader, const char *run)
{
    return reader->given->run == NULL || strcmp(reader->given->run, run) == 0;
}

static void take_record(cli_reader *reader, const cJSON *record)
{
    const char *run = json_text(json_at(record, "payload"), "run", "");
    if (!wanted(reader, run))
        return;
    if (reader->given->json) {
        cJSON_AddItemToArray(reader->list, need(cJSON_Duplicate(record, true)));
        return;
    }
    if (reader->progress.run == NULL || strcmp(reader->progress.run, run) != 0) {
        progress_end(&reader->progress);
        progress_begin(&reader->progress, run);
    }
    progress_feed(&reader->progress, record);
    lines_print(stdout, record, &reader->progress, reader->given->all ? LINES_DETAIL : LINES_NORMAL);
}

static int read_records(cli_world *world, cli_reader *reader)
{
    int64_t after = 0;
    for (int count = PAGE; count == PAGE;) {
        char *json = NULL;
        nip_error *err = NULL;
        if (nip_journal_read(world->store, world->given->arguments[0], after, PAGE, &json, &err) < 0)
            return fail(err);
        cJSON *records = json_parse(json), *record;
        count = cJSON_GetArraySize(records);
        cJSON_ArrayForEach(record, records)
        {
            after = (int64_t)json_number(record, "sequence", (double)after);
            take_record(reader, record);
        }
        cJSON_Delete(records);
        nip_free(json);
    }
    return 0;
}

static int print_records(cli_world *world)
{
    cli_reader reader = {.given = world->given, .list = need(cJSON_CreateArray())};
    int status = read_records(world, &reader);
    if (status == 0 && world->given->json)
        print_json_value(reader.list);
    else
        cJSON_Delete(reader.list);
    progress_end(&reader.progress);
    return status;
}

/* ---- head and chain ---- */

static int print_head(cli_world *world)
{
    char *json = NULL;
    nip_error *err = NULL;
    if (nip_journal_head(world->store, world->given->arguments[0], &json, &err) < 0)
        return fail(err);
    print_json(json); /* one line either way: it is to be kept, and given back to --expect */
    nip_free(json);
    return 0;
}

static int read_head(const char *file, char **head)
{
    nip_doc *doc = NULL;
    nip_error *err = NULL;
    int rc = nip_doc_load_file(file, &doc, &err);
    if (rc == 0)
        rc = nip_doc_to_json(doc, head, &err);
    nip_doc_free(doc);
    if (rc < 0)
        return fail_document(err);
    cJSON *root = json_parse(*head);
    bool known = cJSON_IsString(json_at(root, "subject")) && cJSON_IsNumber(json_at(root, "sequence"));
    cJSON_Delete(root);
    return known ? 0 : bad_usage("%s: no head as nipops journal SUBJECT --head prints it: subject, sequence and hash are needed", file);
}

static int print_verdict(const cli_options *given, const char *json)
{
    cJSON *result = json_parse(json);
    const char *verdict = json_text(result, "verdict", "broken"), *head = json_text(result, "head", "not_given");
    bool good = strcmp(verdict, "intact") == 0 && (strcmp(head, "matches") == 0 || strcmp(head, "not_given") == 0);
    if (given->json) {
        print_json(json);
    } else {
        char *line = format_text(
            "%s: %s%s" PLAIN ", %.0f records, %.0f purged, kept head: %s%s%s", given->arguments[0], good ? GREEN : RED,
            verdict, json_number(result, "records", 0), json_number(result, "purged", 0), head,
            json_text(result, "reason", NULL) == NULL ? "" : ": ", json_text(result, "reason", ""));
        output_line(stdout, line, 0);
        free(line);
        if (good && strcmp(head, "not_given") == 0)
            puts("a cut tail or a journal rewritten as a whole shows only against a head kept elsewhere: --head, then "
                 "--expect");
    }
    cJSON_Delete(result);
    return good ? EXIT_DONE : EXIT_BROKEN;
}

static int verify(cli_world *world)
{
    const cli_options *given = world->given;
    char *head = NULL, *json = NULL;
    nip_error *err = NULL;
    int status = given->expect == NULL ? 0 : read_head(given->expect, &head);
    if (status == 0 && nip_journal_verify(world->store, given->arguments[0], head, &json, &err) < 0)
        status = fail(err);
    if (status == 0)
        status = print_verdict(given, json);
    nip_free(json);
    nip_free(head);
    return status;
}

/* A misspelt name has an empty journal, and an empty journal is intact: that would be taken for good news. A head that was
 * kept of it says that there was one. */
static int check_subject(cli_world *world)
{
    const char *subject = world->given->arguments[0];
    char *json = NULL;
    nip_error *err = NULL;
    if (world->given->expect != NULL)
        return 0;
    if (nip_journal_head(world->store, subject, &json, &err) < 0)
        return fail(err);
    cJSON *head = json_parse(json);
    bool empty = json_number(head, "sequence", 0) == 0;
    cJSON_Delete(head);
    nip_free(json);
    return empty ? bad_usage("%s: nothing is kept under this name in %s; see: nipops list", subject, world->store_url) : 0;
}

int command_journal(const cli_options *given)
{
    cli_world world;
    if (given->verify && given->head)
        return bad_usage("either --verify or --head, not both");
    if (given->expect != NULL && !given->verify)
        return bad_usage("--expect belongs to --verify: nipops journal SUBJECT --verify --expect FILE");
    int status = world_open_existing(given, &world);
    if (status == 0)
        status = check_subject(&world);
    if (status == 0)
        status = given->verify ? verify(&world) : given->head ? print_head(&world) : print_records(&world);
    world_close(&world);
    return status;
}
