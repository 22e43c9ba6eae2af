/* The JSON scanner. It keeps line and column of every value, takes integers exactly, finds duplicate keys, and refuses
 * what RFC 8259 refuses with a message that says what would be right. */
#include "doc/json.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/print.h"
#include "base/text.h"
#include "doc/keys.h"

const nip__limits nip__document_limits = {.bytes = 8 << 20, .depth = 64, .values = 100000};
const nip__limits nip__reply_limits = {.bytes = 50 << 20, .depth = 64, .values = 5000000};
const nip__limits nip__internal_limits = {.bytes = 256 << 20, .depth = 64, .values = 10000000};
const nip__limits nip__record_limits = {.bytes = 256 << 20, .depth = 256, .values = 10000000};

typedef struct scanner {
    const char *p, *end;
    const char *line_start; /* moved on by each continuation byte, so that p - line_start counts characters */
    uint32_t line;
    int depth;
    size_t values;
    const nip__limits *limits;
    nip__arena *arena;
    const char *name;
    nip_error **err;
    const nip__value **alike; /* first item of the latest map of each level */
} scanner;

enum { ALIKE_LEVELS = 16 }; /* deeper down every key is copied */

static int fail(scanner *s, int code, const char *format, ...) NIP__PRINTF(3, 4);

/* Fails at the scanner's present position. */
static int fail(scanner *s, int code, const char *format, ...)
{
    char message[512];
    va_list arguments;
    va_start(arguments, format);
    nip__vprint(message, sizeof message, format, arguments);
    va_end(arguments);
    return nip__fail_at(s->err, code, s->name, (int)s->line, (int)(s->p - s->line_start) + 1, NULL, "%s", message);
}

typedef struct found {
    char text[32];
} found;

/* What stands at the scanner's position, for messages. */
static found found_here(const scanner *s)
{
    found here;
    unsigned char c = s->p < s->end ? (unsigned char)*s->p : 0;
    size_t length = s->p < s->end ? nip__text_character((const unsigned char *)s->p, (size_t)(s->end - s->p)) : 0;
    if (s->p >= s->end)
        snprintf(here.text, sizeof here.text, "the end of the text");
    else if (length == 0 || c < 0x20 || c == 0x7f)
        snprintf(here.text, sizeof here.text, "byte 0x%02x", c);
    else
        snprintf(here.text, sizeof here.text, c == '\'' ? "%.*s" : "'%.*s'", (int)length, s->p);
    return here;
}

static int expected(scanner *s, const char *what)
{
    return fail(s, NIP_E_SYNTAX, "expected %s, found %s", what, found_here(s).text);
}

static void skip_blanks(scanner *s)
{
    for (; s->p < s->end; s->p++) {
        char c = *s->p;
        if (c == '\n') {
            s->line++;
            s->line_start = s->p + 1;
        } else if (c != ' ' && c != '\t' && c != '\r') {
            return;
        }
    }
}

static int new_value(scanner *s, nip__kind kind, nip__value **value)
{
    if (++s->values > s->limits->values)
        return fail(s, NIP_E_LIMIT, "more than %zu values, the most that is read", s->limits->values);
    nip__value *made = nip__arena_alloc(s->arena, sizeof *made);
    if (made == NULL)
        return nip__nomem(s->err);
    made->kind = kind;
    made->line = s->line;
    made->column = (uint32_t)(s->p - s->line_start) + 1;
    *value = made;
    return 0;
}

/* ---- text ---- */

#define EACH_BYTE(x) (UINT64_C(0x0101010101010101) * (x))

/* Bytes of the word that end a plain run (quote, backslash, control, beyond ASCII) have their high bit set. */
static uint64_t special(uint64_t word)
{
    uint64_t quote = word ^ EACH_BYTE('"');
    uint64_t backslash = word ^ EACH_BYTE('\\');
    return ((word - EACH_BYTE(0x20)) | (quote - EACH_BYTE(1)) | (backslash - EACH_BYTE(1)) | word) & EACH_BYTE(0x80);
}

