/* Placeholders, in one pass: a value that looks like a placeholder is not filled in again. */
#include "op/fill.h"

#include <string.h>

/* The fill whose "{name}" stands at `text`. */
static const nip__fill *match(const char *text, const nip__fill *fills)
{
    for (; fills->name != NULL; fills++) {
        size_t length = strlen(fills->name);
        if (strncmp(text + 1, fills->name, length) == 0 && text[1 + length] == '}')
            return fills;
    }
    return NULL;
}

void nip__fill_in(nip__buffer *buffer, const char *text, const nip__fill *fills)
{
    while (*text != '\0') {
        size_t plain = strcspn(text, "{");
        nip__buffer_put(buffer, text, plain);
        text += plain;
        if (*text == '\0')
            break;
        const nip__fill *found = match(text, fills);
        if (found != NULL && found->value != NULL) {
            nip__buffer_text(buffer, found->value);
            text += strlen(found->name) + 2;
        } else {
            nip__buffer_char(buffer, *text++);
        }
    }
}

bool nip__fill_has(const char *text, const char *name)
{
    const nip__fill wanted[] = {{.name = name}, {0}};
    for (const char *at = strchr(text, '{'); at != NULL; at = strchr(at + 1, '{'))
        if (match(at, wanted) != NULL)
            return true;
    return false;
}
