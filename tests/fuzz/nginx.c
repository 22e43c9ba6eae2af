/* Any text as the file that nginx includes, as its server's answer and as `nginx -T`; any JSON as what is to be routed: what the file
 * is written from is read from it again. (A hash in the file keeps mutations of it from being read that deep.)
 *
 * Input: the first line "w" or "s" (weights, split); then a file, or {"groups": ..., "drain": ..., "mirror": ...}. */
#include "fuzz.h"

#include "driver/nginx.h"

static const nip__nginx_settings settings_of[] = {
    {.file = "/tmp/nipops.conf",
     .upstream = "shop",
     .status = "127.0.0.1:9091",
     .by = NIP__NGINX_WEIGHTS,
     .max_fails = 1,
     .fail_timeout = 10 * NIP_SECOND,
     .timeout = 10 * NIP_SECOND},
    {.file = "/tmp/nipops.conf",
     .upstream = "shop",
     .status = "127.0.0.1:9091",
     .by = NIP__NGINX_SPLIT,
     .key = "$remote_addr",
     .max_fails = 1,
     .fail_timeout = 10 * NIP_SECOND,
     .timeout = 10 * NIP_SECOND},
};

static void check_file(nip__arena *arena, const nip__nginx_settings *settings, const nip__nginx_state *state)
{
    nip__buffer text = NIP__BUFFER(SIZE_MAX / 2);
    char token[NIP__NGINX_TOKEN_MAX + 1] = "", found[NIP__NGINX_TOKEN_MAX] = "";
    int64_t generation = 0;
    nip__nginx_file file = {0};
    nip__nginx_render(&text, settings, state, 7, "0123456789abcdef", token);
    must(!text.failed);
    nip__nginx_parse(arena, settings, nip__buffer_string(&text), text.length, &file);
    must(file.found == NIP__NGINX_OURS && file.generation == 7 && strcmp(token, file.token) == 0);
    must(nip__nginx_same_traffic(&file.state, state) && nip__nginx_same_mirror(&file.state, state));
    strcat(token, "\n"); /* as its server answers */
    must(nip__nginx_read_token(settings, token, strlen(token), &generation, found) && generation == 7);
    fuzz_tree(nip__nginx_route_result(arena, state));
    fuzz_tree(nip__nginx_mirror_result(arena, state));
    fuzz_tree(nip__nginx_endpoints(arena, state, 1));
    nip__buffer_clear(&text);
}

static void check_wanted(nip__arena *arena, const nip__nginx_settings *settings, const char *json)
{
    nip__value *args = NULL;
    nip__nginx_state state = {0};
    nip__trouble trouble = {0};
    if (nip__json_read(arena, json, strlen(json), NULL, &nip__document_limits, &args, NULL) < 0)
        return;
    if (nip__nginx_state_read(arena, settings->by, nip__get(args, "groups"), nip__get(args, "drain"),
                              nip__get(args, "mirror"), &state, &trouble))
        check_file(arena, settings, &state);
    else
        must(trouble.reason != NULL && trouble.message[0] != '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_text(data, size);
    const nip__nginx_settings *settings = &settings_of[text[0] == 's'];
    const char *body = size > 2 ? text + 2 : "";
    size_t length = size > 2 ? size - 2 : 0;
    nip__arena *arena = nip__arena_new();
    nip__nginx_file file = {0};
    nip__nginx_parse(arena, settings, body, length, &file);
    must(file.found <= NIP__NGINX_ALIEN);
    check_wanted(arena, settings, body);
    int64_t generation = 0;
    char token[NIP__NGINX_TOKEN_MAX];
    if (nip__nginx_read_token(settings, body, length, &generation, token))
        must(generation >= 0 && token[0] != '\0');
    nip__nginx_dump dump = nip__nginx_read_dump(settings, body);
    must(dump.told || (!dump.includes && !dump.mirrors && dump.copy[0] == '\0'));
    nip__nginx_refused_copy(settings, body, dump.copy);
    must(strlen(dump.copy) < sizeof dump.copy);
    nip__arena_free(arena);
    free(text);
    return 0;
}
