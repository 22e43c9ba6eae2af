/* Pages of HTML that need nothing but themselves: no scripts, no fonts, nothing from elsewhere. What comes from outside is escaped. */
#ifndef NIP__HTML_H
#define NIP__HTML_H

#include "base/buffer.h"

/* Text between tags or inside quotes: & < > " ' become references, control characters become '?', what is no UTF-8 becomes U+FFFD. NULL:
 * nothing. */
void nip__html_text(nip__buffer *out, const char *text);
/* <tag class="...">text</tag>; class NULL: none. */
void nip__html_element(nip__buffer *out, const char *tag, const char *class_name, const char *text);

/* Everything up to the first element of the body, the title as its heading; and everything after the last. */
void nip__html_begin(nip__buffer *out, const char *title);
void nip__html_end(nip__buffer *out);

/* Two rows of counts, bucket by bucket, as bars of an inline SVG picture. */
typedef struct nip__histogram {
    const char *title;
    const char *names[2];      /* of the two rows */
    const char *const *labels; /* of the buckets */
    const int64_t *counts[2];
    size_t buckets;
} nip__histogram;

void nip__html_histogram(nip__buffer *out, const nip__histogram *histogram);

#endif
