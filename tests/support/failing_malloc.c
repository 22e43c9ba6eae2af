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

static atomic_long seen, failing, alive;
static atomic_int failing_all_later;

void fail_allocation(long k, int all_later)
{
    atomic_store(&failing, 0);
    atomic_store(&seen, 0);
    atomic_store(&failing_all_later, all_later);
    atomic_store(&failing, k);
}

long allocations_seen(void)
{
    return atomic_load(&seen);
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
    long number = atomic_fetch_add(&seen, 1) + 1;
    long k = atomic_load(&failing);
    if (k == 0 || number < k || (number > k && !atomic_load(&failing_all_later)))
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
