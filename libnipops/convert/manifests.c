/* Manifests of other tools. */
#include "convert/manifests.h"

#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "doc/json.h"
#include "doc/yaml.h"

enum { NOTES_MAX = 1000 };

/* ---- reading ---- */

typedef struct reading {
    nip__arena *arena;
    const char *name;
    void (*each)(void *data, const nip__value *manifest);
    void *data;
} reading;

/* One of the documents between lines of ---. Its lines are counted from the begin of the whole text. */
static int read_part(const reading *r, const char *text, size_t length, size_t lines_above, nip_error **err)
{
    nip__value *manifest = NULL;
    char *padded = nip__arena_alloc(r->arena, lines_above + length + 1);
    if (padded == NULL)
        return nip__nomem(err);
    memset(padded, '\n', lines_above);
    memcpy(padded + lines_above, text, length);
    int rc = nip__yaml_read(r->arena, padded, lines_above + length, r->name, &nip__document_limits, &manifest, err);
    if (rc == 0 && nip__is(manifest, NIP__MAP))
        r->each(r->data, manifest);
    return rc;
}

static bool is_separator(const char *line, size_t length)
{
    return length >= 3 && strncmp(line, "---", 3) == 0 && (length == 3 || line[3] == ' ' || line[3] == '\r');
}

static int read_all(const reading *r, const char *text, size_t length, nip_error **err)
{
    size_t begin = 0, lines = 0, lines_above = 0, parts = 0;
    int rc = 0;
    for (size_t at = 0; rc == 0 && at <= length; lines++) {
        const char *newline = at < length ? memchr(text + at, '\n', length - at) : NULL;
        size_t end = newline != NULL ? (size_t)(newline - text) : length;
        bool separator = is_separator(text + at, end - at), last = newline == NULL;
        size_t part_end = separator ? at : end;
        if ((separator || last) && ++parts > NIP__MANIFESTS_MAX)
            return nip__fail(err, NIP_E_LIMIT, "%s holds more than %d documents", r->name, NIP__MANIFESTS_MAX);
        if (separator || last)
            rc = read_part(r, text + begin, part_end - begin, lines_above, err);
        if (separator) {
            begin = last ? length : end + 1;
            lines_above = lines + 1;
        }
        at = end + 1;
    }
    return rc;
}

int nip__manifests_read(nip__arena *arena, const char *text, size_t length, const char *name, void (*each)(void *data, const nip__value *manifest), void *data,
                        nip_error **err)
{
    if (length > nip__document_limits.bytes)
        return nip__fail(err, NIP_E_LIMIT, "%s is larger than %zu bytes", name, nip__document_limits.bytes);
    return read_all(&(reading){arena, name, each, data}, text, length, err);
}

/* ---- notes ---- */

/* What is named twice says what it says once. */
static bool is_noted(const nip__value *notes, const char *at, const char *message)
{
    for (NIP__EACH(note, notes)) {
        if (nip__text_equal(nip__get_text(note, "at"), at) && nip__text_equal(nip__get_text(note, "message"), message))
            return true;
    }
    return false;
}

void nip__manifests_note(nip__arena *arena, nip__value *notes, nip__argo_fate fate, const nip__value *where, const char *at, const char *message)
{
    static const char *const fates[] = {"changed", "dropped", "guessed"};
    if (nip__count(notes) >= NOTES_MAX || is_noted(notes, at, message))
        return;
    nip__value *note = nip__push(notes, nip__map(arena));
    nip__put_text(arena, note, "what", fates[fate]);
    nip__put_text(arena, note, "at", at);
    nip__put_int(arena, note, "line", where != NULL ? (int64_t)where->line : 0);
    nip__put_text(arena, note, "message", message);
}

/* ---- results ---- */

int nip__manifests_result(nip__arena *arena, char *yaml, const nip__value *notes, char **json, nip_error **err)
{
    nip__buffer buffer = NIP__BUFFER(2 * NIP__MANIFESTS_RESULT_MAX);
    nip__writer w = NIP__WRITER(&buffer);
    nip__write_map(&w, NULL);
    nip__write_int(&w, "v", 1);
    nip__write_text(&w, "document", yaml);
    nip__write_value(&w, "notes", notes);
    nip__write_end_map(&w);
    buffer.failed |= yaml == NULL || nip__arena_failed(arena);
    nip_free(yaml);
    char *taken = nip__buffer_take(&buffer);
    nip__buffer_clear(&buffer);
    if (taken == NULL)
        return nip__nomem(err);
    *json = taken;
    return 0;
}
