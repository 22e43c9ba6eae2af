/* A schema as JSON Schema (draft 2020-12), for editors and other validators. It accepts whatever the library accepts in the form of the
 * schema; what only a whole document can get wrong, the library still says itself. */
#include "doc/schema_inside.h"

#include <string.h>

#include "doc/json.h"
#include "doc/yaml.h"

#define DURATION_PATTERN "^ *(0|([0-9]+(\\.[0-9]+)?(w|d|h|m|s|ms|us|ns))+) *$"

typedef struct output {
    nip__writer *writer;
    nip__arena *arena; /* for defaults */
} output;

static void write_field(output *o, const char *key, const nip__field *field);

/* Bounds of a field as two keywords; an end that is open is left out. */
static void write_bounds(output *o, const nip__field *field, const char *least, const char *most)
{
    if (field->min == 0 && field->max == 0)
        return;
    nip__write_real(o->writer, least, field->min);
    if (field->max >= field->min)
        nip__write_real(o->writer, most, field->max);
}

static void write_type(output *o, const char *type, bool or_integer)
{
    if (!or_integer) {
        nip__write_text(o->writer, "type", type);
        return;
    }
    nip__write_list(o->writer, "type");
    nip__write_text(o->writer, NULL, type);
    nip__write_text(o->writer, NULL, "integer");
    nip__write_end_list(o->writer);
}

static void write_text(output *o, const nip__field *field)
{
    write_type(o, "string", (field->flags & NIP__F_NUMBER_TEXT) != 0);
    write_bounds(o, field, "minLength", "maxLength");
}

static void write_int(output *o, const nip__field *field)
{
    write_type(o, "integer", false);
    write_bounds(o, field, "minimum", "maximum");
}

static void write_number(output *o, const nip__field *field)
{
    write_type(o, "number", false);
    write_bounds(o, field, "minimum", "maximum");
}

static void write_bool(output *o, const nip__field *field)
{
    (void)field;
    write_type(o, "boolean", false);
}

/* Text in the library's own spelling; a bare 0 has no unit to lack. */
static void write_duration(output *o, const nip__field *field)
{
    nip__write_list(o->writer, "anyOf");
    nip__write_map(o->writer, NULL);
    write_type(o, "string", false);
    nip__write_text(o->writer, "pattern", field->min < 0 ? "^-?[0-9]" : DURATION_PATTERN);
    nip__write_end_map(o->writer);
    nip__write_map(o->writer, NULL);
    nip__write_int(o->writer, "const", 0);
    nip__write_end_map(o->writer);
    nip__write_end_list(o->writer);
}

static void write_bytes(output *o, const nip__field *field)
{
    (void)field;
    write_type(o, "string", true);
    nip__write_text(o->writer, "pattern", "^[0-9.]+ *(B|[kKMGT]B|[KMGT]iB)?$");
    nip__write_int(o->writer, "minimum", 0);
}

static void write_enum(output *o, const nip__field *field)
{
    nip__write_list(o->writer, "enum");
    for (size_t i = 0; field->choices[i] != NULL; i++)
        nip__write_text(o->writer, NULL, field->choices[i]);
    nip__write_end_list(o->writer);
}

static void write_map(output *o, const nip__field *field)
{
    nip__schema_write_json(o->writer, o->arena, field->fields);
}

static void write_dict(output *o, const nip__field *field)
{
    write_type(o, "object", false);
    if (field->item != NULL)
        write_field(o, "additionalProperties", field->item);
    write_bounds(o, field, "minProperties", "maxProperties");
}

static void write_array(output *o, const nip__field *field)
{
    write_type(o, "array", false);
    if (field->item != NULL)
        write_field(o, "items", field->item);
    write_bounds(o, field, "minItems", "maxItems");
}

static void write_list(output *o, const nip__field *field)
{
    if ((field->flags & NIP__F_ONE_OR_LIST) == 0) {
        write_array(o, field);
        return;
    }
    nip__write_list(o->writer, "anyOf");
    nip__write_map(o->writer, NULL);
    write_array(o, field);
    nip__write_end_map(o->writer);
    write_field(o, NULL, field->item);
    nip__write_end_list(o->writer);
}

static void write_any(output *o, const nip__field *field)
{
    if ((field->flags & NIP__F_SAME_DRIVER) != 0)
        nip__write_text(o->writer, "$ref", "#/$defs/same-driver");
    else if ((field->flags & NIP__F_DRIVER) != 0)
        nip__write_text(o->writer, "$ref", "#/$defs/driver");
}