static const char *skip_plain(const char *p, const char *end)
{
    uint64_t word;
    while ((size_t)(end - p) >= sizeof word) {
        memcpy(&word, p, sizeof word);
        if (special(word) != 0)
            break;
        p += sizeof word;
    }
    while (p < end && *p != '"' && *p != '\\' && (unsigned char)*p >= 0x20 && (unsigned char)*p < 0x80)
        p++;
    return p;
}

static int hex4(const char *p, const char *end)
{
    int value = 0;
    for (int i = 0; i < 4; i++) {
        if (p + i >= end)
            return -1;
        char c = p[i];
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;
        if (digit < 0)
            return -1;
        value = value * 16 + digit;
    }
    return value;
}

static char *put_character(char *out, uint32_t c)
{
    if (c < 0x80) {
        *out++ = (char)c;
        return out;
    }
    int more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    static const unsigned char leads[] = {0, 0xc0, 0xe0, 0xf0};
    *out++ = (char)(leads[more] | (c >> (6 * more)));
    while (more-- > 0)
        *out++ = (char)(0x80 | ((c >> (6 * more)) & 0x3f));
    return out;
}

/* \uXXXX, or two of them for a character beyond U+FFFF; s->p stands on the backslash. */
static int unicode_escape(scanner *s, char **out)
{
    int unit = hex4(s->p + 2, s->end);
    if (unit < 0)
        return fail(s, NIP_E_SYNTAX, "\\u needs four hexadecimal digits, as in \\u00e9");
    if (unit == 0)
        return fail(s, NIP_E_SYNTAX, "\\u0000 is not accepted: text must not contain NUL");
    if (unit >= 0xdc00 && unit <= 0xdfff)
        return fail(s, NIP_E_SYNTAX, "\\u%04x is the second half of a pair without its first half", (unsigned)unit);
    uint32_t character = (uint32_t)unit;
    const char *after = s->p + 6;
    if (unit >= 0xd800 && unit <= 0xdbff) {
        int second = s->end - after >= 6 && after[0] == '\\' && after[1] == 'u' ? hex4(after + 2, s->end) : -1;
        if (second < 0xdc00 || second > 0xdfff)
            return fail(s, NIP_E_SYNTAX,
                        "\\u%04x is the first half of a pair and must be followed by \\udc00 to \\udfff",
                        (unsigned)unit);
        character = 0x10000 + (((uint32_t)unit - 0xd800) << 10) + ((uint32_t)second - 0xdc00);
        after += 6;
    }
    *out = put_character(*out, character);
    s->p = after;
    return 0;
}

static int escape(scanner *s, char **out)
{
    static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
    char c = s->p[1]; /* a quote was found behind it: there is a next byte */
    if (c == 'u')
        return unicode_escape(s, out);
    const char *name = c == '\0' ? NULL : strchr(names, c);
    if (name == NULL)
        return fail(
            s, NIP_E_SYNTAX,
            "unknown escape: a backslash is written \\\\; there are \\\" \\\\ \\/ \\b \\f \\n \\r \\t and \\uXXXX");
    *(*out)++ = values[name - names];
    s->p += 2;
    return 0;
}

/* Anything but a plain byte: s->p stands on it. */
static int odd_byte(scanner *s, char **out)
{
    unsigned char c = (unsigned char)*s->p;
    if (c == '\\')
        return escape(s, out);
    if (c == '\n' || c == '\r')
        return fail(
            s, NIP_E_SYNTAX,
            "the text is not closed on its line: a double quote is missing, or \\n should stand for the line break");
    if (c < 0x20)
        return fail(s, NIP_E_SYNTAX, "byte 0x%02x must be written as \\u%04x", c, c);
    size_t length = nip__text_character((const unsigned char *)s->p, (size_t)(s->end - s->p));
    if (length == 0)
        return fail(s, NIP_E_SYNTAX, "byte 0x%02x is not valid UTF-8: save the file as UTF-8", c);
    memcpy(*out, s->p, length);
    *out += length;
    s->p += length;
    s->line_start += length - 1;
    return 0;
}

