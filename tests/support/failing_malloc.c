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

void *malloc(size_t size);
void *calloc(size_t count, size_t size);
void *realloc(void *memory, size_t size);

static atomic_long seen, failing;
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

PLAIN static int fails(void)
{
    long number = atomic_fetch_add(&seen, 1) + 1;
    long k = atomic_load(&failing);
    if (k == 0 || number < k || (number > k && !atomic_load(&failing_all_later)))
        return 0;
    errno = ENOMEM;
    return 1;
}

PLAIN void *malloc(size_t size)
{
    return fails() ? NULL : REAL(malloc)(size);
}

PLAIN void *calloc(size_t count, size_t size)
{
    return fails() ? NULL : REAL(calloc)(count, size);
}

PLAIN void *realloc(void *memory, size_t size)
{
    return fails() ? NULL : REAL(realloc)(memory, size);
}
