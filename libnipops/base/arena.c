/* Memory in chunks that are freed together. Chunks double in size up to a limit; what is larger gets a chunk of its
 * own. */
#include "base/arena.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/print.h"

enum { SMALLEST_CHUNK = 2048, LARGEST_CHUNK = 256 * 1024 };

typedef struct chunk {
    struct chunk *previous;
    alignas(max_align_t) unsigned char bytes[];
} chunk;

struct nip__arena {
    chunk *latest;
    unsigned char *next, *end; /* free part of the latest chunk; zeroed */
    size_t chunk_size;
    bool failed;
};

nip__arena *nip__arena_new(void)
{
    nip__arena *arena = nip__calloc(1, sizeof *arena);
    if (arena != NULL)
        arena->chunk_size = SMALLEST_CHUNK;
    return arena;
}

void nip__arena_free(nip__arena *arena)
{
    if (arena == NULL)
        return;
    for (chunk *c = arena->latest; c != NULL;) {
        chunk *previous = c->previous;
        nip__free(c);
        c = previous;
    }
    nip__free(arena);
}

static void *fail(nip__arena *arena)
{
    arena->failed = true;
    return NULL;
}

static chunk *new_chunk(size_t size)
{
    return size > SIZE_MAX - sizeof(chunk) ? NULL : nip__calloc(1, sizeof(chunk) + size);
}

/* A large block goes behind the latest chunk, whose rest stays in use. */
static void *own_chunk(nip__arena *arena, size_t size)
{
    chunk *own = new_chunk(size);
    if (own == NULL)
        return fail(arena);
    if (arena->latest == NULL) {
        arena->latest = own;
    } else {
        own->previous = arena->latest->previous;
        arena->latest->previous = own;
    }
    return own->bytes;
}

static void *next_chunk(nip__arena *arena, size_t size)
{
    chunk *next = new_chunk(arena->chunk_size);
    if (next == NULL)
        return fail(arena);
    next->previous = arena->latest;
    arena->latest = next;
    arena->next = next->bytes + size;
    arena->end = next->bytes + arena->chunk_size;
    if (arena->chunk_size < LARGEST_CHUNK)
        arena->chunk_size *= 2;
    return next->bytes;
}

void *nip__arena_alloc(nip__arena *arena, size_t size)
{
    if (arena == NULL || arena->failed)
        return NULL;
    if (size > SIZE_MAX - alignof(max_align_t))
        return fail(arena);
    size_t rounded = size == 0 ? alignof(max_align_t) : (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
    if (rounded <= (size_t)(arena->end - arena->next)) {
        void *memory = arena->next;
        arena->next += rounded;
        return memory;
    }
    return rounded > arena->chunk_size / 4 ? own_chunk(arena, rounded) : next_chunk(arena, rounded);
}

/* Text needs no alignment: it is taken from the far end of the free part, where nothing is lost between two texts. */
static char *text_room(nip__arena *arena, size_t size)
{
    if (arena == NULL || arena->failed || size > (size_t)(arena->end - arena->next))
        return nip__arena_alloc(arena, size);
    arena->end -= size;
    return (char *)arena->end;
}

char *nip__arena_copy(nip__arena *arena, const char *text, size_t length)
{
    char *copy = length == SIZE_MAX ? NULL : text_room(arena, length + 1);
    if (copy != NULL && length > 0)
        memcpy(copy, text, length);
    return copy;
}

char *nip__arena_text(nip__arena *arena, const char *text)
{
    return text == NULL ? NULL : nip__arena_copy(arena, text, strlen(text));
}

char *nip__arena_printf(nip__arena *arena, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = nip__vprint(NULL, 0, format, arguments);
    char *text = length < 0 ? NULL : nip__arena_alloc(arena, (size_t)length + 1);
    if (text != NULL)
        nip__vprint(text, (size_t)length + 1, format, again);
    va_end(again);
    va_end(arguments);
    return text;
}

void nip__arena_fail(nip__arena *arena)
{
    if (arena != NULL)
        arena->failed = true;
}

void nip__arena_recover(nip__arena *arena)
{
    arena->failed = false;
}

bool nip__arena_failed(const nip__arena *arena)
{
    return arena == NULL || arena->failed;
}
