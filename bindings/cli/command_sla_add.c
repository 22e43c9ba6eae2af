/* sla: what is added to the journal of a service level: what was measured, and what does not count. */
#include "sla.h"

#include <stdlib.h>
#include <string.h>

enum { DATA_MAX = 512 * 1024 * 1024 };

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
    int status = sla_instant("begin", given->begin, begin);
    return status == 0 ? sla_instant("end", given->end, end) : status;
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
    if (json_number(added, "contradicted", 0) > 0) {
        complain("%.0f slices are recorded with other figures, and stay so: --revision with a higher number corrects them", json_number(added, "contradicted", 0));
        status = EXIT_RETURNED;
    }
    cJSON_Delete(result);
    return status;
}

static int collect(const sla_place *place)
{
    nip_time begin = NIP_TIME_NONE, end = NIP_TIME_NONE;
    nip_op *op = NULL;
    char *json = NULL;
    nip_error *err = NULL;
    int64_t revision = 0;
    int status = choose_stretch(place, &begin, &end);
    if (status == 0 && place->world.given->revision != NULL)
        status = sla_number("revision", place->world.given->revision, &revision);
    if (status != 0)
        return status;
    signals_take();
    int rc = nip_op_sla_collect(place->world.ctx, place->world.store, place->doc, begin, end, revision, &op, &err);
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
    int status = sla_open(given, WORLD_WRITE, &place);
    if (status == 0)
        status = collect(&place);
    sla_close(&place);
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
    int status = sla_instant("begin", given->begin, &begin);
    if (status == 0)
        status = sla_instant("end", given->end, &end);
    if (status == 0 && given->revision != NULL)
        status = sla_number("revision", given->revision, &revision);
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
    int status = sla_open(given, WORLD_WRITE, &place);
    char *text = status == 0 ? input_read_file(given->arguments[1], DATA_MAX, &length) : NULL;
    if (status == 0)
        status = text == NULL ? EXIT_USAGE : import(&place, text, length);
    free(text);
    sla_close(&place);
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

char *sla_exclusion_text(const cli_options *given, const char *id)
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
    char *id = exclusion_id(given, now), *text = sla_exclusion_text(given, id);
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
    int status = sla_open(given, WORLD_WRITE, &place);
    if (status == 0)
        status = exclude(&place);
    sla_close(&place);
    return status;
}
