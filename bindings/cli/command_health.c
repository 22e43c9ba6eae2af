/* health: are these targets healthy? Without a rollout, from a document or from URLs. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

static void add_text(cJSON *object, const char *key, const char *text)
{
    if (text != NULL)
        need(cJSON_AddStringToObject(object, key, text));
}

/* A number where the text is one, else the text: the document's check says what is wrong with it. */
static void add_number(cJSON *object, const char *key, const char *text)
{
    if (text == NULL)
        return;
    char *end;
    double number = strtod(text, &end);
    if (*end == '\0')
        need(cJSON_AddNumberToObject(object, key, number));
    else
        need(cJSON_AddStringToObject(object, key, text));
}

static int document_of_urls(const cli_options *given, nip_doc **doc)
{
    nip_error *err = NULL;
    cJSON *root = need(cJSON_CreateObject());
    cJSON *health = need(cJSON_AddObjectToObject(root, "health"));
    cJSON *targets = need(cJSON_AddArrayToObject(health, "targets"));
    for (int i = 0; i < given->count; i++)
        cJSON_AddItemToArray(targets, need(cJSON_CreateString(given->arguments[i])));
    if (given->status != NULL)
        add_number(need(cJSON_AddObjectToObject(health, "expect")), "status", given->status);
    add_text(health, "timeout", given->timeout);
    add_text(health, "interval", given->interval);
    add_number(health, "successes", given->successes);
    add_number(health, "failures", given->failures);
    if (given->watch)
        need(cJSON_AddTrueToObject(health, "watch"));
    char *json = json_print(root);
    cJSON_Delete(root);
    int rc = nip_doc_load_text(json, strlen(json), "command line", doc, &err);
    free(json);
    return rc < 0 ? fail_document(err) : 0;
}

static int document_of_file(const cli_options *given, nip_doc **doc)
{
    nip_error *err = NULL;
    if (given->count > 1)
        return bad_usage("%s: one document, or URLs: nipops health FILE, or nipops health URL...", given->arguments[1]);
    int rc = nip_doc_load_file(given->arguments[0], doc, &err);
    const struct {
        const char *pointer, *value;
    } sets[] = {{"/health/timeout", given->timeout},     {"/health/interval", given->interval},
                {"/health/successes", given->successes}, {"/health/failures", given->failures},
                {"/health/expect/status", given->status}, {"/health/watch", given->watch ? "true" : NULL}};
    for (size_t i = 0; rc == 0 && i < sizeof sets / sizeof sets[0]; i++) {
        if (sets[i].value != NULL)
            rc = nip_doc_set(*doc, sets[i].pointer, sets[i].value, &err);
    }
    return rc < 0 ? fail_document(err) : 0;
}

static const cJSON *failure_of(const cJSON *target)
{
    const cJSON *last = json_at(target, "last_failure");
    return cJSON_IsObject(last) ? last : json_at(target, "first_failure");
}

/* "healthy": null is a target that was not tried even once: nothing is known of it. */
static char *target_line(const cJSON *target, const char *name)
{
    const cJSON *healthy = json_at(target, "healthy"), *failure = failure_of(target);
    double tries = json_number(target, "tries", 0);
    if (cJSON_IsTrue(healthy))
        return format_text(GREEN "healthy  " PLAIN " %s  " DIM "%.0f %s, %.3g ms" PLAIN, name, tries, tries == 1 ? "try" : "tries",
                           json_number(target, "latency_ms", 0));
    if (!cJSON_IsFalse(healthy))
        return format_text(YELLOW "unknown  " PLAIN " %s  was not tried: this side ran short of time, descriptors, processes or memory",
                           name);
    return format_text(RED "unhealthy" PLAIN " %s  %s: %s", name, json_text(failure, "reason", "unanswered"),
                       json_text(failure, "message", "too few good answers in the time"));
}

static void print_target(const cJSON *target)
{
    char *name = cJSON_IsString(json_at(target, "target")) ? copy_text(json_text(target, "target", ""))
                                                           : json_print(json_at(target, "target"));
    char *line = target_line(target, name);
    output_line(stdout, line, 0);
    free(line);
    free(name);
}

static void print_targets(const cli_options *given, const cJSON *result)
{
    const cJSON *target;
    cJSON_ArrayForEach(target, json_at(result, "targets"))
    {
        if (!given->quiet || !cJSON_IsTrue(json_at(target, "healthy")))
            print_target(target);
    }
    double unknown = json_number(result, "unknown", 0);
    printf("%.0f healthy, %.0f unhealthy", json_number(result, "healthy", 0), json_number(result, "unhealthy", 0));
    if (unknown > 0)
        printf(", %.0f unknown", unknown);
    printf("\n");
}

/* All is well only if every target is known to be. */
static int print_result(const cli_options *given, const char *json)
{
    cJSON *result = json_parse(json);
    bool well = json_number(result, "unhealthy", 0) == 0 && json_number(result, "unknown", 0) == 0;
    if (given->json)
        print_json(json);
    else
        print_targets(given, result);
    cJSON_Delete(result);
    return well ? EXIT_DONE : EXIT_RETURNED;
}

static int run_checks(cli_world *world, const nip_doc *doc)
{
    nip_op *op = NULL;
    nip_error *err = NULL;
    char *json = NULL;
    int rc = nip_health_check(world->ctx, doc, &op, &err);
    if (rc == 0)
        rc = world_wait(op, &err);
    if (rc == 0)
        rc = nip_op_result(op, &json, &err);
    int status = rc < 0 ? fail(err) : print_result(world->given, json);
    nip_free(json);
    nip_op_free(op);
    return status;
}

/* The document may say it, too. */
static bool is_watch(const nip_doc *doc)
{
    char *json = NULL;
    if (nip_doc_to_json(doc, &json, NULL) < 0)
        return false; /* what is wrong with it, the operation says */
    cJSON *root = json_parse(json);
    bool watch = cJSON_IsTrue(json_at(root, "health/watch"));
    cJSON_Delete(root);
    nip_free(json);
    return watch;
}

static int check_options(const cli_options *given, bool watch)
{
    if (watch && given->timeout != NULL)
        return bad_usage("--timeout is for a check that ends; --watch goes on until Ctrl-C");
    if (!watch && given->failures != NULL)
        return bad_usage("--failures is for --watch: without it a target that fails is tried again until the timeout");
    return 0;
}

int command_health(const cli_options *given)
{
    cli_world world;
    nip_doc *doc = NULL;
    signals_take();
    bool urls = strstr(given->arguments[0], "://") != NULL;
    int status = urls ? document_of_urls(given, &doc) : document_of_file(given, &doc);
    bool watch = status == 0 && is_watch(doc);
    if (status == 0)
        status = check_options(given, watch);
    if (status == 0) {
        status = world_open(given, WORLD_BARE, &world);
        if (status == 0)
            status = watch ? watch_targets(&world, doc) : run_checks(&world, doc);
        world_close(&world);
    }
    nip_doc_free(doc);
    return status;
}
