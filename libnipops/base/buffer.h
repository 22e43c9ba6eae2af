/* Growing text with a mandatory maximum. Failure is sticky: append as you like, ask once. */
#ifndef NIP__BUFFER_H
#define NIP__BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct nip__buffer {
    char *data;   /* NUL-terminated whenever not NULL */
    size_t length;
    size_t capacity;
    size_t max;   /* most bytes it may hold */
    bool failed;  /* out of memory, or max reached */
    bool full;    /* ... and it was max */
} nip__buffer;

#define NIP__BUFFER(maximum) ((nip__buffer){.max = (maximum)})

void nip__buffer_put(nip__buffer *buffer, const char *bytes, size_t length);
void nip__buffer_text(nip__buffer *buffer, const char *text);
void nip__buffer_char(nip__buffer *buffer, char c);
void nip__buffer_int(nip__buffer *buffer, int64_t value);
void nip__buffer_printf(nip__buffer *buffer, const char *format, ...) __attribute__((format(printf, 2, 3)));
void nip__buffer_reset(nip__buffer *buffer);       /* length 0, keeps memory and clears failed */
void nip__buffer_clear(nip__buffer *buffer);       /* frees */
char *nip__buffer_take(nip__buffer *buffer);       /* owned text, "" when nothing was put; NULL when failed. The buffer is empty afterwards */
const char *nip__buffer_string(const nip__buffer *buffer); /* never NULL */

#endif
