/* Settings of the simulated world. Defaults are filled in here and not by the schema, so that several roles can each
 * say a part of one world. */
#include "driver/sim_settings.h"

#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/text.h"

#define PROBABILITY .type = NIP__T_NUMBER, .min = 0, .max = 1
#define LENGTH      .type = NIP__T_DURATION, .min = 0, .max = 31536000

static const nip__field flap_fields[] = {
    {.name = "interval",
     .type = NIP__T_DURATION,
     .min = 0.1,
     .max = 31536000,
     .help = "how often health is drawn anew (10s)"},
    {.name = "probability", PROBABILITY, .help = "of being unhealthy for one interval (0.5)"},
    {0},
};

static const nip__field version_fields[] = {
    {.name = "start_delay", LENGTH, .help = "until an instance is healthy"},
    {.name = "stop_delay", LENGTH, .help = "until an instance that was told to stop has exited"},
    {.name = "fail_start", PROBABILITY, .help = "that an instance does not start (0)"},
    {.name = "never_healthy", .type = NIP__T_BOOL, .help = "instances run and never become healthy (false)"},
    {.name = "exit_after", LENGTH, .help = "instances exit by themselves then (0s: never)"},
    {.name = "flap", .type = NIP__T_MAP, .fields = flap_fields, .help = "health comes and goes (off)"},
    {.name = "error_rate", PROBABILITY, .help = "part of the requests that fail (0)"},
    {.name = "latency_p95", .type = NIP__T_NUMBER, .min = 0, .max = 3600, .help = "seconds (0.1)"},
    {.name = "missing", .type = NIP__T_BOOL, .help = "the artifact does not exist (false)"},
    {0},
};
static const nip__field version_item = {.type = NIP__T_MAP, .fields = version_fields};

static const nip__field late_fields[] = {
    {.name = "probability", PROBABILITY, .help = "that an answer is late (0)"},
    {.name = "delay", LENGTH, .help = "by how much (1h)"},
    {0},
};
static const nip__field probability_item = {PROBABILITY};

static const nip__field fault_fields[] = {
    {.name = "lose", PROBABILITY, .help = "that an action is never answered; half of them take effect (0)"},
    {.name = "late", .type = NIP__T_MAP, .fields = late_fields, .help = "answers that come late"},
    {.name = "repeat", PROBABILITY, .help = "that an answer comes twice (0)"},
    {.name = "fail", PROBABILITY, .help = "that an action fails (0)"},
    {.name = "fail_verbs", .type = NIP__T_DICT, .item = &probability_item, .help = "the same by verb: {route: 0.1}"},
    {.name = "fail_for_good", .type = NIP__T_BOOL, .help = "such failures say that trying again is no use (false)"},
    {.name = "no_data", PROBABILITY, .help = "that a measurement finds nothing (0)"},
    {0},
};

static const nip__field count_item = {.type = NIP__T_INT, .min = 0, .max = 100000};
static const nip__field share_item = {.type = NIP__T_NUMBER, .min = 0, .max = 100};
static const nip__field restart_item = {LENGTH};
static const char *const driver_choices[] = {"sim", NULL};

