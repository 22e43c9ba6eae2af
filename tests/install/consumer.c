/* The smallest consumer: built against the installed library, shared and static, as C99 and as C++. */
#include <nipops.h>

#include <stdio.h>

int main(void)
{
    nip_ctx *ctx = NULL;
    nip_store *store = NULL;
    nip_error *err = NULL;
    if (nip_ctx_new(&ctx, &err) < 0 || nip_store_open(ctx, "memory:", &store, &err) < 0 ||
        nip_journal_append(store, "shop", 0, "note.written", nip_ctx_now(ctx), "{}", NULL, &err) < 0) {
        fprintf(stderr, "%s\n", nip_error_message(err));
        return 1;
    }
    printf("libnipops %s\n", nip_version());
    nip_store_free(store);
    nip_ctx_free(ctx);
    return 0;
}
