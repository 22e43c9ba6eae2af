/* Which of four alert pairs would have fired in 30 days of minutes: what it takes to try another policy on what was recorded. */
#include "bench.h"

#include "sla/burn.h"

enum { SLICES = 30 * 24 * 60, TURNS = 50, MINUTE_MS = 60000 };

/* Daily traffic with 0.05 % of it bad, and an incident each few days. */
static void fill(int64_t *bad, int64_t *total)
{
    srandom(20261126);
    for (int i = 0; i < SLICES; i++) {
        int64_t traffic = 2000 + random() % 3000;
        int64_t ill = i % 7001 < 40 ? traffic / 5 : random() % 2000 < 1 + traffic % 1999 ? traffic / 2000 : 0;
        bad[i + 1] = bad[i] + ill;
        total[i + 1] = total[i] + traffic;
    }
}

int main(void)
{
    static int64_t bad[SLICES + 1], total[SLICES + 1];
    fill(bad, total);
    const nip__burn_history history = {bad, total, SLICES, MINUTE_MS, INT64_C(1790000000000) / MINUTE_MS * MINUTE_MS};
    nip__burn_alerts alerts = {0};
    double start = cpu_ns();
    for (int i = 0; i < TURNS; i++)
        CHECK(nip__burn_replay(&history, nip__burn_defaults, NIP__BURN_DEFAULTS, (nip__ratio){999, 1000}, &alerts, &err));
    report("burn_replay_ms", (cpu_ns() - start) / TURNS / 1e6);
    report("burn_alerts", (double)alerts.count);
    nip__burn_alerts_clear(&alerts);
    return 0;
}
