/* Single values brought into canonical form: one function a type. */
#include "doc/schema_inside.h"

#include <math.h>
#include <string.h>

#include "base/text.h"
#include "base/time.h"

typedef nip__value *applier(const nip__check *check, const nip__field *field, const nip__value *value);

/* Each returns NULL when the value does not fit; the caller tells what would. */

static size_t characters(const nip__value *text)
{
    size_t count = 0;
    for (size_t i = 0; i < text->as.string.length; i++)
        count += ((unsigned char)text->as.string.text[i] & 0xc0) != 0x80;
    return count;
}

static nip__value *written(const nip__check *check, nip__buffer *buffer)
{
    nip__value *value = NULL;
    if (buffer->failed)
        nip__arena_fail(check->arena);
    else
        value = nip__string_of(check->arena, nip__buffer_string(buffer), buffer->length);
    nip__buffer_clear(buffer);
    return value;
}

static nip__value *integer_as_text(const nip__check *check, int64_t integer)
{
    nip__buffer buffer = NIP__BUFFER(32);
    nip__buffer_int(&buffer, integer);
    return written(check, &buffer);
}

static nip__value *apply_text(const nip__check *check, const nip__field *field, const nip__value *value)
{
    if (value->kind == NIP__INT && (field->flags & NIP__F_NUMBER_TEXT) != 0)
        return integer_as_text(check, value->as.integer);
    if (value->kind != NIP__STRING || !nip__field_in_range(field, (double)characters(value)))
        return NULL;
    return nip__copy(check->arena, value);
}

static nip__value *apply_int(const nip__check *check, const nip__field *field, const nip__value *value)
{
    int64_t large = nip__large_int(value, 0); /* as this library's own JSON has it */
    if (large != 0)
        return nip__field_in_range(field, (double)large) ? nip__int(check->arena, large) : NULL;
    double real = value->kind == NIP__REAL ? value->as.real : 0.5;
    if (value->kind == NIP__INT && nip__field_in_range(field, (double)value->as.integer))
        return nip__int(check->arena, value->as.integer);
    if (floor(real) != real || fabs(real) > (double)NIP__EXACT_MAX || !nip__field_in_range(field, real))
        return NULL;
    return nip__int(check->arena, (int64_t)real); /* 1e3 and 6.0 are integers, too */
}

static nip__value *apply_number(const nip__check *check, const nip__field *field, const nip__value *value)
{
    double number;
    if (!nip__number(value, &number) || !nip__field_in_range(field, number))
        return NULL;
    return nip__copy(check->arena, value);
}

static nip__value *apply_bool(const nip__check *check, const nip__field *field, const nip__value *value)
{
    (void)field;
    return value->kind == NIP__BOOL ? nip__copy(check->arena, value) : NULL;
}

static nip__value *apply_duration(const nip__check *check, const nip__field *field, const nip__value *value)
{
    nip_duration duration = 0;
    bool zero = value->kind == NIP__INT && value->as.integer == 0;
    if (!zero && (value->kind != NIP__STRING || !nip__duration_read(value->as.string.text, &duration)))
        return NULL;
    if ((duration < 0 && field->min >= 0) || !nip__field_in_range(field, (double)duration / (double)NIP_SECOND))
        return NULL;
    nip__buffer buffer = NIP__BUFFER(64);
    nip__duration_write(&buffer, duration);
    return written(check, &buffer);
}

/* "1.5GiB": a number, perhaps a blank, a unit. */
static bool read_bytes(const char *text, int64_t *bytes)
{
    static const struct {
        const char *name;
        double size;
    } units[] = {
        {"", 1},      {"B", 1},        {"kB", 1e3},     {"KB", 1e3},     {"MB", 1e6},     {"GB", 1e9},
        {"TB", 1e12}, {"KiB", 0x1p10}, {"MiB", 0x1p20}, {"GiB", 0x1p30}, {"TiB", 0x1p40},
    };
    size_t digits = strspn(text, "0123456789.");
    const char *unit = text + digits + strspn(text + digits, " ");
    double number;
    if (!nip__text_real_of(text, digits, &number))
        return false;
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        double size = number * units[i].size;
        if (strcmp(unit, units[i].name) != 0)
            continue;
        *bytes = size < 0x1p62 ? (int64_t)size : 0;
        return size < 0x1p62;
    }
    return false;
}

