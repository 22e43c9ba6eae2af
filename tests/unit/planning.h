/* What the planners' tests share: observed states and release records made from a few numbers, and plans read back. */
#ifndef PLANNING_H
#define PLANNING_H

#include "unit.h"
#include "base/buffer.h"
#include "doc/json.h"
#include "nipops/rollout.h"

/* One version as it is observed: `count` instances from `port` on, sharing `share` percent of the traffic. */
typedef struct seen {
    const char *version;
    int count, port;
    double share;
    int unhealthy;
} seen;

#define SEEN_END                                                                                                       \
    {                                                                                                                  \
        NULL, 0, 0, 0, 0                                                                                               \
    }
#define TEXT_MAX (64 << 20)

static inline void put_endpoints(nip__buffer *out, int count, int port)
{
    nip__buffer_char(out, '[');
    for (int i = 0; i < count; i++)
        nip__buffer_printf(out, "%s\"127.0.0.1:%d\"", i > 0 ? "," : "", port + i);
    nip__buffer_char(out, ']');
}

static inline void put_router(nip__buffer *out, const seen *versions)
{
    const char *comma = "";
    for (const seen *v = versions; v->version != NULL; v++) {
        for (int i = 0; i < v->count; i++, comma = ",")
            nip__buffer_printf(out, "%s\"127.0.0.1:%d\":{\"weight\":%d,\"share\":%f,\"state\":\"%s\",\"sessions\":0}",
                               comma, v->port + i, v->share > 0 ? 100 : 0, v->share / v->count,
                               v->share > 0 ? "ready" : "drain");
    }
}

/* Owned: nip_free. */
static inline char *observed(const seen *versions)
{
    nip__buffer out = NIP__BUFFER(TEXT_MAX);
    nip__buffer_text(&out, "{\"v\":1,\"at\":\"2026-11-23T06:00:00Z\",\"target\":{\"versions\":{");
    for (const seen *v = versions; v->version != NULL; v++) {
        nip__buffer_printf(&out, "%s\"%s\":{\"endpoints\":", v > versions ? "," : "", v->version);
        put_endpoints(&out, v->count, v->port);
        nip__buffer_printf(&out, ",\"running\":%d,\"exited\":0}", v->count);
    }
    nip__buffer_text(
        &out, "},\"instances\":[],\"ports_free\":50},\"router\":{\"usable\":true,\"warnings\":[],\"endpoints\":{");
    put_router(&out, versions);
    nip__buffer_text(&out, "}},\"health\":{\"groups\":{");
    for (const seen *v = versions; v->version != NULL; v++)
        nip__buffer_printf(&out, "%s\"%s\":{\"healthy\":%d,\"total\":%d}", v > versions ? "," : "", v->version,
                           v->count - v->unhealthy, v->count);
    nip__buffer_text(&out, "}}}");
    char *text = nip__buffer_take(&out);
    assert_non_null(text);
    return text;
}

/* A record of shop as a rollout writes it; `more` is further JSON with a leading comma, or "". Owned: nip_free. */
static inline char *release_of(const char *version, int replicas, int port, const char *more)
{
    nip__buffer out = NIP__BUFFER(TEXT_MAX);
    nip__buffer_printf(&out,
                       "{\"v\":1,\"app\":\"shop\",\"version\":\"%s\",\"artifact\":\"%s\",\"replicas\":%d,\"settings\":{"
                       "},\"endpoints\":",
                       version, version, replicas);
    put_endpoints(&out, replicas, port);
    nip__buffer_printf(&out,
                       ",\"shares\":{\"%s\":100},\"rollout\":{\"app\":\"shop\",\"artifact\":\"%s\",\"replicas\":%d,"
                       "\"target\":{\"driver\":\"sim\"},\"router\":{\"driver\":\"sim\"},"
                       "\"health\":{\"url\":\"http://{endpoint}/health\"}}%s}",
                       version, version, replicas, more);
    char *text = nip__buffer_take(&out);
    assert_non_null(text);
    return text;
}

static inline nip_doc *document(const char *text)
{
    nip_doc *doc = NULL;
    nip_error *error = NULL;
    if (nip_doc_load_text(text, strlen(text), "rollout.yaml", &doc, &error) < 0)
        fail_msg("%s", nip_error_message(error));
    return doc;
}

/* A plan as a tree. */
typedef struct planned {
    nip_plan *plan;
    nip__arena *arena;
    const nip__value *root;
} planned;

static inline planned read_plan(nip_plan *plan)
{
    planned p = {.plan = plan, .arena = nip__arena_new()};
    char *json = NULL;
    nip__value *root = NULL;
    assert_int_equal(nip_plan_to_json(plan, &json, NULL), 0);
    assert_int_equal(nip__json_read(p.arena, json, strlen(json), "plan", &nip__internal_limits, &root, NULL), 0);
    /* a plan that was written can be read */
    nip_plan *again = NULL;
    nip_error *error = NULL;
    if (nip_plan_from_json(json, strlen(json), &again, &error) < 0)
        fail_msg("%s", nip_error_message(error));
    nip_plan_free(again);
    nip_free(json);
    p.root = root;
    return p;
}

static inline void drop_plan(planned *p)
{
    nip_plan_free(p->plan);
    nip__arena_free(p->arena);
}

/* Plans a rollout that must succeed. */
static inline planned plan_rollout(const char *text, const char *release, const seen *versions)
{
    nip_doc *doc = document(text);
    char *state = observed(versions);
    nip_plan *plan = NULL;
    nip_error *error = NULL;
    if (nip_rollout_plan(doc, release, state, &plan, &error) < 0)
        fail_msg("%s", nip_error_message(error));
    nip_free(state);
    nip_doc_free(doc);
    return read_plan(plan);
}

/* Plans a rollout that must be refused with `code` and a message that contains `part`. */
static inline void refuse_rollout(const char *text, const char *release, const seen *versions, int code,
                                  const char *part)
{
    nip_doc *doc = document(text);
    char *state = observed(versions);
    nip_plan *plan = NULL;
    nip_error *error = NULL;
    assert_int_equal(nip_rollout_plan(doc, release, state, &plan, &error), code);
    assert_null(plan);
    if (strstr(nip_error_message(error), part) == NULL)
        fail_msg("\"%s\" does not contain \"%s\"", nip_error_message(error), part);
    nip_error_free(error);
    nip_free(state);
    nip_doc_free(doc);
}

/* Ids of a list of the plan, with blanks between. */
static inline void assert_ids(const planned *p, const char *list, const char *ids)
{
    char found[65536] = "";
    size_t length = 0;
    for (NIP__EACH(step, nip__get(p->root, list)))
        length += (size_t)snprintf(found + length, sizeof found - length, "%s%s", length > 0 ? " " : "",
                                   nip__get_text(step, "id"));
    assert_string_equal(found, ids);
}

static inline const nip__value *step_of(const planned *p, const char *list, const char *id)
{
    for (NIP__EACH(step, nip__get(p->root, list))) {
        if (strcmp(nip__get_text(step, "id"), id) == 0)
            return step;
    }
    fail_msg("there is no step %s", id);
    return NULL;
}

/* The value at a pointer into a step, as JSON. */
static inline void assert_json(const nip__value *value, const char *pointer, const char *json)
{
    char *text = nip__json_text(nip__pointer(value, pointer));
    assert_string_equal(text, json);
    nip_free(text);
}

static inline bool has_warning(const planned *p, const char *part)
{
    for (NIP__EACH(warning, nip__get(p->root, "warnings"))) {
        if (strstr(warning->as.string.text, part) != NULL)
            return true;
    }
    return false;
}

#endif
