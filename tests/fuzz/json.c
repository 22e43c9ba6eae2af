/* Any bytes as JSON: read within limits, written again, found by pointers; and strings of any bytes become JSON. */
#include "fuzz.h"

static const nip__limits tight = {.bytes = 4096, .depth = 5, .values = 50};

static void check_limits(const char *text, size_t size)
{
    nip__arena *arena = nip__arena_new();
    nip__value *value = NULL;
    nip_error *err = NULL;
    int rc = nip__json_read(arena, text, size, NULL, &tight, &value, &err);
    must(rc == 0 || rc == NIP_E_SYNTAX || rc == NIP_E_LIMIT);
    must(rc < 0 || size <= tight.bytes);
    if (rc < 0)
        fuzz_refused(rc, err);
    else
        fuzz_tree(value);
    nip__arena_free(arena);
}

static void check_string(const char *text)
{
    nip__buffer buffer = NIP__BUFFER(SIZE_MAX / 2);
    nip__json_write_string(&buffer, text);
    must(!buffer.failed);
    fuzz_json(nip__buffer_string(&buffer));
    nip__buffer_clear(&buffer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_text(data, size);
    nip__arena *arena = nip__arena_new();
    nip__value *value = NULL;
    nip_error *err = NULL;
    int rc = nip__json_read(arena, (const char *)data, size, "input", &nip__reply_limits, &value, &err);
    if (rc < 0) {
        fuzz_refused(rc, err);
    } else {
        fuzz_tree(value);
        must(nip__pointer(value, "") == value);
        nip__pointer(value, text);
    }
    nip__arena_free(arena);
    check_limits((const char *)data, size);
    check_string(text);
    free(text);
    return 0;
}
