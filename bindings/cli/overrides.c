/* What the command line says instead of a rollout document: each option replaces the value where the document has it, in whichever of the
 * accepted spellings it has it. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

/* A document that is being overridden. */
typedef struct cli_target {
    nip_doc *doc;
    const cJSON *rollout; /* its keys */
    const char *prefix;   /* of their pointers */
    const char *option, *given; /* what is put in, as it was said */
    nip_error *err;
} cli_target;

static int set(cli_target *to, const char *pointer, const char *scalar)
{
    char *whole = format_text("%s%s", to->prefix, pointer);
    blame_option(whole, to->option, to->given);
    int rc = nip_doc_set(to->doc, whole, scalar, &to->err);
    free(whole);
    return rc;
}

/* Text as a scalar that stays text whatever it looks like: "1.30" must not become a number. */
static int set_text(cli_target *to, const char *pointer, const char *text)
{
    cJSON *value = need(cJSON_CreateString(text));
    char *scalar = json_print(value);
    int rc = set(to, pointer, scalar);
    free(scalar);
    cJSON_Delete(value);
    return rc;
}

static bool has(const cli_target *to, const char *path)
{
    return json_at(to->rollout, path) != NULL;
}

static int set_image_tag(cli_target *to, const char *tag)
{
    int rc = set_text(to, has(to, "image_tag") ? "/image_tag" : "/artifact", tag);
    if (rc == 0 && has(to, "version")) /* another artifact under the old version's name would look like no change */
        rc = set_text(to, "/version", tag);
    return rc;
}

static int set_strategy(cli_target *to, const char *name)
{
    return set_text(to, "/strategy", name);
}

static int set_when_busy(cli_target *to, const char *policy)
{
    return set_text(to, "/when_busy", policy);
}

static int set_replicas(cli_target *to, const char *number)
{
    return set(to, "/replicas", number);
}

static int set_health_url(cli_target *to, const char *url)
{
    if (!has(to, "health/url"))
        return set_text(to, "/health_check_url", url);
    char *whole = url[0] == '/' ? format_text("http://{endpoint}%s", url) : copy_text(url);
    int rc = set_text(to, "/health/url", whole);
    free(whole);
    return rc;
}

static int set_first_share(cli_target *to, const char *percent)
{
    static const char *const lists[] = {"canary/stages", "promotion_stages"};
    bool initial = json_at(to->rollout, "initial_canary_percentage") != NULL; /* comes before all stages */
    for (size_t i = 0; i < 2 && !initial; i++) {
        const cJSON *first = cJSON_GetArrayItem(json_at(to->rollout, lists[i]), 0);
        if (cJSON_IsObject(first)) {
            const char *key = json_at(first, "percentage") != NULL ? "percentage" : "share";
            char *pointer = format_text("/%s/0/%s", lists[i], key);
            int rc = set(to, pointer, percent);
            free(pointer);
            return rc;
        }
    }
    return set(to, "/initial_canary_percentage", percent);
}

static const struct {
    const char *option;
    size_t offset; /* in cli_options */
    int (*apply)(cli_target *to, const char *value);
} table[] = {
    {"image-tag", offsetof(cli_options, image_tag), set_image_tag},
    {"strategy", offsetof(cli_options, strategy), set_strategy},
    {"replicas", offsetof(cli_options, replicas), set_replicas},
    {"health-check-url", offsetof(cli_options, health_check_url), set_health_url},
    {"canary-percentage", offsetof(cli_options, canary_percentage), set_first_share},
    {"when-busy", offsetof(cli_options, when_busy), set_when_busy},
};

static const char *value_at(const cli_options *given, size_t offset)
{
    return *(const char *const *)(const void *)((const char *)given + offset);
}

bool overrides_given(const cli_options *given)
{
    bool any = given->namespace_name != NULL;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        any = any || value_at(given, table[i].offset) != NULL;
    return any;
}

static int refuse_namespace(const cli_target *to, const char *name)
{
    return bad_usage("--namespace %s: the target's driver \"%s\" has no namespaces: leave the option out", name,
                     json_text(json_at(to->rollout, "target"), "driver", "none"));
}

int overrides_apply(const cli_options *given, nip_doc *doc)
{
    char *json = NULL;
    cli_target to = {.doc = doc};
    if (!overrides_given(given))
        return 0;
    if (nip_doc_to_json(doc, &json, &to.err) < 0)
        return fail_document(to.err);
    cJSON *root = json_parse(json);
    nip_free(json);
    to.rollout = rollout_of(root);
    to.prefix = to.rollout == root ? "" : "/rollout";
    int rc = 0;
    for (size_t i = 0; i < sizeof table / sizeof table[0] && rc == 0; i++) {
        const char *value = value_at(given, table[i].offset);
        to.option = table[i].option;
        to.given = value;
        if (value != NULL)
            rc = table[i].apply(&to, value);
    }
    int status = rc < 0 ? fail_document(to.err) : 0;
    if (status == 0 && given->namespace_name != NULL)
        status = refuse_namespace(&to, given->namespace_name);
    cJSON_Delete(root);
    return status;
}

const cJSON *rollout_of(const cJSON *root)
{
    const cJSON *inner = json_at(root, "rollout");
    return inner != NULL ? inner : root;
}
