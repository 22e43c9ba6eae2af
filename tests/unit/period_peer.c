/* Says whether our periods agree with the lines that period_peer.py writes: "zones NAME NAME", then for all of these
 * "LABEL BEGIN END FORM-OF-BEGIN FORM-OF-END OFFSET-AT-BEGIN OFFSET-AT-END CHANGES SUM-OF-THEIR-INSTANTS"; in seconds. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sla/period.h"

enum { ZONES_MAX = 100, LINE_MAX_SIZE = 8192, SHOWN = 20 };

typedef struct peer {
    nip__zone *zones[ZONES_MAX];
    char names[ZONES_MAX][64];
    int count;
    int64_t zones_seen, compared, wrong;
} peer;

typedef struct wanted {
    char label[64];
    int64_t begin, end, begin_form, end_form, begin_offset, end_offset, changes, sum;
} wanted;

static bool changes_agree(const nip__zone *zone, const nip__period *period, const wanted *w)
{
    int64_t count = 0, sum = 0;
    nip__offset_change change = {.at = INT64_MIN};
    while (nip__period_change(zone, period, change.at, &change)) {
        if (change.before == change.after || change.at <= period->begin.at || change.at >= period->end.at)
            return false;
        count++;
        sum += change.at / 1000;
    }
    return count == w->changes && sum == w->sum;
}

static bool same(const nip__period *a, const nip__period *b)
{
    return strcmp(a->label, b->label) == 0 && a->begin.at == b->begin.at && a->end.at == b->end.at;
}

/* The same one from any instant inside of it, and there and back. */
static bool is_found_again(const nip__zone *zone, const nip__period *period)
{
    nip__period other;
    nip__ms instants[] = {period->begin.at, period->begin.at + (period->end.at - period->begin.at) / 2, period->end.at - 1};
    for (size_t i = 0; i < sizeof instants / sizeof instants[0]; i++) {
        if (nip__period_holding(zone, period->kind, instants[i], &other, NULL) < 0 || !same(&other, period))
            return false;
    }
    if (nip__period_after(zone, period, &other, NULL) < 0 || other.begin.at != period->end.at)
        return false;
    return nip__period_before(zone, &other, &other, NULL) == 0 && same(&other, period);
}

static bool agrees(const nip__zone *zone, const wanted *w)
{
    nip__period p;
    int rc = nip__period_named(zone, w->label, &p, NULL);
    if (w->begin == w->end) /* a day that was left out */
        return rc == NIP_E_INVALID;
    return rc == 0 && strcmp(p.label, w->label) == 0 && p.begin.at == w->begin * 1000 && p.end.at == w->end * 1000 &&
           p.begin.form == (nip__boundary_form)w->begin_form && p.end.form == (nip__boundary_form)w->end_form && p.begin.offset == w->begin_offset &&
           p.end.offset == w->end_offset && changes_agree(zone, &p, w) && is_found_again(zone, &p);
}

static void compare(peer *p, const char *line)
{
    wanted w;
    if (sscanf(line, "%63s %" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64, w.label, &w.begin, &w.end,
               &w.begin_form, &w.end_form, &w.begin_offset, &w.end_offset, &w.changes, &w.sum) != 9) {
        printf("this is no line of the test: %s", line);
        exit(1);
    }
    for (int i = 0; i < p->count; i++) {
        p->compared++;
        if (!agrees(p->zones[i], &w) && p->wrong++ < SHOWN)
            printf("%s, wanted %s", p->names[i], line);
    }
}

static void take_zones(peer *p, char *names)
{
    while (p->count > 0)
        nip__zone_free(p->zones[--p->count]);
    for (char *name = strtok(names, " \n"); name != NULL; name = strtok(NULL, " \n")) {
        if (p->count == ZONES_MAX || nip__zone_load(name, &p->zones[p->count], NULL) < 0) {
            printf("%s cannot be loaded\n", name);
            exit(1);
        }
        snprintf(p->names[p->count++], sizeof p->names[0], "%s", name);
        p->zones_seen++;
    }
}

int main(void)
{
    static peer p;
    char line[LINE_MAX_SIZE];
    while (fgets(line, sizeof line, stdin) != NULL) {
        if (strncmp(line, "zones ", 6) == 0)
            take_zones(&p, line + 6);
        else
            compare(&p, line);
    }
    take_zones(&p, strcpy(line, ""));
    printf("%" PRId64 " periods of %" PRId64 " zones compared, %" PRId64 " differ\n", p.compared, p.zones_seen, p.wrong);
    return p.wrong > 0 || p.compared == 0;
}
