/* A histogram as bytes, and back. One set of values has one form:
 *
 *     "NIPH" 1                             what it is, and the version of the format
 *     negatives zeros below above NaNs     numbers
 *     octaves                              a number: so many octaves with values follow, in their order
 *         gap rest buckets                 octaves without values before it; sum of its rests; so many buckets with values follow
 *             gap count                    buckets without values before it; its values, 1 at least
 *     least greatest                       doubles, lowest byte first; left out where there are no values
 *
 * A number has seven bits a byte, the lowest first; all bytes but its last have the highest bit set; none is longer than it must be. */
#include "sla/histogram.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "base/buffer.h"
#include "base/error.h"

enum {
    VERSION = 1,
    BYTES_MAX = 1 << 17, /* every bucket of every octave in use takes less */
    NUMBER_BITS = 126,
    ALL_BUCKETS = NIP__HISTOGRAM_OCTAVES * NIP__HISTOGRAM_BUCKETS,
};

static const char magic[] = {'N', 'I', 'P', 'H'};

/* ---- writing ---- */

static void put_number(nip__buffer *out, unsigned __int128 number)
{
    for (; number >= 0x80; number >>= 7)
        nip__buffer_char(out, (char)(0x80 | (unsigned)(number & 0x7f)));
    nip__buffer_char(out, (char)number);
}

static void put_double(nip__buffer *out, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    for (int i = 0; i < 8; i++)
        nip__buffer_char(out, (char)(bits >> 8 * i & 0xff));
}

static void put_octave(nip__buffer *out, const nip__octave *octave)
{
    unsigned used = 0, gap = 0;
    for (size_t i = 0; i < NIP__HISTOGRAM_BUCKETS; i++)
        used += octave->counts[i] > 0;
    put_number(out, octave->rest);
    put_number(out, used);
    for (size_t i = 0; i < NIP__HISTOGRAM_BUCKETS; i++) {
        if (octave->counts[i] == 0) {
            gap++;
            continue;
        }
        put_number(out, gap);
        put_number(out, (uint64_t)octave->counts[i]);
        gap = 0;
    }
}

static void put_octaves(nip__buffer *out, const nip_histogram *h)
{
    unsigned used = 0, gap = 0;
    for (size_t i = 0; i < NIP__HISTOGRAM_OCTAVES; i++)
        used += nip__octave_count(h->octaves[i]) > 0;
    put_number(out, used);
    for (size_t i = 0; i < NIP__HISTOGRAM_OCTAVES; i++) {
        if (nip__octave_count(h->octaves[i]) == 0) {
            gap++;
            continue;
        }
        put_number(out, gap);
        put_octave(out, h->octaves[i]);
        gap = 0;
    }
}

int nip_histogram_write(const nip_histogram *h, char **bytes, size_t *length, nip_error **err)
{
    NIP_ARG(h != NULL && bytes != NULL && length != NULL);
    nip__buffer out = NIP__BUFFER(BYTES_MAX);
    nip__buffer_put(&out, magic, sizeof magic);
    put_number(&out, VERSION);
    for (size_t i = 0; i < NIP__APART; i++)
        put_number(&out, (uint64_t)h->apart[i]);
    put_octaves(&out, h);
    if (h->count > 0) {
        put_double(&out, h->least);
        put_double(&out, h->greatest);
    }
    size_t size = out.length;
    char *written = nip__buffer_take(&out);
    if (written == NULL)
        return nip__nomem(err);
    *bytes = written;
    *length = size;
    return 0;
}

/* ---- reading ---- */

typedef struct reader {
    const unsigned char *begin, *at, *end;
    const char *wrong; /* the first thing that was; NULL: nothing yet */
    bool nomem;
} reader;

static void refuse(reader *r, const char *wrong)
{
    if (r->wrong == NULL)
        r->wrong = wrong;
    r->end = r->at; /* nothing more is read: the place is kept */
}

