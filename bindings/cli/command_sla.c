/* sla: what was promised of a service, and what became of it. */
#include "sla.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void sla_close(sla_place *place)
{
    nip_doc_free(place->doc);
    world_close(&place->world);
}

int sla_load(const char *file, nip_doc **doc)
{
    nip_error *err = NULL;
    if (nip_doc_load_file(file, doc, &err) < 0 || nip_doc_check(*doc, &err) < 0)
        return fail_document(err);
    if (strcmp(nip_doc_kind(*doc), "sla") != 0)
        return bad_usage("%s is a %s document; service levels are in one of kind sla", file, nip_doc_kind(*doc));
    return 0;
}

/* 0 or an exit status, reported. To be closed in any case. */
int sla_open(const cli_options *given, int mode, sla_place *place)
{
    *place = (sla_place){0};
    int status = world_open(given, mode, &place->world);
    if (status == 0)
        status = sla_load(given->arguments[0], &place->doc);
    if (status == 0 && place->world.store == NULL) {
        complain("%s: there is no store yet: nothing was collected or imported, or --store names another place", place->world.store_url);
        status = EXIT_USAGE;
    }
    return status;
}

/* ---- options ---- */

int sla_number(const char *option, const char *text, int64_t *number)
{
    char *end;
    errno = 0;
    long long read = strtoll(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || read < 0)
        return bad_usage("--%s %s: must be a number, 0 or more", option, text);
    *number = read;
    return 0;
}

int sla_instant(const char *option, const char *text, nip_time *at)
{
    nip_error *err = NULL;
    if (text == NULL || nip_time_parse(text, at, &err) == 0)
        return 0;
    nip_error_free(err);
    return bad_usage("--%s %s: must be an instant such as 2026-03-08T01:00:00Z", option, text);
}

/* ---- reports ---- */

/* As of a record everything is as it was at its instant. */
int sla_ask(const sla_place *place, cli_sla_ask *what, char **json)
{
    const cli_options *given = place->world.given;
    int64_t as_of = INT64_MAX;
    nip_error *err = NULL;
    int status = given->as_of == NULL ? 0 : sla_number("as-of", given->as_of, &as_of);
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
    int status = sla_open(given, WORLD_READ, &place);
    if (status == 0)
        status = sla_ask(&place, nip_sla_report, &report);
    if (status == 0)
        status = tell_report(given, report);
    nip_free(report);
    sla_close(&place);
    return status;
}

int command_sla_certificate(const cli_options *given)
{
    sla_place place;
    char *json = NULL;
    int status = sla_open(given, WORLD_READ, &place);
    if (status == 0)
        status = sla_ask(&place, nip_sla_certificates, &json);
    if (status == 0)
        print_json(json);
    nip_free(json);
    sla_close(&place);
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
int sla_worse_verdict(int left, int right)
{
    return left == EXIT_RETURNED || right == EXIT_RETURNED ? EXIT_RETURNED : left > right ? left : right;
}

int sla_print_objective(const cJSON *objective, const char *period)
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
        int one = quiet ? verdicts[verdict_at(json_text(objective, "verdict", ""))].status : sla_print_objective(objective, label);
        status = sla_worse_verdict(status, one);
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
    int status = sla_open(given, WORLD_READ, &place);
    if (status == 0)
        status = sla_ask(&place, nip_sla_report, &report);
    if (status == 0 && given->json)
        print_json(report);
    if (status == 0)
        status = print_objectives(report, given->json);
    nip_free(report);
    sla_close(&place);
    return status;
}

/* ---- budget ---- */

/* Of time as people say it, else a number of events. */
static char *amount_text(double amount, bool time)
{
    char text[32];
    if (!time)
        return format_text("%.0f events", amount);
    return format_text("%s%s", amount < 0 ? "-" : "", short_duration((nip_duration)(amount < 0 ? -amount : amount) * NIP_MILLISECOND, text));
}

static void print_budget(const cJSON *objective)
{
    const cJSON *budget = cJSON_GetObjectItemCaseSensitive(objective, "budget"), *burn = cJSON_GetObjectItemCaseSensitive(budget, "burn_rate");
    bool time = strcmp(json_text(json_at(objective, "figures"), "of", ""), "ms") == 0;
    char *name = output_cell(json_text(objective, "objective", ""), 20);
    if (cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(budget, "none"))) {
        printf("%s none: its target allows nothing bad\n", name);
        free(name);
        return;
    }
    if (!cJSON_IsString(cJSON_GetObjectItemCaseSensitive(budget, "remaining"))) {
        printf("%s nothing is known yet\n", name);
        free(name);
        return;
    }
    char *allowed = amount_text(json_number(budget, "allowed", 0), time), *spent = amount_text(json_number(budget, "spent", 0), time);
    char *rate = cJSON_IsNumber(burn) ? format_text("; burn rate %.2f", burn->valuedouble) : copy_text("");
    bool overspent = json_text(budget, "remaining", "")[0] == '-';
    char *line = format_text("%s %s of %s spent, %s%s" PLAIN " left%s", name, spent, allowed, overspent ? RED : "", json_text(budget, "remaining", ""), rate);
    output_line(stdout, line, 0);
    char *const texts[] = {name, allowed, spent, rate, line};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        free(texts[i]);
}

/* The budgets alone, for programs. */
static void print_budgets_json(const cJSON *report)
{
    cJSON *told = need(cJSON_CreateObject()), *list = need(cJSON_AddArrayToObject(told, "objectives"));
    const cJSON *objective;
    need(cJSON_AddNumberToObject(told, "v", 1));
    cJSON_AddItemToObject(told, "period", need(cJSON_Duplicate(json_at(report, "period"), true)));
    cJSON_ArrayForEach(objective, json_at(report, "objectives"))
    {
        cJSON *one = need(cJSON_CreateObject());
        need(cJSON_AddStringToObject(one, "objective", json_text(objective, "objective", "")));
        cJSON_AddItemToObject(one, "budget", need(cJSON_Duplicate(json_at(objective, "budget"), true)));
        cJSON_AddItemToArray(list, one);
    }
    print_json_value(told);
}

int command_sla_budget(const cli_options *given)
{
    sla_place place;
    char *json = NULL;
    int status = sla_open(given, WORLD_READ, &place);
    if (status == 0)
        status = sla_ask(&place, nip_sla_report, &json);
    cJSON *report = status == 0 ? json_parse(json) : NULL;
    const cJSON *objective, *objectives = given->json || report == NULL ? NULL : json_at(report, "objectives");
    if (status == 0 && given->json)
        print_budgets_json(report);
    cJSON_ArrayForEach(objective, objectives)
        print_budget(objective);
    cJSON_Delete(report);
    nip_free(json);
    sla_close(&place);
    return status;
}

/* ---- rules ---- */

int command_sla_rules(const cli_options *given)
{
    nip_doc *doc = NULL;
    char *yaml = NULL;
    nip_error *err = NULL;
    int status = sla_load(given->arguments[0], &doc);
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