/* The closing quote, past escapes; NULL: none. */
static const char *closing_quote(const char *p, const char *end)
{
    for (p = skip_plain(p, end); p < end && *p != '"'; p = skip_plain(p, end))
        p += *p == '\\' && end - p > 1 ? 2 : 1;
    return p < end ? p : NULL;
}

/* Text with escapes or characters beyond ASCII. */
static int slow_string(scanner *s, const char *start, const char **text, size_t *length)
{
    const char *quote = closing_quote(start, s->end);
    if (quote == NULL)
        return fail(s, NIP_E_SYNTAX, "the text that begins here is not closed: a double quote is missing");
    char *copy = nip__arena_alloc(s->arena, (size_t)(quote - start) + 1); /* decoded text is never longer */
    if (copy == NULL)
        return nip__nomem(s->err);
    char *out = copy;
    s->p = start;
    while (s->p < quote) {
        const char *plain_end = skip_plain(s->p, quote);
        size_t plain = (size_t)(plain_end - s->p);
        memcpy(out, s->p, plain);
        out += plain;
        s->p = plain_end;
        int rc = s->p < quote ? odd_byte(s, &out) : 0;
        if (rc < 0)
            return rc;
    }
    s->p = quote + 1;
    *text = copy;
    *length = (size_t)(out - copy);
    return 0;
}

/* s->p stands on the opening quote. Where the text is `known`, that is used again; NULL: it never is. */
static int read_string(scanner *s, const char *known, const char **text, size_t *length)
{
    const char *start = s->p + 1;
    const char *plain_end = skip_plain(start, s->end);
    if (plain_end >= s->end || *plain_end != '"')
        return slow_string(s, start, text, length);
    *length = (size_t)(plain_end - start);
    bool again = known != NULL && strncmp(known, start, *length) == 0 && known[*length] == '\0';
    *text = again ? known : nip__arena_copy(s->arena, start, *length);
    s->p = plain_end + 1;
    return *text == NULL ? nip__nomem(s->err) : 0;
}

/* ---- numbers and words ---- */

static bool is_digit(const scanner *s, const char *p)
{
    return p < s->end && *p >= '0' && *p <= '9';
}

/* Digits from p on; NULL when there is none. */
static const char *skip_digits(const scanner *s, const char *p)
{
    const char *start = p;
    while (is_digit(s, p))
        p++;
    return p > start ? p : NULL;
}

/* The fraction and exponent behind an integer; NULL: malformed, s->p stands where. */
static const char *skip_fraction(scanner *s, const char *p)
{
    const char *next = p;
    if (next < s->end && *next == '.') {
        s->p = next + 1;
        next = skip_digits(s, next + 1);
    }
    if (next != NULL && next < s->end && (*next == 'e' || *next == 'E')) {
        next++;
        if (next < s->end && (*next == '+' || *next == '-'))
            next++;
        s->p = next;
        next = skip_digits(s, next);
    }
    return next;
}

static int read_real(scanner *s, const char *start, const char *point, nip__value *value)
{
    const char *end = skip_fraction(s, point);
    if (end == NULL)
        return expected(s, "a digit");
    s->p = start;
    if (end - start > NIP__REAL_TEXT_MAX)
        return fail(s, NIP_E_LIMIT, "a number of more than %d characters", (int)NIP__REAL_TEXT_MAX);
    value->kind = NIP__REAL;
    if (!nip__text_real_of(start, (size_t)(end - start), &value->as.real))
        return fail(s, NIP_E_SYNTAX, "the number is beyond what a 64-bit floating point number holds");
    s->p = end;
    return 0;
}

static int read_number(scanner *s, nip__value *value)
{
    const char *start = s->p, *p = s->p;
    bool negative = *p == '-';
    p += negative;
    if (!is_digit(s, p)) {
        s->p = p;
        return expected(s, "a digit");
    }
    if (*p == '0' && is_digit(s, p + 1))
        return fail(s, NIP_E_SYNTAX, "a number has no leading zeros: drop them, or write text in double quotes");
    int64_t integer = 0; /* counted downwards: INT64_MIN has no positive twin */
    bool overflow = false;
    for (; is_digit(s, p); p++)
        overflow |= __builtin_mul_overflow(integer, INT64_C(10), &integer) ||
                    __builtin_sub_overflow(integer, (int64_t)(*p - '0'), &integer);
    bool real = p < s->end && (*p == '.' || *p == 'e' || *p == 'E');
    overflow |= !negative && __builtin_sub_overflow(INT64_C(0), integer, &integer);
    if (real || overflow || (negative && integer == 0)) /* -0 is a real: no integer is */
        return read_real(s, start, p, value);
    value->kind = NIP__INT;
    value->as.integer = integer;
    s->p = p;
    return 0;
}

