/* Checks that ask somebody: one try for each endpoint or address, all in parallel within the cap, one result at the
 * end. */
#include "driver/check.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/text.h"
#include "op/descriptors.h"
#include "op/probe.h"
#include "op/secret.h"

#define AGAIN (100 * NIP_MILLISECOND)

enum { OUTPUT_MAX = 16 * 1024, SHORTAGES_MAX = 20 };

typedef struct item {
    nip__check_job *job;
    const char *group;    /* version; NULL: none */
    const char *endpoint; /* NULL: none */
    const char *label;
    nip__probe_spec spec;
    nip__probe *probe; /* NULL: not under way */
    bool ended, good;
    const char *reason;  /* static */
    const char *message; /* in the job's arena */
    const char *output;
} item;

struct nip__check_job {
    nip__checker *checker;
    nip_action *action;
    nip__arena *arena;
    const nip__value *args;
    bool reachable, has_commands;
    nip__probe_spec common;
    item *items;
    size_t count, next, left; /* next: first that may still have to be begun */
    nip__check_job *later;
    const char *shortage; /* what this side lacked, "no_descriptors" */
    int shortages;        /* in a row, with nothing else under way */
};

static void pump(nip__checker *checker);

/* ---- jobs ---- */

static void unlink_job(nip__check_job *job)
{
    nip__check_job **at = &job->checker->jobs;
    while (*at != job)
        at = &(*at)->later;
    *at = job->later;
}

static void free_job(nip__check_job *job)
{
    for (size_t i = 0; i < job->count; i++) {
        if (job->items[i].probe != NULL)
            job->checker->running--;
        nip__probe_stop(job->items[i].probe);
    }
    nip__probe_release(&job->common);
    nip__arena_free(job->arena);
    nip__free(job);
}

void nip__check_cancel(nip__checker *checker, const nip_action *action)
{
    nip__check_job *job = checker->jobs;
    while (job != NULL) {
        nip__check_job *later = job->later;
        if (action == NULL || job->action == action) {
            unlink_job(job);
            free_job(job);
        }
        job = later;
    }
    if (checker->jobs == NULL) {
        nip__timer_stop(&checker->again);
        nip__timer_stop(&checker->wider);
    } else {
        pump(checker);
    }
}

/* ---- results ---- */

static void put_endpoint(nip__arena *arena, nip__value *groups, const item *ended)
{
    static const char *const lists[] = {"unhealthy_endpoints", "healthy_endpoints"};
    nip__value *group = NULL;
    for (nip__value *g = groups != NULL ? groups->as.items.first : NULL; g != NULL; g = g->next)
        if (nip__text_equal(g->key, ended->group))
            group = g;
    if (group == NULL)
        return;
    nip__put_int(arena, group, "total", nip__get_int(group, "total", 0) + 1);
    nip__put_int(arena, group, "healthy", nip__get_int(group, "healthy", 0) + ended->good);
    for (nip__value *list = group->as.items.first; list != NULL; list = list->next)
        if (nip__text_equal(list->key, lists[ended->good]))
            nip__push_text(arena, list, ended->endpoint);
}

static nip__value *empty_groups(nip__arena *arena, const nip__value *given)
{
    nip__value *groups = nip__map(arena);
    for (NIP__EACH(group, given)) {
        nip__value *empty = nip__put(arena, groups, group->key, nip__map(arena));
        nip__put_int(arena, empty, "healthy", 0);
        nip__put_int(arena, empty, "total", 0);
        nip__put(arena, empty, "healthy_endpoints", nip__list(arena));
        nip__put(arena, empty, "unhealthy_endpoints", nip__list(arena));
    }
    return groups;
}

static void put_first_failure(nip__check_job *job, nip__value *result)
{
    const item *failed = NULL;
    for (size_t i = job->count; i > 0; i--)
        if (!job->items[i - 1].good)
            failed = &job->items[i - 1];
    if (failed == NULL) {
        nip__put(job->arena, result, "first_failure", nip__null(job->arena));
        return;
    }
    const char *name = failed->endpoint != NULL ? failed->endpoint : failed->label;
    nip__put_text(job->arena, result, "first_failure",
                  nip__arena_printf(job->arena, "%s: %s: %s", name, failed->reason, failed->message));
}

static nip__value *health_result(nip__check_job *job)
{
    nip__arena *arena = job->arena;
    const nip__value *given = nip__get(job->args, "groups");
    nip__value *result = nip__map(arena);
    nip__value *groups = empty_groups(arena, given);
    int64_t healthy = 0;
    for (size_t i = 0; i < job->count; i++) {
        healthy += job->items[i].good;
        put_endpoint(arena, groups, &job->items[i]);
    }
    nip__put_int(arena, result, "healthy", healthy);
    nip__put_int(arena, result, "total", (int64_t)job->count);
    nip__put(arena, result, "groups", groups);
    put_first_failure(job, result);
    if (given == NULL && nip__get(job->args, "command") != NULL)
        nip__put_text(arena, result, "output", job->items[0].output);
    return result;
}

