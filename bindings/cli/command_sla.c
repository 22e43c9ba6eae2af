/* sla: what was promised of a service, what was measured, and what became of it. */
#include "cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { DATA_MAX = 512 * 1024 * 1024 };

/* A document of service levels, and where its journal is. */
typedef struct sla_place {
    cli_world world;
    nip_doc *doc;
} sla_place;

static void close_place(sla_place *place)
{
    nip_doc_free(place->doc);
    world_close(&place->world);
}

static int load(const char *file, nip_doc **doc)
{
    nip_error *err = NULL;
    if (nip_doc_load_file(file, doc, &err) < 0 || nip_doc_check(*doc, &err) < 0)
        return fail_document(err);
    if (strcmp(nip_doc_kind(*doc), "sla") != 0)
        return bad_usage("%s is a %s document; service levels are in one of kind sla", file, nip_doc_kind(*doc));
    return 0;
}

/* 0 or an exit status, reported. To be closed in any case. */
static int open_place(const cli_options *given, int mode, sla_place *place)
{
    *place = (sla_place){0};
    int status = world_open(given, mode, &place->world);
    if (status == 0)
        status = load(given->arguments[0], &place->doc);
    if (status == 0 && place->world.store == NULL) {
        complain("%s: there is no store yet: nothing was collected or imported, or --store names another place", place->world.store_url);
        status = EXIT_USAGE;
    }
    return status;
}

/* ---- options ---- */

static int read_number(const char *option, const char *text, int64_t *number)
{
    char *end;
    errno = 0;
    long long read = strtoll(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || read < 0)
        return bad_usage("--%s %s: must be a number, 0 or more", option, text);
    *number = read;
    return 0;
}

static int read_instant(const char *option, const char *text, nip_time *at)
{
    nip_error *err = NULL;
    if (text == NULL || nip_time_parse(text, at, &err) == 0)
        return 0;
    nip_error_free(err);
    return bad_usage("--%s %s: must be an instant such as 2026-03-08T01:00:00Z", option, text);
}

/* ---- reports ---- */

typedef int sla_ask(nip_store *store, const nip_doc *doc, const char *period, nip_time now, int64_t as_of, char **json, nip_error **err);

/* As of a record everything is as it was at its instant. */
static int ask(const sla_place *place, sla_ask *what, char **json)
{
    const cli_options *given = place->world.given;
    int64_t as_of = INT64_MAX;
    nip_error *err = NULL;
    int status = given->as_of == NULL ? 0 : read_number("as-of", given->as_of, &as_of);
    if (status != 0)
        return status;
    nip_time now = given->as_of == NULL ? nip_ctx_now(place->world.ctx) : NIP_TIME_NONE;
    return what(place->world.store, place->doc, given->period, now, as_of, json, &err) < 0 ? fail(err) : 0;
}

/* Into a file, or onto standard output. */
static int write_text(const char *report, const char *format, const char *path)
{
    char *text = NULL;
    nip_error *err = NULL;
    if (nip_sla_report_text(report, format, &text, &err) < 0)
        return fail(err);
    int status = path != NULL ? output_write_file(path, text, "the report", 0600) : 0;
    if (path == NULL)
        fputs(text, stdout);
    nip_free(text);
    return status;
}

/* A page goes beside what else was asked for. */
static int tell_report(const cli_options *given, const char *report)
{
    int status = given->html == NULL ? 0 : write_text(report, "html", given->html);
    if (status == 0 && given->json)
        print_json(report);
    else if (status == 0 && (given->html == NULL || given->out != NULL))
        status = write_text(report, "markdown", given->out);
    return status;
}

int command_sla_report(const cli_options *given)
{
    sla_place place;
    char *report = NULL;
    int status = open_place(given, WORLD_READ, &place);
    if (status == 0)
        status = ask(&place, nip_sla_report, &report);
    if (status == 0)
        status = tell_report(given, report);
    nip_free(report);
    close_place(&place);
    return status;
}

int command_sla_certificate(const cli_options *given)
{
    sla_place place;
    char *json = NULL;
    int status = open_place(given, WORLD_READ, &place);
    if (status == 0)
        status = ask(&place, nip_sla_certificates, &json);
    if (status == 0)
        print_json(json);
    nip_free(json);
    close_place(&place);
    return status;
}

