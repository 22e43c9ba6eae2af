/* The allocator's one door: sizes are checked for overflow here, and nowhere else is malloc called. */
#include "base/memory.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "nipops/base.h"

void *nip__calloc(size_t count, size_t size)
{
    return calloc(count > 0 ? count : 1, size > 0 ? size : 1);
}

void *nip__realloc(void *memory, size_t size)
{
    return realloc(memory, size > 0 ? size : 1);
}

char *nip__strndup(const char *text, size_t size)
{
    if (size == SIZE_MAX)
        return NULL;
    char *copy = malloc(size + 1);
    if (copy == NULL)
        return NULL;
    if (size > 0)
        memcpy(copy, text, size);
    copy[size] = '\0';
    return copy;
}

char *nip__strdup(const char *text)
{
    return text == NULL ? NULL : nip__strndup(text, strlen(text));
}

void nip__free(void *memory)
{
    free(memory);
}

void *nip__grow(void *array, size_t *capacity, size_t count, size_t element_size)
{
    if (array != NULL && count < *capacity)
        return array;
    size_t wanted = *capacity < 8 ? 8 : *capacity;
    while (wanted <= count) {
        if (wanted > SIZE_MAX / 2)
            return NULL;
        wanted *= 2;
    }
    if (element_size == 0 || wanted > SIZE_MAX / element_size)
        return NULL;
    void *grown = nip__realloc(array, wanted * element_size);
    if (grown == NULL)
        return NULL;
    *capacity = wanted;
    return grown;
}

void nip_free(void *memory)
{
    nip__free(memory);
}