/* A number from `least` to `most`; `least` when there is none: then the reader has refused. */
static unsigned __int128 get_number(reader *r, uint64_t least, unsigned __int128 most, const char *what)
{
    unsigned __int128 number = 0;
    for (int shift = 0; r->at < r->end && shift < NUMBER_BITS; shift += 7) {
        unsigned char byte = *r->at;
        number |= (unsigned __int128)(byte & 0x7f) << shift;
        if ((byte & 0x80) == 0) {
            if ((byte == 0 && shift > 0) || number < least || number > most)
                break;
            r->at++;
            return number;
        }
        r->at++;
    }
    refuse(r, what);
    return least;
}

static int64_t get_count(reader *r, nip_histogram *h, uint64_t least)
{
    int64_t room = INT64_MAX - h->count - h->apart[NIP__NOT_A_NUMBER];
    return (int64_t)get_number(r, least, (uint64_t)room, "a count of values, all together below 2^63");
}

static double get_double(reader *r)
{
    double value = NAN;
    uint64_t bits = 0;
    if (r->end - r->at < 8) {
        refuse(r, "the least and the greatest value, 8 bytes each");
        return value;
    }
    for (int i = 0; i < 8; i++)
        bits |= (uint64_t)*r->at++ << 8 * i;
    memcpy(&value, &bits, sizeof value);
    if (isnan(value) || (value == 0 && bits != 0))
        refuse(r, "a value that is a number, and 0 without a sign");
    return value;
}

static void get_octave(reader *r, nip_histogram *h, nip__octave *octave)
{
    const unsigned __int128 most = (unsigned __int128)INT64_MAX * NIP__HISTOGRAM_REST_MAX;
    octave->rest = get_number(r, 0, most, "the sum of an octave's rests");
    unsigned used = (unsigned)get_number(r, 1, NIP__HISTOGRAM_BUCKETS, "how many buckets of an octave are in use");
    for (unsigned i = 0, bucket = 0; i < used && r->wrong == NULL; i++, bucket++) {
        unsigned room = NIP__HISTOGRAM_BUCKETS - bucket - (used - i);
        bucket += (unsigned)get_number(r, 0, room, "how many buckets are not in use before the next one");
        int64_t count = get_count(r, h, 1);
        octave->counts[bucket] = count;
        h->count += count;
    }
}

static void get_octaves(reader *r, nip_histogram *h)
{
    unsigned used = (unsigned)get_number(r, 0, NIP__HISTOGRAM_OCTAVES, "how many octaves are in use");
    for (unsigned i = 0, octave = 0; i < used && r->wrong == NULL; i++, octave++) {
        unsigned room = NIP__HISTOGRAM_OCTAVES - octave - (used - i);
        octave += (unsigned)get_number(r, 0, room, "how many octaves are not in use before the next one");
        nip__octave *made = nip__histogram_octave(h, octave);
        r->nomem = made == NULL;
        if (r->nomem)
            return;
        get_octave(r, h, made);
    }
}

static void get_apart(reader *r, nip_histogram *h)
{
    for (size_t i = 0; i < NIP__APART; i++) {
        h->apart[i] = get_count(r, h, 0);
        h->count += i == NIP__NOT_A_NUMBER ? 0 : h->apart[i];
    }
}

/* ---- what cannot be ---- */

/* Where a value stands in the order of classes: those apart, and each bucket. */
static int64_t place_of(double value)
{
    int apart = nip__histogram_apart(value);
    if (apart < 0)
        return NIP__ABOVE + nip__histogram_index(value);
    return apart == NIP__ABOVE ? NIP__ABOVE + ALL_BUCKETS : apart;
}

static int64_t count_at(const nip_histogram *h, int64_t place)
{
    int64_t bucket = place - NIP__ABOVE;
    if (bucket < 0)
        return h->apart[place];
    if (bucket == ALL_BUCKETS)
        return h->apart[NIP__ABOVE];
    const nip__octave *octave = h->octaves[bucket / NIP__HISTOGRAM_BUCKETS];
    return octave == NULL ? 0 : octave->counts[bucket % NIP__HISTOGRAM_BUCKETS];
}

