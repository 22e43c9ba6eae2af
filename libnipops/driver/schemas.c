/* Schemas for people and editors: those of documents, and of drivers' settings inside them. */
#include "nipops/schema.h"

#include "base/error.h"
#include "base/text.h"
#include "doc/doc.h"
#include "doc/json.h"
#include "driver/driver.h"
#include "plan/fields.h"

enum { SCHEMA_MAX = 4 * 1024 * 1024 };

/* A plan is read without the general way of documents, but has a table as well. */
static const nip__field *document_fields(const char *name)
{
    const nip__doc_kind *kind = nip__doc_kind_named(name);
    if (kind == NULL)
        return NULL;
    return kind == &nip__doc_plan ? nip__plan_fields : kind->fields;
}

static const nip__field *driver_fields(const char *name)
{
    const nip__driver_kind *kind = nip__driver_kind_find(name);
    return kind != NULL ? kind->fields : NULL;
}

/* ---- JSON Schema ---- */

/* {"if": {"properties": {"driver": {"const": NAME}}}, "then": {"$ref": "#/$defs/NAME"}} */
static void write_case(nip__writer *w, nip__arena *arena, const char *name)
{
    nip__write_map(w, NULL);
    nip__write_map(w, "if");
    nip__write_map(w, "properties");
    nip__write_map(w, "driver");
    nip__write_text(w, "const", name);
    nip__write_end_map(w);
    nip__write_end_map(w);
    nip__write_end_map(w);
    nip__write_map(w, "then");
    nip__write_text(w, "$ref", nip__arena_printf(arena, "#/$defs/%s", name));
    nip__write_end_map(w);
    nip__write_end_map(w);
}

/* A host may have drivers of its own, so any name will do; for the built-in ones their settings are known. */
static void write_driver(nip__writer *w, nip__arena *arena)
{
    const char *const *names = nip__driver_kind_names();
    nip__write_map(w, "driver");
    nip__write_text(w, "type", "object");
    nip__write_map(w, "properties");
    nip__write_map(w, "driver");
    nip__write_text(w, "type", "string");
    nip__write_list(w, "examples");
    for (size_t i = 0; names[i] != NULL; i++)
        nip__write_text(w, NULL, names[i]);
    nip__write_end_list(w);
    nip__write_end_map(w);
    nip__write_end_map(w);
    nip__write_list(w, "required");
    nip__write_text(w, NULL, "driver");
    nip__write_end_list(w);
    nip__write_list(w, "allOf");
    for (size_t i = 0; names[i] != NULL; i++)
        write_case(w, arena, names[i]);
    nip__write_end_list(w);
    nip__write_end_map(w);
}

/* {"anyOf": [{"properties": {"driver": {}}, "additionalProperties": false, "required": ["driver"]}, {"$ref": "#/$defs/driver"}]} */
static void write_same_driver(nip__writer *w)
{
    nip__write_map(w, "same-driver");
    nip__write_list(w, "anyOf");
    nip__write_raw(w, NULL,
                   "{\"type\":\"object\",\"properties\":{\"driver\":{\"type\":\"string\"}},\"required\":[\"driver\"],"
                   "\"additionalProperties\":false}");
    nip__write_raw(w, NULL, "{\"$ref\":\"#/$defs/driver\"}");
    nip__write_end_list(w);
    nip__write_end_map(w);
}

static void write_definitions(nip__writer *w, nip__arena *arena)
{
    const char *const *names = nip__driver_kind_names();
    nip__write_map(w, "$defs");
    write_driver(w, arena);
    write_same_driver(w);
    for (size_t i = 0; names[i] != NULL; i++) {
        nip__write_map(w, names[i]);
        nip__schema_write_json(w, arena, driver_fields(names[i]));
        nip__write_end_map(w);
    }
    nip__write_end_map(w);
}

static bool has_drivers(const nip__field *fields)
{
    for (const nip__field *field = fields; field->name != NULL; field++) {
        if ((field->flags & NIP__F_DRIVER) != 0 || (field->fields != NULL && has_drivers(field->fields)))
            return true;
    }
    return false;
}

