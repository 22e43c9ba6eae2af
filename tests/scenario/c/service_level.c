/* Service levels: what was measured, in parts; their pages; what became of a period. */
#include "runner.h"

#include <string.h>

enum { ITEMS_MAX = 1000 };

typedef int adding(runner *r, nip_doc *doc, const cJSON *said, const cJSON *part, char **json, nip_error **err);

static nip_time time_of(const cJSON *map, const char *key)
{
    nip_time time = NIP_TIME_NONE;
    const char *text = text_of(map, key);
    if (text != NULL && nip_time_parse(text, &time, NULL) < 0)
        die("no instant", text);
    return time;
}

static int64_t integer_of(const cJSON *map, const char *key, int64_t none)
{
    const cJSON *number = cJSON_GetObjectItemCaseSensitive(map, key);
    return number != NULL ? (int64_t)number->valuedouble : none;
}

static int64_t read_times(const cJSON *part, nip_time *times)
{
    const cJSON *second;
    int64_t count = 0;
    cJSON_ArrayForEach(second, cJSON_GetObjectItemCaseSensitive(part, "times"))
    {
        if (count < ITEMS_MAX)
            times[count++] = time_of(part, "at") + (nip_time)second->valuedouble * NIP_SECOND;
    }
    return count;
}

static double number_at(const cJSON *part, const char *key, int64_t index)
{
    return cJSON_GetNumberValue(cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(part, key), (int)index)); /* of null: NaN */
}

/* ---- what was promised ---- */

/* promises: NAME: what a document comes to, and rules that watch over it. */
void promises(runner *r, const cJSON *said)
{
    nip_doc *doc = load_document(r, said->valuestring);
    nip_error *err = NULL;
    char *described = NULL, *rules = NULL;
    int rc = nip_sla_describe(doc, &described, &err);
    if (rc == 0) {
        print_json_text("described", described);
        rc = nip_sla_rules(doc, &rules, &err);
    }
    if (rc == 0)
        print_block(rules);
    else
        print_error(err);
    nip_free(described);
    nip_free(rules);
    nip_doc_free(doc);
}

/* ---- measure ---- */

static int add_events(runner *r, nip_doc *doc, const cJSON *said, const cJSON *part, char **json, nip_error **err)
{
    nip_time times[ITEMS_MAX];
    int64_t good[ITEMS_MAX], bad[ITEMS_MAX], count = read_times(part, times);
    for (int64_t i = 0; i < count; i++) {
        good[i] = (int64_t)number_at(part, "good", i);
        bad[i] = (int64_t)number_at(part, "bad", i);
    }
    return nip_sla_add_events(r->store, doc, text_of(said, "indicator"), text_of(said, "stream"), times, good, bad, count, time_of(part, "begin"),
                              time_of(part, "end"), integer_of(part, "revision", 0), nip_ctx_now(r->ctx), json, err);
}

static int add_samples(runner *r, nip_doc *doc, const cJSON *said, const cJSON *part, char **json, nip_error **err)
{
    nip_time times[ITEMS_MAX];
    double values[ITEMS_MAX];
    int64_t count = read_times(part, times);
    for (int64_t i = 0; i < count; i++)
        values[i] = number_at(part, "values", i);
    return nip_sla_add_samples(r->store, doc, text_of(said, "indicator"), text_of(said, "stream"), times, values, count, time_of(part, "begin"),
                               time_of(part, "end"), integer_of(part, "revision", 0), nip_ctx_now(r->ctx), json, err);
}

static int add_rows(runner *r, nip_doc *doc, const cJSON *said, const cJSON *part, char **json, nip_error **err)
{
    const char *rows = text_of(part, "rows");
    return nip_sla_import(r->store, doc, text_of(said, "indicator"), text_of(said, "stream"), rows, (int64_t)strlen(rows), "rows", time_of(part, "begin"),
                          time_of(part, "end"), integer_of(part, "revision", 0), nip_ctx_now(r->ctx), json, err);
}

static adding *way_of(const cJSON *part)
{
    if (text_of(part, "rows") != NULL)
        return add_rows;
    return cJSON_HasObjectItem(part, "values") ? add_samples : add_events;
}

/* Adds what one call came to. */
static void count_added(const char *json, int64_t *slices, int64_t *known)
{
    cJSON *added = cJSON_Parse(json);
    *slices += integer_of(added, "slices", 0);
    *known += integer_of(added, "known", 0);
    cJSON_Delete(added);
}

/* {document, indicator, stream?, parts: [...]}: here from the first to the last; each language has another order. */
void measure(runner *r, const cJSON *said)
{
    nip_doc *doc = load_document(r, text_of(said, "document"));
    nip_error *err = NULL;
    int64_t slices = 0, known = 0;
    int rc = 0;
    const cJSON *part;
    cJSON_ArrayForEach(part, cJSON_GetObjectItemCaseSensitive(said, "parts"))
    {
        char *json = NULL;
        if (rc == 0)
            rc = way_of(part)(r, doc, said, part, &json, &err);
        if (json != NULL)
            count_added(json, &slices, &known);
        nip_free(json);
    }
    if (rc < 0)
        print_error(err);
    else
        printf("added slices %lld known %lld\n", (long long)slices, (long long)known);
    nip_doc_free(doc);
}

