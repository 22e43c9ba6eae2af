/* Long texts, cut. */
#include "base/excerpt.h"

#include <string.h>

/* Not inside of a character: what follows its first byte begins with the bits 10. */
static size_t whole_characters(const char *text, size_t length)
{
    while (length > 0 && ((unsigned char)text[length] & 0xc0) == 0x80)
        length--;
    return length;
}

void nip__excerpt(nip__buffer *out, const char *text, size_t most)
{
    size_t length = text == NULL ? 0 : strlen(text);
    if (length <= most) {
        nip__buffer_put(out, text == NULL ? "" : text, length);
        return;
    }
    nip__buffer_put(out, text, whole_characters(text, most));
    nip__buffer_printf(out, "... (cut: %zu bytes in all)", length);
}
