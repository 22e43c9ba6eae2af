/* Rows of events or samples from text. */
#include "sla/rows.h"

#include <string.h>

#include "base/csv.h"
#include "base/memory.h"
#include "base/text.h"
#include "base/time.h"
#include "doc/json.h"

enum { COLUMNS_MAX = 64, LINE_MAX_BYTES = 65536, AT = 0, STREAM, GOOD, BAD, TOTAL, UP, KEYS };

static const char *const keys[KEYS] = {"at", "stream", "good", "bad", "total", "up"};
static const nip__limits line_limits = {.bytes = LINE_MAX_BYTES, .depth = 8, .values = 200};

typedef struct reader {
    nip__sla_rows rows;
    const char *name;
    int line;
    nip__buffer text;            /* of one line, taken apart in place */
    int columns[COLUMNS_MAX];    /* which key each column holds; -1: none that matters */
    size_t column_count;
    const char *last_stream;     /* most rows have that of the row before */
} reader;

static int refuse(const reader *r, int code, nip_error **err, const char *message)
{
    return nip__fail_at(err, code, r->name, r->line, 0, NULL, "%s", message);
}

/* ---- one row from its texts ---- */

/* Decimal seconds, to the millisecond; what is finer is refused rather than rounded. */
static bool read_seconds(const char *text, nip__ms *at)
{
    char whole[24];
    size_t length = strcspn(text, ".");
    int64_t seconds = 0, fraction = 0, scale = 100;
    if (length >= sizeof whole)
        return false;
    memcpy(whole, text, length);
    whole[length] = '\0';
    if (!nip__text_int(whole, &seconds) || seconds > NIP__MS_MOST / 1000 || seconds < 0)
        return false;
    const char *digits = text[length] == '.' ? text + length + 1 : "";
    for (; *digits >= '0' && *digits <= '9'; digits++, scale /= 10) {
        if (scale == 0 && *digits != '0')
            return false;
        fraction += scale * (*digits - '0');
    }
    *at = seconds * 1000 + fraction;
    return *digits == '\0' && text[0] != '\0';
}

static bool read_at(const char *text, nip__ms *at)
{
    nip_time time = 0;
    if (text == NULL)
        return false;
    if (read_seconds(text, at))
        return true;
    if (!nip__time_read(text, &time) || time % NIP_MILLISECOND != 0)
        return false;
    *at = time / NIP_MILLISECOND;
    return true;
}

static bool read_standing(const char *text, nip__standing *standing)
{
    static const struct {
        const char *text;
        nip__standing standing;
    } words[] = {{"1", NIP__UP},       {"true", NIP__UP},      {"up", NIP__UP}, {"0", NIP__DOWN},         {"false", NIP__DOWN},
                 {"down", NIP__DOWN},  {"null", NIP__UNKNOWN}, {"", NIP__UNKNOWN}, {"unknown", NIP__UNKNOWN}};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(text, words[i].text) == 0) {
            *standing = words[i].standing;
            return true;
        }
    }
    return false;
}

static bool read_count(const char *text, int64_t *count)
{
    return text == NULL || (nip__text_int(text, count) && *count >= 0);
}

/* Two of good, bad and total; with all three they must add up. */
static const char *read_events(const char *const *texts, nip__sla_row *row)
{
    int64_t total = 0;
    int given = (texts[GOOD] != NULL) + (texts[BAD] != NULL) + (texts[TOTAL] != NULL);
    if (!read_count(texts[GOOD], &row->good) || !read_count(texts[BAD], &row->bad) || !read_count(texts[TOTAL], &total))
        return "good, bad and total must be whole numbers from 0";
    if (given < 2)
        return "two of good, bad and total must be there";
    if (texts[TOTAL] == NULL)
        return NULL;
    if (texts[GOOD] == NULL)
        row->good = total - row->bad;
    else if (texts[BAD] == NULL)
        row->bad = total - row->good;
    return row->good < 0 || row->bad < 0 || row->good > INT64_MAX - row->bad || row->good + row->bad != total
               ? "good and bad must add up to total"
               : NULL;
}

static const char *keep_stream(reader *r, const char *text)
{
    if (text == NULL)
        text = "";
    if (r->last_stream == NULL || strcmp(r->last_stream, text) != 0)
        r->last_stream = nip__arena_text(r->rows.arena, text);
    return r->last_stream;
}

static int add(reader *r, const nip__sla_row *row, nip_error **err)
{
    nip__sla_rows *rows = &r->rows;
    if (rows->count == NIP__SLA_ROWS_MAX)
        return refuse(r, NIP_E_LIMIT, err, "more than 10,000,000 rows");
    nip__sla_row *grown = nip__grow(rows->items, &rows->capacity, rows->count, sizeof *grown);
    if (grown == NULL)
        return nip__nomem(err);
    rows->items = grown;
    rows->items[rows->count++] = *row;
    return 0;
}

/* `texts` by key; NULL: not given. */
static int take_row(reader *r, const char *const *texts, nip_error **err)
{
    nip__sla_row row = {.stream = keep_stream(r, texts[STREAM])};
    if (row.stream == NULL)
        return nip__nomem(err);
    bool events = texts[UP] == NULL;
    const char *problem = NULL;
    if (!read_at(texts[AT], &row.at))
        problem = "at must be an instant, 2026-03-29T01:00:00Z or seconds since the epoch, to the millisecond at most";
    else if (events)
        problem = read_events(texts, &row);
    else if (!read_standing(texts[UP], &row.standing))
        problem = "up must be 1, 0, true, false, up, down, unknown or empty";
    if (problem == NULL && r->rows.count > 0 && events != r->rows.events)
        problem = "a file has either events (good, bad, total) or samples (up), not both";
    if (problem != NULL)
        return refuse(r, NIP_E_INVALID, err, problem);
    r->rows.events = events;
    return add(r, &row, err);
}

