/* Stands in front of the C library's allocator, or of the address sanitizer's when there is one. */
#include "failing_malloc.h"

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>

#if defined(__SANITIZE_ADDRESS__)
#define REAL(name) __interceptor_##name
#else
#define REAL(name) __libc_##name
#endif
/* These run before a sanitizer has set itself up. */
#define PLAIN __attribute__((no_sanitize("address", "undefined")))

extern void *REAL(malloc)(size_t size);
extern void *REAL(calloc)(size_t count, size_t size);
extern void *REAL(realloc)(void *memory, size_t size);
extern void REAL(free)(void *memory);

void *malloc(size_t size);
void *calloc(size_t members, size_t size);
void *realloc(void *memory, size_t size);
void free(void *memory);

/* Each thread's own: a resolver's thread that is just starting up, in the hands of the C library or a sanitizer, has nobody to tell. */
static _Thread_local long seen, failing;
static _Thread_local int failing_all_later;
static atomic_long alive;

void fail_allocation(long k, int all_later)
{
    seen = 0;
    failing = k;
    failing_all_later = all_later;
}

long allocations_seen(void)
{
    return seen;
}

long allocations_alive(void)
{
#if defined(__SANITIZE_ADDRESS__)
    return 0; /* the sanitizer makes some behind our back, and looks for leaks itself */
#else
    return atomic_load(&alive);
#endif
}

PLAIN static int fails(void)
{
    seen++;
    if (failing == 0 || seen < failing || (seen > failing && !failing_all_later))
        return 0;
    errno = ENOMEM;
    return 1;
}

PLAIN static void *count(void *made)
{
    if (made != NULL)
        atomic_fetch_add(&alive, 1);
    return made;
}

PLAIN void *malloc(size_t size)
{
    return fails() ? NULL : count(REAL(malloc)(size));
}

PLAIN void *calloc(size_t members, size_t size)
{
    return fails() ? NULL : count(REAL(calloc)(members, size));
}

PLAIN void *realloc(void *memory, size_t size)
{
    if (fails())
        return NULL;
    void *moved = REAL(realloc)(memory, size);
    return memory == NULL ? count(moved) : moved;
}

PLAIN void free(void *memory)
{
    if (memory != NULL)
        atomic_fetch_sub(&alive, 1);
    REAL(free)(memory);
}
