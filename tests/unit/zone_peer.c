/* Says of "ZONE INSTANT OFFSET DST" and "ZONE INSTANT local FIRST LAST" lines whether our reader agrees; zone_peer.py writes them. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/zone.h"

enum { SHOWN = 20 };

int main(void)
{
    char name[128], loaded[128] = "", what[16];
    nip__zone *zone = NULL;
    int64_t instant, a, b, lines = 0, wrong = 0;
    while (scanf("%127s %" SCNd64 " %15s %" SCNd64 " %" SCNd64, name, &instant, what, &a, &b) == 5) {
        if (strcmp(name, loaded) != 0) {
            nip__zone_free(zone);
            zone = NULL;
            if (nip__zone_load(name, &zone, NULL) < 0)
                printf("%s cannot be loaded\n", name);
            strcpy(loaded, name);
        }
        if (zone == NULL)
            return 1;
        int64_t c = 0, d = 0;
        if (strcmp(what, "local") == 0)
            nip__zone_instants(zone, instant, &c, &d);
        else
            c = nip__zone_at(zone, instant).offset, d = nip__zone_at(zone, instant).dst;
        lines++;
        if ((c != a || d != b) && wrong++ < SHOWN)
            printf("%s %" PRId64 " %s: %" PRId64 " %" PRId64 ", wanted %" PRId64 " %" PRId64 "\n", name, instant, what, c, d, a, b);
    }
    nip__zone_free(zone);
    printf("%" PRId64 " compared, %" PRId64 " differ\n", lines, wrong);
    return wrong > 0 || lines == 0;
}
