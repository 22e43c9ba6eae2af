/* Compact JSON from a tree. */
#include "doc/json.h"

#include <string.h>

#include "base/text.h"

/* For each byte: 0 as it is, 1 needs a look, else the letter of its short escape. */
static const char escapes[256] = {
    ['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't', ['"'] = '"', ['\\'] = '\\',
    [0x01] = 1,   [0x02] = 1,   [0x03] = 1,   [0x04] = 1,   [0x05] = 1,   [0x06] = 1,  [0x07] = 1,
    [0x0b] = 1,   [0x0e] = 1,   [0x0f] = 1,   [0x10] = 1,   [0x11] = 1,   [0x12] = 1,  [0x13] = 1,
    [0x14] = 1,   [0x15] = 1,   [0x16] = 1,   [0x17] = 1,   [0x18] = 1,   [0x19] = 1,  [0x1a] = 1,
    [0x1b] = 1,   [0x1c] = 1,   [0x1d] = 1,   [0x1e] = 1,   [0x1f] = 1,   [0x7f] = 1,  [0x00] = 1,
};

/* A byte that cannot stand as it is; returns how many bytes were dealt with. */
static size_t write_odd(nip__buffer *buffer, const unsigned char *p, size_t left)
{
    char escape = escapes[p[0]];
    if (p[0] >= 0x80) {
        size_t length = nip__text_character(p, left);
        if (length > 0)
            nip__buffer_put(buffer, (const char *)p, length);
        else
            nip__buffer_text(buffer, "\xef\xbf\xbd"); /* U+FFFD */
        return length > 0 ? length : 1;
    }
    if (escape > 1) {
        char pair[2] = {'\\', escape};
        nip__buffer_put(buffer, pair, sizeof pair);
    } else {
        static const char digits[] = "0123456789abcdef";
        char code[6] = {'\\', 'u', '0', '0', digits[p[0] >> 4], digits[p[0] & 15]};
        nip__buffer_put(buffer, code, sizeof code);
    }
    return 1;
}

static void write_string(nip__buffer *buffer, const char *text, size_t length)
{
    const unsigned char *bytes = (const unsigned char *)text;
    nip__buffer_char(buffer, '"');
    for (size_t i = 0; i < length;) {
        size_t start = i;
        while (i < length && bytes[i] < 0x80 && escapes[bytes[i]] == 0)
            i++;
        if (i > start)
            nip__buffer_put(buffer, text + start, i - start);
        if (i < length)
            i += write_odd(buffer, bytes + i, length - i);
    }
    nip__buffer_char(buffer, '"');
}

void nip__json_write_string(nip__buffer *buffer, const char *text)
{
    if (text == NULL)
        nip__buffer_put(buffer, "null", 4);
    else
        write_string(buffer, text, strlen(text));
}

void nip__json_write_int(nip__buffer *buffer, int64_t integer)
{
    bool exact = integer <= NIP__EXACT_MAX && integer >= -NIP__EXACT_MAX;
    if (!exact)
        nip__buffer_char(buffer, '"');
    nip__buffer_int(buffer, integer);
    if (!exact)
        nip__buffer_char(buffer, '"');
}

void nip__json_write_real(nip__buffer *buffer, double real)
{
    char text[40];
    nip__text_from_real(real, text);
    nip__buffer_text(buffer, text);
    /* Read back without a point, it would be an integer beyond 2^53-1, which is written as a text. */
    if ((real > (double)NIP__EXACT_MAX || real < (double)-NIP__EXACT_MAX) && text[strspn(text, "-0123456789")] == '\0')
        nip__buffer_text(buffer, ".0");
}

static void write_items(nip__buffer *buffer, const nip__value *container)
{
    bool map = container->kind == NIP__MAP;
    nip__buffer_char(buffer, map ? '{' : '[');
    for (NIP__EACH(item, container)) {
        if (item != container->as.items.first)
            nip__buffer_char(buffer, ',');
        if (map) {
            nip__json_write_string(buffer, item->key);
            nip__buffer_char(buffer, ':');
        }
        nip__json_write(buffer, item);
    }
    nip__buffer_char(buffer, map ? '}' : ']');
}

void nip__json_write(nip__buffer *buffer, const nip__value *value)
{
    if (buffer->failed)
        return;
    switch (value == NULL ? NIP__NULL : value->kind) {
    case NIP__NULL:
        nip__buffer_put(buffer, "null", 4);
        break;
    case NIP__BOOL:
        nip__buffer_text(buffer, value->as.boolean ? "true" : "false");
        break;
    case NIP__INT:
        nip__json_write_int(buffer, value->as.integer);
        break;
    case NIP__REAL:
        nip__json_write_real(buffer, value->as.real);
        break;
    case NIP__STRING:
        write_string(buffer, value->as.string.text, value->as.string.length);
        break;
    case NIP__LIST:
    case NIP__MAP:
        write_items(buffer, value);
        break;
    }
}

char *nip__json_text(const nip__value *value)
{
    nip__buffer buffer = NIP__BUFFER(SIZE_MAX / 2);
    nip__json_write(&buffer, value);
    return nip__buffer_take(&buffer);
}
