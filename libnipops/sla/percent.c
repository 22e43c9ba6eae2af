/* Shares as percentages. */
#include "sla/percent.h"

nip__sla_share nip__sla_share_rest(nip__sla_share share)
{
    return (nip__sla_share){share.whole - share.part, share.whole};
}

static __int128 divide_down(__int128 a, __int128 b)
{
    return a / b - (a % b != 0 && (a < 0) != (b < 0));
}

void nip__percent_write_number(nip__buffer *out, nip__sla_share share, int decimals, bool up)
{
    int64_t scale = 1;
    if (share.whole == 0) {
        nip__buffer_text(out, "-");
        return;
    }
    for (int i = 0; i < decimals; i++)
        scale *= 10;
    __int128 scaled = share.part * 100 * scale;
    __int128 rounded = up ? -divide_down(-scaled, share.whole) : divide_down(scaled, share.whole);
    if (rounded < 0) {
        nip__buffer_char(out, '-');
        rounded = -rounded;
    }
    nip__buffer_int(out, (int64_t)(rounded / scale));
    if (decimals > 0)
        nip__buffer_printf(out, ".%0*lld", decimals, (long long)(rounded % scale));
}

void nip__percent_write(nip__buffer *out, nip__sla_share share, int decimals, bool up)
{
    nip__percent_write_number(out, share, decimals, up);
    if (share.whole != 0)
        nip__buffer_text(out, " %");
}
