/* Availability and error rates: a total and one part of it, from counters that only rise. */
#include "sla/counts.h"

#include "sla/ledger.h"

static void enter_series(nip__ledger *ledger, nip__ledger_column column, const nip__counter_series *series)
{
    if (series->count > 0 && nip__ledger_born(ledger, series))
        nip__ledger_enter(ledger, column, series->samples[0].at, series->samples[0].at, (int64_t)series->samples[0].value);
    for (size_t i = 1; i < series->count; i++) {
        int64_t before = (int64_t)series->samples[i - 1].value, now = (int64_t)series->samples[i].value;
        bool reset = now < before;
        ledger->told.resets += reset;
        nip__ledger_enter(ledger, column, series->samples[i - 1].at, series->samples[i].at, reset ? now : now - before);
    }
}

static int watch_all(nip__ledger *ledger, const nip__counter_series *series, size_t count, bool covers, nip_error **err)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < count; i++) {
        rc = nip__ledger_check(&series[i], err);
        if (rc == 0)
            nip__ledger_watch(ledger, &series[i], covers);
    }
    return rc;
}

int nip__counts_events(const nip__counts_range *range, const nip__counter_series *total, size_t totals, const nip__counter_series *part,
                       size_t parts, nip__counted counted, nip__count_slices *out, nip_error **err)
{
    NIP_ARG(range != NULL && out != NULL);
    NIP_ARG((totals == 0 || total != NULL) && (parts == 0 || part != NULL));
    nip__ledger ledger;
    nip__count_slices made = {0};
    bool good = counted == NIP__COUNTED_GOOD;
    int rc = nip__ledger_open(&ledger, range, good, !good, err);
    /* Without what was good there is no telling it from what was bad: then nothing covers any slice. */
    if (rc == 0)
        rc = watch_all(&ledger, total, totals, !good || parts > 0, err);
    if (rc == 0)
        rc = watch_all(&ledger, part, parts, false, err);
    for (size_t i = 0; rc == 0 && i < totals; i++)
        enter_series(&ledger, NIP__LEDGER_TOTAL, &total[i]);
    for (size_t i = 0; rc == 0 && i < parts; i++)
        enter_series(&ledger, good ? NIP__LEDGER_GOOD : NIP__LEDGER_BAD, &part[i]);
    if (rc == 0) {
        ledger.told.part_absent = parts == 0;
        rc = nip__ledger_close(&ledger, &made, err);
    }
    nip__ledger_clear(&ledger);
    if (rc == 0)
        *out = made;
    else
        nip__count_slices_clear(&made);
    return rc;
}
