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
#include "nipops/convert.h"

void nip__argo_note(nip__argo *argo, nip__argo_fate fate, const nip__value *where, const char *at, const char *format, ...)
{
    char message[512];
    va_list arguments;
    va_start(arguments, format);
    nip__vprint(message, sizeof message, format, arguments);
    va_end(arguments);
    nip__manifests_note(argo->arena, argo->notes, fate, where, at, message);
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

static void sort_in(void *data, const nip__value *manifest)
{
    nip__argo *argo = data;
    const char *kind = nip__get_text(manifest, "kind");
    if (nip__text_equal(kind, "Rollout") && argo->rollout == NULL)
        argo->rollout = manifest;
    else if (nip__text_equal(kind, "AnalysisTemplate") || nip__text_equal(kind, "ClusterAnalysisTemplate"))
        argo->templates[argo->template_count++] = manifest;
    else if (kind != NULL)
        nip__argo_note(argo, NIP__ARGO_DROPPED, manifest, kind, "only one Rollout and its analysis templates are converted");
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
    nip__buffer buffer = NIP__BUFFER(NIP__MANIFESTS_RESULT_MAX);
    nip__buffer_text(&buffer, "# Converted from a manifest of Argo Rollouts. Read it through: the notes say what was guessed, changed and left out.\nrollout:\n");
    nip__yaml_write(&buffer, argo->out, 1);
    return nip__buffer_take(&buffer);
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
    int rc = nip__manifests_read(arena, text, length, name, sort_in, &argo, err);
    if (rc == 0 && argo.rollout == NULL)
        rc = nip__fail(err, NIP_E_DOCUMENT, "%s holds no manifest with kind: Rollout", name);
    if (rc == 0) {
        convert(&argo);
        rc = nip__manifests_result(arena, yaml_of(&argo), argo.notes, json, err);
    }
    nip__arena_free(arena);
    return rc;
}
