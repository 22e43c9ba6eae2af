/* A whole case: what was released before, the run under test, and how everything must stand at its end (law 3). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "laws.h"

#define GUARD                                                                                                          \
    "guard: {interval: 5s, timeout: 5s, settle: 1s, error_rate: {max: 5}, latency_p95: {max: 500ms}, max_hold: 60s}"

/* Counts what a person ordered once. */
static const char once_plan[] =
    "{\"v\": 1, \"kind\": \"plan\", \"subject\": \"shop\", \"title\": \"count thrice\", \"steps\": ["
    "{\"id\": \"one\", \"title\": \"first\", \"actions\": [{\"role\": \"sim\", \"verb\": \"count\", \"class\": "
    "\"once\"}], \"deadline\": \"30s\"},"
    "{\"id\": \"two\", \"title\": \"second\", \"actions\": [{\"role\": \"sim\", \"verb\": \"count\", \"class\": "
    "\"once\"},"
    "{\"role\": \"target\", \"verb\": \"observe\"}], \"deadline\": \"30s\", \"wait\": \"20s\"},"
    "{\"id\": \"three\", \"title\": \"third\", \"approve\": \"shall we?\", \"actions\": [{\"role\": \"sim\", \"verb\": "
    "\"count\", \"class\": "
    "\"once\"}], \"deadline\": \"30s\"}]}";

const law_strategy law_strategies[] = {
    {.name = "first", .replicas = 2, .rollout = "strategy: rolling\n", .first = true},
    {.name = "rolling", .replicas = 3, .rollout = "strategy: rolling\n"},
    {.name = "rolling-surge",
     .replicas = 4,
     .max_unavailable = 1,
     .rollout = "strategy: rolling\n  rolling: {max_surge: \"25%\", max_unavailable: \"25%\"}\n"},
    {.name = "rolling-unavailable",
     .replicas = 3,
     .max_unavailable = 1,
     .rollout = "strategy: rolling\n  rolling: {max_surge: 0, max_unavailable: 1}\n"},
    {.name = "rolling-all",
     .replicas = 2,
     .rollout = "strategy: rolling\n  rolling: {max_surge: \"100%\", max_unavailable: 0}\n"},
    {.name = "blue-green",
     .replicas = 2,
     .rollout = "strategy: blue_green\n  hold_old: 1h\n  blue_green: {smoke: [{command: [./smoke]}], watch: 15s, " GUARD
                "}\n"},
    {.name = "blue-green-stop",
     .replicas = 2,
     .rollout = "strategy: blue_green\n  hold_old: 0s\n  blue_green: {watch: 15s, " GUARD "}\n"},
    {.name = "canary",
     .replicas = 3,
     .rollout = "strategy: canary\n  canary: {stages: [{share: 10, duration: 20s}, {share: 50, duration: 15s, approve: "
                "\"go on?\"}], " GUARD "}\n"},
    {.name = "canary-dynamic",
     .replicas = 4,
     .rollout = "strategy: canary\n  canary: {dynamic_stable_scale: true, stages: [{share: 25, duration: 15s}, {share: "
                "75, duration: 10s}], " GUARD "}\n"},
    {.name = "rollback-held",
     .goal = LAW_ROLLBACK,
     .replicas = 2,
     .twice = true,
     .rollout = "strategy: blue_green\n  hold_old: 1h\n"},
    {.name = "rollback-rolling", .goal = LAW_ROLLBACK, .replicas = 2, .twice = true, .rollout = "strategy: rolling\n"},
    {.name = "ensure", .goal = LAW_ENSURE, .replicas = 3, .rollout = "strategy: rolling\n"},
    {.name = "retire",
     .goal = LAW_RETIRE,
     .replicas = 2,
     .twice = true,
     .rollout = "strategy: blue_green\n  hold_old: 1h\n"},
    {.name = "shadow",
     .goal = LAW_SHADOW,
     .replicas = 2,
     .rollout = "strategy: shadow\n  shadow: {requests: recorded.har, replicas: 2, limits: {latency_p95: 50}}\n"},
    {.name = "shadow-mirror",
     .goal = LAW_SHADOW,
     .replicas = 2,
     .rollout = "strategy: shadow\n  shadow: {requests: recorded.har, limits: {mismatches: 90}, mirror: {percent: 50, "
                "duration: 15s, " GUARD "}}\n"},
    {.name = "once", .goal = LAW_PLAN, .plan = once_plan, .first = true},
    {0},
};

