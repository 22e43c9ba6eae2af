/* The document tree: reading and building. */
#include "doc/value.h"

#include <math.h>
#include <string.h>

#include "base/text.h"
#include "base/time.h"

/* ---- reading ---- */

const char *nip__kind_name(nip__kind kind)
{
    static const char *const names[] = {"nothing", "true or false", "an integer", "a number",
                                        "text",    "a list",        "a map"};
    return (unsigned)kind < sizeof names / sizeof names[0] ? names[kind] : "nothing";
}

bool nip__is(const nip__value *value, nip__kind kind)
{
    return value != NULL && value->kind == kind;
}

static bool is_container(const nip__value *value)
{
    return value != NULL && value->kind >= NIP__LIST;
}

const nip__value *nip__get(const nip__value *map, const char *key)
{
    if (!nip__is(map, NIP__MAP) || key == NULL)
        return NULL;
    for (const nip__value *item = map->as.items.first; item != NULL; item = item->next) {
        if (strcmp(item->key, key) == 0)
            return item;
    }
    return NULL;
}

static const char *text_of(const nip__value *value)
{
    return nip__is(value, NIP__STRING) ? value->as.string.text : NULL;
}

const char *nip__get_text(const nip__value *map, const char *key)
{
    return text_of(nip__get(map, key));
}

int64_t nip__large_int(const nip__value *value, int64_t otherwise)
{
    int64_t integer;
    if (!nip__text_int(text_of(value), &integer))
        return otherwise;
    return integer > NIP__EXACT_MAX || integer < -NIP__EXACT_MAX ? integer : otherwise;
}

int64_t nip__get_int(const nip__value *map, const char *key, int64_t otherwise)
{
    const nip__value *value = nip__get(map, key);
    return nip__is(value, NIP__INT) ? value->as.integer : nip__large_int(value, otherwise);
}

bool nip__number(const nip__value *value, double *number)
{
    if (nip__is(value, NIP__INT))
        *number = (double)value->as.integer;
    else if (nip__is(value, NIP__REAL))
        *number = value->as.real;
    else
        return false;
    return true;
}

double nip__get_number(const nip__value *map, const char *key, double otherwise)
{
    double number;
    return nip__number(nip__get(map, key), &number) ? number : otherwise;
}

bool nip__get_bool(const nip__value *map, const char *key, bool otherwise)
{
    const nip__value *value = nip__get(map, key);
    return nip__is(value, NIP__BOOL) ? value->as.boolean : otherwise;
}

nip_duration nip__get_duration(const nip__value *map, const char *key, nip_duration otherwise)
{
    nip_duration duration;
    return nip__duration_read(nip__get_text(map, key), &duration) ? duration : otherwise;
}

nip_time nip__get_time(const nip__value *map, const char *key, nip_time otherwise)
{
    nip_time time;
    return nip__time_read(nip__get_text(map, key), &time) ? time : otherwise;
}

const nip__value *nip__first(const nip__value *list_or_map)
{
    return is_container(list_or_map) ? list_or_map->as.items.first : NULL;
}

size_t nip__count(const nip__value *list_or_map)
{
    return is_container(list_or_map) ? list_or_map->as.items.count : 0;
}

const nip__value *nip__at(const nip__value *list, size_t index)
{
    if (!nip__is(list, NIP__LIST) || index >= list->as.items.count)
        return NULL;
    const nip__value *item = list->as.items.first;
    for (; index > 0; index--)
        item = item->next;
    return item;
}

/* Compares `key` with the pointer's next token, where ~1 stands for / and ~0 for ~. Nothing is allocated. */
static bool token_is(const char *token, size_t length, const char *key)
{
    for (size_t i = 0; i < length; i++, key++) {
        char c = token[i];
        if (c == '~' && i + 1 < length && (token[i + 1] == '0' || token[i + 1] == '1'))
            c = token[++i] == '0' ? '~' : '/';
        if (*key != c)
            return false;
    }
    return *key == '\0';
}

static const nip__value *member(const nip__value *map, const char *token, size_t length)
{
    for (NIP__EACH(item, map)) {
        if (token_is(token, length, item->key))
            return item;
    }
    return NULL;
}

static const nip__value *element(const nip__value *list, const char *token, size_t length)
{
    size_t index = 0;
    if (length == 0 || length > 9 || (length > 1 && token[0] == '0'))
        return NULL;
    for (size_t i = 0; i < length; i++) {
        if (token[i] < '0' || token[i] > '9')
            return NULL;
        index = index * 10 + (size_t)(token[i] - '0');
    }
    return nip__at(list, index);
}

