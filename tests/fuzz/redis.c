/* Any bytes as replies of Redis: what is read lies within them, and reading goes on until they end or no Redis says that. */
#include "fuzz.h"

#include "driver/redis_reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *at = (const char *)data, *end = at + size;
    nip__redis_reply reply;
    int whole = 1;
    while (whole == 1) {
        const char *before = at;
        whole = nip__redis_reply_read(&at, end, &reply);
        must(whole == 1 ? at > before && at <= end : at == before);
        if (whole != 1)
            break;
        must(reply.kind != '\0' && strchr("+-:$*", reply.kind) != NULL);
        must(reply.length == 0 || (reply.text > before && reply.text + reply.length <= at));
    }
    return 0;
}
