/* Memory that is freed all at once. A failed allocation makes the arena fail for good: builders go on with NULLs and ask once at the end. */
#ifndef NIP__ARENA_H
#define NIP__ARENA_H

#include <stdbool.h>
#include <stddef.h>

typedef struct nip__arena nip__arena;

nip__arena *nip__arena_new(void);                          /* NULL: out of memory */
void nip__arena_free(nip__arena *arena);                   /* NULL is fine */
void *nip__arena_alloc(nip__arena *arena, size_t size);    /* zeroed, aligned for anything; NULL: failed */
char *nip__arena_copy(nip__arena *arena, const char *text, size_t length); /* with a NUL */
char *nip__arena_text(nip__arena *arena, const char *text);                /* strlen form; NULL in: NULL out */
char *nip__arena_printf(nip__arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));
void nip__arena_fail(nip__arena *arena);                   /* what the arena's content needed failed elsewhere */
void nip__arena_recover(nip__arena *arena);                /* forgets a failure whose result was thrown away */
bool nip__arena_failed(const nip__arena *arena);           /* also for a NULL arena */

#endif
