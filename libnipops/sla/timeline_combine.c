/* Several timelines as one, in three-valued logic: a sweep over all their edges. */
#include <stdlib.h>

#include "base/memory.h"
#include "sla/timeline.h"

/* At `at`, one member becomes what it is until its next edge. */
typedef struct edge {
    nip__ms at;
    size_t member;
    nip__standing standing;
    bool declared;
} edge;

typedef struct sweep {
    const nip__member *members;
    size_t count;
    nip__agreement agreement;
    int64_t k;
    nip__ms begin, end;
    edge *edges;
    size_t edge_count, edge_capacity;
    edge *now; /* of each member */
    int64_t declared, ups, downs;
} sweep;

static bool add_edge(sweep *all, edge next)
{
    edge *grown = nip__grow(all->edges, &all->edge_capacity, all->edge_count, sizeof *grown);
    if (grown == NULL)
        return false;
    all->edges = grown;
    all->edges[all->edge_count++] = next;
    return true;
}

static nip__ms within(nip__ms at, nip__ms begin, nip__ms end)
{
    return at < begin ? begin : at > end ? end : at;
}

/* A member's edges within the stretch asked and its own time; it begins undeclared. */
static bool add_member(sweep *all, size_t m)
{
    static const nip__timeline never = {0};
    const nip__member *member = &all->members[m];
    const nip__timeline *timeline = member->timeline != NULL ? member->timeline : &never;
    nip__ms from = within(member->from, all->begin, all->end), until = within(member->until, all->begin, all->end);
    if (from >= until)
        return true;
    bool added = add_edge(all, (edge){from, m, nip__timeline_at(timeline, from), true});
    nip__ms begin = timeline->begin;
    for (size_t i = 0; added && i < timeline->count && begin < until; i++) {
        if (begin > from)
            added = add_edge(all, (edge){begin, m, timeline->items[i].standing, true});
        begin = timeline->items[i].end;
    }
    if (added && begin > from && begin < until)
        added = add_edge(all, (edge){begin, m, NIP__UNKNOWN, true});
    return added && add_edge(all, (edge){until, m, NIP__UNKNOWN, false});
}

static int by_instant(const void *a, const void *b)
{
    const edge *x = a, *y = b;
    if (x->at != y->at)
        return x->at < y->at ? -1 : 1;
    return x->member < y->member ? -1 : x->member > y->member;
}

static void count(sweep *all, const edge *is, int64_t sign)
{
    all->declared += is->declared ? sign : 0;
    all->ups += is->declared && is->standing == NIP__UP ? sign : 0;
    all->downs += is->declared && is->standing == NIP__DOWN ? sign : 0;
}

static void turn(sweep *all, const edge *next)
{
    count(all, &all->now[next->member], -1);
    all->now[next->member] = *next;
    count(all, next, 1);
}

static nip__standing preferred(const sweep *all)
{
    for (size_t m = 0; m < all->count; m++) {
        if (all->now[m].declared && all->now[m].standing != NIP__UNKNOWN)
            return all->now[m].standing;
    }
    return NIP__UNKNOWN;
}

static int64_t needed(const sweep *all)
{
    switch (all->agreement) {
    case NIP__ANY:
        return 1;
    case NIP__ALL:
        return all->declared;
    case NIP__MAJORITY:
        return all->declared / 2 + 1;
    default:
        return all->k;
    }
}

static nip__standing judge(const sweep *all)
{
    if (all->declared == 0)
        return NIP__UNKNOWN;
    if (all->agreement == NIP__PREFER)
        return preferred(all);
    int64_t k = needed(all);
    if (all->ups >= k)
        return NIP__UP;
    return all->downs > all->declared - k ? NIP__DOWN : NIP__UNKNOWN;
}

static bool walk(sweep *all, nip__timeline *made)
{
    bool appended = true;
    for (size_t i = 0; appended && i < all->edge_count;) {
        nip__ms at = all->edges[i].at;
        appended = nip__timeline_append(made, at, judge(all)) == 0;
        while (i < all->edge_count && all->edges[i].at == at)
            turn(all, &all->edges[i++]);
    }
    return appended && nip__timeline_append(made, all->end, judge(all)) == 0;
}

int nip__timeline_combine(const nip__member *members, size_t members_given, nip__agreement agreement, int64_t k, nip__ms begin, nip__ms end,
                          nip__timeline *out, nip_error **err)
{
    NIP_ARG(members_given == 0 || members != NULL);
    NIP_ARG(agreement <= NIP__PREFER && (agreement != NIP__K_OF_N || k >= 1));
    NIP_ARG(begin >= -NIP__MS_MAX && end <= NIP__MS_MAX && begin <= end);
    sweep all = {.members = members, .count = members_given, .agreement = agreement, .k = k, .begin = begin, .end = end};
    nip__timeline made = {.begin = begin};
    all.now = nip__calloc(members_given + 1, sizeof *all.now);
    bool done = all.now != NULL;
    for (size_t m = 0; done && m < members_given; m++)
        done = add_member(&all, m);
    if (done && all.edge_count > 0)
        qsort(all.edges, all.edge_count, sizeof *all.edges, by_instant);
    done = done && walk(&all, &made);
    nip__free(all.now);
    nip__free(all.edges);
    if (!done) {
        nip__timeline_clear(&made);
        return nip__nomem(err);
    }
    *out = made;
    return 0;
}
