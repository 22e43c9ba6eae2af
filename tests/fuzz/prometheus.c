/* Any body as a reply of Prometheus: either a problem, or numbers that are numbers. */
#include "fuzz.h"

#include <math.h>

#include "driver/prometheus.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    nip__arena *arena = nip__arena_new();
    nip__prometheus_reply reply = {.problem = "untouched"};
    must(nip__prometheus_read(arena, (const char *)data, size, &reply) == 0);
    if (reply.problem != NULL) {
        must(reply.problem[0] != '\0' && strchr(reply.problem, '\n') == NULL);
    } else {
        for (size_t i = 0; i < reply.count; i++) {
            must(reply.series[i].key != NULL);
            must(!reply.series[i].finite || isfinite(reply.series[i].value));
        }
    }
    nip__arena_free(arena);
    return 0;
}
