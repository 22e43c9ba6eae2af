/* A schema as a reference for people: one row a key, nested keys dotted, as Markdown or as part of a manual page. */
#include "doc/schema_inside.h"

enum { NAME_MAX_BYTES = 4096 };

typedef void row_writer(nip__buffer *buffer, const nip__field *field, const char *name, const char *accepts);

/* ---- Markdown ---- */

static void write_cell(nip__buffer *buffer, const char *text)
{
    for (const char *p = text; p != NULL && *p != '\0'; p++) {
        if (*p == '|')
            nip__buffer_char(buffer, '\\');
        nip__buffer_char(buffer, *p);
    }
}

static void write_markdown_row(nip__buffer *buffer, const nip__field *field, const char *name, const char *accepts)
{
    nip__buffer_text(buffer, "| `");
    nip__buffer_text(buffer, name);
    nip__buffer_text(buffer, "` | ");
    write_cell(buffer, accepts);
    nip__buffer_text(buffer, " | ");
    if ((field->flags & NIP__F_REQUIRED) != 0) {
        nip__buffer_text(buffer, "required");
    } else if (field->otherwise != NULL) {
        nip__buffer_char(buffer, '`');
        write_cell(buffer, field->otherwise);
        nip__buffer_char(buffer, '`');
    }
    nip__buffer_text(buffer, " | ");
    write_cell(buffer, field->help);
    if (field->also != NULL)
        nip__buffer_printf(buffer, " (also `%s`)", field->also);
    if ((field->flags & NIP__F_SECRET) != 0)
        nip__buffer_text(buffer, " (never shown)");
    nip__buffer_text(buffer, " |\n");
}

/* ---- manual page ---- */

/* A line must not begin with what troff takes for a request, and a backslash is one anywhere. */
static void write_roff(nip__buffer *buffer, const char *text)
{
    for (const char *p = text; p != NULL && *p != '\0'; p++) {
        if (*p == '\\')
            nip__buffer_text(buffer, "\\e");
        else if (*p == '-')
            nip__buffer_text(buffer, "\\-");
        else
            nip__buffer_char(buffer, *p);
    }
}

static void write_man_row(nip__buffer *buffer, const nip__field *field, const char *name, const char *accepts)
{
    nip__buffer_text(buffer, ".TP\n\\fB");
    write_roff(buffer, name);
    nip__buffer_text(buffer, "\\fR\n\\&");
    if (field->help != NULL) {
        write_roff(buffer, field->help);
        nip__buffer_text(buffer, ".\n\\&");
    }
    nip__buffer_text(buffer, "Accepts ");
    write_roff(buffer, accepts);
    if ((field->flags & NIP__F_REQUIRED) != 0) {
        nip__buffer_text(buffer, "; required");
    } else if (field->otherwise != NULL) {
        nip__buffer_text(buffer, "; default: ");
        write_roff(buffer, field->otherwise);
    }
    if (field->also != NULL) {
        nip__buffer_text(buffer, "; also spelled ");
        write_roff(buffer, field->also);
    }
    nip__buffer_text(buffer, (field->flags & NIP__F_SECRET) != 0 ? "; never shown.\n" : ".\n");
}

/* ---- all keys ---- */

static void write_rows(nip__buffer *buffer, const nip__field *fields, const char *prefix, row_writer *write);

/* The keys inside a field: of the map that it is, or of the maps that it holds. */
static void write_inner(nip__buffer *buffer, const nip__field *field, const char *name, row_writer *write)
{
    bool holder = field->type == NIP__T_LIST || field->type == NIP__T_DICT;
    const nip__field *inner = holder ? field->item : field;
    if (inner == NULL || inner->type != NIP__T_MAP || inner->fields == NULL)
        return;
    nip__buffer prefix = NIP__BUFFER(NAME_MAX_BYTES);
    nip__buffer_text(&prefix, name);
    nip__buffer_text(&prefix, field->type == NIP__T_LIST ? "[]." : field->type == NIP__T_DICT ? ".NAME." : ".");
    buffer->failed |= prefix.failed;
    write_rows(buffer, inner->fields, nip__buffer_string(&prefix), write);
    nip__buffer_clear(&prefix);
}

static void write_rows(nip__buffer *buffer, const nip__field *fields, const char *prefix, row_writer *write)
{
    for (const nip__field *field = fields; field->name != NULL && !buffer->failed; field++) {
        nip__buffer name = NIP__BUFFER(NAME_MAX_BYTES), accepts = NIP__BUFFER(NAME_MAX_BYTES);
        nip__buffer_text(&name, prefix);
        nip__buffer_text(&name, field->name);
        nip__field_describe(&accepts, field);
        buffer->failed |= name.failed || accepts.failed;
        write(buffer, field, nip__buffer_string(&name), nip__buffer_string(&accepts));
        write_inner(buffer, field, nip__buffer_string(&name), write);
        nip__buffer_clear(&name);
        nip__buffer_clear(&accepts);
    }
}

void nip__schema_write_reference(nip__buffer *buffer, const nip__field *fields, const char *prefix)
{
    nip__buffer_text(buffer, "| key | accepts | default | meaning |\n|---|---|---|---|\n");
    write_rows(buffer, fields, prefix == NULL ? "" : prefix, write_markdown_row);
}

void nip__schema_write_man(nip__buffer *buffer, const nip__field *fields, const char *prefix)
{
    write_rows(buffer, fields, prefix == NULL ? "" : prefix, write_man_row);
}
