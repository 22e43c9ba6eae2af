/* Burn rates, and which alerts on them would have fired. */
#include "sla/burn.h"

#include "base/memory.h"

enum { MINUTE = 60000, HOUR = 60 * MINUTE, DAY = 24 * HOUR };

static const int64_t longest_ms = INT64_C(366) * DAY;

const nip__burn_pair nip__burn_defaults[NIP__BURN_DEFAULTS] = {
    {"page", {144, 10}, HOUR, 5 * MINUTE, 0, 0},
    {"page", {6, 1}, 6 * HOUR, 30 * MINUTE, 0, 0},
    {"ticket", {3, 1}, DAY, 2 * HOUR, 0, 0},
    {"ticket", {1, 1}, INT64_C(3) * DAY, 6 * HOUR, 0, 0},
};

static int64_t common_divisor(int64_t a, int64_t b)
{
    while (b != 0) {
        int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

static nip__ratio reduced(int64_t num, int64_t den)
{
    int64_t divisor = common_divisor(num, den);
    return (nip__ratio){num / divisor, den / divisor};
}

/* Reduced before they are multiplied, so that nothing overflows. */
nip__ratio nip__burn_factor(nip__ratio part, int64_t period_ms, int64_t long_ms)
{
    nip__ratio share = reduced(part.num, part.den), time = reduced(period_ms, long_ms);
    nip__ratio one = reduced(share.num, time.den), other = reduced(time.num, share.den);
    return (nip__ratio){one.num * other.num, one.den * other.den};
}

nip__sla_share nip__burn_rate(int64_t bad, int64_t total, nip__ratio target)
{
    return (nip__sla_share){(__int128)bad * target.den, (__int128)total * (target.den - target.num)};
}

/* ---- what can be ---- */

static int check_windows(const nip__burn_pair *p, int64_t slice_ms, nip_error **err)
{
    if (p->short_ms <= 0 || p->short_ms >= p->long_ms || p->long_ms > longest_ms)
        return nip__fail(err, NIP_E_INVALID, "the windows of an alert must be a short one and a longer one of 366 days at most, such as 5m and 1h");
    if (slice_ms <= 0 || p->short_ms % slice_ms != 0 || p->long_ms % slice_ms != 0)
        return nip__fail(err, NIP_E_INVALID, "the windows of an alert must be multiples of the slices of its indicator, which are %lld s long",
                         (long long)(slice_ms / 1000));
    if (p->min_bad < 0 || p->for_ms < 0 || p->for_ms > longest_ms)
        return nip__fail(err, NIP_E_INVALID, "min_bad and for of an alert must not be negative, and for not beyond 366 days");
    return 0;
}

static int check_factor(const nip__burn_pair *p, nip__ratio target, nip_error **err)
{
    if (p->factor.num <= 0 || p->factor.den <= 0)
        return nip__fail(err, NIP_E_INVALID, "the factor of an alert must be above 0");
    if (target.num < 0 || target.den <= 0 || target.num >= target.den)
        return nip__fail(err, NIP_E_INVALID, "a target of 100 %% has no error budget, so no burn rate can be alerted on; alert on what is bad instead");
    __int128 highest = (__int128)p->factor.num * (target.den - target.num), all = (__int128)p->factor.den * target.den;
    if (highest >= all)
        return nip__fail(err, NIP_E_INVALID, "a burn rate above %lld/%lld never comes, since all that is bad makes %lld/%lld with this target",
                         (long long)p->factor.num, (long long)p->factor.den, (long long)target.den, (long long)(target.den - target.num));
    if (all > INT64_MAX)
        return nip__fail(err, NIP_E_INVALID, "the factor of an alert has too many digits for its target: fewer will do");
    return 0;
}

int nip__burn_check(const nip__burn_pair *pair, nip__ratio target, int64_t slice_ms, nip_error **err)
{
    int rc = check_windows(pair, slice_ms, err);
    return rc == 0 ? check_factor(pair, target, err) : rc;
}

/* ---- one evaluation ---- */

/* bad / total > factor * (1 - target), without a division: both weights are below 2^63, since all that is bad is above the factor. */
typedef struct limit {
    int64_t bad_weight, total_weight;
} limit;

static limit limit_of(const nip__burn_pair *p, nip__ratio target)
{
    return (limit){p->factor.den * target.den, p->factor.num * (target.den - target.num)};
}

static inline bool is_above(limit l, int64_t bad, int64_t total)
{
    return (__int128)bad * l.bad_weight > (__int128)total * l.total_weight;
}

static inline bool is_over(limit l, int64_t min_bad, const nip__burn_windows *w)
{
    return w->short_bad > 0 && w->long_bad >= min_bad && is_above(l, w->short_bad, w->short_total) && is_above(l, w->long_bad, w->long_total);
}

bool nip__burn_over(const nip__burn_pair *pair, nip__ratio target, const nip__burn_windows *windows)
{
    return is_over(limit_of(pair, target), pair->min_bad, windows);
}

static inline nip__burn_windows windows_of(const nip__burn_history *h, int64_t end, int64_t longer, int64_t shorter)
{
    longer = end > longer ? end - longer : 0;
    shorter = end > shorter ? end - shorter : 0;
    return (nip__burn_windows){
        .long_bad = h->bad[end] - h->bad[longer],
        .long_total = h->total[end] - h->total[longer],
        .short_bad = h->bad[end] - h->bad[shorter],
        .short_total = h->total[end] - h->total[shorter],
    };
}

nip__burn_windows nip__burn_windows_at(const nip__burn_history *h, const nip__burn_pair *pair, int64_t slice)
{
    return windows_of(h, slice + 1, pair->long_ms / h->slice_ms, pair->short_ms / h->slice_ms);
}

/* ---- all of them ---- */

static bool add(nip__burn_alerts *alerts, nip__burn_alert alert)
{
    nip__burn_alert *grown = nip__grow(alerts->items, &alerts->capacity, alerts->count, sizeof *grown);
    if (grown == NULL)
        return false;
    alerts->items = grown;
    grown[alerts->count++] = alert;
    return true;
}

/* As Prometheus does it: pending from the first evaluation that is over, firing when it has been for `for_ms`, resolved at the first one that
 * is not. */
static bool replay(const nip__burn_history *h, const nip__burn_pair *p, size_t index, nip__ratio target, nip__burn_alerts *alerts)
{
    const limit l = limit_of(p, target);
    const int64_t longer = p->long_ms / h->slice_ms, shorter = p->short_ms / h->slice_ms;
    int64_t pending = -1;
    bool firing = false;
    for (int64_t i = 0; i < h->count; i++) {
        nip__burn_windows w = windows_of(h, i + 1, longer, shorter);
        nip__ms at = h->begin + (i + 1) * h->slice_ms;
        if (!is_over(l, p->min_bad, &w)) {
            if (firing)
                alerts->items[alerts->count - 1].resolved = at;
            firing = false;
            pending = -1;
            continue;
        }
        pending = pending < 0 ? i : pending;
        if (firing || (i - pending) * h->slice_ms < p->for_ms)
            continue;
        nip__ms since = at - (i - pending) * h->slice_ms;
        firing = add(alerts, (nip__burn_alert){.pair = index, .pending = since, .fired = at, .resolved = NIP__MS_MOST, .windows = w});
        if (!firing)
            return false;
    }
    return true;
}

int nip__burn_replay(const nip__burn_history *history, const nip__burn_pair *pairs, size_t count, nip__ratio target, nip__burn_alerts *alerts,
                     nip_error **err)
{
    nip__burn_alerts found = {0};
    int rc = 0;
    for (size_t i = 0; i < count && rc == 0; i++) {
        rc = nip__burn_check(&pairs[i], target, history->slice_ms, err);
        if (rc == 0 && !replay(history, &pairs[i], i, target, &found))
            rc = nip__nomem(err);
    }
    if (rc < 0) {
        nip__burn_alerts_clear(&found);
        return rc;
    }
    nip__burn_alerts_clear(alerts);
    *alerts = found;
    return 0;
}

void nip__burn_alerts_clear(nip__burn_alerts *alerts)
{
    nip__free(alerts->items);
    *alerts = (nip__burn_alerts){0};
}
