/* The world of the fault tests. */
#include "world.h"

#include <ftw.h>
#include <math.h>
#include <unistd.h>

#define GUARD                                                                                                          \
    "guard: {interval: 5s, timeout: 5s, settle: 1s, min_samples: 10, error_rate: {max: 5}, latency_p95: {max: 500ms}}"

const strategy strategies[] = {
    [ROLLING] = {"rolling", "strategy: rolling"},
    [BLUE_GREEN] = {"blue-green", "strategy: blue_green\n  hold_old: 0s\n  blue_green: {watch: 10s, " GUARD "}"},
    [CANARY] = {"canary", "strategy: canary\n  hold_old: 0s\n  canary: {stages: [{share: 20, duration: 10s}, {share: "
                          "60, duration: 5s}], " GUARD "}"},
    {NULL, NULL},
};

static const char settings_text[] = "{\"initial\": {\"1.0\": 2}, \"requests_per_second\": 100, \"seed\": 7}";

void ended_well(int rc, nip_error *err, const char *file, int line)
{
    if (rc >= 0)
        return;
    print_error("%s: %s\n", nip_error_name(err), nip_error_message(err));
    _fail(file, line);
}

nip_ctx *world_ctx(void)
{
    nip_ctx *ctx = NULL;
    must(nip_ctx_new(&ctx, &err));
    must(nip_ctx_set(ctx, "clock", "virtual:" START, &err));
    must(nip_ctx_set(ctx, "seed", "1", &err));
    return ctx;
}

static void open_sim(world *w)
{
    nip__arena *arena = nip__arena_new();
    nip__value *settings = NULL;
    must(nip__json_read(arena, settings_text, strlen(settings_text), "settings", &nip__document_limits, &settings,
                        &err));
    must(nip__sim_new(settings, &w->sim, &err));
    nip__arena_free(arena);
}

void world_open(world *w, const char *url)
{
    static const char *const roles[] = {"target", "router", "metrics", "check"};
    nip_driver *driver = NULL;
    *w = (world){.ctx = world_ctx()};
    open_sim(w);
    must(nip_drivers_new(&w->drivers, &err));
    must(nip__sim_driver(w->sim, &driver, &err));
    for (size_t i = 0; i < COUNT(roles); i++)
        must(nip_drivers_bind(w->drivers, roles[i], driver, &err));
    nip_driver_free(driver);
    if (url != NULL)
        must(nip_store_open(w->ctx, url, &w->store, &err));
    assert_true(nip__sim_advance(w->sim, nip_ctx_now(w->ctx)));
}

void world_close(world *w)
{
    nip_drivers_free(w->drivers);
    nip__sim_free(w->sim);
    nip_store_free(w->store);
    nip_ctx_free(w->ctx);
    *w = (world){0};
}

void world_pass(world *w, nip_duration duration)
{
    nip__ctx_advance(w->ctx, nip__ctx_monotonic(w->ctx) + duration);
    assert_true(nip__sim_advance(w->sim, nip_ctx_now(w->ctx)));
}

/* ---- documents and plans ---- */

static void write_document(nip__buffer *text, const strategy *how, const char *version)
{
    nip__buffer_printf(
        text,
        "rollout:\n  app: " SUBJECT
        "\n  artifact: \"%s\"\n  replicas: %d\n  target: {driver: sim}\n  router: {driver: sim}\n"
        "  metrics: {driver: sim}\n  health: {url: \"http://{endpoint}/health\", interval: 2s, timeout: 30s}\n"
        "  drain_timeout: 5s\n  %s\n",
        version, REPLICAS, how->lines);
}

nip_doc *world_document(const strategy *how, const char *version)
{
    nip__buffer text = NIP__BUFFER(65536);
    nip_doc *doc = NULL;
    write_document(&text, how, version);
    must(nip_doc_load_text(nip__buffer_string(&text), text.length, "shop.yaml", &doc, &err));
    nip__buffer_clear(&text);
    return doc;
}

char *world_release(const strategy *how)
{
    (void)how;
    nip__buffer text = NIP__BUFFER(65536);
    nip__buffer_printf(&text,
                       "{\"v\":1,\"app\":\"" SUBJECT "\",\"version\":\"" OLD "\",\"artifact\":\"" OLD
                       "\",\"replicas\":%d,\"settings\":{},"
                       "\"endpoints\":[\"127.0.0.1:9100\",\"127.0.0.1:9101\"],\"shares\":{\"" OLD "\":100},"
                       "\"rollout\":{\"app\":\"" SUBJECT "\",\"artifact\":\"" OLD
                       "\",\"replicas\":%d,\"target\":{\"driver\":\"sim\"},"
                       "\"router\":{\"driver\":\"sim\"},\"health\":{\"url\":\"http://{endpoint}/health\"}}}",
                       REPLICAS, REPLICAS);
    char *taken = nip__buffer_take(&text);
    assert_non_null(taken);
    return taken;
}

char *world_observe(world *w, const strategy *how)
{
    nip_doc *doc = world_document(how, NEW);
    nip_op *op = NULL;
    char *observed = NULL;
    must(nip_op_observe(w->ctx, doc, NULL, w->drivers, &op, &err));
    must(nip_op_run(op, &err));
    must(nip_op_result(op, &observed, &err));
    nip_op_free(op);
    nip_doc_free(doc);
    return observed;
}

