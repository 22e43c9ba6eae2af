/* A push scanner: its whole state is what is expected next, the open maps and lists, and the bytes of a token that is not
 * complete yet. */
#include "doc/json_stream.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/print.h"
#include "base/text.h"
#include "doc/json.h"

enum { KEY_BYTES_MAX = 65536 };

typedef enum expectation {
    VALUE,
    FIRST_ITEM, /* or the list's end */
    FIRST_KEY,  /* or the map's end */
    KEY,
    COLON,
    SEPARATOR, /* a comma, or the end of what is open */
    NOTHING,   /* the text is complete */
} expectation;

typedef enum partial { NO_TOKEN, STRING, NUMBER, WORD } partial;

typedef struct level {
    bool map;
    size_t keys_start; /* in `keys` */
    int keys;
} level;

struct nip__json_stream {
    nip__json_sink sink;
    expectation expected;
    partial partial; /* the token that `held` has the first bytes of */
    bool escaped;    /* in a string, behind a backslash */
    bool odd;        /* the string must be decoded: escapes, or bytes beyond ASCII */
    nip__buffer held;
    nip__buffer keys; /* of all open maps, each with a NUL behind it */
    level levels[NIP__STREAM_LEVELS];
    int depth;
    uint64_t position; /* of the piece's first byte in the whole text */
    const char *piece;
    int rc;
    char problem[256];
};

nip__json_stream *nip__json_stream_new(const nip__json_sink *sink)
{
    nip__json_stream *made = nip__calloc(1, sizeof *made);
    if (made == NULL)
        return NULL;
    made->sink = *sink;
    made->held = NIP__BUFFER(NIP__STREAM_TOKEN_MAX);
    made->keys = NIP__BUFFER(KEY_BYTES_MAX);
    return made;
}

void nip__json_stream_free(nip__json_stream *stream)
{
    if (stream == NULL)
        return;
    nip__buffer_clear(&stream->held);
    nip__buffer_clear(&stream->keys);
    nip__free(stream);
}

const char *nip__json_stream_problem(const nip__json_stream *stream)
{
    return stream->problem;
}

/* ---- failures ---- */

static int fail(nip__json_stream *s, int code, const char *at, const char *format, ...) NIP__PRINTF(4, 5);

static int fail(nip__json_stream *s, int code, const char *at, const char *format, ...)
{
    char what[200];
    va_list arguments;
    va_start(arguments, format);
    nip__vprint(what, sizeof what, format, arguments);
    va_end(arguments);
    unsigned long long byte = s->position + (unsigned long long)(at - s->piece) + 1;
    snprintf(s->problem, sizeof s->problem, "byte %llu: %s", byte, what);
    return s->rc = code;
}

static int unexpected(nip__json_stream *s, const char *at)
{
    static const char *const wanted[] = {
        [VALUE] = "a value",
        [FIRST_ITEM] = "a value or ']'",
        [FIRST_KEY] = "a key in double quotes or '}'",
        [KEY] = "a key in double quotes",
        [COLON] = "':'",
        [SEPARATOR] = "',' or the end of the map or list",
        [NOTHING] = "the end of the text",
    };
    unsigned char c = (unsigned char)*at;
    if (c > ' ' && c < 0x7f)
        return fail(s, NIP_E_SYNTAX, at, "expected %s, found %c", wanted[s->expected], c);
    return fail(s, NIP_E_SYNTAX, at, "expected %s, found byte 0x%02x", wanted[s->expected], (unsigned)c);
}

static int no_memory(nip__json_stream *s)
{
    snprintf(s->problem, sizeof s->problem, "out of memory");
    return s->rc = NIP_E_NOMEM;
}

/* Without a place: where it shows depends on the pieces. */
static int too_long(nip__json_stream *s)
{
    snprintf(s->problem, sizeof s->problem, "a text or number of more than %d bytes", (int)NIP__STREAM_TOKEN_MAX);
    return s->rc = NIP_E_LIMIT;
}

static int emit(nip__json_stream *s, nip__token_kind kind, const char *text, size_t length)
{
    int rc = s->sink.token(s->sink.data, kind, text, length);
    return rc < 0 ? (s->rc = rc) : 0;
}

/* ---- maps and lists ---- */

static int open_level(nip__json_stream *s, const char *at, bool map)
{
    if (s->depth == NIP__STREAM_LEVELS)
        return fail(s, NIP_E_LIMIT, at, "more than %d levels of maps and lists", (int)NIP__STREAM_LEVELS);
    s->levels[s->depth++] = (level){.map = map, .keys_start = s->keys.length};
    s->expected = map ? FIRST_KEY : FIRST_ITEM;
    return emit(s, map ? NIP__TOKEN_MAP : NIP__TOKEN_LIST, at, 1);
}

static void value_ended(nip__json_stream *s)
{
    s->expected = s->depth > 0 ? SEPARATOR : NOTHING;
}

