/* sla simulate: what would have been. */
#include "sla.h"

#include <stdlib.h>
#include <string.h>

/* Whatever the document promises for which kind of period, this is tried. */
static int set_target(nip_doc *doc, const char *name, const char *value)
{
    static const char *const periods[] = {"day", "week", "month", "quarter", "year", "rolling"};
    int status = 0;
    for (size_t i = 0; i < sizeof periods / sizeof periods[0] && status == 0; i++) {
        nip_error *err = NULL;
        char *pointer = format_text("/sla/objectives/%s/targets/%s", name, periods[i]);
        if (nip_doc_set(doc, pointer, value, &err) < 0)
            status = fail(err);
        free(pointer);
    }
    return status;
}

/* "uptime=99.9,errors=0.2" */
static int set_targets(nip_doc *doc, const char *targets)
{
    int status = 0;
    for (const char *at = targets; at != NULL && *at != '\0' && status == 0;) {
        size_t length = strcspn(at, ","), name = strcspn(at, "=");
        if (name == 0 || name + 1 >= length || strspn(at + name + 1, "0123456789. %") < length - name - 1)
            return bad_usage("--target %s: must be NAME=PERCENTAGE, with commas between several", targets);
        char *objective = format_text("%.*s", (int)name, at), *value = format_text("%.*s", (int)(length - name - 1), at + name + 1);
        status = set_target(doc, objective, value);
        free(objective);
        free(value);
        at += length + (at[length] == ',');
    }
    return status;
}

static int check_again(nip_doc *doc)
{
    nip_error *err = NULL;
    return nip_doc_check(doc, &err) < 0 ? fail_document(err) : 0;
}

static void print_alert(const cJSON *alert)
{
    const char *resolved = json_text(alert, "resolved", NULL);
    char *line = format_text("  %s%-6s" PLAIN " %s to %s  above %s in %s and %s: %.0f bad of %.0f; budget left %s", strcmp(json_text(alert, "severity", ""), "page") == 0 ? RED : YELLOW,
                             json_text(alert, "severity", ""), json_text(alert, "fired", "?"), resolved != NULL ? resolved : "the end", json_text(alert, "factor", "?"),
                             json_text(alert, "long", "?"), json_text(alert, "short", "?"), json_number(alert, "bad", 0), json_number(alert, "total", 0),
                             json_text(alert, "budget_left", "?"));
    output_line(stdout, line, 0);
    free(line);
}

static void print_trial(const cJSON *objective, const char *period)
{
    const cJSON *alert, *alerts = cJSON_GetObjectItemCaseSensitive(objective, "alerts");
    sla_print_objective(cJSON_GetObjectItemCaseSensitive(objective, "answer"), period);
    cJSON_ArrayForEach(alert, alerts)
        print_alert(alert);
    if (cJSON_GetArraySize(alerts) == 0)
        puts("  no alert would have fired");
}

static void print_trials(const char *json)
{
    cJSON *result = json_parse(json);
    const cJSON *objective;
    cJSON_ArrayForEach(objective, json_at(result, "objectives"))
        print_trial(objective, json_text(json_at(result, "period"), "label", ""));
    cJSON_Delete(result);
}

/* The exclusion that is tried, as a list; NULL: none. Owned: free. */
static char *tried_exclusions(const cli_options *given)
{
    if (given->begin == NULL)
        return NULL;
    cli_options with = *given;
    with.reason = "tried";
    char *one = sla_exclusion_text(&with, "tried"), *list = format_text("[%s]", one);
    free(one);
    return list;
}

static int simulate(const sla_place *place)
{
    const cli_options *given = place->world.given;
    int64_t as_of = INT64_MAX;
    char *json = NULL, *exclusions = tried_exclusions(given);
    nip_error *err = NULL;
    int status = given->as_of == NULL ? 0 : sla_number("as-of", given->as_of, &as_of);
    nip_time now = given->as_of == NULL ? nip_ctx_now(place->world.ctx) : NIP_TIME_NONE;
    if (status == 0 && nip_sla_simulate(place->world.store, place->doc, given->period, now, as_of, exclusions, &json, &err) < 0)
        status = fail(err);
    if (status == 0 && given->json)
        print_json(json);
    else if (status == 0)
        print_trials(json);
    nip_free(json);
    free(exclusions);
    return status;
}

int command_sla_simulate(const cli_options *given)
{
    sla_place place;
    if ((given->begin == NULL) != (given->end == NULL))
        return bad_usage("something is missing: --begin INSTANT and --end INSTANT go together");
    int status = sla_open(given, WORLD_READ, &place);
    if (status == 0)
        status = set_targets(place.doc, given->target);
    if (status == 0 && given->target != NULL)
        status = check_again(place.doc);
    if (status == 0)
        status = simulate(&place);
    sla_close(&place);
    return status;
}
