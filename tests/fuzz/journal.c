/* A journal that somebody else wrote: opening it refuses, or gives a run that can be looked at, resumed and driven, and whose live
 * state is what its journal gives.
 *
 * Input, by lines: a plan; then "kind seconds payload" for each record, "! outcome" for each answer to an action, in order. */
#include "fuzz.h"

#include "store/store.h"

#define START (INT64_C(1700000000) * NIP_SECOND)
enum { RECORDS_MAX = 60, TURNS_MAX = 150 };

typedef struct scene {
    nip_ctx *ctx;
    nip_store *store;
    nip__lease lease;
    char *lines; /* what is left of the input */
} scene;

static char *next_line(char **text)
{
    char *line = *text, *end = line == NULL ? NULL : strchr(line, '\n');
    *text = end == NULL ? NULL : end + 1;
    if (end != NULL)
        *end = '\0';
    return line;
}

/* "run.started 3 {...}"; what the store refuses never was in a journal. */
static void append(scene *s, char *line)
{
    char *seconds = strchr(line, ' ');
    char *payload = seconds == NULL ? NULL : strchr(seconds + 1, ' ');
    if (payload == NULL)
        return;
    *seconds++ = '\0';
    *payload++ = '\0';
    nip_time at = START + (nip_time)(strtod(seconds, NULL) * 1e9 < 9e18 ? strtod(seconds, NULL) : 9e9) * NIP_SECOND / 2;
    nip__store_append(s->store, "shop", -1, s->lease.epoch, line, at, payload, strlen(payload), NULL, NULL);
}

static bool is_plan(const char *json)
{
    nip_plan *plan = NULL;
    bool fine = nip_plan_from_json(json, strlen(json), &plan, NULL) == 0;
    nip_plan_free(plan);
    return fine;
}

static void write_journal(scene *s)
{
    const char *plan = next_line(&s->lines);
    if (!is_plan(plan))
        return;
    size_t size = strlen(plan) + 64;
    char *payload = malloc(size);
    must(payload != NULL);
    snprintf(payload, size, "{\"run\":\"shop-1\",\"plan\":%s,\"state\":\"planned\"}", plan);
    must(nip__lease_take(s->store, "shop", &s->lease, NULL) == 0);
    nip__store_append(s->store, "shop", 0, s->lease.epoch, "run.planned", START, payload, strlen(payload), NULL, NULL);
    free(payload);
    for (int i = 0; i < RECORDS_MAX && s->lines != NULL && s->lines[0] != '!'; i++)
        append(s, next_line(&s->lines));
    must(nip__lease_release(s->store, "shop", &s->lease, NULL) == 0);
}

static char *status_of(const nip_run *run, nip_time now)
{
    char *json = NULL;
    must(nip_run_status(run, now, &json, NULL) == 0);
    fuzz_json(json);
    return json;
}

static void check_replays(scene *s, const nip_run *run, nip_time now)
{
    nip_run *again = NULL;
    nip_error *err = NULL;
    if (nip_run_open(s->store, "shop-1", &again, &err) < 0)
        fprintf(stderr, "%s\n", nip_error_message(err));
    must(again != NULL);
    char *live = status_of(run, now), *replayed = status_of(again, now);
    if (strcmp(live, replayed) != 0)
        fprintf(stderr, "live:     %s\nreplayed: %s\n", live, replayed);
    must(strcmp(live, replayed) == 0);
    nip_free(live);
    nip_free(replayed);
    nip_run_free(again);
}

/* The input's own answer while there is one, then what ends things. */
static void answer(scene *s, nip_run *run, const nip_action *action, nip_time now)
{
    char id[200];
    snprintf(id, sizeof id, "%s", nip_action_id(action));
    const char *usual =
        nip_action_settles(action) ? "{\"outcome\":\"in_force\"}" : "{\"outcome\":\"done\",\"result\":{}}";
    fuzz_json(nip_action_args(action));
    const char *own = next_line(&s->lines);
    if (own != NULL && own[0] == '!' && nip_run_complete(run, now, id, own + 1, NULL) == 0)
        return;
    must(nip_run_complete(run, now, id, usual, NULL) == 0);
}

static void drive(scene *s, nip_run *run, nip_time now)
{
    for (int turn = 0; turn < TURNS_MAX; turn++) {
        const nip_action *action = NULL;
        nip_time until = 0;
        nip_error *err = NULL;
        int rc = nip_run_next(run, now, &action, &until, &err);
        if (rc < 0) {
            fuzz_refused(rc, err);
            return;
        }
        if (rc == NIP_RUN_DONE || (rc == NIP_RUN_WAIT && until == NIP_TIME_MAX))
            break;
        if (rc == NIP_RUN_WAIT)
            now = until > now ? until : now;
        else
            answer(s, run, action, now);
    }
    check_replays(s, run, now);
}

static void check_run(scene *s)
{
    nip_run *run = NULL;
    nip_error *err = NULL;
    int rc = nip_run_open(s->store, "shop-1", &run, &err);
    char *json = NULL;
    must(nip_run_list(s->store, NULL, &json, NULL) <= 0);
    nip_free(json);
    if (rc < 0) {
        fuzz_refused(rc, err);
        return;
    }
    nip_free(status_of(run, START));
    nip_run_free(run);
    run = NULL;
    rc = nip_run_resume(s->store, "shop-1", START + 60 * NIP_SECOND, &run, &err);
    if (rc < 0) {
        fuzz_refused(rc, err);
        return;
    }
    drive(s, run, START + 60 * NIP_SECOND);
    nip_run_free(run);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_text(data, size);
    scene s = {.lines = text};
    must(nip_ctx_new(&s.ctx, NULL) == 0 && nip_ctx_set(s.ctx, "seed", "1", NULL) == 0);
    must(nip_store_open(s.ctx, "memory:", &s.store, NULL) == 0);
    write_journal(&s);
    check_run(&s);
    nip_store_free(s.store);
    nip_ctx_free(s.ctx);
    free(text);
    return 0;
}
