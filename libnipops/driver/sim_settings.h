/* Settings of the simulated world: {driver: sim, ...}. */
#ifndef NIP__SIM_SETTINGS_H
#define NIP__SIM_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "nipops/base.h"
#include "doc/schema.h"
#include "doc/value.h"

/* How instances of a version behave. */
typedef struct nip__sim_behaviour {
    nip_duration start_delay; /* until an instance is healthy */
    nip_duration stop_delay;
    double fail_start; /* probability that one does not start */
    bool never_healthy;
    nip_duration exit_after;    /* 0: does not exit by itself */
    nip_duration flap_interval; /* 0: does not flap */
    double flap_probability;    /* of being unhealthy during one interval */
    double error_rate;
    double latency_p95; /* seconds */
    bool missing;       /* its artifact does not exist */
} nip__sim_behaviour;

/* What may go wrong between the driver and its world. */
typedef struct nip__sim_faults {
    double lose, late, repeat, fail, no_data;
    nip_duration late_delay;
    bool fail_for_good; /* failures are not retryable */
} nip__sim_faults;

typedef struct nip__sim_settings {
    nip__arena *arena;
    const nip__value *tree; /* as they were given, without defaults */
    uint64_t seed;
    nip__sim_behaviour behaviour; /* of versions that say nothing else */
    nip_duration answer_delay, step_delay, drain;
    double requests_per_second;
    nip__sim_faults faults;
    const char *host;
    int first_port, last_port;
    int64_t slots;
    const nip_duration *restarts; /* after the world's begin, ascending */
    size_t restart_count;
} nip__sim_settings;

extern const nip__field nip__sim_fields[];

/* Reads normalized settings. They live in an arena of their own: nip__sim_settings_clear. */
int nip__sim_settings_read(const nip__value *tree, nip__sim_settings *settings, nip_error **err);
/* What one of two openers of the same world says holds for both; what they say differently is NIP_E_DOCUMENT. */
int nip__sim_settings_merge(const nip__value *a, const nip__value *b, nip__sim_settings *settings, nip_error **err);
void nip__sim_settings_clear(nip__sim_settings *settings);
/* Behaviour of one version. */
nip__sim_behaviour nip__sim_settings_behaviour(const nip__sim_settings *settings, const char *version);
/* Probability that an action of this verb fails. */
double nip__sim_settings_fail(const nip__sim_settings *settings, const char *verb);

#endif