const law_mood law_moods[] = {
    {.name = "fine", .behaviour = ""},
    {.name = "faulty", .behaviour = "\"error_rate\": 0.5"},
    {.name = "slow", .behaviour = "\"latency_p95\": 0.9"},
    {.name = "sick", .behaviour = "\"never_healthy\": true", .ill = true},
    {.name = "stillborn", .behaviour = "\"fail_start\": 1", .ill = true},
    {.name = "dying", .behaviour = "\"exit_after\": \"25s\"", .ill = true, .luck = true},
    {.name = "flapping",
     .behaviour = "\"flap\": {\"interval\": \"7s\", \"probability\": 0.3}",
     .ill = true,
     .luck = true},
    {0},
};

const char *law_crash_name(law_crash crash)
{
    static const char *const names[] = {"none",          "before-start", "midway",
                                        "before-answer", "after-answer", "after-record"};
    return crash < LAW_CRASHES ? names[crash] : NULL;
}

const char *law_fate_name(nip__sim_fate_kind fate)
{
    static const char *const names[] = {"fine",       "fails", "fails-for-good", "fails-midway", "lost-before",
                                        "lost-after", "late",  "repeated",       "no-data"};
    return fate <= NIP__SIM_NO_DATA ? names[fate] : NULL;
}

/* The command line that runs it again. */
void law_print_case(const law_case *law)
{
    printf("    --seed %llu --strategy %s --mood %s%s", (unsigned long long)law->seed, law->strategy->name,
           law->mood->name, law->wild ? " --wild --runs 1" : "");
    if (law->aimed)
        printf(" --spot %s/%s/%lld --fate %s", law->spot.step, nip__purpose_name(law->spot.purpose),
               (long long)law->spot.index, law_fate_name(law->fate.kind));
    if (law->crash != LAW_NO_CRASH)
        printf(" --crash %s --record %lld --gap %lld", law_crash_name(law->crash), (long long)law->record,
               (long long)(law->gap / NIP_SECOND));
    printf("\n");
}

/* ---- plans ---- */

/* What is released before a shadow is released in the plainest way. */
static const char *rollout_of(const law_strategy *strategy, law_goal goal)
{
    return strategy->goal == LAW_SHADOW && goal != LAW_SHADOW ? "strategy: rolling\n" : strategy->rollout;
}

static nip_doc *document(law_world *world, law_goal goal, const char *version)
{
    char text[2048];
    nip_doc *doc = NULL;
    snprintf(text, sizeof text,
             "rollout:\n  app: " SUBJECT
             "\n  artifact: \"%s\"\n  replicas: %d\n  target: {driver: sim}\n  router: {driver: sim}\n"
             "  metrics: {driver: sim}\n  health: {url: \"http://{endpoint}/health\", interval: 2s, timeout: 30s}\n  "
             "drain_timeout: 5s\n  %s",
             version, world->law->strategy->replicas, rollout_of(world->law->strategy, goal));
    nip_error *error = NULL;
    if (nip_doc_load_text(text, strlen(text), "law", &doc, &error) < 0)
        printf("%s\n%s\n", nip_error_message(error), text);
    nip_error_free(error);
    return doc;
}

/* The plan for a goal; `version` is what a rollout is to. */
static nip_plan *plan_for(law_world *world, law_goal goal, const char *version)
{
    nip_plan *plan = NULL;
    nip_error *error = NULL;
    char *release = NULL, *observed = law_world_observe(world);
    const char *given = world->law->strategy->plan;
    bool documented = goal == LAW_ROLLOUT || goal == LAW_SHADOW;
    nip_doc *doc = documented ? document(world, goal, version) : NULL;
    int rc = nip_release_read(world->store, SUBJECT, &release, &error);
    if (rc == 0 && documented)
        rc = nip_rollout_plan(doc, release, observed, &plan, &error);
    else if (rc == 0 && goal == LAW_ROLLBACK)
        rc = nip_rollback_plan(release, observed, &plan, &error);
    else if (rc == 0 && goal == LAW_ENSURE)
        rc = nip_ensure_plan(release, observed, &plan, &error);
    else if (rc == 0 && goal == LAW_RETIRE)
        rc = nip_retire_plan(release, observed, world->now, 1, &plan, &error);
    else if (rc == 0)
        rc = nip_plan_from_json(given, strlen(given), &plan, &error);
    if (rc < 0)
        law_broken(world, 3, "no plan: %s", nip_error_message(error));
    nip_error_free(error);
    nip_free(release);
    nip_free(observed);
    nip_doc_free(doc);
    return plan;
}

