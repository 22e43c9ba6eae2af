/* Service credits. */
#include "sla/credit.h"

static bool is_more(nip__ratio a, nip__ratio b)
{
    return (__int128)a.num * b.den > (__int128)b.num * a.den;
}

nip__credit nip__credit_of(const nip__credit_terms *terms, nip__sla_share value)
{
    nip__credit credit = {.share = {0, 1}};
    for (size_t i = 0; i < terms->count && value.whole > 0 && !nip__sla_share_reaches(value, terms->tiers[i].below); i++)
        credit.share = terms->tiers[i].credit;
    if (terms->cap.num > 0 && is_more(credit.share, terms->cap))
        credit.share = terms->cap;
    credit.amount = (int64_t)((__int128)terms->fee * credit.share.num / credit.share.den);
    if (credit.amount < terms->minimum)
        credit.amount = 0;
    return credit;
}
