/* The arithmetic of a rolling update, by Kubernetes' rules: ResolveFenceposts and NewRSNewReplicas in
 * pkg/controller/deployment/util/ deployment_util.go, reconcileOldReplicaSets in rolling.go. */
#include "rollout/sequence.h"

#include <string.h>

#include "base/error.h"
#include "base/text.h"

#define MOST 1000000

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

bool nip__amount_read(const char *text, nip__amount *amount)
{
    char digits[16];
    size_t length = text != NULL ? strlen(text) : 0;
    bool percent = length > 0 && text[length - 1] == '%';
    if (percent)
        length--;
    if (length == 0 || length >= sizeof digits || text[0] < '0' || text[0] > '9')
        return false;
    memcpy(digits, text, length);
    digits[length] = '\0';
    int64_t number;
    if (!nip__text_int(digits, &number) || number > MOST)
        return false;
    *amount = (nip__amount){number, percent};
    return true;
}

int64_t nip__amount_up(nip__amount amount, int64_t replicas)
{
    return amount.percent ? (amount.number * replicas + 99) / 100 : amount.number;
}

int64_t nip__amount_down(nip__amount amount, int64_t replicas)
{
    return amount.percent ? amount.number * replicas / 100 : amount.number;
}

int nip_rolling_fenceposts(int64_t replicas, const char *surge, const char *unavailable, nip_fenceposts *fenceposts,
                           nip_error **err)
{
    NIP_ARG(replicas >= 0 && replicas <= MOST);
    NIP_ARG(surge != NULL && unavailable != NULL && fenceposts != NULL);
    nip__amount more, fewer;
    if (!nip__amount_read(surge, &more))
        return nip__fail(err, NIP_E_INVALID,
                         "surge must be a count or a percentage such as \"3\" or \"25%%\", found \"%s\"", surge);
    if (!nip__amount_read(unavailable, &fewer))
        return nip__fail(err, NIP_E_INVALID,
                         "unavailable must be a count or a percentage such as \"0\" or \"25%%\", found \"%s\"",
                         unavailable);
    nip_fenceposts found = {nip__amount_up(more, replicas), nip__amount_down(fewer, replicas)};
    if (found.surge == 0 && found.unavailable == 0)
        found.unavailable = 1; /* else nothing could ever move */
    found.unavailable = smaller(found.unavailable, replicas);
    *fenceposts = found;
    return 0;
}

/* Kubernetes counts new instances that it has just started as unavailable, and so removes that many fewer until its
 * next pass. A plan waits for them to be healthy, so the next pass's removal belongs to this batch when there is none
 * in this pass. */
static int64_t removable(int64_t spare, int64_t added, int64_t old)
{
    int64_t now = smaller(spare - added, old);
    if (now <= 0)
        now = smaller(spare, old);
    return now > 0 ? now : 0;
}

bool nip__batch_next(int64_t replicas, nip_fenceposts fenceposts, nip__batch *batch)
{
    int64_t room = replicas + fenceposts.surge - batch->old - batch->fresh;
    int64_t added = smaller(room, replicas - batch->fresh);
    if (added < 0)
        added = 0;
    int64_t fresh = batch->fresh + added;
    int64_t removed = removable(batch->old + fresh - (replicas - fenceposts.unavailable), added, batch->old);
    if (added == 0 && removed == 0)
        return false;
    *batch = (nip__batch){batch->old - removed, fresh, added, removed};
    return true;
}
