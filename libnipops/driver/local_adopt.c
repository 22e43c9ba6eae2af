/* target/adopt: processes that the driver did not start become instances of it. Each is found by where it listens, and must run what the
 * document would have started there. All of them are looked at before the first one is written down. */
#include <stdio.h>
#include <string.h>
#include "base/buffer.h"
#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "driver/local_work.h"

enum {
    ENDPOINTS_MAX = 1000,
    COMMAND_MAX = 1024 * 1024,
    INTERPRETER_WORDS = 2, /* "#!/usr/bin/env python3", "#!/bin/sh -e" put so many before a script's own name */
    SHOWN = 300,           /* bytes of a command line in a message */
};

/* Words of a command line, each with a NUL. */
typedef struct words {
    const char *text;
    size_t length;
} words;

static const char *next_word(const words *all, const char *word)
{
    const char *next = word == NULL ? all->text : word + strlen(word) + 1;
    return next == NULL || next >= all->text + all->length ? NULL : next;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

/* Programs are compared by name, since one of the two may say it with its folder; arguments as they are. */
static bool same_from(const words *all, const char *word, const char *const *argv)
{
    for (size_t i = 0; argv[i] != NULL; i++, word = next_word(all, word)) {
        if (word == NULL ||
            strcmp(i == 0 ? base_name(word) : word, i == 0 ? base_name(argv[i]) : argv[i]) != 0)
            return false;
    }
    return word == NULL;
}

bool nip__local_runs(const char *text, size_t length, const char *const *argv)
{
    words all = {text, length};
    const char *word = next_word(&all, NULL);
    for (int skipped = 0; word != NULL && skipped <= INTERPRETER_WORDS; skipped++, word = next_word(&all, word)) {
        if (same_from(&all, word, argv))
            return true;
    }
    return false;
}

/* ---- one endpoint ---- */

/* What is known of one endpoint that is to be adopted. */
typedef struct candidate {
    const char *endpoint;
    nip__local_wanted *wanted;
    const char *const *argv;         /* what the document would have started there */
    nip__local_process process;      /* what runs there */
    const char *problem;             /* why it cannot be adopted; NULL: it can */
    const nip__local_instance *known; /* it is an instance of the driver already */
} candidate;

typedef struct adoption {
    nip__local_work *work;
    const nip__value *args;
    const char *version;
    candidate *candidates;
    nip__local_wanted *wanted;
    size_t count;
} adoption;

static const char *shown(nip__arena *arena, const char *text, size_t length)
{
    char *copy = nip__arena_copy(arena, text, length);
    for (size_t i = 0; copy != NULL && i + 1 < length; i++) {
        if (copy[i] == '\0')
            copy[i] = ' ';
    }
    return copy == NULL ? "" : nip__arena_printf(arena, "%.*s", SHOWN, copy);
}

static const char *shown_argv(nip__arena *arena, const char *const *argv)
{
    nip__buffer line = NIP__BUFFER(COMMAND_MAX);
    for (size_t i = 0; argv[i] != NULL; i++)
        nip__buffer_printf(&line, "%s%s", i > 0 ? " " : "", argv[i]);
    const char *copy = nip__arena_printf(arena, "%.*s", SHOWN, nip__buffer_string(&line));
    nip__buffer_clear(&line);
    return copy;
}

/* Did the process there start from the document's command? *line is what it runs. */
static bool runs_command(nip__arena *arena, const candidate *c, const nip__local_process *process, const char **line)
{
    char path[64];
    nip__buffer text = NIP__BUFFER(COMMAND_MAX);
    snprintf(path, sizeof path, "/proc/%d/cmdline", (int)process->pid);
    bool same = nip__file_read(path, COMMAND_MAX, &text, NULL) == 0 &&
                nip__local_runs(nip__buffer_string(&text), text.length, c->argv);
    *line = shown(arena, nip__buffer_string(&text), text.length);
    nip__buffer_clear(&text);
    return same;
}

static bool is_child(const nip__local_process *process, const nip__local_process *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (list[i].pid == process->parent)
            return true;
    }
    return false;
}

/* Of those that hold the socket, those that run the command; of these, those that no other one of them started: the leader of a family of
 * workers. A supervisor that opened the socket for them runs something else. */
