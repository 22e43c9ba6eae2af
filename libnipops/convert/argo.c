/* Argo Rollouts manifests in, a rollout document and an account of what became of everything out. */
#include "convert/argo.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/print.h"
#include "base/text.h"
#include "base/time.h"
#include "convert/yaml_write.h"
#include "doc/json.h"
#include "doc/yaml.h"
#include "nipops/convert.h"

enum { RESULT_MAX = 4 * 1024 * 1024, NOTES_MAX = 1000 };

/* A template that is named twice says what it says once. */
static bool is_noted(const nip__argo *argo, const char *at, const char *message)
{
    for (NIP__EACH(note, argo->notes)) {
        if (nip__text_equal(nip__get_text(note, "at"), at) && nip__text_equal(nip__get_text(note, "message"), message))
            return true;
    }
    return false;
}

void nip__argo_note(nip__argo *argo, nip__argo_fate fate, const nip__value *where, const char *at, const char *format, ...)
{
    static const char *const fates[] = {"changed", "dropped", "guessed"};
    char message[512];
    va_list arguments;
    va_start(arguments, format);
    nip__vprint(message, sizeof message, format, arguments);
    va_end(arguments);
    if (nip__count(argo->notes) >= NOTES_MAX || is_noted(argo, at, message))
        return;
    nip__value *note = nip__push(argo->notes, nip__map(argo->arena));
    nip__put_text(argo->arena, note, "what", fates[fate]);
    nip__put_text(argo->arena, note, "at", at);
    nip__put_int(argo->arena, note, "line", where != NULL ? (int64_t)where->line : 0);
    nip__put_text(argo->arena, note, "message", message);
}

/* "90", 90 and "1m30s". */
nip_duration nip__argo_duration(const nip__value *value, nip_duration otherwise)
{
    enum { SECONDS_MAX = 31536000 };
    int64_t seconds = -1;
    nip_duration duration;
    if (nip__is(value, NIP__INT))
        seconds = value->as.integer;
    else if (nip__is(value, NIP__STRING) && nip__duration_read(value->as.string.text, &duration))
        return duration >= 0 && duration <= SECONDS_MAX * NIP_SECOND ? duration : otherwise;
    else if (!nip__is(value, NIP__STRING) || !nip__text_int(value->as.string.text, &seconds))
        return otherwise;
    return seconds >= 0 && seconds <= SECONDS_MAX ? seconds * NIP_SECOND : otherwise;
}

/* ---- reading ---- */

static void sort_in(nip__argo *argo, const nip__value *manifest)
{
    const char *kind = nip__get_text(manifest, "kind");
    if (nip__text_equal(kind, "Rollout") && argo->rollout == NULL)
        argo->rollout = manifest;
    else if (nip__text_equal(kind, "AnalysisTemplate") || nip__text_equal(kind, "ClusterAnalysisTemplate"))
        argo->templates[argo->template_count++] = manifest;
    else if (kind != NULL)
        nip__argo_note(argo, NIP__ARGO_DROPPED, manifest, kind, "only one Rollout and its analysis templates are converted");
}

/* One of the documents between lines of ---. Its lines are counted from the begin of the whole text. */
static int read_part(nip__argo *argo, const char *text, size_t length, size_t lines_above, const char *name, nip_error **err)
{
    nip__value *manifest = NULL;
    char *padded = nip__arena_alloc(argo->arena, lines_above + length + 1);
    if (padded == NULL)
        return nip__nomem(err);
    memset(padded, '\n', lines_above);
    memcpy(padded + lines_above, text, length);
    int rc = nip__yaml_read(argo->arena, padded, lines_above + length, name, &nip__document_limits, &manifest, err);
    if (rc == 0 && nip__is(manifest, NIP__MAP))
        sort_in(argo, manifest);
    return rc;
}

static bool is_separator(const char *line, size_t length)
{
    return length >= 3 && strncmp(line, "---", 3) == 0 && (length == 3 || line[3] == ' ' || line[3] == '\r');
}

static int read_all(nip__argo *argo, const char *text, size_t length, const char *name, nip_error **err)
{
    size_t begin = 0, lines = 0, lines_above = 0, parts = 0;
    int rc = 0;
    for (size_t at = 0; rc == 0 && at <= length; lines++) {
        const char *newline = at < length ? memchr(text + at, '\n', length - at) : NULL;
        size_t end = newline != NULL ? (size_t)(newline - text) : length;
        bool separator = is_separator(text + at, end - at), last = newline == NULL;
        size_t part_end = separator ? at : end;
        if ((separator || last) && ++parts > NIP__ARGO_DOCUMENTS_MAX)
            return nip__fail(err, NIP_E_LIMIT, "%s holds more than %d documents", name, NIP__ARGO_DOCUMENTS_MAX);
        if (separator || last)
            rc = read_part(argo, text + begin, part_end - begin, lines_above, name, err);
        if (separator) {
            begin = last ? length : end + 1;
            lines_above = lines + 1;
        }
        at = end + 1;
    }
    return rc;
}

