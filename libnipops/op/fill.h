/* Placeholders: "{endpoint}" and the like in URLs, commands and queries. */
#ifndef NIP__FILL_H
#define NIP__FILL_H

#include <stdbool.h>
#include "base/buffer.h"

typedef struct nip__fill {
    const char *name;  /* without braces; NULL ends a list */
    const char *value; /* NULL: the placeholder stays as it is */
} nip__fill;

/* Appends `text` with every known placeholder replaced; what is not known stays. */
void nip__fill_in(nip__buffer *buffer, const char *text, const nip__fill *fills);
bool nip__fill_has(const char *text, const char *name);

#endif
