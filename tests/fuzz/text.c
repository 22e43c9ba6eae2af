/* Small texts: instants, lengths of time, numbers, plain scalars, URLs, endpoints, names. What is read and written again stays the same. */
#include "fuzz.h"

#include <math.h>

#include "base/text.h"
#include "base/time.h"
#include "doc/scalar.h"
#include "doc/yaml.h"
#include "driver/haproxy.h"
#include "driver/local.h"
#include "op/url.h"

static void check_time(const char *text)
{
    nip_time time, again;
    if (!nip__time_read(text, &time))
        return;
    char *written = nip_time_format(time);
    must(nip__time_read(written, &again) && again == time);
    nip_free(written);
}

static void check_duration(const char *text)
{
    nip_duration duration, again;
    if (!nip__duration_read(text, &duration))
        return;
    char *written = nip_duration_format(duration);
    must(nip__duration_read(written, &again) && again == duration);
    nip_free(written);
    nip__buffer brief = NIP__BUFFER(64);
    nip__duration_write_short(&brief, duration);
    must(!brief.failed && brief.length > 0);
    nip__buffer_clear(&brief);
}

static void check_numbers(const char *text)
{
    double real, again;
    int64_t integer;
    char written[40];
    if (nip__text_real(text, &real)) {
        must(isfinite(real));
        nip__text_from_real(real, written);
        must(nip__text_real(written, &again) && again == real);
    }
    if (nip__text_int(text, &integer)) {
        snprintf(written, sizeof written, "%lld", (long long)integer);
        int64_t same;
        must(nip__text_int(written, &same) && same == integer);
    }
    must(!nip__scalar_is_int(text) || !nip__scalar_is_real(text));
}

/* What a plain scalar stands for is what a document that consists of it holds, where it is one. */
static void check_scalar(const char *text)
{
    nip__arena *arena = nip__arena_new();
    nip__value *scalar = nip__yaml_scalar(arena, text), *document = NULL;
    bool plain =
        text[0] != '\0' && strncmp(text, "---", 3) != 0 && strspn(text, "0123456789.-+eEabcdefnrtul~_") == strlen(text);
    if (plain && nip__yaml_read(arena, text, strlen(text), NULL, &nip__document_limits, &document, NULL) == 0 &&
        !nip__is(document, NIP__LIST))
        must(scalar->kind == document->kind && nip__equal(scalar, document));
    if (nip__text_utf8(text, strlen(text)))
        fuzz_tree(scalar);
    nip__arena_free(arena);
}

/* Only the host is another one. */
static void check_renamed(const char *text, const nip__url *parts)
{
    nip__url renamed;
    nip__buffer buffer = NIP__BUFFER(SIZE_MAX / 2);
    must(nip__url_rename(&buffer, text, "other.example"));
    must(nip__url_read(nip__buffer_string(&buffer), &renamed));
    must(strcmp(renamed.host, "other.example") == 0);
    must(strcmp(renamed.scheme, parts->scheme) == 0 && renamed.port == parts->port);
    nip__buffer_clear(&buffer);
}

/* Nothing between "://" and the last '@' of the authority is shown. */
static void check_url(const char *text)
{
    nip__url parts;
    nip__buffer shown = NIP__BUFFER(SIZE_MAX / 2);
    nip__url_write(&shown, text);
    must(!shown.failed);
    if (nip__url_read(text, &parts)) {
        must(parts.host[0] != '\0' && parts.scheme[0] != '\0');
        must(parts.port >= 0 && parts.port <= 65535);
        const char *authority = strstr(nip__buffer_string(&shown), "://") + 3;
        const char *at = memchr(authority, '@', strcspn(authority, "/?#"));
        must(at == NULL || (at == authority + 3 && strncmp(authority, "***", 3) == 0));
        check_renamed(text, &parts);
    }
    nip__buffer_clear(&shown);
}

static void check_endpoint(const char *text)
{
    char endpoint[NIP__ENDPOINT_MAX], again[NIP__ENDPOINT_MAX];
    if (nip__endpoint_read(text, endpoint))
        must(nip__endpoint_read(endpoint, again) && strcmp(endpoint, again) == 0);
    must(!nip__haproxy_name(text) || strpbrk(text, " ;\n\r\t") == NULL);
    must(!nip__text_subject(text) || (strlen(text) <= NIP_SUBJECT_MAX && strpbrk(text, "/ \n") == NULL));
}

static void check_utf8(const char *text, size_t size)
{
    size_t valid = nip__text_utf8_prefix(text, size);
    must(valid <= size && nip__text_utf8(text, valid));
    must((valid == size) == nip__text_utf8(text, size));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_text(data, size);
    check_time(text);
    check_duration(text);
    check_numbers(text);
    check_scalar(text);
    check_url(text);
    check_endpoint(text);
    check_utf8((const char *)data, size);
    free(text);
    return 0;
}