static int close_level(nip__json_stream *s, const char *at)
{
    const level *last = &s->levels[--s->depth];
    s->keys.length = last->keys_start;
    value_ended(s);
    return emit(s, last->map ? NIP__TOKEN_MAP_END : NIP__TOKEN_LIST_END, at, 1);
}

/* ---- whole tokens ---- */

static bool has_key(const nip__json_stream *s, const level *map, const char *key, size_t length)
{
    const char *other = s->keys.data != NULL ? s->keys.data + map->keys_start : NULL;
    for (int i = 0; i < map->keys; i++, other += strlen(other) + 1)
        if (strncmp(other, key, length) == 0 && other[length] == '\0')
            return true;
    return false;
}

static int remember_key(nip__json_stream *s, const char *at, const char *key, size_t length)
{
    level *map = &s->levels[s->depth - 1];
    if (has_key(s, map, key, length))
        return fail(s, NIP_E_SYNTAX, at, "a key stands twice in its map");
    if (++map->keys > NIP__STREAM_KEYS_MAX)
        return fail(s, NIP_E_LIMIT, at, "a map of more than %d keys", (int)NIP__STREAM_KEYS_MAX);
    nip__buffer_put(&s->keys, key, length);
    nip__buffer_char(&s->keys, '\0');
    if (s->keys.full)
        return fail(s, NIP_E_LIMIT, at, "the keys of the open maps have more than %d bytes", (int)KEY_BYTES_MAX);
    return s->keys.failed ? no_memory(s) : 0;
}

static int take_text(nip__json_stream *s, const char *at, const char *text, size_t length)
{
    if (s->expected != KEY && s->expected != FIRST_KEY) {
        value_ended(s);
        return emit(s, NIP__TOKEN_TEXT, text, length);
    }
    s->expected = COLON;
    int rc = remember_key(s, at, text, length);
    return rc < 0 ? rc : emit(s, NIP__TOKEN_KEY, text, length);
}

/* Escapes and characters beyond ASCII: the one decoder reads the text with its quotes. */
static int decode_text(nip__json_stream *s, const char *at, const char *quoted, size_t length)
{
    nip__value *value = NULL;
    nip__arena *arena = nip__arena_new();
    int rc = arena == NULL ? NIP_E_NOMEM
                           : nip__json_read(arena, quoted, length, NULL, &nip__reply_limits, &value, NULL);
    if (rc == NIP_E_NOMEM)
        rc = no_memory(s);
    else if (rc < 0)
        rc = fail(s, NIP_E_SYNTAX, at, "the text that ends here has an escape, a byte or a character that JSON does not allow");
    else
        rc = take_text(s, at, value->as.string.text, strlen(value->as.string.text));
    nip__arena_free(arena);
    return rc;
}

/* `token` with its quotes. */
static int take_string(nip__json_stream *s, const char *at, const char *token, size_t length)
{
    return s->odd ? decode_text(s, at, token, length) : take_text(s, at, token + 1, length - 2);
}

static int take_number(nip__json_stream *s, const char *at, const char *token, size_t length)
{
    size_t sign = token[0] == '-';
    bool zeros = length > sign + 1 && token[sign] == '0' && token[sign + 1] >= '0' && token[sign + 1] <= '9';
    double real;
    if (length > NIP__REAL_TEXT_MAX)
        return fail(s, NIP_E_LIMIT, at, "a number of more than %d characters", (int)NIP__REAL_TEXT_MAX);
    if (zeros || !nip__text_real_of(token, length, &real))
        return fail(s, NIP_E_SYNTAX, at, "%.*s is not a number of JSON, or beyond what a double holds", length > 40 ? 40 : (int)length, token);
    value_ended(s);
    return emit(s, NIP__TOKEN_NUMBER, token, length);
}

static int take_word(nip__json_stream *s, const char *at, const char *token, size_t length)
{
    static const char *const words[] = {"true", "false", "null", NULL};
    size_t i = 0;
    while (words[i] != NULL && (strlen(words[i]) != length || memcmp(words[i], token, length) != 0))
        i++;
    if (words[i] == NULL)
        return fail(s, NIP_E_SYNTAX, at, "%.*s is not a value of JSON", length > 40 ? 40 : (int)length, token);
    value_ended(s);
    return emit(s, NIP__TOKEN_WORD, token, length);
}

/* `at` is behind the token: the piece it began in may be gone. */
static int take_token(nip__json_stream *s, const char *at, const char *token, size_t length)
{
    if (length > NIP__STREAM_TOKEN_MAX)
        return too_long(s);
    partial kind = s->partial;
    s->partial = NO_TOKEN;
    return kind == STRING   ? take_string(s, at, token, length)
           : kind == NUMBER ? take_number(s, at, token, length)
                            : take_word(s, at, token, length);
}

/* ---- where tokens end ---- */