/* Something that is no value, with a guess at what was meant. */
static int unexpected(scanner *s)
{
    static const struct {
        const char *begins;
        const char *hint;
    } hints[] = {
        {"'", "text is written in double quotes"},
        {"True", "it is written true, in lower case"},
        {"False", "it is written false, in lower case"},
        {"None", "it is written null"},
        {"NULL", "it is written null, in lower case"},
        {"NaN", "JSON has no NaN: write null"},
        {"Infinity", "JSON has no infinity: write null or a large number"},
        {"//", "JSON has no comments"},
        {"/*", "JSON has no comments"},
        {"#", "JSON has no comments"},
        {"+", "a number has no plus sign"},
        {".", "a number begins with a digit: 0.5"},
        {"]", "a value is missing, or there is a comma too many"},
        {"}", "a value is missing, or there is a comma too many"},
        {",", "a value is missing, or there is a comma too many"},
    };
    for (size_t i = 0; i < sizeof hints / sizeof hints[0]; i++) {
        size_t length = strlen(hints[i].begins);
        if ((size_t)(s->end - s->p) >= length && memcmp(s->p, hints[i].begins, length) == 0)
            return fail(s, NIP_E_SYNTAX, "expected a value, found %s: %s", found_here(s).text, hints[i].hint);
    }
    return expected(s, "a value (text in double quotes, a number, true, false, null, [ or {)");
}

static int read_word(scanner *s, nip__value *value)
{
    static const struct {
        const char *word;
        size_t length;
        nip__kind kind;
        bool boolean;
    } words[] = {{"true", 4, NIP__BOOL, true}, {"false", 5, NIP__BOOL, false}, {"null", 4, NIP__NULL, false}};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if ((size_t)(s->end - s->p) < words[i].length || memcmp(s->p, words[i].word, words[i].length) != 0)
            continue;
        value->kind = words[i].kind;
        if (words[i].kind == NIP__BOOL)
            value->as.boolean = words[i].boolean;
        s->p += words[i].length;
        return 0;
    }
    return unexpected(s);
}

/* ---- containers ---- */

static int read_value(scanner *s, nip__value **value);

/* Behind an item: 1 when another one follows, 0 when `close` ended the container. */
static int read_separator(scanner *s, char close, const char *what)
{
    skip_blanks(s);
    if (s->p >= s->end || (*s->p != ',' && *s->p != close))
        return expected(s, what);
    return *s->p++ == ',' ? 1 : 0;
}

static int read_list(scanner *s, nip__value *list)
{
    s->p++;
    skip_blanks(s);
    if (s->p < s->end && *s->p == ']') {
        s->p++;
        return 0;
    }
    int more = 1;
    while (more > 0) {
        nip__value *item;
        skip_blanks(s);
        int rc = read_value(s, &item);
        if (rc < 0)
            return rc;
        nip__link(list, item);
        more = read_separator(s, ']', "a comma or ]");
    }
    return more;
}

static int duplicate(scanner *s, const nip__value *map, const char *key, const scanner *before)
{
    const nip__value *first = nip__get(map, key);
    s->p = before->p;
    s->line_start = before->line_start;
    return fail(s, NIP_E_SYNTAX, "duplicate key \"%.64s\": it is already on line %u; keep one of them", key,
                first != NULL ? nip__key_line(first) : 0);
}

