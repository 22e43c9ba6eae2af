/* JSON written piece by piece, without a tree. */
#include "doc/json.h"

#include "base/text.h"
#include "base/time.h"

/* Comma and key before a value. */
static nip__buffer *begin(nip__writer *writer, const char *key)
{
    uint64_t bit = UINT64_C(1) << (writer->depth & 63);
    if ((writer->started & bit) != 0)
        nip__buffer_char(writer->buffer, ',');
    writer->started |= bit;
    if (key != NULL) {
        nip__json_write_string(writer->buffer, key);
        nip__buffer_char(writer->buffer, ':');
    }
    return writer->buffer;
}

static void open_level(nip__writer *writer, const char *key, char bracket)
{
    nip__buffer_char(begin(writer, key), bracket);
    writer->depth++;
    writer->started &= ~(UINT64_C(1) << (writer->depth & 63));
}

static void close_level(nip__writer *writer, char bracket)
{
    writer->depth--;
    nip__buffer_char(writer->buffer, bracket);
}

void nip__write_map(nip__writer *writer, const char *key)
{
    open_level(writer, key, '{');
}

void nip__write_list(nip__writer *writer, const char *key)
{
    open_level(writer, key, '[');
}

void nip__write_end_map(nip__writer *writer)
{
    close_level(writer, '}');
}

void nip__write_end_list(nip__writer *writer)
{
    close_level(writer, ']');
}

void nip__write_text(nip__writer *writer, const char *key, const char *text)
{
    nip__json_write_string(begin(writer, key), text);
}

void nip__write_int(nip__writer *writer, const char *key, int64_t integer)
{
    nip__json_write_int(begin(writer, key), integer);
}

void nip__write_real(nip__writer *writer, const char *key, double real)
{
    nip__json_write_real(begin(writer, key), real);
}

void nip__write_bool(nip__writer *writer, const char *key, bool boolean)
{
    nip__buffer_text(begin(writer, key), boolean ? "true" : "false");
}

void nip__write_null(nip__writer *writer, const char *key)
{
    nip__buffer_text(begin(writer, key), "null");
}

void nip__write_time(nip__writer *writer, const char *key, nip_time time)
{
    if (time == NIP_TIME_NONE || time == NIP_TIME_MAX) {
        nip__write_null(writer, key);
        return;
    }
    nip__buffer *buffer = begin(writer, key);
    nip__buffer_char(buffer, '"');
    nip__time_write(buffer, time);
    nip__buffer_char(buffer, '"');
}

void nip__write_duration(nip__writer *writer, const char *key, nip_duration duration)
{
    nip__buffer *buffer = begin(writer, key);
    nip__buffer_char(buffer, '"');
    nip__duration_write(buffer, duration);
    nip__buffer_char(buffer, '"');
}

void nip__write_value(nip__writer *writer, const char *key, const nip__value *value)
{
    nip__json_write(begin(writer, key), value);
}

void nip__write_raw(nip__writer *writer, const char *key, const char *json)
{
    nip__buffer_text(begin(writer, key), json == NULL ? "null" : json);
}
