/* The text of the file that nginx includes. Whatever goes into it was checked: endpoints are addresses, names have
 * letters, digits and '_' only, and the state stands in a comment as JSON, whose texts hold no line end. */
#include <stdio.h>
#include <string.h>
#include "base/text.h"
#include "base/time.h"
#include "doc/json.h"
#include "driver/nginx.h"

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_", digits[] = "0123456789";
static const char state_mark[] = "# state ", before_mark[] = "# before ";

static bool only(const char *text, const char *some, const char *more)
{
    for (; *text != '\0'; text++)
        if (strchr(some, *text) == NULL && strchr(more, *text) == NULL)
            return false;
    return true;
}

bool nip__nginx_name(const char *name)
{
    return name != NULL && name[0] != '\0' && strlen(name) <= NIP__NGINX_NAME_MAX && strchr(letters, name[0]) != NULL &&
           only(name, letters, digits);
}

bool nip__nginx_key(const char *key)
{
    static const char more[] = "0123456789$.:-+/";
    return key != NULL && strchr(key, '$') != NULL && strlen(key) <= 256 && only(key, letters, more);
}

/* FNV-1a: against careless edits, not against forgers. */
static const uint64_t no_sum = UINT64_C(14695981039346656037);

static uint64_t checksum_on(uint64_t sum, const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        sum = (sum ^ (unsigned char)text[i]) * UINT64_C(1099511628211);
    return sum;
}

static uint64_t checksum(const char *text, size_t length)
{
    return checksum_on(no_sum, text, length);
}

void nip__nginx_mark(const nip__nginx_settings *settings, const char *text, size_t length,
                     char mark[NIP__NGINX_MARK_MAX])
{
    uint64_t sum = checksum(settings->file, strlen(settings->file) + 1);
    snprintf(mark, NIP__NGINX_MARK_MAX, "%016llx", (unsigned long long)checksum_on(sum, text, length));
}

/* ---- writing ---- */

static void put_upstream(nip__buffer *text, const nip__nginx_settings *settings, const nip__nginx_state *state,
                         const char *name, int group)
{
    const nip__wanted *wanted = &state->wanted;
    size_t served = 0;
    nip__buffer_printf(text, "upstream %s {\n    zone %s %zuk;\n", name, name, 64 + wanted->count);
    for (size_t i = 0; i < wanted->count; i++) {
        const nip__want *want = &wanted->wants[i];
        bool here = want->group >= 0 && (group < 0 || want->group == group);
        if (!here || want->weight == 0)
            continue;
        nip__buffer_printf(text, "    server %s weight=%d max_fails=%lld fail_timeout=%llds;\n", want->endpoint,
                           group < 0 ? want->weight : 1, (long long)settings->max_fails,
                           (long long)(settings->fail_timeout / NIP_SECOND));
        served++;
    }
    for (size_t i = 0; i < wanted->count && group < 0; i++)
        if (wanted->wants[i].group < 0 || wanted->wants[i].weight == 0)
            nip__buffer_printf(text, "    server %s down;\n", wanted->wants[i].endpoint);
    if (served == 0)
        nip__buffer_text(text, "    server 127.0.0.1:1 down;\n"); /* nginx wants at least one */
    nip__buffer_text(text, "}\n");
}

static void put_percent(nip__buffer *text, int hundredths)
{
    nip__buffer_printf(text, "%d.%02d%%", hundredths / 100, hundredths % 100);
}

/* Nothing is routed: requests get 502. */
static void put_nobody(nip__buffer *text, const nip__nginx_settings *settings)
{
    char name[NIP__NGINX_NAME_MAX + 16];
    snprintf(name, sizeof name, "%s_none", settings->upstream);
    put_upstream(text, settings, &(nip__nginx_state){0}, name, -1);
    nip__buffer_printf(text, "map \"\" $%s {\n    default %s;\n}\n", settings->upstream, name);
}

static void put_split(nip__buffer *text, const nip__nginx_settings *settings, const nip__nginx_state *state)
{
    size_t last = NIP__GROUPS_MAX;
    for (size_t i = 0; i < state->wanted.group_count; i++) {
        char name[NIP__NGINX_NAME_MAX + 16];
        snprintf(name, sizeof name, "%s_%zu", settings->upstream, i);
        if (state->parts[i] == 0)
            continue;
        put_upstream(text, settings, state, name, (int)i);
        last = i;
    }
    if (last == NIP__GROUPS_MAX) {
        put_nobody(text, settings);
        return;
    }
    nip__buffer_printf(text, "split_clients \"%s\" $%s {\n", settings->key, settings->upstream);
    for (size_t i = 0; i < state->wanted.group_count; i++) {
        if (state->parts[i] == 0 || i == last)
            continue;
        nip__buffer_text(text, "    ");
        put_percent(text, state->parts[i]);
        nip__buffer_printf(text, " %s_%zu;\n", settings->upstream, i);
    }
    nip__buffer_printf(text, "    * %s_%zu;\n}\n", settings->upstream, last);
}

