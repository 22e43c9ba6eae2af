/**
 * nipops/report.h: what journals tell other systems. Each is a fold over records: it may be asked at any time, by any process that can read the
 * store, and changes nothing.
 */
#ifndef NIPOPS_REPORT_H
#define NIPOPS_REPORT_H

#include "base.h"
#include "store.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Runs, verdicts and releases of a store in Prometheus' text format (version 0.0.4; content type "text/plain; version=0.0.4").
 *
 * @param now   the present instant, for what depends on it
 * @param text  out, owned: nip_free
 * @return 0, or what the store says
 *
 * Metrics are named nipops_*; docs/guide-observability.md lists them. Ratios are 0..1, times are seconds. What is not known has no sample: a metric that
 * was never measured, a release that never was, whether a process on another host lives.
 */
NIP_API int nip_metrics_text(nip_store *store, nip_time now, char **text, nip_error **err);

/**
 * One run as OpenTelemetry spans: OTLP's JSON encoding of an ExportTraceServiceRequest, as collectors take it at /v1/traces.
 *
 * @param id    "shop-1", or a subject: its latest run
 * @param json  out, owned: nip_free
 * @return 0, NIP_E_NOTFOUND (no such run), NIP_E_LIMIT (more than a million records), or what the store says
 *
 * One span for the run, one a step, one an action; requests, pauses and verdicts are events of the run's span. Ids are made from the run, so telling it again gives
 * the same trace. What is not over ends at the last record and has no status.
 */
NIP_API int nip_run_spans(nip_store *store, const char *id, char **json, nip_error **err);

/**
 * One run as a page of HTML that needs nothing from elsewhere (no scripts, no fonts): its state, the traffic, error rate, latencies and health of
 * both versions over time with their limits, every decision with its evidence, the plan.
 *
 * @param id    "shop-1", or a subject: its latest run
 * @param html  out, owned: nip_free
 * @return 0, NIP_E_NOTFOUND (no such run), NIP_E_LIMIT (more than a million records, or a page of more than 64 MiB), or what the store says
 *
 * Error rates are those between two measurements; a measurement without requests, or after counters began anew, leaves a gap.
 */
NIP_API int nip_run_page(nip_store *store, const char *id, char **html, nip_error **err);

#ifdef __cplusplus
}
#endif

#endif