/* What lies before the run under test goes without a hitch. */
static bool release_before(law_world *world, const char *version)
{
    nip_plan *plan = plan_for(world, LAW_ROLLOUT, version);
    nip_run *run = plan != NULL ? law_drive(world, plan, true, NULL) : NULL;
    bool fine = run != NULL && strcmp(nip_run_state(run), "succeeded") == 0;
    if (!fine && run != NULL)
        law_broken(world, 3, "the release of %s before it ended %s", version, nip_run_state(run));
    nip_run_free(run);
    nip_plan_free(plan);
    return fine && law_world_pass(world, world->now + 30 * NIP_SECOND);
}

static bool prepare(law_world *world)
{
    const law_strategy *strategy = world->law->strategy;
    nip__sim_world *sim = nip__sim_world_of(world->sim);
    if (strategy->first)
        return true;
    if (!release_before(world, OLD) || (strategy->twice && !release_before(world, NEW)))
        return false;
    if (strategy->goal == LAW_ENSURE) {
        sim->instances[0].exits_at = world->now;
        nip__sim_world_restart_router(sim);
        law_world_pass(world, world->now + NIP_SECOND);
    }
    return true;
}

/* ---- law 3 ---- */

/* Whose all traffic is to be in this state; NULL: nobody's. */
static const char *expected(const law_strategy *strategy, const char *state)
{
    static const struct {
        law_goal goal;
        const char *after, *back;
    } versions[] = {
        {LAW_ROLLOUT, NEW, OLD}, {LAW_ROLLBACK, OLD, NEW}, {LAW_ENSURE, OLD, OLD},
        {LAW_RETIRE, NEW, NEW},  {LAW_SHADOW, OLD, OLD}, {LAW_PLAN, NULL, NULL},
    };
    if (strcmp(state, "succeeded") == 0)
        return versions[strategy->goal].after;
    return strategy->first ? NULL : versions[strategy->goal].back;
}

/* Users lose no session where nothing went wrong: what is taken out is drained before. */
static void check_sessions(law_world *world)
{
    const nip__sim_world *sim = nip__sim_world_of(world->sim);
    const law_case *law = world->law;
    bool calm = !law->wild && !law->mood->ill && !law->aimed && law->strategy->goal != LAW_ENSURE;
    if (calm && !world->gave_up && sim->sessions_cut > 0)
        law_broken(world, 1, "%lld sessions were cut", (long long)sim->sessions_cut);
    if (calm && law->strategy->goal == LAW_ROLLOUT && sim->user_errors > 0)
        law_broken(world, 1, "%lld requests went where nobody was", (long long)sim->user_errors);
}

static void check_version(law_world *world, const char *name, const char *state)
{
    const nip__sim_version *version = nip__sim_world_find(nip__sim_world_of(world->sim), name);
    bool sick = world->law->mood->ill && strcmp(state, "succeeded") == 0;
    if (version == NULL || version->share < 99.999)
        law_broken(world, 3, "the run is %s, and %s has %.2f %% of the traffic", state, name,
                   version != NULL ? version->share : 0);
    else if (!sick &&
             (version->running < world->law->strategy->replicas || version->healthy < world->law->strategy->replicas))
        law_broken(world, 3, "the run is %s, and %s has %lld running, %lld healthy instances", state, name,
                   (long long)version->running, (long long)version->healthy);
}

static void check_nothing_left(law_world *world, const char *name, const char *state)
{
    const nip__sim_version *version = nip__sim_world_find(nip__sim_world_of(world->sim), name);
    if (version != NULL && (version->running > 0 || version->share > 0))
        law_broken(world, 3, "the run is %s, and %lld instances of %s still run", state, (long long)version->running,
                   name);
}

static void check_record(law_world *world, const char *version, const char *state)
{
    char *json = NULL;
    nip__value *release = NULL;
    if (nip_release_read(world->store, SUBJECT, &json, NULL) == 0)
        nip__json_read(world->arena, json, strlen(json), "release", &nip__internal_limits, &release, NULL);
    nip_free(json);
    const char *written = nip__get_text(release, "version");
    if (!nip__text_equal(written, version))
        law_broken(world, 3, "the run is %s, and the release record says %s instead of %s", state,
                   written != NULL ? written : "nothing", version);
}