const nip__field nip__sim_fields[] = {
    {.name = "driver", .type = NIP__T_ENUM, .choices = driver_choices, .help = "sim"},
    {.name = "world",
     .type = NIP__T_TEXT,
     .min = 1,
     .max = 128,
     .help = "roles that name the same world share it (main)"},
    {.name = "seed", .type = NIP__T_INT, .help = "all randomness of the world (1)"},
    {.name = "start_delay", LENGTH, .help = "until an instance is healthy (2s)"},
    {.name = "stop_delay", LENGTH, .help = "until an instance that was told to stop has exited (1s)"},
    {.name = "answer_delay", LENGTH, .help = "until an action that takes no time is answered (50ms)"},
    {.name = "step_delay", LENGTH, .help = "between two single changes of one action (10ms)"},
    {.name = "sessions_drain", LENGTH, .help = "until the last session of a drained endpoint has ended (2s)"},
    {.name = "requests_per_second", .type = NIP__T_NUMBER, .min = 0, .max = 1e6, .help = "of all users together (100)"},
    {.name = "error_rate", PROBABILITY, .help = "of versions that say nothing else (0)"},
    {.name = "latency_p95",
     .type = NIP__T_NUMBER,
     .min = 0,
     .max = 3600,
     .help = "of versions that say nothing else (0.1)"},
    {.name = "versions", .type = NIP__T_DICT, .item = &version_item, .help = "how each version behaves"},
    {.name = "faults", .type = NIP__T_MAP, .fields = fault_fields, .help = "what goes wrong between driver and world"},
    {.name = "router_restart",
     .type = NIP__T_LIST,
     .flags = NIP__F_ONE_OR_LIST,
     .item = &restart_item,
     .help = "when the router restarts, counted from the begin of the world: slots and counters are gone"},
    {.name = "host", .type = NIP__T_TEXT, .min = 1, .max = 64, .help = "of endpoints (127.0.0.1)"},
    {.name = "ports", .type = NIP__T_RANGE, .help = "of endpoints (9100-9199)"},
    {.name = "slots", .type = NIP__T_INT, .min = 1, .max = 100000, .help = "servers that the router has (64)"},
    {.name = "initial",
     .type = NIP__T_DICT,
     .item = &count_item,
     .help = "instances that run when the world begins: {\"1.3.0\": 6}"},
    {.name = "initial_shares", .type = NIP__T_DICT, .item = &share_item, .help = "their shares of the traffic (even)"},
    {.name = "strangers",
     .type = NIP__T_BOOL,
     .help = "the target does not list what ran when the world began until it is told to adopt it (false)"},
    {0},
};

static void read_behaviour(const nip__value *map, nip__sim_behaviour *behaviour)
{
    const nip__value *flap = nip__get(map, "flap");
    behaviour->start_delay = nip__get_duration(map, "start_delay", behaviour->start_delay);
    behaviour->stop_delay = nip__get_duration(map, "stop_delay", behaviour->stop_delay);
    behaviour->fail_start = nip__get_number(map, "fail_start", behaviour->fail_start);
    behaviour->never_healthy = nip__get_bool(map, "never_healthy", behaviour->never_healthy);
    behaviour->exit_after = nip__get_duration(map, "exit_after", behaviour->exit_after);
    behaviour->error_rate = nip__get_number(map, "error_rate", behaviour->error_rate);
    behaviour->latency_p95 = nip__get_number(map, "latency_p95", behaviour->latency_p95);
    behaviour->missing = nip__get_bool(map, "missing", behaviour->missing);
    if (flap != NULL) {
        behaviour->flap_interval = nip__get_duration(flap, "interval", 10 * NIP_SECOND);
        behaviour->flap_probability = nip__get_number(flap, "probability", 0.5);
    }
}

static void read_faults(const nip__value *map, nip__sim_faults *faults)
{
    const nip__value *late = nip__get(map, "late");
    faults->lose = nip__get_number(map, "lose", 0);
    faults->late = nip__get_number(late, "probability", 0);
    faults->late_delay = nip__get_duration(late, "delay", NIP_HOUR);
    faults->repeat = nip__get_number(map, "repeat", 0);
    faults->fail = nip__get_number(map, "fail", 0);
    faults->fail_for_good = nip__get_bool(map, "fail_for_good", false);
    faults->no_data = nip__get_number(map, "no_data", 0);
}

/* "9100-9199", or one port. */
static bool read_ports(nip__arena *arena, const char *text, int *first, int *last)
{
    const char *dash = strchr(text, '-');
    const char *low = dash != NULL ? nip__arena_copy(arena, text, (size_t)(dash - text)) : text;
    int64_t a = 0, b = 0;
    if (low == NULL || !nip__text_int(low, &a) || !nip__text_int(dash != NULL ? dash + 1 : text, &b))
        return false;
    if (a < 1 || b < a || b > 65535)
        return false;
    *first = (int)a;
    *last = (int)b;
    return true;
}

static bool read_restarts(nip__arena *arena, const nip__value *list, nip__sim_settings *settings)
{
    nip_duration *restarts = nip__arena_alloc(arena, (nip__count(list) + 1) * sizeof *restarts);
    if (restarts == NULL)
        return false;
    size_t count = 0;
    for (NIP__EACH(item, list)) {
        nip_duration after = 0;
        if (!nip__is(item, NIP__STRING) || nip_duration_parse(item->as.string.text, &after, NULL) < 0)
            continue;
        size_t place = count++;
        for (; place > 0 && restarts[place - 1] > after; place--)
            restarts[place] = restarts[place - 1];
        restarts[place] = after;
    }
    settings->restarts = restarts;
    settings->restart_count = count;
    return true;
}

