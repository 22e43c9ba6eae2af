/* Writing YAML. Keys are those of our own schemas: plain words. */
#include "convert/yaml_write.h"

#include "base/text.h"
#include "doc/json.h"

/* What JSON lets stand in a string and YAML does not, or takes for the end of a line; a terminal takes some for a command. */
static unsigned code_to_escape(const unsigned char *p, size_t length)
{
    if (length == 2 && p[0] == 0xc2 && p[1] < 0xa0)
        return p[1]; /* U+0080 to U+009F */
    if (length != 3)
        return 0;
    unsigned code = (p[0] & 0x0fu) << 12 | (p[1] & 0x3fu) << 6 | (p[2] & 0x3fu);
    return code == 0x2028 || code == 0x2029 || code == 0xfeff || code >= 0xfffe ? code : 0;
}

/* JSON is YAML but for those: they become escapes, which both know. */
static void write_value(nip__buffer *buffer, const nip__value *value)
{
    nip__buffer json = NIP__BUFFER(SIZE_MAX / 2);
    nip__json_write(&json, value);
    buffer->failed |= json.failed;
    const unsigned char *p = (const unsigned char *)nip__buffer_string(&json);
    for (size_t left = json.failed ? 0 : json.length; left > 0;) {
        size_t length = *p < 0x80 ? 1 : nip__text_character(p, left);
        unsigned code = code_to_escape(p, length);
        if (code != 0)
            nip__buffer_printf(buffer, "\\u%04x", code);
        else
            nip__buffer_put(buffer, (const char *)p, length);
        p += length, left -= length;
    }
    nip__buffer_clear(&json);
}

static bool holds_maps(const nip__value *value)
{
    return nip__is(value, NIP__LIST) && nip__is(nip__first(value), NIP__MAP);
}

static void write_indent(nip__buffer *buffer, int indent)
{
    for (int i = 0; i < indent; i++)
        nip__buffer_text(buffer, "  ");
}

static void write_items(nip__buffer *buffer, const nip__value *list, int indent)
{
    nip__buffer_char(buffer, '\n');
    for (NIP__EACH(item, list)) {
        write_indent(buffer, indent);
        nip__buffer_text(buffer, "- ");
        write_value(buffer, item);
        nip__buffer_char(buffer, '\n');
    }
}

void nip__yaml_write(nip__buffer *buffer, const nip__value *map, int indent)
{
    for (NIP__EACH(item, map)) {
        write_indent(buffer, indent);
        nip__buffer_text(buffer, item->key);
        nip__buffer_char(buffer, ':');
        if (nip__is(item, NIP__MAP) && nip__count(item) > 0) {
            nip__buffer_char(buffer, '\n');
            nip__yaml_write(buffer, item, indent + 1);
        } else if (holds_maps(item)) {
            write_items(buffer, item, indent + 1);
        } else {
            nip__buffer_char(buffer, ' ');
            write_value(buffer, item);
            nip__buffer_char(buffer, '\n');
        }
    }
}
