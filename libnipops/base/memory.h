/* The only place that calls malloc and its family. */
#ifndef NIP__MEMORY_H
#define NIP__MEMORY_H

#include <stddef.h>

void *nip__calloc(size_t count, size_t size); /* zeroed; NULL: none left */
void *nip__realloc(void *memory, size_t size);
char *nip__strdup(const char *text);               /* NULL in: NULL out */
char *nip__strndup(const char *text, size_t size); /* size bytes and a NUL */
void nip__free(void *memory);

/* Grows an array so that it holds one more element. *capacity in elements. Returns the (moved) array, or NULL with the old one intact. */
void *nip__grow(void *array, size_t *capacity, size_t count, size_t element_size);

#endif