static void write_secret(output *o, const nip__field *field)
{
    (void)field;
    static const char *const ways[] = {"env", "file", NULL};
    write_type(o, "object", false);
    nip__write_map(o->writer, "properties");
    for (size_t i = 0; ways[i] != NULL; i++) {
        nip__write_map(o->writer, ways[i]);
        write_type(o, "string", false);
        nip__write_int(o->writer, "minLength", 1);
        nip__write_end_map(o->writer);
    }
    nip__write_end_map(o->writer);
    nip__write_int(o->writer, "minProperties", 1);
    nip__write_int(o->writer, "maxProperties", 1);
    nip__write_bool(o->writer, "additionalProperties", false);
}

static void write_range(output *o, const nip__field *field)
{
    (void)field;
    write_type(o, "string", true);
    nip__write_text(o->writer, "pattern", "^ *[0-9]+( *- *[0-9]+)? *$");
}

typedef void writer_of_type(output *o, const nip__field *field);

static writer_of_type *const writers[] = {
    [NIP__T_TEXT] = write_text,         [NIP__T_INT] = write_int,     [NIP__T_NUMBER] = write_number,
    [NIP__T_BOOL] = write_bool,         [NIP__T_BYTES] = write_bytes, [NIP__T_DURATION] = write_duration,
    [NIP__T_ENUM] = write_enum,         [NIP__T_MAP] = write_map,     [NIP__T_DICT] = write_dict,
    [NIP__T_LIST] = write_list,         [NIP__T_ANY] = write_any,     [NIP__T_SECRET] = write_secret,
    [NIP__T_RANGE] = write_range,
};

/* ---- one field ---- */

static void write_short_form(output *o, const nip__field *field)
{
    (void)field;
    write_type(o, "string", false);
}

/* The form of the schema, or another that is brought into it before. */
static void write_alternatives(output *o, const nip__field *field, writer_of_type *other)
{
    nip__write_list(o->writer, "anyOf");
    nip__write_map(o->writer, NULL);
    writers[field->type](o, field);
    nip__write_end_map(o->writer);
    nip__write_map(o->writer, NULL);
    other(o, field);
    nip__write_end_map(o->writer);
    nip__write_end_list(o->writer);
}

static void write_default(output *o, const nip__field *field)
{
    nip__value *value = NULL;
    const char *text = field->otherwise;
    int rc = text == NULL ? NIP_E_INVALID : nip__yaml_read(o->arena, text, strlen(text), NULL, &nip__document_limits, &value, NULL);
    if (rc == NIP_E_NOMEM)
        nip__arena_fail(o->arena);
    if (rc == 0)
        nip__write_value(o->writer, "default", value);
}

static void write_field(output *o, const char *key, const nip__field *field)
{
    nip__write_map(o->writer, key);
    if (field->help != NULL)
        nip__write_text(o->writer, "description", field->help);
    if ((field->flags & NIP__F_SHORT_FORM) != 0)
        write_alternatives(o, field, write_short_form);
    else if ((field->flags & NIP__F_MAP_FORM) != 0)
        write_alternatives(o, field, write_map);
    else
        writers[field->type](o, field);
    write_default(o, field);
    nip__write_end_map(o->writer);
}

/* ---- a map ---- */

static bool is_required(const nip__field *field)
{
    return (field->flags & NIP__F_REQUIRED) != 0;
}

static void write_required_one_of(output *o, const nip__field *field)
{
    const char *const spellings[] = {field->name, field->also, NULL};
    nip__write_map(o->writer, NULL);
    nip__write_list(o->writer, "anyOf");
    for (size_t i = 0; spellings[i] != NULL; i++) {
        nip__write_map(o->writer, NULL);
        nip__write_list(o->writer, "required");
        nip__write_text(o->writer, NULL, spellings[i]);
        nip__write_end_list(o->writer);
        nip__write_end_map(o->writer);
    }
    nip__write_end_list(o->writer);
    nip__write_end_map(o->writer);
}

/* A key with two spellings is required in either. */
static void write_required(output *o, const nip__field *fields)
{
    bool either = false;
    nip__write_list(o->writer, "required");
    for (const nip__field *field = fields; field->name != NULL; field++) {
        if (is_required(field) && field->also == NULL)
            nip__write_text(o->writer, NULL, field->name);
        either |= is_required(field) && field->also != NULL;
    }
    nip__write_end_list(o->writer);
    if (!either)
        return;
    nip__write_list(o->writer, "allOf");
    for (const nip__field *field = fields; field->name != NULL; field++) {
        if (is_required(field) && field->also != NULL)
            write_required_one_of(o, field);
    }
    nip__write_end_list(o->writer);
}

void nip__schema_write_json(nip__writer *writer, nip__arena *arena, const nip__field *fields)
{
    output o = {writer, arena};
    write_type(&o, "object", false);
    nip__write_map(writer, "properties");
    for (const nip__field *field = fields; field->name != NULL; field++) {
        write_field(&o, field->name, field);
        if (field->also != NULL)
            write_field(&o, field->also, field);
    }
    nip__write_end_map(writer);
    write_required(&o, fields);
    nip__write_bool(writer, "additionalProperties", false);
}
