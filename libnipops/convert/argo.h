/* An Argo Rollouts manifest on its way to a rollout document. Fields and their defaults: Argo Rollouts' types.go and analysis_types.go. */
#ifndef NIP__ARGO_H
#define NIP__ARGO_H

#include "convert/manifests.h"

typedef struct nip__argo {
    nip__arena *arena;
    const nip__value *rollout;                              /* the manifest of kind Rollout */
    const nip__value *templates[NIP__MANIFESTS_MAX];   /* AnalysisTemplate, ClusterAnalysisTemplate */
    size_t template_count;
    nip__value *out;   /* the map under "rollout:" */
    nip__value *notes; /* list of {what, at, line, message} */
} nip__argo;

/* Notes what became of `at` ("spec.strategy.canary.steps[2]"), whose place is that of `where` (may be NULL). */
void nip__argo_note(nip__argo *argo, nip__argo_fate fate, const nip__value *where, const char *at, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* The pod template: artifact, target, health. */
void nip__argo_pod(nip__argo *argo);
/* canary or blueGreen. */
void nip__argo_strategy(nip__argo *argo);
/* Metrics of an analysis ({templates: [...], args: [...]}) become limits in `guard`, and queries of the document's metrics. */
void nip__argo_analysis(nip__argo *argo, const nip__value *analysis, const char *at, nip__value *guard);

/* Seconds of the manifest, a number or a duration such as "10m"; below 0: none. */
nip_duration nip__argo_duration(const nip__value *value, nip_duration otherwise);

#endif
