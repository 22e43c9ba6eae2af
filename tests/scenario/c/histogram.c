/* call: [histogram, [VALUES, ...], [QUANTILE, ...]]: a histogram of each text of values, merged into one; what it says, and its bytes. */
#include "runner.h"

#include <math.h>
#include <stdlib.h>

enum { VALUES_MAX = 1000 };

static int record_text(nip_histogram *h, const char *text, nip_error **err)
{
    double values[VALUES_MAX];
    size_t count = 0;
    char *end;
    for (double value = strtod(text, &end); end != text && count < VALUES_MAX; value = strtod(text, &end)) {
        values[count++] = value;
        text = end;
    }
    return nip_histogram_record_n(h, values, count, err);
}

static int record_parts(nip_histogram *whole, const cJSON *parts, nip_error **err)
{
    const cJSON *part;
    int rc = 0;
    cJSON_ArrayForEach(part, parts)
    {
        nip_histogram *one = NULL;
        if (rc == 0)
            rc = nip_histogram_new(&one, err);
        if (rc == 0)
            rc = record_text(one, cJSON_GetStringValue(part), err);
        if (rc == 0)
            rc = nip_histogram_merge(whole, one, err);
        nip_histogram_free(one);
    }
    return rc;
}

static void print_number(const char *name, double value)
{
    if (isnan(value))
        printf(" %s none", name);
    else
        printf(" %s %.17g", name, value);
}

static int print_summary(const nip_histogram *h, nip_error **err)
{
    nip_summary s;
    int rc = nip_histogram_summary(h, &s, err);
    if (rc < 0)
        return rc;
    printf("count %lld negatives %lld zeros %lld below %lld above %lld not_numbers %lld", (long long)s.count, (long long)s.negatives,
           (long long)s.zeros, (long long)s.below, (long long)s.above, (long long)s.not_numbers);
    print_number("least", s.least);
    print_number("greatest", s.greatest);
    print_number("sum", s.sum);
    printf("\n");
    return 0;
}

static int print_bytes(const nip_histogram *h, nip_error **err)
{
    char *bytes = NULL;
    size_t length = 0;
    nip_histogram *again = NULL;
    int rc = nip_histogram_write(h, &bytes, &length, err);
    if (rc == 0)
        rc = nip_histogram_read(bytes, length, &again, err);
    if (rc == 0) {
        printf("bytes ");
        for (size_t i = 0; i < length; i++)
            printf("%02x", (unsigned char)bytes[i]);
        printf("\n");
    }
    nip_histogram_free(again);
    nip_free(bytes);
    return rc;
}

static int print_quantiles(const nip_histogram *h, const cJSON *quantiles, nip_error **err)
{
    const cJSON *quantile;
    int rc = 0;
    cJSON_ArrayForEach(quantile, quantiles)
    {
        nip_quantile q;
        if (rc == 0)
            rc = nip_histogram_quantile(h, cJSON_GetNumberValue(quantile), &q, err);
        if (rc == 0)
            printf("rank %lld value %.17g lower %.17g upper %.17g\n", (long long)q.rank, q.value, q.lower, q.upper);
    }
    return rc;
}

int call_histogram(const cJSON *arguments, nip_error **err)
{
    nip_histogram *whole = NULL;
    int rc = nip_histogram_new(&whole, err);
    if (rc == 0)
        rc = record_parts(whole, cJSON_GetArrayItem(arguments, 0), err);
    if (rc == 0)
        rc = print_summary(whole, err);
    if (rc == 0)
        rc = print_bytes(whole, err);
    if (rc == 0)
        rc = print_quantiles(whole, cJSON_GetArrayItem(arguments, 1), err);
    nip_histogram_free(whole);
    return rc;
}
