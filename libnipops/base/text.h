/* Small questions about text, free of locale. */
#ifndef NIP__TEXT_H
#define NIP__TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool nip__text_equal(const char *a, const char *b);          /* NULL equals only NULL */
bool nip__text_starts(const char *text, const char *prefix);
/* The same whatever the case of the letters A to Z, as names of headers, schemes and keys compare. */
bool nip__text_alike(const char *a, const char *b);
bool nip__text_starts_alike(const char *text, const char *prefix);
bool nip__text_has_alike(const char *text, const char *part);
bool nip__text_is_letter_or_digit(char c);                   /* A to Z, a to z, 0 to 9 */
bool nip__text_is_space(char c);                             /* blank, tab, line feed, vertical tab, form feed, carriage return */
bool nip__text_int(const char *text, int64_t *value);        /* whole text a decimal integer in range */
bool nip__text_real(const char *text, double *value);        /* whole text a finite decimal number, '.' whatever the locale */
enum { NIP__REAL_TEXT_MAX = 1000 };                          /* longer numbers are refused where digits beyond 19 count */
bool nip__text_real_of(const char *text, size_t length, double *value); /* the same of `length` bytes */
/* Shortest decimal text that reads back as `value`, as JSON has it; `out` holds at least 32 bytes. NaN and infinities: "null". */
void nip__text_from_real(double value, char *out);
bool nip__text_utf8(const char *text, size_t length);        /* valid UTF-8 without NUL */
size_t nip__text_utf8_prefix(const char *text, size_t length); /* bytes before the first that is not, or is NUL */
size_t nip__text_character(const unsigned char *p, size_t left); /* bytes of the valid character at p, 1..4, or 0 */
bool nip__text_subject(const char *text);                    /* a valid subject name (nipops/store.h) */
/* The candidate nearest to `text` by edit distance, if near enough to be meant; else NULL. `candidates` ends with NULL. */
const char *nip__text_nearest(const char *text, const char *const *candidates);

#endif