static void read_numbers(const nip__value *tree, nip__sim_settings *settings)
{
    settings->seed = (uint64_t)nip__get_int(tree, "seed", 1);
    settings->behaviour =
        (nip__sim_behaviour){.start_delay = 2 * NIP_SECOND, .stop_delay = NIP_SECOND, .latency_p95 = 0.1};
    read_behaviour(tree, &settings->behaviour);
    settings->answer_delay = nip__get_duration(tree, "answer_delay", 50 * NIP_MILLISECOND);
    settings->step_delay = nip__get_duration(tree, "step_delay", 10 * NIP_MILLISECOND);
    settings->drain = nip__get_duration(tree, "sessions_drain", 2 * NIP_SECOND);
    settings->requests_per_second = nip__get_number(tree, "requests_per_second", 100);
    settings->slots = nip__get_int(tree, "slots", 64);
    read_faults(nip__get(tree, "faults"), &settings->faults);
}

/* Takes the arena over on success. */
static int read_tree(nip__arena *arena, const nip__value *tree, nip__sim_settings *settings, nip_error **err)
{
    nip__sim_settings read = {.arena = arena, .tree = tree};
    const char *ports = nip__get_text(tree, "ports");
    const char *host = nip__get_text(tree, "host");
    read_numbers(tree, &read);
    read.host = host != NULL ? host : "127.0.0.1";
    bool ports_fine = read_ports(arena, ports != NULL ? ports : "9100-9199", &read.first_port, &read.last_port);
    bool fine = read_restarts(arena, nip__get(tree, "router_restart"), &read);
    if (!fine || nip__arena_failed(arena))
        return nip__nomem(err);
    if (!ports_fine)
        return nip__fail(err, NIP_E_DOCUMENT, "driver sim: ports must be a range such as 9100-9199, found %s", ports);
    *settings = read;
    return 0;
}

int nip__sim_settings_read(const nip__value *tree, nip__sim_settings *settings, nip_error **err)
{
    return nip__sim_settings_merge(tree, NULL, settings, err);
}

/* First value that both name and that is not the same. */
static const char *difference(const nip__value *a, const nip__value *b)
{
    for (NIP__EACH(item, a)) {
        const nip__value *other = nip__get(b, item->key);
        if (other != NULL && !nip__equal(item, other))
            return item->key;
    }
    return NULL;
}

int nip__sim_settings_merge(const nip__value *a, const nip__value *b, nip__sim_settings *settings, nip_error **err)
{
    const char *differs = difference(a, b);
    if (differs != NULL)
        return nip__fail(err, NIP_E_DOCUMENT,
                         "driver sim: two roles say different %s of the same world: say it once, or name "
                         "another world",
                         differs);
    nip__arena *arena = nip__arena_new();
    if (arena == NULL)
        return nip__nomem(err);
    nip__value *tree = nip__map(arena);
    for (NIP__EACH(item, a))
        nip__put(arena, tree, item->key, nip__copy(arena, item));
    for (NIP__EACH(item, b))
        nip__put(arena, tree, item->key, nip__copy(arena, item));
    int rc = nip__arena_failed(arena) ? nip__nomem(err) : read_tree(arena, tree, settings, err);
    if (rc < 0)
        nip__arena_free(arena);
    return rc;
}

void nip__sim_settings_clear(nip__sim_settings *settings)
{
    nip__arena_free(settings->arena);
    *settings = (nip__sim_settings){0};
}

nip__sim_behaviour nip__sim_settings_behaviour(const nip__sim_settings *settings, const char *version)
{
    nip__sim_behaviour behaviour = settings->behaviour;
    read_behaviour(nip__get(nip__get(settings->tree, "versions"), version), &behaviour);
    return behaviour;
}

double nip__sim_settings_fail(const nip__sim_settings *settings, const char *verb)
{
    const nip__value *verbs = nip__get(nip__get(settings->tree, "faults"), "fail_verbs");
    return nip__get_number(verbs, verb, settings->faults.fail);
}