static void find_leader(nip__arena *arena, candidate *c)
{
    nip__local_process fitting[NIP__LOCAL_HOLDERS];
    size_t count = 0, leaders = 0;
    const char *line = "", *other = NULL;
    for (size_t i = 0; i < c->wanted->holder_count; i++) {
        if (runs_command(arena, c, &c->wanted->holders[i], &line))
            fitting[count++] = c->wanted->holders[i];
        else if (other == NULL)
            other = line;
    }
    for (size_t i = 0; i < count; i++) {
        if (is_child(&fitting[i], fitting, count))
            continue;
        leaders++;
        c->process = fitting[i];
    }
    if (count == 0)
        c->problem = nip__arena_printf(arena, "process %d runs \"%s\", where the document's command is \"%s\"",
                                       (int)c->wanted->holders[0].pid, other, shown_argv(arena, c->argv));
    else if (leaders > 1)
        c->problem = nip__arena_printf(arena, "%zu processes listen there, none of which started the others", leaders);
}

static void find_process(nip__arena *arena, candidate *c)
{
    if (c->wanted->crowded)
        c->problem = nip__arena_printf(arena, "more than %d processes listen there", (int)NIP__LOCAL_HOLDERS);
    else if (c->wanted->sockets.count == 0)
        c->problem = "nobody listens there on this machine";
    else if (c->wanted->holder_count == 0)
        c->problem = "what listens there is hidden from this user: run nipops as the user that runs it";
    else
        find_leader(arena, c);
    if (c->problem == NULL && nip__local_process_ours(c->process.pid) != 1)
        c->problem = nip__arena_printf(
            arena, "process %d belongs to another user or pid namespace: run nipops where and as who runs it",
            (int)c->process.pid);
}

/* An instance of another version, or of another app of this store, is taken. */
static void find_known(nip__local_work *work, const char *version, candidate *c)
{
    const nip__local_instances *instances = work->instances;
    bool listed = false;
    for (size_t i = 0; i < instances->count; i++) {
        const nip__local_instance *instance = &instances->list[i];
        if (!instance->running || instance->port != c->wanted->port)
            continue;
        listed = true;
        if (strcmp(instance->version, version) == 0 && strcmp(instance->endpoint, c->endpoint) == 0)
            c->known = instance;
        else
            c->problem = nip__arena_printf(work->arena, "it is known already as %s of %s", instance->endpoint,
                                           instance->version);
    }
    if (!listed && instances->taken[c->wanted->port])
        c->problem = "it is an instance of another app of this store";
}

/* ---- all of them ---- */

static const char *split_endpoint(nip__arena *arena, const char *endpoint, nip__local_wanted *wanted)
{
    char host[64];
    if (!nip__local_endpoint_split(endpoint, host, sizeof host, &wanted->port))
        return nip__arena_printf(arena, "%.80s is not an IP address with a port, such as 127.0.0.1:9100", endpoint);
    wanted->host = nip__arena_text(arena, host);
    return wanted->host != NULL ? NULL : "out of memory";
}

static bool make_argv(adoption *a, candidate *c)
{
    nip__arena *arena = a->work->arena;
    const nip__local_settings *settings = &a->work->driver->settings;
    const char *artifact = nip__get_text(a->args, "artifact");
    nip__local_start start = {.token = "",
                              .version = a->version,
                              .artifact = artifact != NULL ? artifact : a->version,
                              .subject = nip_action_subject(a->work->action),
                              .port = c->wanted->port};
    c->argv = nip__local_words(arena, settings, &start);
    return c->argv != NULL;
}

static const char *read_endpoint(adoption *a, const nip__value *endpoint)
{
    candidate *c = &a->candidates[a->count];
    c->wanted = &a->wanted[a->count];
    if (!nip__is(endpoint, NIP__STRING))
        return "an endpoint is not a text";
    c->endpoint = endpoint->as.string.text;
    const char *wrong = split_endpoint(a->work->arena, c->endpoint, c->wanted);
    if (wrong != NULL)
        return wrong;
    for (size_t i = 0; i < a->count; i++) {
        if (a->wanted[i].port == c->wanted->port)
            return "two endpoints have the same port: instances of one app are told apart by it";
    }
    a->count++;
    return make_argv(a, c) ? NULL : "out of memory";
}

