/* How many instances a canary and the stable version get. Argo Rollouts' approximateWeightedCanaryStableReplicaCounts
 * (utils/replicaset/canary.go) in exact 64-bit integers, with its one hole closed: where replicas * weight / 100 is
 * (replicas - 1) + 1/2, for example 2 at 75 % or 25 at 98 %, none of its candidates is left and it scales the canary to
 * nothing. Here the rounded-down count is taken then. For all replicas up to 1,000,000 the canary then never shrinks as
 * the weight grows, so nothing else had to give way. */
#include "nipops/rollout.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/error.h"

#define MOST 1000000

typedef struct candidate {
    int64_t canary, total;
} candidate;

/* Is the canary's share of `a` nearer to `weight` than that of `b`? |100 c/t - w|, compared without division. */
static bool nearer(candidate a, candidate b, int64_t weight)
{
    return llabs(100 * a.canary - weight * a.total) * b.total < llabs(100 * b.canary - weight * b.total) * a.total;
}

typedef struct choice {
    int64_t weight;
    candidate best;
    bool any;
} choice;

/* The first candidate wins a tie. */
static void offer(choice *made, bool allowed, int64_t canary, int64_t total)
{
    candidate offered = {canary, total};
    if (!allowed || (made->any && !nearer(offered, made->best, made->weight)))
        return;
    made->best = offered;
    made->any = true;
}

static bool is_half(int64_t replicas, int64_t weight)
{
    return replicas * weight % 100 == 50;
}

static candidate choose(int64_t replicas, int64_t weight, int64_t surge)
{
    bool zero_allowed = weight == 0 || weight == 100 || (replicas == 1 && surge == 0);
    int64_t down = replicas * weight / 100;
    int64_t up = (replicas * weight + 99) / 100;
    bool down_allowed = down > 0 || zero_allowed;
    choice made = {.weight = weight, .best = {down, replicas}};
    offer(&made, up < replicas || zero_allowed, up, replicas);
    offer(&made, down_allowed && !is_half(replicas, weight), down, replicas);
    if (surge > 0) {
        offer(&made, true, up, replicas + 1);
        offer(&made, down_allowed && !is_half(replicas + 1, weight), down, replicas + 1);
    }
    return made.best;
}

int nip_canary_split(int64_t replicas, int64_t weight, int64_t surge, nip_split *split, nip_error **err)
{
    NIP_ARG(replicas >= 0 && replicas <= MOST);
    NIP_ARG(weight >= 0 && weight <= 100);
    NIP_ARG(surge >= 0 && surge <= MOST);
    NIP_ARG(split != NULL);
    if (replicas == 0) {
        *split = (nip_split){0, 0};
        return 0;
    }
    candidate chosen = choose(replicas, weight, surge);
    *split = (nip_split){chosen.canary, chosen.total - chosen.canary};
    return 0;
}
