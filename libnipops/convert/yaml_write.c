/* Writing YAML. Keys are those of our own schemas: plain words. */
#include "convert/yaml_write.h"

#include "doc/json.h"

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
        nip__json_write(buffer, item);
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
            nip__json_write(buffer, item);
            nip__buffer_char(buffer, '\n');
        }
    }
}