static void write_json(nip__buffer *buffer, nip__arena *arena, const char *name, const nip__field *fields, bool driver)
{
    nip__writer w = NIP__WRITER(buffer);
    nip__write_map(&w, NULL);
    nip__write_text(&w, "$schema", "https://json-schema.org/draft/2020-12/schema");
    nip__write_text(&w, "title", nip__arena_printf(arena, driver ? "settings of the nipops driver %s" : "nipops %s document", name));
    nip__schema_write_json(&w, arena, fields);
    if (has_drivers(fields))
        write_definitions(&w, arena);
    nip__write_end_map(&w);
}

/* ---- the three formats ---- */

static void write_markdown(nip__buffer *buffer, nip__arena *arena, const char *name, const nip__field *fields, bool driver)
{
    (void)arena;
    (void)name;
    (void)driver;
    nip__schema_write_reference(buffer, fields, NULL);
}

static void write_man(nip__buffer *buffer, nip__arena *arena, const char *name, const nip__field *fields, bool driver)
{
    (void)arena;
    (void)name;
    (void)driver;
    nip__schema_write_man(buffer, fields, NULL);
}

static const struct {
    const char *name;
    void (*write)(nip__buffer *buffer, nip__arena *arena, const char *name, const nip__field *fields, bool driver);
} formats[] = {{"json-schema", write_json}, {"markdown", write_markdown}, {"man", write_man}};
enum { FORMAT_COUNT = sizeof formats / sizeof formats[0] };

static int find_format(const char *format)
{
    for (int i = 0; i < FORMAT_COUNT; i++) {
        if (nip__text_equal(formats[i].name, format))
            return i;
    }
    return -1;
}

/* The driver "train" serves the document of the same name and has no settings that a person writes. */
static bool is_listed(const char *name, bool driver)
{
    return !driver || document_fields(name) == NULL;
}

static void list_names(nip__buffer *buffer, const char *const *names, bool driver)
{
    for (size_t i = 0; names[i] != NULL; i++)
        if (is_listed(names[i], driver))
            nip__buffer_printf(buffer, "%s%s", buffer->length > 0 ? ", " : "", names[i]);
}

static int no_such_schema(const char *name, nip_error **err)
{
    nip__buffer known = NIP__BUFFER(1024);
    list_names(&known, nip__doc_kind_names(), false);
    list_names(&known, nip__driver_kind_names(), true);
    int rc = nip__fail(err, NIP_E_NOTFOUND, "there is no schema \"%.64s\": it is one of %s", name, nip__buffer_string(&known));
    nip__buffer_clear(&known);
    return rc;
}

int nip_schema_write(const char *name, const char *format, char **text, nip_error **err)
{
    NIP_ARG(name != NULL && format != NULL && text != NULL);
    const nip__field *document = document_fields(name), *fields = document != NULL ? document : driver_fields(name);
    int chosen = find_format(format);
    if (fields == NULL)
        return no_such_schema(name, err);
    if (chosen < 0)
        return nip__fail(err, NIP_E_INVALID, "a schema is written as json-schema, markdown or man, found \"%.64s\"", format);
    nip__arena *arena = nip__arena_new();
    if (arena == NULL)
        return nip__nomem(err);
    nip__buffer buffer = NIP__BUFFER(SCHEMA_MAX);
    formats[chosen].write(&buffer, arena, name, fields, document == NULL);
    buffer.failed |= nip__arena_failed(arena);
    char *written = nip__buffer_take(&buffer);
    nip__arena_free(arena);
    if (written == NULL)
        return nip__nomem(err);
    *text = written;
    return 0;
}

static void write_names(nip__writer *w, const char *const *names, bool driver)
{
    for (size_t i = 0; names[i] != NULL; i++) {
        if (!is_listed(names[i], driver))
            continue;
        nip__write_map(w, NULL);
        nip__write_text(w, "name", names[i]);
        nip__write_text(w, "of", driver ? "driver" : "document");
        nip__write_end_map(w);
    }
}

int nip_schema_list(char **json, nip_error **err)
{
    NIP_ARG(json != NULL);
    nip__buffer buffer = NIP__BUFFER(SCHEMA_MAX);
    nip__writer w = NIP__WRITER(&buffer);
    nip__write_list(&w, NULL);
    write_names(&w, nip__doc_kind_names(), false);
    write_names(&w, nip__driver_kind_names(), true);
    nip__write_end_list(&w);
    char *written = nip__buffer_take(&buffer);
    if (written == NULL)
        return nip__nomem(err);
    *json = written;
    return 0;
}