/* The least and the greatest value are in the first and the last class that has any, and are one where there is one. */
static bool ends_fit(const nip_histogram *h)
{
    int64_t first = 0, last = NIP__ABOVE + ALL_BUCKETS;
    while (count_at(h, first) == 0)
        first++;
    while (count_at(h, last) == 0)
        last--;
    if (place_of(h->least) != first || place_of(h->greatest) != last || h->least > h->greatest)
        return false;
    return h->count > 1 || h->least == h->greatest;
}

/* The sum of an octave's rests lies between the smallest and the largest that its counts allow, with the least and the greatest value among
 * them. Every sum between these can be. */
static bool rests_fit(const nip_histogram *h, int64_t index)
{
    const nip__octave *octave = h->octaves[index];
    int64_t first = place_of(h->least) - NIP__ABOVE - index * NIP__HISTOGRAM_BUCKETS;
    int64_t last = place_of(h->greatest) - NIP__ABOVE - index * NIP__HISTOGRAM_BUCKETS;
    unsigned __int128 smallest = 0, largest = 0;
    for (int64_t i = 0; i < NIP__HISTOGRAM_BUCKETS; i++) {
        uint64_t count = (uint64_t)octave->counts[i];
        if (count == 0)
            continue;
        uint64_t low = i == first ? nip__histogram_rest(h->least) : 0;
        uint64_t high = i == last ? nip__histogram_rest(h->greatest) : NIP__HISTOGRAM_REST_MAX;
        smallest += (unsigned __int128)low * (count - 1) + (i == last ? high : low);
        largest += (unsigned __int128)high * (count - 1) + (i == first ? low : high);
    }
    return octave->rest >= smallest && octave->rest <= largest;
}

static void check_whole(reader *r, const nip_histogram *h)
{
    if (r->wrong == NULL && r->at != r->end)
        refuse(r, "the end");
    if (r->wrong != NULL || h->count == 0)
        return;
    if (!ends_fit(h))
        refuse(r, "a least and a greatest value that are among those counted");
    for (int64_t i = 0; i < NIP__HISTOGRAM_OCTAVES; i++) {
        if (h->octaves[i] != NULL && !rests_fit(h, i))
            refuse(r, "sums of rests that the counts allow");
    }
}

static int read_head(reader *r, nip_error **err)
{
    if (r->end - r->at < (ptrdiff_t)sizeof magic || memcmp(r->at, magic, sizeof magic) != 0)
        return nip__fail(err, NIP_E_CORRUPT, "these bytes are no histogram: one begins with \"NIPH\"");
    r->at += sizeof magic;
    uint64_t version = (uint64_t)get_number(r, 1, UINT64_MAX, "the version of the format");
    if (r->wrong == NULL && version != VERSION)
        return nip__fail(err, NIP_E_VERSION, "a histogram in format %llu; this library reads format %d",
                         (unsigned long long)version, VERSION);
    return 0;
}

static int read_body(reader *r, nip_histogram *h, nip_error **err)
{
    get_apart(r, h);
    get_octaves(r, h);
    if (r->nomem)
        return nip__nomem(err);
    if (r->wrong == NULL && h->count > 0) {
        h->least = get_double(r);
        h->greatest = get_double(r);
    }
    check_whole(r, h);
    if (r->wrong != NULL)
        return nip__fail(err, NIP_E_CORRUPT, "these bytes are no histogram: at byte %zu there should be %s",
                         (size_t)(r->at - r->begin), r->wrong);
    return 0;
}

int nip_histogram_read(const char *bytes, size_t length, nip_histogram **histogram, nip_error **err)
{
    NIP_ARG(histogram != NULL && (bytes != NULL || length == 0));
    const unsigned char *begin = (const unsigned char *)(bytes != NULL ? bytes : "");
    reader r = {.begin = begin, .at = begin, .end = begin + length};
    nip_histogram *made = NULL;
    int rc = read_head(&r, err);
    if (rc == 0)
        rc = nip_histogram_new(&made, err);
    if (rc == 0)
        rc = read_body(&r, made, err);
    if (rc == 0)
        *histogram = made;
    else
        nip_histogram_free(made);
    return rc;
}