static int read_key(scanner *s, const nip__value *map, nip__keys *keys, const char *known, const char **key)
{
    size_t length;
    scanner before = *s;
    if (s->p >= s->end || *s->p != '"')
        return expected(s, map->as.items.count == 0 ? "a key in double quotes or }" : "a key in double quotes");
    int rc = read_string(s, known, key, &length);
    if (rc < 0)
        return rc;
    rc = nip__keys_add(keys, *key, length);
    if (rc < 0)
        return nip__nomem(s->err);
    if (rc == 0)
        return duplicate(s, map, *key, &before);
    skip_blanks(s);
    if (s->p >= s->end || *s->p != ':')
        return expected(s, "a colon behind the key");
    s->p++;
    skip_blanks(s);
    return 0;
}

/* Maps of one list mostly have the same keys in the same order: they share their texts. */
static int read_members(scanner *s, nip__value *map, nip__keys *keys)
{
    const nip__value **alike = s->depth < ALIKE_LEVELS ? &s->alike[s->depth] : NULL;
    const nip__value *other = alike != NULL ? *alike : NULL;
    int more = 1;
    while (more > 0) {
        nip__value *item;
        const char *key;
        skip_blanks(s);
        uint32_t line = s->line, column = (uint32_t)(s->p - s->line_start) + 1;
        int rc = read_key(s, map, keys, other != NULL ? other->key : NULL, &key);
        if (rc == 0)
            rc = read_value(s, &item);
        if (rc < 0)
            return rc;
        item->key = key;
        nip__set_key_place(item, line, column);
        nip__link(map, item);
        other = other != NULL ? other->next : NULL;
        more = read_separator(s, '}', "a comma or }");
    }
    if (alike != NULL)
        *alike = map->as.items.first;
    return more;
}

static int read_map(scanner *s, nip__value *map)
{
    nip__keys keys;
    s->p++;
    skip_blanks(s);
    if (s->p < s->end && *s->p == '}') {
        s->p++;
        return 0;
    }
    NIP__KEYS_INIT(&keys);
    int rc = read_members(s, map, &keys);
    nip__keys_clear(&keys);
    return rc;
}

static int read_container(scanner *s, nip__value *value)
{
    if (s->depth >= s->limits->depth)
        return fail(s, NIP_E_LIMIT, "more than %d levels, the most that is read", s->limits->depth);
    s->depth++;
    int rc = value->kind == NIP__MAP ? read_map(s, value) : read_list(s, value);
    s->depth--;
    return rc;
}

static int read_text(scanner *s, nip__value *value)
{
    return read_string(s, NULL, &value->as.string.text, &value->as.string.length);
}

static int read_value(scanner *s, nip__value **value)
{
    if (s->p >= s->end)
        return expected(s, "a value");
    char c = *s->p;
    nip__kind kind = c == '{' ? NIP__MAP : c == '[' ? NIP__LIST : c == '"' ? NIP__STRING : NIP__NULL;
    int rc = new_value(s, kind, value);
    if (rc < 0)
        return rc;
    if (kind == NIP__STRING)
        return read_text(s, *value);
    if (kind != NIP__NULL)
        return read_container(s, *value);
    if (c == '-' || (c >= '0' && c <= '9'))
        return read_number(s, *value);
    return read_word(s, *value);
}

int nip__json_read(nip__arena *arena, const char *text, size_t length, const char *name, const nip__limits *limits,
                   nip__value **value, nip_error **err)
{
    if (length > limits->bytes)
        return nip__fail_at(err, NIP_E_LIMIT, name, 0, 0, NULL, "%zu bytes: at most %zu are read", length,
                            limits->bytes);
    if (nip__arena_failed(arena))
        return nip__nomem(err);
    const nip__value *alike[ALIKE_LEVELS] = {NULL};
    scanner s = {.p = text,
                 .end = text + length,
                 .line_start = text,
                 .line = 1,
                 .limits = limits,
                 .arena = arena,
                 .name = name,
                 .err = err,
                 .alike = alike};
    nip__value *root = NULL;
    skip_blanks(&s);
    int rc = read_value(&s, &root);
    if (rc < 0)
        return rc;
    skip_blanks(&s);
    if (s.p < s.end)
        return expected(&s, "the end of the text behind the only value");
    *value = root;
    return 0;
}