/* Behind the closing quote; NULL: not in what is at hand. */
static const char *string_end(nip__json_stream *s, const char *p, const char *end)
{
    for (; p < end; p++) {
        unsigned char c = (unsigned char)*p;
        if (s->escaped) {
            s->escaped = false;
        } else if (c == '"') {
            return p + 1;
        } else if (c == '\\') {
            s->escaped = s->odd = true;
        } else if (c < 0x20 || c >= 0x80) {
            s->odd = true;
        }
    }
    return NULL;
}

static bool in_number(char c)
{
    return (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '+' || c == 'e' || c == 'E';
}

static const char *token_end(nip__json_stream *s, const char *p, const char *end)
{
    if (s->partial == STRING)
        return string_end(s, p, end);
    while (p < end && (s->partial == NUMBER ? in_number(*p) : *p >= 'a' && *p <= 'z'))
        p++;
    return p < end ? p : NULL;
}

static int hold(nip__json_stream *s, const char *bytes, size_t length)
{
    nip__buffer_put(&s->held, bytes, length);
    if (s->held.full)
        return too_long(s);
    return s->held.failed ? no_memory(s) : 0;
}

/* Goes on with the token whose first bytes are held, or that begins at p. Returns where to go on. */
static const char *read_token(nip__json_stream *s, const char *p, const char *end)
{
    bool fresh = s->held.length == 0;
    const char *start = p;
    const char *stop = token_end(s, fresh ? p + 1 : p, end); /* the first byte said what it is */
    if (fresh && stop != NULL) {
        take_token(s, stop, start, (size_t)(stop - start));
        return stop;
    }
    const char *next = stop != NULL ? stop : end;
    if (hold(s, start, (size_t)(next - start)) == 0 && stop != NULL) {
        take_token(s, stop, s->held.data, s->held.length);
        nip__buffer_reset(&s->held);
    }
    return next;
}

/* ---- one step ---- */

static const char *begin_token(nip__json_stream *s, partial kind, const char *p, const char *end)
{
    s->partial = kind;
    s->escaped = s->odd = false;
    return read_token(s, p, end);
}

static const char *read_value(nip__json_stream *s, const char *p, const char *end)
{
    if (*p == '{' || *p == '[') {
        open_level(s, p, *p == '{');
        return p + 1;
    }
    if (*p == '"')
        return begin_token(s, STRING, p, end);
    if (*p == '-' || (*p >= '0' && *p <= '9'))
        return begin_token(s, NUMBER, p, end);
    if (*p >= 'a' && *p <= 'z')
        return begin_token(s, WORD, p, end);
    unexpected(s, p);
    return p;
}

static const char *read_separator(nip__json_stream *s, const char *p)
{
    bool map = s->levels[s->depth - 1].map;
    if (*p == ',')
        s->expected = map ? KEY : VALUE;
    else if (*p == (map ? '}' : ']'))
        close_level(s, p);
    else
        unexpected(s, p);
    return p + 1;
}

static const char *read_item(nip__json_stream *s, const char *p, const char *end)
{
    bool in_list = s->depth > 0 && !s->levels[s->depth - 1].map;
    if (!in_list || s->sink.items == NULL)
        return read_value(s, p, end);
    const char *behind = s->sink.items(s->sink.data, p, end, &s->rc);
    if (behind == p)
        return s->rc < 0 ? p : read_value(s, p, end);
    s->expected = SEPARATOR;
    return behind;
}

static const char *step(nip__json_stream *s, const char *p, const char *end)
{
    if (*p == ' ' || *p == '\n' || *p == '\t' || *p == '\r')
        return p + 1;
    switch (s->expected) {
    case VALUE:
        return read_item(s, p, end);
    case FIRST_ITEM:
        if (*p != ']')
            return read_item(s, p, end);
        close_level(s, p);
        return p + 1;
    case FIRST_KEY:
        if (*p == '}') {
            close_level(s, p);
            return p + 1;
        }
        /* fall through */
    case KEY:
        if (*p == '"')
            return begin_token(s, STRING, p, end);
        break;
    case COLON:
        if (*p == ':') {
            s->expected = VALUE;
            return p + 1;
        }
        break;
    case SEPARATOR:
        return read_separator(s, p);
    case NOTHING:
        break;
    }
    unexpected(s, p);
    return p;
}

int nip__json_stream_feed(nip__json_stream *s, const char *bytes, size_t length)
{
    const char *p = bytes, *end = bytes + length;
    s->piece = bytes;
    while (p < end && s->rc == 0)
        p = s->partial != NO_TOKEN ? read_token(s, p, end) : step(s, p, end);
    s->position += length;
    return s->rc;
}

int nip__json_stream_finish(nip__json_stream *s)
{
    static const char nothing[1];
    s->piece = nothing;
    if (s->rc == 0 && (s->partial == NUMBER || s->partial == WORD))
        take_token(s, nothing, s->held.data, s->held.length);
    if (s->rc == 0 && (s->expected != NOTHING || s->partial != NO_TOKEN))
        fail(s, NIP_E_SYNTAX, nothing, "the text ends before it is complete");
    return s->rc;
}
