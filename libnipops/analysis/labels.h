/* Labels of a series: sorted, and as one text that tells series apart. */
#ifndef NIP__LABELS_H
#define NIP__LABELS_H

#include "base/buffer.h"

enum { NIP__LABELS_MAX = 64, NIP__LABELS_KEY_MAX = 4096 };

typedef struct nip__label {
    const char *name, *value;
} nip__label;

void nip__labels_sort(nip__label *labels, size_t count); /* by name */
/* `a="1",b="2"` of sorted labels, "" of none. Equal labels give equal keys, others never do: a name that is more than letters,
 * digits and underscores stands in quotes. */
void nip__labels_key(nip__buffer *key, const nip__label *labels, size_t count);

#endif