static void put_mirror(nip__buffer *text, const nip__nginx_settings *settings, const nip__nginx_state *state)
{
    const nip__nginx_mirror *mirror = &state->mirrored;
    const char *name = settings->upstream;
    if (mirror->count > 0) {
        nip__buffer_printf(text, "upstream %s_mirror {\n", name);
        for (size_t i = 0; i < mirror->count; i++)
            nip__buffer_printf(text, "    server %s;\n", mirror->endpoints[i]);
        nip__buffer_text(text, "}\n");
    }
    if (mirror->count == 0 || mirror->percent == 10000) {
        nip__buffer_printf(text, "map \"\" $%s_mirror {\n    default \"%s%s\";\n}\n", name,
                           mirror->count == 0 ? "" : name, mirror->count == 0 ? "" : "_mirror");
        return;
    }
    nip__buffer_printf(text, "split_clients \"mirror$request_id\" $%s_mirror {\n    ", name);
    put_percent(text, mirror->percent);
    nip__buffer_printf(text, " %s_mirror;\n    * \"\";\n}\n", name);
}

static void put_status(nip__buffer *text, const nip__nginx_settings *settings, const char *token)
{
    nip__buffer_printf(text,
                       "server {\n    listen %s;\n    server_name %s.nipops;\n    access_log off;\n"
                       "    location = /nipops {\n        default_type text/plain;\n"
                       "        return 200 \"%s\\n\";\n    }\n    location / {\n        return 404;\n    }\n}\n",
                       settings->status, settings->upstream, token);
}

static void put_state(nip__buffer *text, const nip__nginx_state *state)
{
    nip__writer writer = NIP__WRITER(text);
    nip__write_map(&writer, NULL);
    nip__write_value(&writer, "groups", state->groups);
    nip__write_value(&writer, "drain", state->drain);
    nip__write_value(&writer, "mirror", state->mirror);
    nip__write_end_map(&writer);
}

void nip__nginx_render(nip__buffer *text, const nip__nginx_settings *settings, const nip__nginx_state *state,
                       int64_t generation, const char *before, char token[NIP__NGINX_TOKEN_MAX])
{
    nip__buffer json = NIP__BUFFER(NIP__NGINX_FILE_MAX), body = NIP__BUFFER(NIP__NGINX_FILE_MAX);
    put_state(&json, state);
    snprintf(token, NIP__NGINX_TOKEN_MAX, "nipops %s generation %lld state %016llx", settings->upstream,
             (long long)generation, (unsigned long long)checksum(nip__buffer_string(&json), json.length));
    nip__buffer_printf(&body, "# Changes made here by hand are found and reported, and lost at the next write.\n%s%s\n",
                       state_mark, nip__buffer_string(&json));
    if (before[0] != '\0')
        nip__buffer_printf(&body, "%s%s\n", before_mark, before);
    if (settings->by == NIP__NGINX_SPLIT)
        put_split(&body, settings, state);
    else
        put_upstream(&body, settings, state, settings->upstream, -1);
    put_mirror(&body, settings, state);
    put_status(&body, settings, token);
    nip__buffer_printf(text, "# %s checksum %016llx\n%s", token,
                       (unsigned long long)checksum(nip__buffer_string(&body), body.length), nip__buffer_string(&body));
    text->failed = text->failed || json.failed || body.failed;
    nip__buffer_clear(&json);
    nip__buffer_clear(&body);
}

/* ---- reading ---- */

