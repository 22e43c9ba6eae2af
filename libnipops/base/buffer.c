/* Growing text: doubles its memory, never holds more than its maximum, and remembers that it failed. */
#include "base/buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/print.h"

static bool fail(nip__buffer *buffer, bool full)
{
    buffer->failed = true;
    buffer->full = buffer->full || full;
    return false;
}

/* Room for `length` more bytes and the NUL. */
static bool reserve(nip__buffer *buffer, size_t length)
{
    if (buffer->failed)
        return false;
    if (buffer->length + length < buffer->capacity && length < buffer->capacity)
        return buffer->length + length <= buffer->max || fail(buffer, true);
    if (length > buffer->max || buffer->length > buffer->max - length)
        return fail(buffer, true);
    size_t needed = buffer->length + length;
    if (needed == SIZE_MAX)
        return fail(buffer, true);
    size_t capacity = buffer->capacity < 64 ? 64 : buffer->capacity;
    while (capacity <= needed)
        capacity = capacity > SIZE_MAX / 2 ? needed + 1 : capacity * 2;
    char *data = nip__realloc(buffer->data, capacity);
    if (data == NULL)
        return fail(buffer, false);
    buffer->data = data;
    buffer->capacity = capacity;
    return true;
}

void nip__buffer_put(nip__buffer *buffer, const char *bytes, size_t length)
{
    if (!reserve(buffer, length))
        return;
    if (length > 0)
        memcpy(buffer->data + buffer->length, bytes, length);
    buffer->length += length;
    buffer->data[buffer->length] = '\0';
}

void nip__buffer_text(nip__buffer *buffer, const char *text)
{
    if (text != NULL)
        nip__buffer_put(buffer, text, strlen(text));
}

void nip__buffer_char(nip__buffer *buffer, char c)
{
    if (!reserve(buffer, 1))
        return;
    buffer->data[buffer->length++] = c;
    buffer->data[buffer->length] = '\0';
}

void nip__buffer_int(nip__buffer *buffer, int64_t value)
{
    char digits[20];
    char *end = digits + sizeof digits;
    char *p = end;
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    do {
        *--p = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (value < 0)
        *--p = '-';
    nip__buffer_put(buffer, p, (size_t)(end - p));
}

void nip__buffer_printf(nip__buffer *buffer, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = nip__vprint(NULL, 0, format, arguments);
    if (length < 0)
        fail(buffer, false);
    else if (reserve(buffer, (size_t)length)) {
        nip__vprint(buffer->data + buffer->length, (size_t)length + 1, format, again);
        buffer->length += (size_t)length;
    }
    va_end(again);
    va_end(arguments);
}

void nip__buffer_reset(nip__buffer *buffer)
{
    buffer->length = 0;
    buffer->failed = false;
    buffer->full = false;
    if (buffer->data != NULL)
        buffer->data[0] = '\0';
}

void nip__buffer_clear(nip__buffer *buffer)
{
    nip__free(buffer->data);
    *buffer = NIP__BUFFER(buffer->max);
}

char *nip__buffer_take(nip__buffer *buffer)
{
    char *text = NULL;
    if (!buffer->failed && reserve(buffer, 0)) {
        buffer->data[buffer->length] = '\0';
        text = buffer->data;
        buffer->data = NULL;
    }
    nip__buffer_clear(buffer);
    return text;
}

const char *nip__buffer_string(const nip__buffer *buffer)
{
    return buffer->data == NULL ? "" : buffer->data;
}
