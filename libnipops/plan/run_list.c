/* What a store knows of runs and releases: folds over journals. */
#include "plan/run.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"

/* ---- runs ---- */

typedef struct listed {
    char *run, *subject, *title;
    char state[16];
    nip_time started, ended;
    int64_t sequence;
} listed;

typedef struct run_list {
    const char *subject; /* whose journal is being read */
    size_t before;       /* runs of the subjects before it */
    listed *runs;
    size_t count, capacity;
} run_list;

static void clear_list(run_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        nip__free(list->runs[i].run);
        nip__free(list->runs[i].subject);
        nip__free(list->runs[i].title);
    }
    nip__free(list->runs);
}

static int add_run(run_list *list, const nip__record *record, const nip__value *payload, nip_error **err)
{
    listed *grown = nip__grow(list->runs, &list->capacity, list->count, sizeof *grown);
    if (grown == NULL)
        return nip__nomem(err);
    list->runs = grown;
    const char *run = nip__get_text(payload, "run"), *title = nip__get_text(nip__get(payload, "plan"), "title");
    listed made = {nip__strdup(run != NULL ? run : ""), nip__strdup(list->subject), nip__strdup(title != NULL ? title : ""), "planned",
                   record->at, NIP_TIME_NONE, record->sequence};
    if (made.run == NULL || made.subject == NULL || made.title == NULL) {
        nip__free(made.run);
        nip__free(made.subject);
        nip__free(made.title);
        return nip__nomem(err);
    }
    list->runs[list->count++] = made;
    return 0;
}

/* The state that a record leads to; NULL: it changes none. */
static const char *state_after(const char *kind, const nip__value *payload)
{
    static const struct {
        const char *kind, *state;
    } states[] = {{"run.started", "running"},   {"run.waiting", "waiting"},     {"run.paused", "paused"}, {"run.continued", "running"},
                  {"run.returning", "returning"}, {"step.waiting", "waiting"}};
    if (strcmp(kind, "run.ended") == 0)
        return nip__get_text(payload, "state");
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
        if (strcmp(kind, states[i].kind) == 0)
            return states[i].state;
    }
    return NULL;
}

static void note_state(listed *run, const nip__record *record, const nip__value *payload)
{
    const char *state = state_after(record->kind, payload);
    if (strcmp(record->kind, "step.done") == 0 && strcmp(run->state, "waiting") == 0)
        state = "running";
    if (state == NULL)
        return;
    size_t length = strnlen(state, sizeof run->state - 1);
    memcpy(run->state, state, length);
    run->state[length] = '\0';
    run->ended = strcmp(record->kind, "run.ended") == 0 ? record->at : NIP_TIME_NONE;
}

/* Only these need their payload looked at. */
static bool is_about_runs(const char *kind)
{
    return strncmp(kind, "run.", 4) == 0 || strcmp(kind, "step.waiting") == 0 || strcmp(kind, "step.done") == 0;
}

static int list_record(void *data, const nip__record *record, nip_error **err)
{
    run_list *list = data;
    if (record->payload == NULL || !is_about_runs(record->kind))
        return 0;
    nip__arena *arena = nip__arena_new();
    if (arena == NULL)
        return nip__nomem(err);
    nip__value *payload = NULL;
    int rc = nip__json_read(arena, record->payload, record->payload_length, "journal", &nip__record_limits, &payload, err);
    if (rc == 0 && strcmp(record->kind, "run.planned") == 0)
        rc = add_run(list, record, payload, err);
    else if (rc == 0 && list->count > list->before)
        note_state(&list->runs[list->count - 1], record, payload);
    nip__arena_free(arena);
    return rc;
}

/* Newest first; of what began at the same instant, by subject, and there the later one. */
static int newest_first(const void *a, const void *b)
{
    const listed *x = a, *y = b;
    if (x->started != y->started)
        return x->started < y->started ? 1 : -1;
    int order = strcmp(x->subject, y->subject);
    return order != 0 ? order : (x->sequence < y->sequence) - (x->sequence > y->sequence);
}

