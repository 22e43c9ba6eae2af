/* Any bytes as a histogram: what is read is written again as it was, holds together, and can be merged; what is refused says why. */
#include "fuzz.h"

#include <math.h>

static void check_quantiles(const nip_histogram *h, const nip_summary *s)
{
    const double quantiles[] = {0, 0.25, 0.5, 0.95, 0.999, 1};
    nip_quantile last = {.lower = -INFINITY};
    for (size_t i = 0; i < sizeof quantiles / sizeof quantiles[0]; i++) {
        nip_quantile q;
        must(nip_histogram_quantile(h, quantiles[i], &q, NULL) == 0);
        must(q.rank >= 1 && q.rank <= s->count);
        must(s->least <= q.lower && q.lower <= q.value && q.value <= q.upper && q.upper <= s->greatest);
        must(last.lower <= q.lower && last.rank <= q.rank);
        last = q;
    }
    must(last.lower == s->greatest && last.upper == s->greatest);
}

static void check_written(const nip_histogram *h, const uint8_t *data, size_t size)
{
    char *bytes = NULL;
    size_t length = 0;
    must(nip_histogram_write(h, &bytes, &length, NULL) == 0);
    must(length == size && memcmp(bytes, data, size) == 0);
    nip_free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    nip_histogram *h = NULL, *sum = NULL;
    nip_error *err = NULL;
    nip_summary s;
    int rc = nip_histogram_read((const char *)data, size, &h, &err);
    if (rc < 0) {
        fuzz_refused(rc, err);
        return 0;
    }
    must(nip_histogram_summary(h, &s, NULL) == 0);
    if (s.count > 0)
        check_quantiles(h, &s);
    check_written(h, data, size);
    must(nip_histogram_new(&sum, NULL) == 0 && nip_histogram_merge(sum, h, NULL) == 0);
    check_written(sum, data, size);
    nip_histogram_free(sum);
    nip_histogram_free(h);
    return 0;
}