/* ---- comma-separated values ---- */

static int take_names(reader *r, nip_error **err)
{
    bool has_at = false;
    for (char *rest = r->text.data; rest != NULL;) {
        const char *name = nip__csv_field(&rest);
        if (r->column_count == COLUMNS_MAX)
            return refuse(r, NIP_E_LIMIT, err, "more than 64 columns");
        int found = -1;
        for (int key = 0; key < KEYS; key++)
            found = strcmp(name, keys[key]) == 0 ? key : found;
        has_at |= found == AT;
        r->columns[r->column_count++] = found;
    }
    return has_at ? 0 : refuse(r, NIP_E_SYNTAX, err, "the first line must name the columns, one of which is \"at\"");
}

static int take_values(reader *r, nip_error **err)
{
    const char *texts[KEYS] = {NULL};
    size_t column = 0;
    for (char *rest = r->text.data; rest != NULL; column++) {
        const char *text = nip__csv_field(&rest);
        if (column < r->column_count && r->columns[column] >= 0)
            texts[r->columns[column]] = text;
    }
    return column == r->column_count ? take_row(r, texts, err) : refuse(r, NIP_E_SYNTAX, err, "it has not as many fields as the first line");
}

static int take_csv(reader *r, nip_error **err)
{
    return r->column_count == 0 ? take_names(r, err) : take_values(r, err);
}

/* ---- JSON lines ---- */

static const char *text_of(nip__arena *arena, const nip__value *value)
{
    nip__buffer text = NIP__BUFFER(LINE_MAX_BYTES);
    if (nip__is(value, NIP__STRING))
        return value->as.string.text;
    nip__json_write(&text, value);
    const char *copy = text.failed ? NULL : nip__arena_text(arena, nip__buffer_string(&text));
    nip__buffer_clear(&text);
    return copy;
}

static int take_object(reader *r, nip__arena *arena, nip_error **err)
{
    nip__value *object = NULL;
    const char *texts[KEYS] = {NULL};
    nip_error *why = NULL;
    int rc = nip__json_read(arena, r->text.data, r->text.length, r->name, &line_limits, &object, &why);
    if (rc == NIP_E_NOMEM)
        rc = nip__nomem(err);
    else if (rc < 0 || !nip__is(object, NIP__MAP))
        rc = refuse(r, NIP_E_SYNTAX, err, "it is no JSON object of at most 64 KiB");
    nip_error_free(why);
    for (int key = 0; rc == 0 && key < KEYS; key++) {
        const nip__value *value = nip__get(object, keys[key]);
        texts[key] = value == NULL ? NULL : text_of(arena, value);
        if (value != NULL && texts[key] == NULL)
            rc = nip__nomem(err);
    }
    return rc < 0 ? rc : take_row(r, texts, err);
}

static int take_json(reader *r, nip_error **err)
{
    nip__arena *arena = nip__arena_new();
    int rc = arena == NULL ? nip__nomem(err) : take_object(r, arena, err);
    nip__arena_free(arena);
    return rc;
}

/* ---- lines ---- */

/* The next line as a text of its own; a line end of either kind is left out. */
static int take_line(reader *r, const char **rest, const char *end, nip_error **err)
{
    const char *stop = memchr(*rest, '\n', (size_t)(end - *rest));
    size_t length = (size_t)((stop != NULL ? stop : end) - *rest);
    r->line++;
    nip__buffer_reset(&r->text);
    nip__buffer_put(&r->text, *rest, length > 0 && (*rest)[length - 1] == '\r' ? length - 1 : length);
    *rest = stop != NULL ? stop + 1 : end;
    if (r->text.failed)
        return r->text.full ? refuse(r, NIP_E_LIMIT, err, "a line of more than 64 KiB") : nip__nomem(err);
    return nip__text_utf8(nip__buffer_string(&r->text), r->text.length) ? 0 : refuse(r, NIP_E_SYNTAX, err, "it is no UTF-8");
}

static int read_all(reader *r, const char *text, size_t length, nip_error **err)
{
    int (*take)(reader *, nip_error **) = NULL;
    const char *rest = text;
    while (rest < text + length) {
        int rc = take_line(r, &rest, text + length, err);
        if (rc == 0 && r->text.length > 0) {
            if (take == NULL)
                take = r->text.data[0] == '{' ? take_json : take_csv;
            rc = take(r, err);
        }
        if (rc < 0)
            return rc;
    }
    return 0;
}

int nip__sla_rows_read(const char *text, size_t length, const char *name, nip__sla_rows *rows, nip_error **err)
{
    reader r = {.rows = {.arena = nip__arena_new()}, .name = name, .text = NIP__BUFFER(LINE_MAX_BYTES)};
    int rc = r.rows.arena == NULL ? nip__nomem(err) : read_all(&r, text, length, err);
    nip__buffer_clear(&r.text);
    if (rc < 0)
        nip__sla_rows_clear(&r.rows);
    else
        *rows = r.rows;
    return rc;
}

void nip__sla_rows_clear(nip__sla_rows *rows)
{
    nip__arena_free(rows->arena);
    nip__free(rows->items);
    *rows = (nip__sla_rows){0};
}