static char *make_plan_text(const strategy *how)
{
    world w;
    nip_plan *plan = NULL;
    char *json = NULL;
    world_open(&w, NULL);
    char *observed = world_observe(&w, how), *release = world_release(how);
    nip_doc *doc = world_document(how, NEW);
    must(nip_rollout_plan(doc, release, observed, &plan, &err));
    must(nip_plan_to_json(plan, &json, &err));
    nip_plan_free(plan);
    nip_doc_free(doc);
    nip_free(observed);
    nip_free(release);
    world_close(&w);
    return json;
}

const char *world_plan_text(const strategy *how)
{
    static char texts[COUNT(strategies)][262144];
    char *text = texts[how - strategies];
    if (text[0] != '\0')
        return text;
    char *json = make_plan_text(how);
    assert_true(strlen(json) < sizeof texts[0]);
    memcpy(text, json, strlen(json) + 1);
    nip_free(json);
    return text;
}

nip_plan *world_plan(const strategy *how)
{
    const char *text = world_plan_text(how);
    nip_plan *plan = NULL;
    must(nip_plan_from_json(text, strlen(text), &plan, &err));
    return plan;
}

void world_request(world *w, const nip_run *run, const char *kind)
{
    must(nip_run_request(w->store, nip_run_id(run), kind, "test", NULL, nip_ctx_now(w->ctx), NULL, &err));
}

int world_drive(world *w, const nip_run *run, nip_op *op, nip_error **err)
{
    int rc;
    while ((rc = nip_op_wait(op, NIP_MINUTE, err)) == NIP_OP_MORE) {
        if (strcmp(nip_run_state(run), "paused") == 0)
            world_request(w, run, "abort");
    }
    return rc;
}

/* ---- folders ---- */

void folder_open(folder *f)
{
    snprintf(f->path, sizeof f->path, "%s/nipops-fault-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    assert_non_null(mkdtemp(f->path));
    snprintf(f->url, sizeof f->url, "sqlite:%s/store.db", f->path);
}

static int remove_inner(const char *path, const struct stat *status, int type, struct FTW *place)
{
    (void)status;
    (void)type;
    return place->level == 0 ? 0 : remove(path);
}

void folder_empty(const folder *f)
{
    assert_int_equal(nftw(f->path, remove_inner, 16, FTW_DEPTH | FTW_PHYS), 0);
}

void folder_close(const folder *f)
{
    folder_empty(f);
    assert_int_equal(rmdir(f->path), 0);
}

/* ---- laws ---- */

void check_serves(world *w, const char *version, const char *what)
{
    const nip__sim_world *sim = nip__sim_world_of(w->sim);
    static const char *const names[] = {OLD, NEW};
    for (size_t i = 0; i < COUNT(names); i++) {
        const nip__sim_version *found = nip__sim_world_find(sim, names[i]);
        bool serves = strcmp(names[i], version) == 0;
        int64_t running = found != NULL ? found->running : 0, healthy = found != NULL ? found->healthy : 0;
        double share = found != NULL ? found->share : 0;
        bool fine = serves ? running == REPLICAS && healthy == REPLICAS && fabs(share - 100) < 1e-6
                           : running == 0 && share <= 0;
        if (!fine)
            fail_msg("%s: %s was to serve, and %s has %lld running, %lld healthy instances and %.2f %% of the traffic",
                     what, version, names[i], (long long)running, (long long)healthy, share);
    }
}

static void check_chain(nip_store *store, const char *what)
{
    char *json = NULL;
    must(nip_journal_verify(store, SUBJECT, NULL, &json, &err));
    if (strstr(json, "\"verdict\":\"intact\"") == NULL)
        fail_msg("%s: %s", what, json);
    nip_free(json);
}

void check_journal(nip_store *store, const nip_run *run, nip_time now, const char *what)
{
    char *live = NULL, *replayed = NULL;
    nip_run *again = NULL;
    check_chain(store, what);
    must(nip_run_status(run, now, &live, &err));
    must(nip_run_open(store, nip_run_id(run), &again, &err));
    must(nip_run_status(again, now, &replayed, &err));
    if (strcmp(live, replayed) != 0)
        fail_msg("%s: the live state is not the replayed one:\n%s\n%s", what, live, replayed);
    nip_run_free(again);
    nip_free(live);
    nip_free(replayed);
}

void check_end(world *w, const nip_run *run, const char *what)
{
    const char *state = nip_run_state(run);
    if (strcmp(state, "succeeded") == 0)
        check_serves(w, NEW, what);
    else if (strcmp(state, "returned") == 0 || strcmp(state, "stopped") == 0)
        check_serves(w, OLD, what);
    else
        fail_msg("%s: the run is %s", what, state);
    check_journal(w->store, run, nip_ctx_now(w->ctx), what);
}

int count_in_journal(nip_store *store, const char *part)
{
    char *json = NULL;
    int count = 0;
    must(nip_journal_read(store, SUBJECT, 0, 10000, &json, &err));
    for (const char *at = strstr(json, part); at != NULL; at = strstr(at + 1, part))
        count++;
    nip_free(json);
    return count;
}