/* ---- check ---- */

static const struct {
    const char *verdict, *colour;
    int status;
} verdicts[] = {
    {"met", GREEN, EXIT_DONE},       {"on_track", GREEN, EXIT_DONE},           {"at_risk", YELLOW, EXIT_RETURNED},
    {"breached", RED, EXIT_RETURNED}, {"undetermined", YELLOW, EXIT_BROKEN},
};
enum { VERDICTS = sizeof verdicts / sizeof verdicts[0] };

static int verdict_at(const char *verdict)
{
    int at = 0;
    while (at < VERDICTS - 1 && strcmp(verdicts[at].verdict, verdict) != 0)
        at++;
    return at;
}

/* What is breached matters more than what is not known. */
static int worse_verdict(int left, int right)
{
    return left == EXIT_RETURNED || right == EXIT_RETURNED ? EXIT_RETURNED : left > right ? left : right;
}

static int print_objective(const cJSON *objective, const char *period)
{
    const char *verdict = json_text(objective, "verdict", ""), *proven = json_text(objective, "proven", "");
    const cJSON *budget = cJSON_GetObjectItemCaseSensitive(objective, "budget");
    int at = verdict_at(verdict);
    char *name = output_cell(json_text(objective, "objective", ""), 20), *left = output_cell(json_text(budget, "remaining", "-"), 0);
    char *value = output_cell(json_text(objective, "value", "-"), 12), *target = output_cell(json_text(objective, "target", "-"), 12);
    bool sure = strcmp(proven, "undetermined") != 0;
    char *line = format_text("%s%-12s" PLAIN " %s  %s of %s  budget left %s  %s%s", verdicts[at].colour, verdict, name, value, target, left, period,
                             sure ? "" : "  (not proven: data are missing)");
    output_line(stdout, line, 0);
    char *const texts[] = {name, left, value, target, line};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        free(texts[i]);
    return verdicts[at].status;
}

static int print_objectives(const char *json, bool quiet)
{
    cJSON *report = json_parse(json);
    const char *label = json_text(json_at(report, "period"), "label", "");
    const cJSON *objective;
    int status = EXIT_DONE;
    cJSON_ArrayForEach(objective, json_at(report, "objectives"))
    {
        int one = quiet ? verdicts[verdict_at(json_text(objective, "verdict", ""))].status : print_objective(objective, label);
        status = worse_verdict(status, one);
    }
    if (cJSON_GetArraySize(json_at(report, "objectives")) == 0) {
        complain("nothing was promised for this kind of period (%s): --period asks for another", label);
        status = EXIT_BROKEN;
    }
    cJSON_Delete(report);
    return status;
}

int command_sla_check(const cli_options *given)
{
    sla_place place;
    char *report = NULL;
    int status = open_place(given, WORLD_READ, &place);
    if (status == 0)
        status = ask(&place, nip_sla_report, &report);
    if (status == 0 && given->json)
        print_json(report);
    if (status == 0)
        status = print_objectives(report, given->json);
    nip_free(report);
    close_place(&place);
    return status;
}

/* ---- rules ---- */

int command_sla_rules(const cli_options *given)
{
    nip_doc *doc = NULL;
    char *yaml = NULL;
    nip_error *err = NULL;
    int status = load(given->arguments[0], &doc);
    if (status == 0 && nip_sla_rules(doc, &yaml, &err) < 0)
        status = fail(err);
    if (status == 0 && given->out != NULL)
        status = output_write_file(given->out, yaml, "the rules", 0644); /* for a server that runs as somebody else */
    else if (status == 0)
        fputs(yaml, stdout);
    nip_free(yaml);
    nip_doc_free(doc);
    return status;
}

/* ---- collect ---- */

/* The stretch of a period, as a report has it: of the journal so far, which may be empty. */
static int stretch_of_period(const sla_place *place, nip_time *begin, nip_time *end)
{
    char *json = NULL;
    nip_error *err = NULL;
    if (nip_sla_report(place->world.store, place->doc, place->world.given->period, nip_ctx_now(place->world.ctx), INT64_MAX, &json, &err) < 0)
        return fail(err);
    cJSON *report = json_parse(json);
    *begin = json_time(json_at(report, "period/begin"), "utc");
    *end = json_time(json_at(report, "period/end"), "utc");
    cJSON_Delete(report);
    nip_free(json);
    return 0;
}

