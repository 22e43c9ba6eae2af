/* Pages of HTML that need nothing but themselves: no scripts, no fonts, nothing from elsewhere. What comes from outside is escaped. */
#ifndef NIP__HTML_H
#define NIP__HTML_H

#include "base/buffer.h"
#include "nipops/base.h"

/* Text between tags or inside quotes: & < > " ' become references, control characters become '?', what is no UTF-8 becomes U+FFFD. NULL:
 * nothing. */
void nip__html_text(nip__buffer *out, const char *text);
/* <tag class="...">text</tag>; class NULL: none. */
void nip__html_element(nip__buffer *out, const char *tag, const char *class_name, const char *text);

/* Everything up to the first element of the body, the title as its heading; and everything after the last. */
void nip__html_begin(nip__buffer *out, const char *title);
void nip__html_end(nip__buffer *out);

/* Two rows of counts, bucket by bucket, as bars of an inline SVG picture. */
typedef struct nip__bars {
    const char *title;
    const char *names[2];      /* of the two rows */
    const char *const *labels; /* of the buckets */
    const int64_t *counts[2];
    size_t buckets;
} nip__bars;

void nip__html_bars(nip__buffer *out, const nip__bars *bars);

/* A number inside an attribute, to a tenth, with a point whatever the host's locale. */
void nip__html_number(nip__buffer *out, double number);
/* The begin of an <svg> with its title. */
void nip__html_begin_picture(nip__buffer *out, const char *title, int width, int height);
/* The name of the first or second row, with its colour. */
void nip__html_legend(nip__buffer *out, int row, const char *name);

/* One value at an instant; NaN: there is none, and the line has a gap. */
typedef struct nip__point {
    nip_time at;
    double value;
} nip__point;

/* A stretch of time that is marked in a chart: its letter stands above it, so that colour is not the only sign, and its title says what it is. */
typedef struct nip__band {
    nip_time from, to;
    char letter;
    const char *title;
} nip__band;

/* Up to two lines over time. */
typedef struct nip__chart {
    const char *title, *unit; /* unit: "%", "ms"; "" for plain counts */
    const char *names[2];     /* NULL: no such line */
    const nip__point *points[2];
    size_t counts[2];
    bool steps;               /* a value holds until the next one */
    bool holds;               /* ... and the last one until the end */
    bool plain;               /* without a dot for each value */
    const nip__band *bands;   /* in the background */
    size_t band_count;
    bool limited;
    double limit;             /* drawn as a line of its own when `limited` */
    nip_time from, to;
} nip__chart;

void nip__html_chart(nip__buffer *out, const nip__chart *chart);

#endif