static void write_list(nip__writer *w, run_list *list)
{
    if (list->count > 0)
        qsort(list->runs, list->count, sizeof *list->runs, newest_first);
    for (size_t i = 0; i < list->count; i++) {
        const listed *run = &list->runs[i];
        nip__write_map(w, NULL);
        nip__write_text(w, "run", run->run);
        nip__write_text(w, "subject", run->subject);
        nip__write_text(w, "state", run->state);
        nip__write_text(w, "title", run->title);
        nip__write_time(w, "started", run->started);
        nip__write_time(w, "ended", run->ended);
        nip__write_end_map(w);
    }
}

static int list_subject(nip_store *store, const char *subject, run_list *list, nip_error **err)
{
    list->subject = subject;
    list->before = list->count;
    int rc = nip__store_each(store, subject, 0, list_record, list, err);
    return rc < 0 ? rc : 0;
}

typedef struct subjects {
    char **names;
    size_t count, capacity;
} subjects;

static int add_subject(void *data, const char *subject, int64_t sequence)
{
    (void)sequence;
    subjects *all = data;
    char **grown = nip__grow(all->names, &all->capacity, all->count, sizeof *grown);
    if (grown == NULL)
        return NIP_E_NOMEM;
    all->names = grown;
    all->names[all->count] = nip__strdup(subject);
    return all->names[all->count] != NULL ? (all->count++, 0) : NIP_E_NOMEM;
}

static int list_all(nip_store *store, run_list *list, nip_error **err)
{
    subjects all = {0};
    int rc = nip__store_each_subject(store, add_subject, &all, err);
    if (rc == NIP_E_NOMEM)
        nip__nomem(err); /* add_subject's own, which has nobody to tell */
    for (size_t i = 0; i < all.count; i++) {
        if (rc >= 0)
            rc = list_subject(store, all.names[i], list, err);
        nip__free(all.names[i]);
    }
    nip__free(all.names);
    return rc;
}

int nip_run_list(nip_store *store, const char *subject, char **json, nip_error **err)
{
    NIP_ARG(store != NULL && json != NULL);
    run_list list = {0};
    nip__buffer text = NIP__BUFFER(nip__internal_limits.bytes);
    nip__writer w = NIP__WRITER(&text);
    int rc = subject != NULL ? list_subject(store, subject, &list, err) : list_all(store, &list, err);
    nip__write_list(&w, NULL);
    write_list(&w, &list);
    nip__write_end_list(&w);
    clear_list(&list);
    char *taken = rc >= 0 ? nip__buffer_take(&text) : NULL;
    nip__buffer_clear(&text);
    if (rc >= 0 && taken == NULL)
        return nip__nomem(err);
    if (rc < 0)
        return rc;
    *json = taken;
    return 0;
}

/* ---- releases ---- */

/* The newest end of a run that says what is released. */
static int find_release(void *data, const nip__record *record, nip_error **err)
{
    char **release = data;
    if (record->payload == NULL || strcmp(record->kind, "run.ended") != 0)
        return 0;
    nip__arena *arena = nip__arena_new();
    if (arena == NULL)
        return nip__nomem(err);
    nip__value *payload = NULL;
    int rc = nip__json_read(arena, record->payload, record->payload_length, "journal", &nip__record_limits, &payload, err);
    const nip__value *found = rc == 0 ? nip__get(payload, "release") : NULL;
    if (nip__is(found, NIP__MAP)) {
        *release = nip__json_text(found);
        rc = *release != NULL ? 1 : nip__nomem(err);
    }
    nip__arena_free(arena);
    return rc;
}

int nip_release_read(nip_store *store, const char *subject, char **json, nip_error **err)
{
    NIP_ARG(store != NULL && subject != NULL && json != NULL);
    char *release = NULL;
    int rc = nip__store_each_back(store, subject, INT64_MAX, find_release, &release, err);
    if (rc < 0)
        return rc;
    if (release == NULL)
        release = nip__strdup("null");
    if (release == NULL)
        return nip__nomem(err);
    *json = release;
    return 0;
}
