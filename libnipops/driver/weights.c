/* Weights from shares. HAProxy and nginx give a server `weight / sum of weights` of the requests, with weights 1..256, so that
 * the shares of groups of unequal size can only be met to a certain resolution. */
#include <math.h>
#include "driver/traffic.h"

enum { REFINEMENTS = 4 };

static bool takes_requests(const nip__weight_part *part)
{
    return part->share > 0 && part->servers > 0;
}

/* Largest difference between a share and the wanted one, as a part of 1. */
static double error_of(const nip__weight_part *parts, size_t count, double wanted)
{
    double total = 0, worst = 0;
    for (size_t i = 0; i < count; i++)
        total += (double)parts[i].servers * parts[i].weight;
    for (size_t i = 0; i < count; i++) {
        double share = takes_requests(&parts[i]) ? parts[i].share / wanted : 0;
        worst = fmax(worst, fabs((double)parts[i].servers * parts[i].weight / total - share));
    }
    return worst;
}

static int bounded(double weight)
{
    return (int)fmin(fmax(weight, 1), NIP__WEIGHT_MAX);
}

/* Tries one more and one less for every group but the first of the weights, which stays: rounding each by itself is
 * not always best. */
static double refine(nip__weight_part *parts, size_t count, size_t anchor, double wanted)
{
    double best = error_of(parts, count, wanted);
    for (size_t i = 0; i < count; i++) {
        if (i == anchor || !takes_requests(&parts[i]))
            continue;
        int kept = parts[i].weight;
        for (int step = -1; step <= 1; step += 2) {
            int before = parts[i].weight;
            parts[i].weight = bounded(kept + step);
            double error = error_of(parts, count, wanted);
            if (error < best)
                best = error;
            else
                parts[i].weight = before;
        }
    }
    return best;
}

/* Weights when the group with the largest share a server has `weight`. */
static double weigh_at(nip__weight_part *parts, size_t count, size_t anchor, int weight, double wanted)
{
    double largest = parts[anchor].share / (double)parts[anchor].servers;
    for (size_t i = 0; i < count; i++) {
        double share = takes_requests(&parts[i]) ? parts[i].share / (double)parts[i].servers : 0;
        parts[i].weight = share > 0 ? bounded(round(weight * (share / largest))) : 0;
    }
    double error = error_of(parts, count, wanted);
    for (int i = 0; i < REFINEMENTS; i++)
        error = refine(parts, count, anchor, wanted);
    return error;
}

static size_t largest_share(const nip__weight_part *parts, size_t count)
{
    size_t largest = count;
    for (size_t i = 0; i < count; i++)
        if (takes_requests(&parts[i]) &&
            (largest == count ||
             parts[i].share / (double)parts[i].servers > parts[largest].share / (double)parts[largest].servers))
            largest = i;
    return largest;
}

double nip__weigh(nip__weight_part *parts, size_t count)
{
    size_t anchor = largest_share(parts, count);
    double wanted = 0, best = 2;
    int chosen = 1;
    for (size_t i = 0; i < count; i++) {
        parts[i].weight = 0;
        wanted += takes_requests(&parts[i]) ? parts[i].share : 0;
    }
    if (anchor == count)
        return 0;
    for (int weight = 1; weight <= NIP__WEIGHT_MAX; weight++) {
        double error = weigh_at(parts, count, anchor, weight, wanted);
        if (error < best - 1e-12) { /* the smallest weights among equals */
            best = error;
            chosen = weight;
        }
    }
    weigh_at(parts, count, anchor, chosen, wanted);
    return best * 100;
}