static nip__value *reachable_result(nip__check_job *job)
{
    nip__arena *arena = job->arena;
    nip__value *result = nip__map(arena);
    nip__value *unreachable = nip__list(arena);
    int64_t reachable = 0;
    for (size_t i = 0; i < job->count; i++) {
        const item *ended = &job->items[i];
        reachable += ended->good;
        if (ended->good)
            continue;
        nip__value *entry = nip__push(unreachable, nip__map(arena));
        nip__put_text(arena, entry, "url", ended->label);
        nip__put_text(arena, entry, "reason", ended->reason);
        nip__put_text(arena, entry, "message", ended->message);
    }
    nip__put_int(arena, result, "reachable", reachable);
    nip__put_int(arena, result, "total", (int64_t)job->count);
    nip__put(arena, result, "unreachable", unreachable);
    return result;
}

static void complete(nip__check_job *job)
{
    unlink_job(job);
    nip__value *result = NULL;
    if (job->left == 0)
        result = job->reachable ? reachable_result(job) : health_result(job);
    if (job->left > 0)
        nip__action_failed(job->action, job->shortage, 1, NULL, "%s: nothing can be checked from here at the moment",
                           strcmp(job->shortage, "no_memory") == 0 ? "out of memory"
                                                                   : "no descriptor or local port is left");
    else if (nip__arena_failed(job->arena))
        nip__action_failed(job->action, "no_memory", 1, NULL, "out of memory");
    else
        nip__action_done(job->action, result);
    free_job(job);
}

/* ---- trying ---- */

/* Output may be anything; what a record holds is text. */
static const char *printable(nip__arena *arena, const char *bytes, size_t length)
{
    char *text = nip__arena_copy(arena, bytes, length < OUTPUT_MAX ? length : OUTPUT_MAX);
    for (size_t i = 0; text != NULL && i < length && i < OUTPUT_MAX; i++)
        if ((unsigned char)text[i] < ' ' && text[i] != '\n' && text[i] != '\t')
            text[i] = '?';
    return text;
}

static void keep_result(item *ended, const nip__probe_result *result)
{
    nip__check_job *job = ended->job;
    ended->ended = true;
    ended->good = result->reason == NULL;
    ended->reason = result->reason;
    ended->message = nip__arena_text(job->arena, result->message);
    if (ended->group == NULL && ended->spec.argv != NULL)
        ended->output = printable(job->arena, result->output, result->output_length);
    job->left--;
    job->shortages = 0;
}

static void on_again(void *data)
{
    pump(data);
}

/* This side lacked something: the endpoint is tried again once another try has ended, or, when none is under way,
 * after a while. */
static void fall_short(item *tried, const char *reason)
{
    nip__check_job *job = tried->job;
    nip__checker *checker = job->checker;
    size_t index = (size_t)(tried - job->items);
    job->shortage = reason;
    if (index < job->next)
        job->next = index;
    nip__window_limit(&checker->window, checker->running);
    if (checker->running > 0)
        return;
    /* Memory does not come back by waiting here: the run may retry. */
    job->shortages += strcmp(reason, "no_memory") == 0 ? SHORTAGES_MAX : 1;
    nip__timer_set_real(checker->loop, &checker->again, AGAIN, on_again, checker, NULL);
}

static void on_probed(void *data, const nip__probe_result *result)
{
    item *tried = data;
    nip__check_job *job = tried->job;
    nip__checker *checker = job->checker;
    tried->probe = NULL;
    checker->running--;
    nip__window_answered(&checker->window, result->reason == NULL ? result->latency : 0);
    if (result->ours)
        fall_short(tried, result->reason);
    else
        keep_result(tried, result);
    if (job->left == 0 || job->shortages >= SHORTAGES_MAX)
        complete(job);
    if (checker->jobs == NULL) {
        nip__timer_stop(&checker->again);
        nip__timer_stop(&checker->wider);
    }
    pump(checker);
}

static item *next_item(nip__checker *checker)
{
    for (nip__check_job *job = checker->jobs; job != NULL; job = job->later) {
        while (job->next < job->count && (job->items[job->next].ended || job->items[job->next].probe != NULL))
            job->next++;
        if (job->next < job->count)
            return &job->items[job->next];
    }
    return NULL;
}

static bool have_commands(const nip__checker *checker)
{
    for (const nip__check_job *job = checker->jobs; job != NULL; job = job->later)
        if (job->has_commands)
            return true;
    return false;
}

/* A virtual clock stands still while answers are waited for: nothing would ever take too long. */
static nip__window new_window(const nip__checker *checker)
{
    int64_t cap = nip__in_flight_cap(checker->ctx, checker->in_flight, have_commands(checker));
    return nip__window_new(nip__ctx_is_virtual(checker->ctx) ? cap : NIP__WINDOW_FEW, cap);
}

static void begin_probe(nip__checker *checker, item *next)
{
    if (nip__probe_start(checker->loop, &next->spec, on_probed, next, &next->probe, NULL) == 0) {
        checker->running++;
        nip__window_begun(&checker->window);
    } else {
        next->job->shortage = "no_memory";
        complete(next->job);
    }
}

static void on_wider(void *data)
{
    pump(data);
}