static int choose_stretch(const sla_place *place, nip_time *begin, nip_time *end)
{
    const cli_options *given = place->world.given;
    if (given->period != NULL && (given->begin != NULL || given->end != NULL))
        return bad_usage("--period and --begin or --end: give one of them, not both");
    if (given->period != NULL)
        return stretch_of_period(place, begin, end);
    int status = read_instant("begin", given->begin, begin);
    return status == 0 ? read_instant("end", given->end, end) : status;
}

static void tell_texts(const cJSON *indicator, const char *list, const char *colour)
{
    const cJSON *text;
    cJSON_ArrayForEach(text, cJSON_GetObjectItemCaseSensitive(indicator, list))
    {
        char *line = format_text("  %s%s" PLAIN, colour, cJSON_IsString(text) ? text->valuestring : "?");
        output_line(stderr, line, 0);
        free(line);
    }
}

/* 1 when something is missing for a reason that may be mended. */
static int tell_indicator(const cJSON *indicator, bool quiet)
{
    bool problems = cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(indicator, "problems")) > 0;
    char *name = output_cell(json_text(indicator, "name", ""), 20);
    char *line = format_text("%s  %.0f slices known, %.0f missing, %.0f not final yet; %.0f samples of %.0f series", name, json_number(indicator, "known", 0),
                             json_number(indicator, "missing", 0), json_number(indicator, "waiting", 0), json_number(indicator, "samples", 0),
                             json_number(indicator, "series", 0));
    if (!quiet)
        output_line(stdout, line, 0);
    tell_texts(indicator, "problems", RED);
    tell_texts(indicator, "warnings", YELLOW);
    free(line);
    free(name);
    return problems ? EXIT_RETURNED : EXIT_DONE;
}

static int tell_collected(const cli_options *given, const char *json)
{
    cJSON *result = json_parse(json);
    const cJSON *indicator, *added = json_at(result, "added");
    int status = EXIT_DONE;
    if (given->json)
        print_json(json);
    cJSON_ArrayForEach(indicator, json_at(result, "indicators"))
    {
        int one = tell_indicator(indicator, given->json || given->quiet);
        status = one != EXIT_DONE ? one : status;
    }
    if (!given->json && !given->quiet)
        printf("%.0f slices added, %.0f were known already; the journal ends with record %.0f\n", json_number(added, "slices", 0), json_number(added, "known", 0),
               json_number(added, "sequence", 0));
    cJSON_Delete(result);
    return status;
}

static int collect(const sla_place *place)
{
    nip_time begin = NIP_TIME_NONE, end = NIP_TIME_NONE;
    nip_op *op = NULL;
    char *json = NULL;
    nip_error *err = NULL;
    int status = choose_stretch(place, &begin, &end);
    if (status != 0)
        return status;
    signals_take();
    int rc = nip_op_sla_collect(place->world.ctx, place->world.store, place->doc, begin, end, &op, &err);
    if (rc == 0)
        rc = world_wait(op, &err);
    if (rc == 0)
        rc = nip_op_result(op, &json, &err);
    nip_op_free(op);
    status = rc < 0 ? fail(err) : tell_collected(place->world.given, json);
    nip_free(json);
    return status;
}

int command_sla_collect(const cli_options *given)
{
    sla_place place;
    int status = open_place(given, WORLD_WRITE, &place);
    if (status == 0)
        status = collect(&place);
    close_place(&place);
    return status;
}

/* ---- import ---- */

static void tell_added(const cli_options *given, char *json)
{
    if (given->json) {
        print_json(json);
    } else {
        cJSON *added = json_parse(json);
        printf("%.0f slices added, %.0f were known already; the journal ends with record %.0f\n", json_number(added, "slices", 0), json_number(added, "known", 0),
               json_number(added, "sequence", 0));
        cJSON_Delete(added);
    }
    nip_free(json);
}