const nip__value *nip__pointer(const nip__value *value, const char *pointer)
{
    if (pointer == NULL)
        return NULL;
    while (value != NULL && *pointer != '\0') {
        if (*pointer != '/')
            return NULL;
        pointer++;
        size_t length = strcspn(pointer, "/");
        value = nip__is(value, NIP__MAP) ? member(value, pointer, length) : element(value, pointer, length);
        pointer += length;
    }
    return value;
}

/* ---- comparing ---- */

static bool numbers_equal(const nip__value *a, const nip__value *b)
{
    if (a->kind == b->kind)
        return a->kind == NIP__INT ? a->as.integer == b->as.integer : a->as.real == b->as.real;
    int64_t integer = a->kind == NIP__INT ? a->as.integer : b->as.integer;
    double real = a->kind == NIP__INT ? b->as.real : a->as.real;
    /* through the integer: a large integer as a double may be another number */
    return real >= -0x1p63 && real < 0x1p63 && floor(real) == real && (int64_t)real == integer;
}

static bool lists_equal(const nip__value *a, const nip__value *b)
{
    const nip__value *other = nip__first(b);
    for (NIP__EACH(item, a)) {
        if (!nip__equal(item, other))
            return false;
        other = other->next;
    }
    return true;
}

/* Looks for each key where the last one was found, so that maps in the same order (nearly all) take one pass. */
static bool maps_equal(const nip__value *a, const nip__value *b)
{
    const nip__value *other = nip__first(b);
    for (NIP__EACH(item, a)) {
        if (other == NULL || strcmp(other->key, item->key) != 0)
            other = nip__get(b, item->key);
        if (other == NULL || !nip__equal(item, other))
            return false;
        other = other->next;
    }
    return true;
}

bool nip__equal(const nip__value *a, const nip__value *b)
{
    if (a == NULL || b == NULL)
        return a == b;
    if ((a->kind == NIP__INT || a->kind == NIP__REAL) && (b->kind == NIP__INT || b->kind == NIP__REAL))
        return numbers_equal(a, b);
    if (a->kind != b->kind || nip__count(a) != nip__count(b))
        return false;
    switch (a->kind) {
    case NIP__BOOL:
        return a->as.boolean == b->as.boolean;
    case NIP__STRING:
        return a->as.string.length == b->as.string.length &&
               memcmp(a->as.string.text, b->as.string.text, a->as.string.length) == 0;
    case NIP__LIST:
        return lists_equal(a, b);
    case NIP__MAP:
        return maps_equal(a, b);
    default:
        return true;
    }
}

/* ---- building ---- */

static nip__value *make(nip__arena *arena, nip__kind kind)
{
    nip__value *value = nip__arena_alloc(arena, sizeof *value);
    if (value != NULL)
        value->kind = kind;
    return value;
}

nip__value *nip__map(nip__arena *arena)
{
    return make(arena, NIP__MAP);
}

nip__value *nip__list(nip__arena *arena)
{
    return make(arena, NIP__LIST);
}

nip__value *nip__null(nip__arena *arena)
{
    return make(arena, NIP__NULL);
}

nip__value *nip__string_of(nip__arena *arena, const char *text, size_t length)
{
    if (text == NULL)
        return nip__null(arena);
    nip__value *value = make(arena, NIP__STRING);
    const char *copy = nip__arena_copy(arena, text, length);
    if (value == NULL || copy == NULL)
        return NULL;
    value->as.string.text = copy;
    value->as.string.length = length;
    return value;
}

nip__value *nip__string(nip__arena *arena, const char *text)
{
    return nip__string_of(arena, text, text == NULL ? 0 : strlen(text));
}

nip__value *nip__int(nip__arena *arena, int64_t integer)
{
    nip__value *value = make(arena, NIP__INT);
    if (value != NULL)
        value->as.integer = integer;
    return value;
}

nip__value *nip__real(nip__arena *arena, double real)
{
    nip__value *value = make(arena, NIP__REAL);
    if (value != NULL)
        value->as.real = real;
    return value;
}

nip__value *nip__bool(nip__arena *arena, bool boolean)
{
    nip__value *value = make(arena, NIP__BOOL);
    if (value != NULL)
        value->as.boolean = boolean;
    return value;
}

void nip__set_key_place(nip__value *value, uint32_t line, uint32_t column)
{
    bool fits = value->line >= line && value->line - line <= UINT16_MAX && column <= UINT16_MAX;
    value->key_above = fits ? (uint16_t)(value->line - line) : 0;
    value->key_column = fits ? (uint16_t)column : 0;
}

uint32_t nip__key_line(const nip__value *value)
{
    return value->key_column == 0 ? value->line : value->line - value->key_above;
}

uint32_t nip__key_column(const nip__value *value)
{
    return value->key_column == 0 ? value->column : value->key_column;
}

nip__value *nip__append(nip__arena *arena, nip__value *map, const char *key, nip__value *value)
{
    const char *copy = value == NULL ? NULL : nip__arena_text(arena, key);
    if (map == NULL || copy == NULL)
        return value;
    value->key = copy;
    nip__link(map, value);
    return value;
}