/* Begins what there is room for. */
static void pump(nip__checker *checker)
{
    if (checker->again.loop != NULL || checker->jobs == NULL)
        return;
    if (checker->running == 0)
        checker->window = new_window(checker);
    if (checker->dispatched != nip__loop_dispatched(checker->loop))
        nip__window_stir(&checker->window);
    checker->dispatched = nip__loop_dispatched(checker->loop);
    nip_time now = nip__loop_now(checker->loop), until = NIP_TIME_MAX;
    item *next;
    while ((next = next_item(checker)) != NULL && nip__window_has_room(&checker->window, checker->running, now, &until))
        begin_probe(checker, next);
    /* Without memory for the timer the next answer goes on. */
    if (next != NULL && until != NIP_TIME_MAX)
        nip__timer_set(checker->loop, &checker->wider, until, on_wider, checker, NULL);
}

/* ---- beginning ---- */

/* The port of "127.0.0.1:9100" or "[::1]:9100". */
static const char *port_of(const char *endpoint)
{
    const char *colon = strrchr(endpoint, ':');
    return colon == NULL ? NULL : colon + 1;
}

static bool add_item(nip__check_job *job, const nip__value *described, const char *group, const char *endpoint)
{
    const char *artifact = nip__get_text(job->args, "artifact");
    const nip__fill fills[] = {
        {.name = "endpoint", .value = endpoint},
        {.name = "port", .value = endpoint != NULL ? port_of(endpoint) : NULL},
        {.name = "version", .value = group},
        {.name = "artifact", .value = artifact != NULL ? artifact : group},
        {0},
    };
    item *added = &job->items[job->count];
    *added = (item){.job = job, .group = group, .endpoint = endpoint, .spec = job->common};
    if (!nip__probe_describe(job->arena, described, fills, &added->spec))
        return false;
    job->has_commands |= added->spec.argv != NULL;
    added->label = nip__probe_label(job->arena, &added->spec);
    job->count++;
    return added->label != NULL;
}

static bool is_listed(const nip__value *list, const char *text)
{
    for (NIP__EACH(entry, list))
        if (strcmp(entry->as.string.text, text) == 0)
            return true;
    return false;
}

static size_t count_most(const nip__value *args)
{
    size_t most = 1 + nip__count(nip__get(args, "urls"));
    for (NIP__EACH(group, nip__get(args, "groups")))
        most += nip__count(group);
    return most;
}

static bool add_urls(nip__check_job *job)
{
    for (NIP__EACH(url, nip__get(job->args, "urls"))) {
        nip__value *described = nip__map(job->arena);
        nip__put_text(job->arena, described, "url", url->as.string.text);
        if (!add_item(job, described, NULL, NULL))
            return false;
    }
    return true;
}

static bool add_groups(nip__check_job *job)
{
    const nip__value *groups = nip__get(job->args, "groups"), *except = nip__get(job->args, "except");
    if (groups == NULL)
        return add_item(job, job->args, NULL, NULL);
    for (NIP__EACH(group, groups))
        for (NIP__EACH(endpoint, group))
            if (!is_listed(except, endpoint->as.string.text) &&
                !add_item(job, job->args, group->key, endpoint->as.string.text))
                return false;
    return true;
}

static int add_items(nip__check_job *job, nip_error **err)
{
    nip__probe_spec *common = &job->common;
    common->folder = job->checker->folder;
    common->tls = nip__get(job->args, "tls");
    common->timeout = nip__get_duration(job->args, "timeout", 5 * NIP_SECOND);
    common->any_reply = job->reachable;
    nip_error *why = NULL;
    int rc = nip__secret_headers(job->arena, nip__get(job->args, "headers"), &common->headers, &why);
    if (rc == 0)
        rc = nip__probe_prepare(job->checker->loop, common, &why);
    if (rc < 0) {
        rc = rc == NIP_E_NOMEM ? nip__nomem(err) : nip__fail(err, NIP_E_INVALID, "%s", nip_error_message(why));
        nip_error_free(why);
        return rc;
    }
    job->items = nip__arena_alloc(job->arena, count_most(job->args) * sizeof *job->items);
    if (job->items == NULL || !(job->reachable ? add_urls(job) : add_groups(job)))
        return nip__nomem(err);
    job->left = job->count;
    return 0;
}

int nip__check_begin(nip__checker *checker, nip_action *action, const char *verb, const nip__value *args,
                     nip__arena *arena, nip_error **err)
{
    nip__check_job *job = nip__calloc(1, sizeof *job);
    if (job == NULL)
        return nip__nomem(err);
    *job = (nip__check_job){.checker = checker, .action = action, .arena = arena, .args = args};
    job->reachable = strcmp(verb, "reachable") == 0;
    int rc = add_items(job, err);
    if (rc < 0) {
        nip__probe_release(&job->common);
        nip__free(job); /* the arena stays the caller's */
        return rc;
    }
    nip__check_job **end = &checker->jobs;
    while (*end != NULL)
        end = &(*end)->later;
    *end = job;
    if (job->left == 0)
        complete(job);
    pump(checker);
    return 0;
}