/* NULL: fine; else what is wrong with the arguments. */
static const char *read_args(adoption *a)
{
    nip__arena *arena = a->work->arena;
    const nip__value *endpoints = nip__get(a->args, "endpoints");
    size_t count = nip__count(endpoints);
    const char *wrong = NULL;
    a->version = nip__get_text(a->args, "version");
    if (a->version == NULL || a->version[0] == '\0' || count == 0 || count > ENDPOINTS_MAX)
        return "target/adopt needs a version and 1 to 1000 endpoints";
    a->candidates = nip__arena_alloc(arena, count * sizeof *a->candidates);
    a->wanted = nip__arena_alloc(arena, count * sizeof *a->wanted);
    if (nip__arena_failed(arena))
        return "out of memory";
    memset(a->candidates, 0, count * sizeof *a->candidates);
    memset(a->wanted, 0, count * sizeof *a->wanted);
    for (NIP__EACH(endpoint, endpoints)) {
        if (wrong == NULL)
            wrong = read_endpoint(a, endpoint);
    }
    return wrong;
}

static int look(adoption *a, nip_error **err)
{
    int rc = nip__local_listeners(a->wanted, a->count, err);
    for (size_t i = 0; rc == 0 && i < a->count; i++) {
        candidate *c = &a->candidates[i];
        if (c->problem == NULL)
            find_known(a->work, a->version, c);
        if (c->problem == NULL && c->known == NULL)
            find_process(a->work->arena, c);
    }
    return rc;
}

static const candidate *first_problem(const adoption *a)
{
    for (size_t i = 0; i < a->count; i++) {
        if (a->candidates[i].problem != NULL)
            return &a->candidates[i];
    }
    return NULL;
}

static int write_down(const adoption *a, const candidate *c, nip_error **err)
{
    nip__arena *arena = a->work->arena;
    const char *artifact = nip__get_text(a->args, "artifact"), *subject = nip_action_subject(a->work->action);
    nip__local_instance instance = {
        .id = nip__arena_printf(arena, "%s/adopted/%d/%llu", subject, (int)c->process.pid,
                                (unsigned long long)c->process.start),
        .version = a->version,
        .artifact = artifact != NULL ? artifact : a->version,
        .endpoint = c->endpoint,
        .port = c->wanted->port,
        .pid = c->process.pid,
        .start = c->process.start,
        .started = nip__local_started(c->process.start),
        .adopted = true,
    };
    if (instance.id == NULL)
        return nip__nomem(err);
    return nip__local_instance_write(&a->work->driver->settings, subject, &instance, err);
}

static nip__value *result_of(const adoption *a)
{
    nip__value *result = nip__map(a->work->arena);
    nip__put(a->work->arena, result, "endpoints", nip__share(a->work->arena, nip__get(a->args, "endpoints")));
    return result;
}

static void settle(const adoption *a)
{
    const candidate *wrong = first_problem(a);
    bool all_known = true;
    for (size_t i = 0; i < a->count; i++)
        all_known = all_known && a->candidates[i].known != NULL;
    const char *message =
        wrong == NULL ? NULL : nip__arena_printf(a->work->arena, "%s: %s", wrong->endpoint, wrong->problem);
    nip__action_settled(a->work->action, wrong != NULL ? "foreign" : all_known ? "in_force" : "not_yet", result_of(a),
                        message);
    nip__local_work_free(a->work);
}

static void adopt(const adoption *a)
{
    const candidate *wrong = first_problem(a);
    nip_error *error = NULL;
    int rc = 0;
    if (wrong != NULL) {
        nip__local_fail(a->work, "foreign", false, "%s cannot be adopted: %s", wrong->endpoint, wrong->problem);
        return;
    }
    for (size_t i = 0; rc == 0 && i < a->count; i++) {
        if (a->candidates[i].known == NULL)
            rc = write_down(a, &a->candidates[i], &error);
    }
    if (rc < 0)
        nip__local_fail_error(a->work, error);
    else
        nip__local_answer(a->work, result_of(a));
    nip_error_free(error);
}

void nip__local_adopt(nip__local_work *work)
{
    adoption a = {.work = work, .args = nip__action_args_value(work->action)};
    nip_error *error = NULL;
    const char *wrong = read_args(&a);
    if (wrong != NULL) {
        bool memory = nip__arena_failed(work->arena);
        nip__local_fail(work, memory ? "no_memory" : "bad_arguments", memory, "%s", memory ? "out of memory" : wrong);
        return;
    }
    if (look(&a, &error) < 0) {
        nip__local_fail_error(work, error);
        nip_error_free(error);
        return;
    }
    if (nip_action_settles(work->action))
        settle(&a);
    else
        adopt(&a);
}
