/* Numbers that contracts name: decimals and percentages, kept exactly. 99.95 is no number that a double can hold, and whether a target is
 * reached may hang on that. */
#ifndef NIP__DECIMAL_H
#define NIP__DECIMAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"

enum { NIP__DECIMAL_SCALE_MAX = 12, NIP__RATIO_SCALE_MAX = 9 };

/* digits / 10^scale */
typedef struct nip__decimal {
    int64_t digits; /* 0 <= digits < 10^18 */
    int scale;      /* 0..NIP__DECIMAL_SCALE_MAX */
} nip__decimal;

/* num / den; of what is read here den is a power of ten, 10^NIP__RATIO_SCALE_MAX at most. */
typedef struct nip__ratio {
    int64_t num, den;
} nip__ratio;

/* "99.95", "0.01", "100": no sign, no exponent, no needless zero before it, 12 places and 18 digits at most. Zeros at the end are dropped,
 * so that equal numbers are equal structs. */
bool nip__decimal_read(const char *text, nip__decimal *decimal);
/* The shortest text that reads back as this. */
void nip__decimal_write(nip__buffer *out, nip__decimal decimal);

/* "99.95 %", "99.95%" or "99.95", all of them percentages: 9995 / 10000. 0 to 100, seven places at most. */
bool nip__ratio_read(const char *text, nip__ratio *ratio);
/* "99.95 %" of a ratio that was read. */
void nip__ratio_write(nip__buffer *out, nip__ratio ratio);
/* good / total >= target, exactly. Nothing (total 0) reaches nothing. */
bool nip__ratio_reached(int64_t good, int64_t total, nip__ratio target);

#endif