static int import(const sla_place *place, const char *text, size_t length)
{
    const cli_options *given = place->world.given;
    nip_time begin = NIP_TIME_NONE, end = NIP_TIME_NONE;
    int64_t revision = 0;
    char *json = NULL;
    nip_error *err = NULL;
    int status = read_instant("begin", given->begin, &begin);
    if (status == 0)
        status = read_instant("end", given->end, &end);
    if (status == 0 && given->revision != NULL)
        status = read_number("revision", given->revision, &revision);
    if (status != 0)
        return status;
    const char *name = strcmp(given->arguments[1], "-") == 0 ? "standard input" : given->arguments[1];
    if (nip_sla_import(place->world.store, place->doc, given->indicator, given->stream, text, (int64_t)length, name, begin, end, revision,
                       nip_ctx_now(place->world.ctx), &json, &err) < 0)
        return fail(err);
    tell_added(given, json);
    return 0;
}

int command_sla_import(const cli_options *given)
{
    sla_place place;
    size_t length = 0;
    if (given->indicator == NULL)
        return bad_usage("something is missing: --indicator NAME says what was measured");
    int status = open_place(given, WORLD_WRITE, &place);
    char *text = status == 0 ? input_read_file(given->arguments[1], DATA_MAX, &length) : NULL;
    if (status == 0)
        status = text == NULL ? EXIT_USAGE : import(&place, text, length);
    free(text);
    close_place(&place);
    return status;
}

/* ---- exclude ---- */

static cJSON *names_list(const char *names)
{
    cJSON *list = need(cJSON_CreateArray());
    for (const char *at = names; *at != '\0';) {
        size_t length = strcspn(at, ",");
        char *name = format_text("%.*s", (int)length, at);
        cJSON_AddItemToArray(list, need(cJSON_CreateString(name)));
        free(name);
        at += length + (at[length] == ',');
    }
    return list;
}

/* Without a name of its own: by the second at which it was said. */
static char *exclusion_id(const cli_options *given, nip_time now)
{
    if (given->id != NULL)
        return copy_text(given->id);
    return format_text("%s-%lld", given->revokes != NULL ? "revocation" : "exclusion", (long long)(now / NIP_MILLISECOND));
}

static void put(cJSON *to, const char *key, const char *text)
{
    if (text != NULL)
        cJSON_AddItemToObject(to, key, need(cJSON_CreateString(text)));
}

static char *exclusion_text(const cli_options *given, const char *id)
{
    cJSON *exclusion = need(cJSON_CreateObject());
    cJSON_AddItemToObject(exclusion, "v", need(cJSON_CreateNumber(1)));
    put(exclusion, "id", id);
    put(exclusion, "class", given->class_name != NULL ? given->class_name : given->begin != NULL ? "maintenance" : NULL);
    put(exclusion, "begin", given->begin);
    put(exclusion, "end", given->end);
    put(exclusion, "revokes", given->revokes);
    put(exclusion, "who", paths_person(given));
    put(exclusion, "why", given->reason);
    if (given->objectives != NULL)
        cJSON_AddItemToObject(exclusion, "objectives", names_list(given->objectives));
    char *text = json_print(exclusion);
    cJSON_Delete(exclusion);
    return text;
}

static int exclude(const sla_place *place)
{
    const cli_options *given = place->world.given;
    nip_time now = nip_ctx_now(place->world.ctx);
    char *id = exclusion_id(given, now), *text = exclusion_text(given, id);
    int64_t sequence = 0;
    nip_error *err = NULL;
    int status = nip_sla_exclude(place->world.store, place->doc, text, now, &sequence, &err) < 0 ? fail(err) : 0;
    if (status == 0 && given->json)
        print_json_value(need(cJSON_Parse(text)));
    else if (status == 0)
        printf("recorded as \"%s\" (record %lld); --as-of %lld reports as if it were not\n", id, (long long)sequence, (long long)sequence - 1);
    free(text);
    free(id);
    return status;
}

int command_sla_exclude(const cli_options *given)
{
    sla_place place;
    if ((given->begin == NULL) != (given->end == NULL) || (given->begin == NULL && given->revokes == NULL))
        return bad_usage("something is missing: --begin INSTANT --end INSTANT, or --revokes NAME");
    if (given->reason == NULL)
        return bad_usage("something is missing: --reason TEXT is what people are told");
    int status = open_place(given, WORLD_WRITE, &place);
    if (status == 0)
        status = exclude(&place);
    close_place(&place);
    return status;
}