nip__value *nip__push(nip__value *list, nip__value *value)
{
    if (list != NULL && value != NULL) {
        value->key = NULL;
        nip__link(list, value);
    }
    return value;
}

static nip__value *copy_shallow(nip__arena *arena, const nip__value *value)
{
    if (value->kind == NIP__STRING)
        return nip__string_of(arena, value->as.string.text, value->as.string.length);
    nip__value *copy = make(arena, value->kind);
    if (copy != NULL && !is_container(value))
        copy->as = value->as;
    return copy;
}

nip__value *nip__copy(nip__arena *arena, const nip__value *value)
{
    nip__value *copy = value == NULL ? NULL : copy_shallow(arena, value);
    if (copy == NULL)
        return NULL;
    copy->line = value->line;
    copy->column = value->column;
    copy->key_above = value->key_above;
    copy->key_column = value->key_column;
    for (NIP__EACH(item, value)) { /* documents are at most 64 levels deep */
        nip__value *inner = nip__copy(arena, item);
        if (value->kind == NIP__MAP)
            nip__append(arena, copy, item->key, inner);
        else
            nip__push(copy, inner);
    }
    return copy;
}

nip__value *nip__share(nip__arena *arena, const nip__value *value)
{
    nip__value *again = value != NULL ? nip__arena_alloc(arena, sizeof *again) : NULL;
    if (again != NULL) {
        *again = *value;
        again->key = NULL;
        again->next = NULL;
    }
    return again;
}

void nip__remove(nip__value *map, const char *key)
{
    if (!nip__is(map, NIP__MAP) || key == NULL)
        return;
    nip__value *before = NULL;
    for (nip__value *item = map->as.items.first; item != NULL; before = item, item = item->next) {
        if (strcmp(item->key, key) != 0)
            continue;
        if (before == NULL)
            map->as.items.first = item->next;
        else
            before->next = item->next;
        if (map->as.items.last == item)
            map->as.items.last = before;
        map->as.items.count--;
        return;
    }
}

/* Puts `value` where `old` is, so that a replaced key keeps its place. */
static bool replace(nip__value *map, const char *key, nip__value *value)
{
    nip__value *before = NULL;
    for (nip__value *item = map->as.items.first; item != NULL; before = item, item = item->next) {
        if (strcmp(item->key, key) != 0)
            continue;
        value->key = item->key;
        if (item == value)
            return true;
        value->next = item->next;
        if (before == NULL)
            map->as.items.first = value;
        else
            before->next = value;
        if (map->as.items.last == item)
            map->as.items.last = value;
        return true;
    }
    return false;
}

nip__value *nip__put(nip__arena *arena, nip__value *map, const char *key, nip__value *value)
{
    if (!nip__is(map, NIP__MAP) || value == NULL || key == NULL || replace(map, key, value))
        return value;
    return nip__append(arena, map, key, value);
}

void nip__put_text(nip__arena *arena, nip__value *map, const char *key, const char *text)
{
    if (text != NULL)
        nip__put(arena, map, key, nip__string(arena, text));
}

void nip__put_int(nip__arena *arena, nip__value *map, const char *key, int64_t integer)
{
    nip__put(arena, map, key, nip__int(arena, integer));
}

void nip__put_real(nip__arena *arena, nip__value *map, const char *key, double real)
{
    nip__put(arena, map, key, nip__real(arena, real));
}

void nip__put_bool(nip__arena *arena, nip__value *map, const char *key, bool boolean)
{
    nip__put(arena, map, key, nip__bool(arena, boolean));
}

static void put_written(nip__arena *arena, nip__value *map, const char *key, nip__buffer *buffer)
{
    if (buffer->failed)
        nip__arena_fail(arena);
    else
        nip__put(arena, map, key, nip__string_of(arena, nip__buffer_string(buffer), buffer->length));
    nip__buffer_clear(buffer);
}

void nip__put_duration(nip__arena *arena, nip__value *map, const char *key, nip_duration duration)
{
    nip__buffer buffer = NIP__BUFFER(64);
    nip__duration_write(&buffer, duration);
    put_written(arena, map, key, &buffer);
}

void nip__put_time(nip__arena *arena, nip__value *map, const char *key, nip_time time)
{
    nip__buffer buffer = NIP__BUFFER(64);
    if (time == NIP_TIME_NONE || time == NIP_TIME_MAX) {
        nip__put(arena, map, key, nip__null(arena));
        return;
    }
    nip__time_write(&buffer, time);
    put_written(arena, map, key, &buffer);
}

void nip__push_text(nip__arena *arena, nip__value *list, const char *text)
{
    nip__push(list, nip__string(arena, text));
}
