/**
 * nipops/convert.h: documents of other tools, brought into ours. Pure: text in, text out, and an account of what became of every part.
 */
#ifndef NIPOPS_CONVERT_H
#define NIPOPS_CONVERT_H

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Converts a manifest of Argo Rollouts (argoproj.io/v1alpha1): a Rollout, with the AnalysisTemplates that it names.
 *
 * @param text    YAML documents separated by lines of ---, UTF-8, at most 8 MiB and 100 documents
 * @param length  its bytes
 * @param name    what to call it in messages; NULL: "manifest"
 * @param json    out, owned: nip_free.
 *                {"v":1,"document":"rollout: ...","notes":[{"what":"dropped","at":"spec.strategy.canary.steps[2].setHeaderRoute","line":31,"message":"..."}]}
 * @return 0, NIP_E_SYNTAX, NIP_E_LIMIT, NIP_E_DOCUMENT (no Rollout among the documents)
 *
 * `document` is YAML that nip_doc_check takes. What the manifest cannot say (what runs instances on machines, which router) is filled in with placeholders, each with a note "guessed". "changed" means
 * carried over with another meaning, "dropped" left out; every note says why. Steps setWeight and pause become stages, a pause without end an approval, conditions on Prometheus queries limits of a
 * guard: ratios of rates are turned into counts. The defaults taken are those of Argo Rollouts and Kubernetes. May be called from any thread.
 */
NIP_API int nip_argo_convert(const char *text, size_t length, const char *name, char **json, nip_error **err);

/**
 * Converts manifests of OpenSLO (openslo/v1): SLOs with the SLIs and data sources that they name, into one document of kind "sla". Parameters and result as
 * nip_argo_convert; NIP_E_DOCUMENT: no SLO among the documents.
 *
 * Ratio metrics become indicators of events: from a query that sums the rates of a counter its selector is taken, since raw samples are asked here. Targets are kept to
 * the digit. Calendar windows become the document's period, time zones its zone. Thresholds and budgets by time slices are dropped, with a note.
 */
NIP_API int nip_openslo_convert(const char *text, size_t length, const char *name, char **json, nip_error **err);

#ifdef __cplusplus
}
#endif

#endif
