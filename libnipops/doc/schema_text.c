/* What a schema says to people: what a field accepts, and what was found instead. */
#include "doc/schema_inside.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/print.h"
#include "base/text.h"
#include "base/time.h"
#include "doc/json.h"

/* ---- what a field accepts ---- */

static bool has_range(const nip__field *field)
{
    return field->min != 0 || field->max != 0;
}

static bool has_upper_end(const nip__field *field)
{
    return field->max >= field->min && field->max < 9e15;
}

bool nip__field_in_range(const nip__field *field, double number)
{
    return !has_range(field) || (number >= field->min && (field->max < field->min || number <= field->max));
}

static void write_bound(nip__buffer *buffer, nip__type type, double bound)
{
    char text[40];
    if (type == NIP__T_DURATION) {
        nip__duration_write(buffer, (nip_duration)(bound * (double)NIP_SECOND));
        return;
    }
    nip__text_from_real(bound, text);
    nip__buffer_text(buffer, text);
}

static void write_range(nip__buffer *buffer, const nip__field *field, const char *unit)
{
    if (!has_range(field))
        return;
    if (!has_upper_end(field)) {
        nip__buffer_text(buffer, " of ");
        write_bound(buffer, field->type, field->min);
        nip__buffer_text(buffer, " or more");
    } else {
        nip__buffer_text(buffer, unit[0] != '\0' ? " of " : " from ");
        write_bound(buffer, field->type, field->min);
        nip__buffer_text(buffer, " to ");
        write_bound(buffer, field->type, field->max);
    }
    nip__buffer_text(buffer, unit);
}

static void write_choices(nip__buffer *buffer, const nip__field *field)
{
    nip__buffer_text(buffer, "one of ");
    for (size_t i = 0; field->choices[i] != NULL; i++) {
        nip__buffer_text(buffer, i > 0 ? ", " : "");
        nip__buffer_text(buffer, field->choices[i]);
    }
}

void nip__field_describe(nip__buffer *buffer, const nip__field *field)
{
    static const struct {
        const char *what, *unit; /* unit NULL: a range says nothing about it */
    } types[] = {
        [NIP__T_TEXT] = {"text", " characters"},
        [NIP__T_INT] = {"an integer", ""},
        [NIP__T_NUMBER] = {"a number", ""},
        [NIP__T_BOOL] = {"true or false", NULL},
        [NIP__T_DURATION] = {"a length of time such as \"90s\" or \"1h30m\"", ""},
        [NIP__T_BYTES] = {"a size such as \"500MB\" or \"1GiB\"", " bytes"},
        [NIP__T_ENUM] = {NULL, NULL},
        [NIP__T_MAP] = {"a map", NULL},
        [NIP__T_DICT] = {"a map", " keys"},
        [NIP__T_LIST] = {"a list", " items"},
        [NIP__T_ANY] = {"any value", NULL},
        [NIP__T_SECRET] = {"{env: NAME} or {file: PATH}", NULL},
        [NIP__T_RANGE] = {"a range such as \"9100-9199\" or a single integer", ""},
    };
    if (field->type == NIP__T_ENUM) {
        write_choices(buffer, field);
        return;
    }
    nip__buffer_text(buffer, types[field->type].what);
    if (types[field->type].unit != NULL)
        write_range(buffer, field, types[field->type].unit);
}

/* ---- problems ---- */

static void write_path(nip__buffer *buffer, const nip__place *place)
{
    if (place == NULL)
        return;
    write_path(buffer, place->outer); /* as deep as schemas nest */
    nip__buffer_char(buffer, '/');
    if (place->key == NULL)
        nip__buffer_int(buffer, (int64_t)place->index);
    for (const char *p = place->key; p != NULL && *p != '\0'; p++) {
        if (*p == '~' || *p == '/')
            nip__buffer_text(buffer, *p == '~' ? "~0" : "~1");
        else
            nip__buffer_char(buffer, *p);
    }
}

void nip__check_problem(const nip__check *check, const nip__place *place, const nip__value *value, const char *format,
                        ...)
{
    if (nip__problems_full(check->problems)) {
        check->problems->dropped++;
        return;
    }
    nip__buffer path = NIP__BUFFER(4096);
    nip__buffer_text(&path, check->path);
    write_path(&path, place);
    char message[1024];
    va_list arguments;
    va_start(arguments, format);
    nip__vprint(message, sizeof message, format, arguments);
    va_end(arguments);
    nip__problems_add(check->problems, check->file, value != NULL ? (int)value->line : 0,
                      value != NULL ? (int)value->column : 0, nip__buffer_string(&path), "%s", message);
    nip__buffer_clear(&path);
}

static void write_found(nip__buffer *buffer, const nip__field *field, const nip__value *value)
{
    if ((field->flags & NIP__F_SECRET) != 0 || field->type == NIP__T_SECRET || value->kind == NIP__NULL ||
        value->kind >= NIP__LIST)
        nip__buffer_text(buffer, nip__kind_name(value->kind));
    else if (value->kind == NIP__STRING)
        nip__buffer_printf(buffer, "\"%.64s\"%s", value->as.string.text, value->as.string.length > 64 ? "..." : "");
    else
        nip__json_write(buffer, value);
}

/* What the author probably has to do. */
static void write_hint(nip__buffer *buffer, const nip__field *field, const nip__value *value)
{
    bool number = value->kind == NIP__INT || value->kind == NIP__REAL;
    const char *text = value->kind == NIP__STRING ? value->as.string.text : NULL;
    const char *nearest = field->type == NIP__T_ENUM ? nip__text_nearest(text, field->choices) : NULL;
    int64_t integer;
    if (nearest != NULL)
        nip__buffer_printf(buffer, "; did you mean \"%s\"?", nearest);
    else if (field->type == NIP__T_TEXT && number)
        nip__buffer_text(buffer, "; put it in quotes");
    else if (field->type == NIP__T_DURATION && number && nip__is(value, NIP__INT) && value->as.integer > 0)
        nip__buffer_printf(buffer, "; it lacks a unit, as in \"%llds\"", (long long)value->as.integer);
    else if (field->type == NIP__T_SECRET)
        nip__buffer_text(
            buffer, "; a secret does not stand in a document: put it in an environment variable and write {env: NAME}");
    else if (field->type == NIP__T_INT && nip__text_int(text, &integer))
        nip__buffer_text(buffer, "; leave the quotes out");
}

void nip__check_mismatch(const nip__check *check, const nip__place *place, const nip__field *field,
                         const nip__value *value)
{
    if (nip__problems_full(check->problems)) {
        check->problems->dropped++;
        return;
    }
    nip__buffer message = NIP__BUFFER(900); /* fits the message of a problem; what is longer is cut */
    nip__buffer_text(&message, "must be ");
    nip__field_describe(&message, field);
    nip__buffer_text(&message, ", found ");
    write_found(&message, field, value);
    write_hint(&message, field, value);
    if (message.failed && !message.full)
        check->problems->nomem = 1;
    nip__check_problem(check, place, value, "%s", nip__buffer_string(&message));
    nip__buffer_clear(&message);
}
