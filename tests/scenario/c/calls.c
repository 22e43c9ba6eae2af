/* The library's plain functions: numbers in, numbers out. */
#include "runner.h"

#include <stdio.h>
#include <string.h>

static double number(const cJSON *list, int index)
{
    return cJSON_GetNumberValue(cJSON_GetArrayItem(list, index));
}

static const char *text(const cJSON *list, int index)
{
    return cJSON_GetStringValue(cJSON_GetArrayItem(list, index));
}

static int canary_split(const cJSON *a, nip_error **err)
{
    nip_split split;
    int rc = nip_canary_split((int64_t)number(a, 0), (int64_t)number(a, 1), (int64_t)number(a, 2), &split, err);
    if (rc == 0)
        printf("canary %lld stable %lld\n", (long long)split.canary, (long long)split.stable);
    return rc;
}

static int rolling_fenceposts(const cJSON *a, nip_error **err)
{
    nip_fenceposts posts;
    int rc = nip_rolling_fenceposts((int64_t)number(a, 0), text(a, 1), text(a, 2), &posts, err);
    if (rc == 0)
        printf("surge %lld unavailable %lld\n", (long long)posts.surge, (long long)posts.unavailable);
    return rc;
}

static int binomial_tail(const cJSON *a, nip_error **err)
{
    double tail;
    int rc = nip_binomial_tail((int64_t)number(a, 0), (int64_t)number(a, 1), number(a, 2), &tail, err);
    if (rc == 0)
        printf("tail %.17g\n", tail);
    return rc;
}

static int ratio_verdict(const cJSON *a, nip_error **err)
{
    int rc = nip_ratio_verdict((int64_t)number(a, 0), (int64_t)number(a, 1), number(a, 2), (int64_t)number(a, 3),
                               (int64_t)number(a, 4), number(a, 5), err);
    if (rc >= 0)
        printf("verdict %s\n", nip_verdict_name(rc));
    return rc;
}

static int parse_time(const cJSON *a, nip_error **err)
{
    nip_time time;
    int rc = nip_time_parse(text(a, 0), &time, err);
    if (rc == 0) {
        char *written = nip_time_format(time);
        printf("time %lld %s\n", (long long)time, written);
        nip_free(written);
    }
    return rc;
}

static int parse_duration(const cJSON *a, nip_error **err)
{
    nip_duration duration;
    int rc = nip_duration_parse(text(a, 0), &duration, err);
    if (rc == 0) {
        char *written = nip_duration_format(duration);
        printf("duration %lld %s\n", (long long)duration, written);
        nip_free(written);
    }
    return rc;
}

static const struct {
    const char *name;
    int (*call)(const cJSON *arguments, nip_error **err);
} functions[] = {
    {"canary_split", canary_split},
    {"rolling_fenceposts", rolling_fenceposts},
    {"binomial_tail", binomial_tail},
    {"ratio_verdict", ratio_verdict},
    {"time", parse_time},
    {"duration", parse_duration},
    {"histogram", call_histogram},
};

/* call: [NAME, ARGUMENT, ...] */
void call_function(runner *r, const cJSON *said)
{
    cJSON *arguments = cJSON_Duplicate(said, true);
    const char *name = text(said, 0);
    (void)r;
    cJSON_DeleteItemFromArray(arguments, 0);
    for (size_t i = 0; name != NULL && i < sizeof functions / sizeof functions[0]; i++) {
        nip_error *err = NULL;
        if (strcmp(functions[i].name, name) == 0 && functions[i].call(arguments, &err) < 0)
            print_error(err);
    }
    cJSON_Delete(arguments);
}
