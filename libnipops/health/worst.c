/* The worst targets: a heap of at most so many, on whose top is the one that is best among them. */
#include "health/worst.h"

static bool is_worse(const nip__sweep *sweep, size_t left, size_t right)
{
    static const int ranks[] = {[NIP__SWEEP_UNHEALTHY] = 0, [NIP__SWEEP_UNKNOWN] = 1, [NIP__SWEEP_HEALTHY] = 2};
    const nip__sweep_target *a = nip__sweep_at(sweep, left), *b = nip__sweep_at(sweep, right);
    if (a->state != b->state)
        return ranks[a->state] < ranks[b->state];
    if (a->state == NIP__SWEEP_UNHEALTHY && a->since != b->since)
        return a->since > b->since;
    if (a->bad != b->bad)
        return a->bad > b->bad;
    return left < right;
}

/* Places `target` at `hole` or below it, so that everything stands below something better. */
static void sink(const nip__sweep *sweep, size_t *heap, size_t count, size_t hole, size_t target)
{
    for (size_t child; (child = 2 * hole + 1) < count; hole = child) {
        if (child + 1 < count && is_worse(sweep, heap[child], heap[child + 1]))
            child++;
        if (!is_worse(sweep, target, heap[child]))
            break;
        heap[hole] = heap[child];
    }
    heap[hole] = target;
}

size_t nip__sweep_worst(const nip__sweep *sweep, size_t targets, size_t *worst, size_t most)
{
    size_t count = targets < most ? targets : most;
    for (size_t i = 0; i < count; i++)
        worst[i] = i;
    for (size_t i = count / 2; i-- > 0;)
        sink(sweep, worst, count, i, worst[i]);
    for (size_t i = count; count > 0 && i < targets; i++) {
        if (is_worse(sweep, i, worst[0]))
            sink(sweep, worst, count, 0, i);
    }
    for (size_t left = count; left-- > 1;) { /* the best goes to the end, and so on */
        size_t best = worst[0], last = worst[left];
        sink(sweep, worst, left, 0, last);
        worst[left] = best;
    }
    return count;
}