/* ---- what does not count ---- */

/* {document, exclusion} */
void exclude(runner *r, const cJSON *said)
{
    nip_doc *doc = load_document(r, text_of(said, "document"));
    char *exclusion = cJSON_PrintUnformatted(cJSON_GetObjectItemCaseSensitive(said, "exclusion"));
    nip_error *err = NULL;
    int64_t sequence = 0;
    if (nip_sla_exclude(r->store, doc, exclusion, nip_ctx_now(r->ctx), &sequence, &err) < 0)
        print_error(err);
    else
        printf("excluded %lld\n", (long long)sequence);
    cJSON_free(exclusion);
    nip_doc_free(doc);
}

/* ---- pages ---- */

static int copy_pages(runner *r, const char *name, const char *pages, nip_error **err)
{
    nip_doc *doc = load_document(r, name);
    char *json = NULL;
    int64_t slices = 0, known = 0;
    int rc = nip_sla_add_pages(r->store, doc, pages, (int64_t)strlen(pages), nip_ctx_now(r->ctx), &json, err);
    if (rc == 0) {
        count_added(json, &slices, &known);
        printf("added slices %lld known %lld\n", (long long)slices, (long long)known);
    }
    nip_free(json);
    nip_doc_free(doc);
    return rc;
}

static void print_lines(const char *label, const char *text)
{
    for (size_t length = 0;; text += length + 1) {
        length = strcspn(text, "\n");
        printf("%s %.*s\n", label, (int)length, text);
        if (text[length] == '\0')
            return;
    }
}

/* {document, as_of?, to?}: the text itself, to the byte; `to`: a document whose journal they are added to. */
void show_pages(runner *r, const cJSON *said)
{
    nip_doc *doc = load_document(r, text_of(said, "document"));
    nip_error *err = NULL;
    char *pages = NULL;
    int rc = nip_sla_pages(r->store, doc, integer_of(said, "as_of", INT64_MAX), &pages, &err);
    if (rc == 0)
        print_lines("pages", pages);
    if (rc == 0 && text_of(said, "to") != NULL)
        rc = copy_pages(r, text_of(said, "to"), pages, &err);
    if (rc < 0)
        print_error(err);
    nip_free(pages);
    nip_doc_free(doc);
}

/* ---- what it comes to ---- */

static void print_judged(const char *label, const char *report)
{
    static const char *const keys[] = {"objective", "value", "verdict", "proven", NULL};
    cJSON *map = cJSON_Parse(report);
    const cJSON *objective;
    cJSON_ArrayForEach(objective, cJSON_GetObjectItemCaseSensitive(map, "objectives"))
    {
        const cJSON *simulated = cJSON_GetObjectItemCaseSensitive(objective, "answer");
        print_fields("judged", simulated != NULL ? simulated : objective, keys);
    }
    print_json_text(label, report);
    cJSON_Delete(map);
}

/* {document, period, as_of?}: at the record's instant if there is one, else now. */
void judge(runner *r, const cJSON *said)
{
    nip_doc *doc = load_document(r, text_of(said, "document"));
    int64_t as_of = integer_of(said, "as_of", INT64_MAX);
    nip_time now = as_of == INT64_MAX ? nip_ctx_now(r->ctx) : NIP_TIME_NONE;
    nip_error *err = NULL;
    char *report = NULL, *certificates = NULL, *text = NULL, *page = NULL;
    int rc = nip_sla_report(r->store, doc, text_of(said, "period"), now, as_of, &report, &err);
    if (rc == 0)
        rc = nip_sla_certificates(r->store, doc, text_of(said, "period"), now, as_of, &certificates, &err);
    if (rc == 0)
        rc = nip_sla_report_text(report, "markdown", &text, &err);
    if (rc == 0)
        rc = nip_sla_report_text(report, "html", &page, &err);
    if (rc < 0) {
        print_error(err);
    } else {
        print_judged("report", report);
        print_json_text("certificates", certificates);
        print_block(text);
        print_block(page);
    }
    nip_free(report);
    nip_free(certificates);
    nip_free(text);
    nip_free(page);
    nip_doc_free(doc);
}

/* {document, period, as_of?, exclusions?}: what would have been; the instant as above. */
void simulate(runner *r, const cJSON *said)
{
    nip_doc *doc = load_document(r, text_of(said, "document"));
    int64_t as_of = integer_of(said, "as_of", INT64_MAX);
    nip_time now = as_of == INT64_MAX ? nip_ctx_now(r->ctx) : NIP_TIME_NONE;
    const cJSON *tried = cJSON_GetObjectItemCaseSensitive(said, "exclusions");
    char *exclusions = tried != NULL ? cJSON_PrintUnformatted(tried) : NULL, *json = NULL;
    nip_error *err = NULL;
    if (nip_sla_simulate(r->store, doc, text_of(said, "period"), now, as_of, exclusions, &json, &err) < 0)
        print_error(err);
    else
        print_judged("simulated", json);
    cJSON_free(exclusions);
    nip_free(json);
    nip_doc_free(doc);
}
