/* See labels.h. */
#include "analysis/labels.h"

#include <stdlib.h>
#include <string.h>

#include "doc/json.h"

static int compare(const void *a, const void *b)
{
    const nip__label *one = a, *other = b;
    return strcmp(one->name, other->name);
}

void nip__labels_sort(nip__label *labels, size_t count)
{
    if (count > 0)
        qsort(labels, count, sizeof labels[0], compare);
}

static bool is_plain(const char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";
    return name[0] != '\0' && name[strspn(name, letters)] == '\0';
}

void nip__labels_key(nip__buffer *key, const nip__label *labels, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            nip__buffer_char(key, ',');
        if (is_plain(labels[i].name))
            nip__buffer_text(key, labels[i].name);
        else
            nip__json_write_string(key, labels[i].name);
        nip__buffer_char(key, '=');
        nip__json_write_string(key, labels[i].value);
    }
}