/* ---- converting ---- */

static void take_rest(nip__argo *argo)
{
    static const struct {
        const char *key, *why;
    } rest[] = {
        {"workloadRef", "the pod template lies in another manifest: convert that with it written out"},
        {"rollbackWindow", "a way back is immediate while the old version is held: see hold_old"},
        {"analysis", "how many analysis runs are kept: the journal keeps them all"},
        {"revisionHistoryLimit", "the journal keeps every release"},
        {"restartAt", "restarting is no release"},
        {"paused", "a run is paused by nipops pause"},
    };
    const nip__value *spec = nip__get(argo->rollout, "spec");
    for (size_t i = 0; i < sizeof rest / sizeof rest[0]; i++) {
        const nip__value *value = nip__get(spec, rest[i].key);
        if (value != NULL)
            nip__argo_note(argo, NIP__ARGO_DROPPED, value, nip__arena_printf(argo->arena, "spec.%s", rest[i].key), "%s", rest[i].why);
    }
}

/* Templates need not say where Prometheus is. */
static void complete_metrics(nip__argo *argo)
{
    nip__value *metrics = (nip__value *)(uintptr_t)nip__get(argo->out, "metrics"); /* the tree is ours */
    if (metrics == NULL || nip__get(metrics, "url") != NULL)
        return;
    nip__put_text(argo->arena, metrics, "url", "http://127.0.0.1:9090");
    nip__argo_note(argo, NIP__ARGO_GUESSED, NULL, "spec.metrics.provider.prometheus.address", "no address is given: metrics.url is a placeholder");
}

static void convert(nip__argo *argo)
{
    const char *name = nip__get_text(nip__get(argo->rollout, "metadata"), "name");
    nip__put_text(argo->arena, argo->out, "app", name != NULL && nip__text_subject(name) ? name : "app");
    nip__put_int(argo->arena, argo->out, "replicas", nip__get_int(nip__get(argo->rollout, "spec"), "replicas", 1));
    nip__argo_pod(argo);
    nip__argo_strategy(argo);
    complete_metrics(argo);
    take_rest(argo);
}

static char *yaml_of(const nip__argo *argo)
{
    nip__buffer buffer = NIP__BUFFER(RESULT_MAX);
    nip__buffer_text(&buffer, "# Converted from a manifest of Argo Rollouts. Read it through: the notes say what was guessed, changed and left out.\nrollout:\n");
    nip__yaml_write(&buffer, argo->out, 1);
    return nip__buffer_take(&buffer);
}

static int write_result(const nip__argo *argo, char **json, nip_error **err)
{
    char *yaml = nip__arena_failed(argo->arena) ? NULL : yaml_of(argo);
    nip__buffer buffer = NIP__BUFFER(2 * RESULT_MAX);
    nip__writer w = NIP__WRITER(&buffer);
    nip__write_map(&w, NULL);
    nip__write_int(&w, "v", 1);
    nip__write_text(&w, "document", yaml);
    nip__write_value(&w, "notes", argo->notes);
    nip__write_end_map(&w);
    buffer.failed |= yaml == NULL;
    nip_free(yaml);
    char *taken = nip__buffer_take(&buffer);
    if (taken == NULL)
        return nip__nomem(err);
    *json = taken;
    return 0;
}

int nip_argo_convert(const char *text, size_t length, const char *name, char **json, nip_error **err)
{
    NIP_ARG(text != NULL && json != NULL);
    nip__arena *arena = nip__arena_new();
    nip__argo argo = {.arena = arena, .out = nip__map(arena), .notes = nip__list(arena)};
    if (arena == NULL)
        return nip__nomem(err);
    if (name == NULL)
        name = "manifest";
    int rc = length > nip__document_limits.bytes ? nip__fail(err, NIP_E_LIMIT, "%s is larger than %zu bytes", name, nip__document_limits.bytes)
                                                 : read_all(&argo, text, length, name, err);
    if (rc == 0 && argo.rollout == NULL)
        rc = nip__fail(err, NIP_E_DOCUMENT, "%s holds no manifest with kind: Rollout", name);
    if (rc == 0) {
        convert(&argo);
        rc = write_result(&argo, json, err);
    }
    nip__arena_free(arena);
    return rc;
}