static nip__value *apply_bytes(const nip__check *check, const nip__field *field, const nip__value *value)
{
    int64_t bytes;
    if (value->kind == NIP__INT)
        bytes = value->as.integer;
    else if (value->kind != NIP__STRING || !read_bytes(value->as.string.text, &bytes))
        return NULL;
    return bytes >= 0 && nip__field_in_range(field, (double)bytes) ? nip__int(check->arena, bytes) : NULL;
}

static nip__value *apply_enum(const nip__check *check, const nip__field *field, const nip__value *value)
{
    if (value->kind != NIP__STRING)
        return NULL;
    for (size_t i = 0; field->choices[i] != NULL; i++) {
        if (strcmp(value->as.string.text, field->choices[i]) == 0)
            return nip__copy(check->arena, value);
    }
    return NULL;
}

static nip__value *apply_any(const nip__check *check, const nip__field *field, const nip__value *value)
{
    (void)field;
    return check->adopts ? nip__share(check->arena, value) : nip__copy(check->arena, value);
}

static bool is_environment_name(const char *name)
{
    return name[0] != '\0' && (name[0] < '0' || name[0] > '9') &&
           name[strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_")] == '\0';
}

static nip__value *apply_secret(const nip__check *check, const nip__field *field, const nip__value *value)
{
    (void)field;
    const char *name = nip__get_text(value, "env");
    const char *path = nip__get_text(value, "file");
    if (nip__count(value) != 1 || (name == NULL && path == NULL))
        return NULL;
    if (name != NULL ? !is_environment_name(name) : path[0] == '\0')
        return NULL;
    return nip__copy(check->arena, value);
}

static bool read_end(const char *text, size_t length, const nip__field *field, double *end)
{
    return length > 0 && length < 16 && strspn(text, "0123456789") >= length && nip__text_real_of(text, length, end) &&
           nip__field_in_range(field, *end);
}

static nip__value *apply_range(const nip__check *check, const nip__field *field, const nip__value *value)
{
    if (value->kind == NIP__INT && value->as.integer >= 0 && nip__field_in_range(field, (double)value->as.integer))
        return integer_as_text(check, value->as.integer);
    if (value->kind != NIP__STRING)
        return NULL;
    const char *text = value->as.string.text;
    size_t first_length = strcspn(text, "-");
    const char *second = text[first_length] == '-' ? text + first_length + 1 : text;
    double first, last;
    if (!read_end(text, first_length, field, &first) || !read_end(second, strlen(second), field, &last) || first > last)
        return NULL;
    return nip__copy(check->arena, value);
}

nip__value *nip__scalar_apply(const nip__check *check, const nip__field *field, const nip__value *value,
                              const nip__place *place)
{
    static applier *const appliers[] = {
        [NIP__T_TEXT] = apply_text,   [NIP__T_INT] = apply_int,           [NIP__T_NUMBER] = apply_number,
        [NIP__T_BOOL] = apply_bool,   [NIP__T_DURATION] = apply_duration, [NIP__T_BYTES] = apply_bytes,
        [NIP__T_ENUM] = apply_enum,   [NIP__T_ANY] = apply_any,           [NIP__T_SECRET] = apply_secret,
        [NIP__T_RANGE] = apply_range,
    };
    nip__value *applied = appliers[field->type](check, field, value);
    if (applied != NULL) {
        applied->line = value->line;
        applied->column = value->column;
    } else if (!nip__arena_failed(check->arena)) {
        nip__check_mismatch(check, place, field, value);
    }
    return applied;
}