/* "nipops NAME generation N state HEX", and where it ends. */
static bool read_token(const char *name, const char *text, size_t length, int64_t *generation, size_t *end)
{
    char begin[NIP__NGINX_NAME_MAX + 32], number[20];
    size_t at = (size_t)snprintf(begin, sizeof begin, "nipops %s generation ", name), count = 0;
    if (length < at || strncmp(text, begin, at) != 0)
        return false;
    while (count < sizeof number - 1 && at + count < length && strchr(digits, text[at + count]) != NULL &&
           text[at + count] != '\0')
        count++;
    memcpy(number, text + at, count);
    number[count] = '\0';
    at += count;
    if (count == 0 || !nip__text_int(number, generation) || length < at + 7 + 16 ||
        strncmp(text + at, " state ", 7) != 0)
        return false;
    at += 7;
    for (size_t i = 0; i < 16; i++)
        if (text[at + i] == '\0' || strchr("0123456789abcdef", text[at + i]) == NULL)
            return false;
    *end = at + 16;
    return *end < NIP__NGINX_TOKEN_MAX;
}

static void keep_token(const char *text, size_t length, char token[NIP__NGINX_TOKEN_MAX])
{
    memcpy(token, text, length);
    token[length] = '\0';
}

bool nip__nginx_read_token(const nip__nginx_settings *settings, const char *text, size_t length, int64_t *generation,
                           char token[NIP__NGINX_TOKEN_MAX])
{
    size_t end;
    if (!read_token(settings->upstream, text, length, generation, &end) || end + 1 != length || text[end] != '\n')
        return false;
    keep_token(text, end, token);
    return true;
}

/* The state behind its mark, to the end of its line. */
static bool read_state(nip__arena *arena, const nip__nginx_settings *settings, const char *body,
                       nip__nginx_state *state)
{
    const char *line = strchr(body, '\n');
    nip__value *found = NULL;
    nip__trouble ignored;
    if (line == NULL || !nip__text_starts(line + 1, state_mark))
        return false;
    line += 1 + strlen(state_mark);
    if (nip__json_read(arena, line, strcspn(line, "\n"), "state", &nip__document_limits, &found, NULL) < 0)
        return false;
    const nip__value *groups = nip__get(found, "groups"), *drain = nip__get(found, "drain"),
                     *mirror = nip__get(found, "mirror");
    return nip__nginx_state_read(arena, settings->by, nip__is(groups, NIP__MAP) ? groups : NULL,
                                 nip__is(drain, NIP__LIST) ? drain : NULL, nip__is(mirror, NIP__MAP) ? mirror : NULL,
                                 state, &ignored);
}

/* The line behind the state's, where there is one. */
static void read_before(const char *body, char before[NIP__NGINX_MARK_MAX])
{
    const char *line = strstr(body, state_mark);
    line = line == NULL ? NULL : strchr(line, '\n');
    if (line == NULL || !nip__text_starts(line + 1, before_mark))
        return;
    line += 1 + strlen(before_mark);
    if (strspn(line, "0123456789abcdef") != NIP__NGINX_MARK_MAX - 1 || line[NIP__NGINX_MARK_MAX - 1] != '\n')
        return;
    memcpy(before, line, NIP__NGINX_MARK_MAX - 1);
    before[NIP__NGINX_MARK_MAX - 1] = '\0';
}

static bool is_blank_file(const nip__nginx_settings *settings, const char *text)
{
    char line[NIP__NGINX_NAME_MAX + 16];
    snprintf(line, sizeof line, "# nipops %s\n", settings->upstream);
    return nip__text_starts(text, line);
}

static bool has_checksum(const char *text, const char *body, size_t length)
{
    char line[32];
    snprintf(line, sizeof line, " checksum %016llx\n", (unsigned long long)checksum(body, length));
    return nip__text_starts(text, line);
}

void nip__nginx_parse(nip__arena *arena, const nip__nginx_settings *settings, const char *text, size_t length,
                      nip__nginx_file *file)
{
    size_t end = 0;
    *file = (nip__nginx_file){.found = NIP__NGINX_ALIEN};
    const char *body = strchr(text, '\n');
    if (text[strspn(text, " \t\r\n")] == '\0' && strlen(text) == length) {
        file->found = NIP__NGINX_MISSING;
    } else if (is_blank_file(settings, text)) {
        file->found = NIP__NGINX_BLANK;
    } else if (body != NULL && nip__text_starts(text, "# ") &&
               read_token(settings->upstream, text + 2, length - 2, &file->generation, &end)) {
        bool whole =
            strlen(text) == length && has_checksum(text + 2 + end, body + 1, length - (size_t)(body + 1 - text));
        file->found =
            whole && read_state(arena, settings, body + 1, &file->state) ? NIP__NGINX_OURS : NIP__NGINX_EDITED;
        keep_token(text + 2, end, file->token);
        if (file->found == NIP__NGINX_OURS)
            read_before(body + 1, file->before);
    }
}