/* A router that restarted while or after traffic was written: what "ensure" is for. */
static void ensure(law_world *world)
{
    world->fresh = "";
    nip_plan *plan = plan_for(world, LAW_ENSURE, NULL);
    nip_run *run = plan != NULL ? law_drive(world, plan, true, NULL) : NULL;
    if (run != NULL && strcmp(nip_run_state(run), "succeeded") != 0 && !world->law->mood->ill)
        law_broken(world, 3, "ensure ended %s", nip_run_state(run));
    nip_run_free(run);
    nip_plan_free(plan);
}

static void check_end(law_world *world, const char *state, const char *before)
{
    const law_strategy *strategy = world->law->strategy;
    const char *version = expected(strategy, state);
    char now[LAW_TEXT];
    law_world_describe(world, now, sizeof now);
    check_sessions(world);
    if (strcmp(state, "broken") == 0 || strategy->goal == LAW_PLAN)
        return;
    if (strcmp(state, "stopped") == 0 && strategy->goal != LAW_ENSURE && strategy->goal != LAW_RETIRE &&
        !world->law->restarts && strcmp(now, before) != 0)
        law_broken(world, 3, "the run is stopped, but things changed: %s, before: %s", now, before);
    if (strcmp(state, "stopped") == 0)
        return;
    if (version != NULL)
        check_version(world, version, state);
    if (version != NULL)
        check_record(world, version, state);
    if ((strcmp(state, "returned") == 0 && strategy->goal == LAW_ROLLOUT) || strategy->goal == LAW_SHADOW)
        check_nothing_left(world, NEW, state);
    if (strategy->goal == LAW_SHADOW && nip__sim_world_of(world->sim)->mirrored_count > 0)
        law_broken(world, 6, "the run is %s, and copies of requests are still sent", state);
}

/* Law 6, as far as a plan shows it: a shadow has nothing to route. */
static void check_plan(law_world *world, const nip_plan *plan)
{
    char *json = NULL;
    if (world->law->strategy->goal != LAW_SHADOW || nip_plan_to_json(plan, &json, NULL) < 0)
        return;
    if (strstr(json, "\"verb\":\"route\"") != NULL)
        law_broken(world, 6, "the plan of a shadow routes traffic");
    nip_free(json);
}

static bool wiped(law_world *world)
{
    return nip__sim_world_of(world->sim)->wiped;
}

static void finish(law_world *world, nip_run *run, const char *before, law_end *end)
{
    const char *state = nip_run_state(run);
    snprintf(end->state, sizeof end->state, "%s", state);
    end->records = nip_run_sequence(run) - run->planned;
    world->counts->ends[run->machine->phase]++;
    law_check_journal(world, run);
    nip_run_free(run);
    law_world_pass(world, world->now + 60 * NIP_SECOND);
    bool whole = strcmp(end->state, "succeeded") == 0 || strcmp(end->state, "returned") == 0;
    if (wiped(world) && whole && expected(world->law->strategy, end->state) != NULL && !world->broken) {
        ensure(world);
        law_world_pass(world, world->now + 60 * NIP_SECOND);
    }
    law_world_describe(world, end->stands, sizeof end->stands);
    if (!world->broken)
        check_end(world, end->state, before);
}

static void run_case(law_world *world, law_end *end, law_spot **spots, size_t *count, bool *hit)
{
    const law_strategy *strategy = world->law->strategy;
    char before[LAW_TEXT];
    if (!prepare(world))
        return;
    bool rises = (strategy->goal == LAW_ROLLOUT && !strategy->first) || strategy->goal == LAW_SHADOW;
    world->fresh = rises ? NEW : "";
    law_world_describe(world, before, sizeof before);
    nip_plan *plan = plan_for(world, strategy->goal, NEW);
    if (plan != NULL)
        check_plan(world, plan);
    nip_run *run = plan != NULL ? law_drive(world, plan, false, hit) : NULL;
    if (run != NULL && spots != NULL)
        *count = law_spots(world, nip_run_id(run), spots);
    if (run != NULL)
        finish(world, run, before, end);
    nip_plan_free(plan);
}

bool law_run_case(const law_case *law, law_counts *counts, law_end *end, law_spot **spots, size_t *count, bool *hit)
{
    law_world world;
    *end = (law_end){0};
    counts->runs++;
    if (!law_world_open(&world, law, counts)) {
        printf("no world\n");
        exit(2);
    }
    run_case(&world, end, spots, count, hit);
    law_world_close(&world);
    return !world.broken;
}
