/**
 * nipops/sla.h: service levels. A document of kind "sla" says what is measured of a service (indicators), what was promised of it (objectives), by which
 * zone's calendar, and what does not count. Its journal, "sla.NAME", keeps what was measured and which exclusions people recorded; whatever is asked
 * about a service level is a function of the document, the journal and an instant.
 *
 *     nip_sla_import(store, doc, "requests", NULL, text, length, "march.csv", NIP_TIME_NONE, NIP_TIME_NONE, 0, now, &json, &err);
 *     nip_sla_report(store, doc, "2026-03", now, INT64_MAX, &report, &err);
 *     nip_sla_report_text(report, "markdown", &text, &err);
 *
 * What was measured is kept by slices of each indicator (a minute unless the document says otherwise). Adding the same twice adds nothing, in whatever order
 * it comes. Two that say different things of one slice contradict each other: the second one is refused, unless it has a higher revision and so corrects
 * the first.
 *
 * Whatever is judged is judged in whole numbers: ms and events. Every figure comes with the share of the period that it knows of (coverage), and with what
 * it would be if all that is missing were bad, and good (lower, upper). A verdict is `proven` when both say the same.
 */
#ifndef NIPOPS_SLA_H
#define NIPOPS_SLA_H

#include "base.h"
#include "doc.h"
#include "store.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * What a document comes to: {"v":1, "sla":.., "journal":"sla.shop", "zone":.., "tzdata":.., "period":"month", "definition":.., "indicators":[{"name", "kind",
 * "definition", "slice_ms", "max_gap_ms", "asked"}], "objectives":[{"name", "kind", "indicator", "targets":{"month":"99.95 %"}, "missing", "min_coverage"}]}.
 * `definition` is the hash of all that decides what an indicator's slices say: while it stays, so does what was measured. Owned: nip_free.
 * NIP_E_DOCUMENT with all the document's problems.
 */
NIP_API int nip_sla_describe(const nip_doc *doc, char **json, nip_error **err);

/* ---- what was measured ---- */

/**
 * Adds what a file has: comma-separated values with a first line of names, or a JSON object a line. Keys, in any order; others are passed over:
 *
 *     at       RFC 3339, or seconds since the epoch ("1774742400.250")
 *     stream   the instance or observer it is of; may be left out
 *     good, bad, total   two of them: events that happened at `at`, or in the slice that begins there
 *     up       1, true, "up"; 0, false, "down"; null, "", "unknown": how things stood from then on, for the indicator's max_gap at most
 *
 * @param indicator  its name in the document; of events, of latency (good ones are within the limit) or of time
 * @param stream     of rows that name none; NULL: ""
 * @param text       the file's content, `length` bytes
 * @param name       of the file, for messages; NULL: "input"
 * @param begin      with `end`: what the file is about, whole slices: a slice of events without a row had none then. NIP_TIME_NONE for both: only slices
 *                   that have rows are known, and of time those between the first and the last sample
 * @param end        see `begin`
 * @param revision   0..2^53-1; of two that differ about a slice the higher one counts
 * @param at         instant of the records
 * @param json       out, owned: {"v":1, "sequence": of the journal's last record, "records": appended, "slices": that said something new, "known": that were there
 *                   already}; may be NULL
 * @return 0; NIP_E_DOCUMENT, NIP_E_NOTFOUND (no such indicator), NIP_E_SYNTAX and NIP_E_INVALID (of the file, with its line), NIP_E_STATE (it contradicts what
 *         is recorded: nothing was added), NIP_E_LIMIT, or what the store says
 */
NIP_API int nip_sla_import(nip_store *store, const nip_doc *doc, const char *indicator, const char *stream, const char *text, int64_t length, const char *name,
                           nip_time begin, nip_time end, int64_t revision, nip_time at, char **json, nip_error **err);

/**
 * Adds events from arrays of `count` items: good[i] and bad[i] happened at times[i], or in the slice that begins there. The arrays are read, not kept. Instants
 * may come in any order. Everything else as nip_sla_import.
 */
NIP_API int nip_sla_add_events(nip_store *store, const nip_doc *doc, const char *indicator, const char *stream, const nip_time *times, const int64_t *good,
                               const int64_t *bad, int64_t count, nip_time begin, nip_time end, int64_t revision, nip_time at, char **json, nip_error **err);

/**
 * Adds samples from arrays of `count` items to an indicator of time: from times[i] on, values[i] was seen, which is up or down as the document's up_when says;
 * NaN: somebody looked, and could not tell. Everything else as nip_sla_import.
 */
NIP_API int nip_sla_add_samples(nip_store *store, const nip_doc *doc, const char *indicator, const char *stream, const nip_time *times, const double *values,
                                int64_t count, nip_time begin, nip_time end, int64_t revision, nip_time at, char **json, nip_error **err);

/**
 * All that was measured by the record `as_of` (INT64_MAX: by now), as a JSON list of pages (docs/formats.md, "Page of a service level"): canonical, so that two
 * journals that know the same give the same bytes, however it came to them. Owned: nip_free. NIP_E_NOTFOUND: the journal ends before that record.
 */
NIP_API int nip_sla_pages(nip_store *store, const nip_doc *doc, int64_t as_of, char **json, nip_error **err);

/** Adds such pages, of whichever journal: how shards, regions and hosts add up. Everything else as nip_sla_import. */
NIP_API int nip_sla_add_pages(nip_store *store, const nip_doc *doc, const char *pages, int64_t length, nip_time at, char **json, nip_error **err);

/* ---- what does not count ---- */

/**
 * Records that some time does not count, or that an exclusion does not count any more.
 *
 * @param exclusion  JSON as docs/formats.md has it ("Exclusion"): {"v":1, "id":"disks", "class":"maintenance", "begin":.., "end":.., "who":"ann", "why":"new disks"}
 *                   or {"v":1, "id":"undo-disks", "revokes":"disks", "who":.., "why":..}
 * @param at         instant of the record
 * @param sequence   out: of the record; may be NULL
 * @return 0; NIP_E_INVALID with all that is wrong: the class or an objective is none of the document's, the id was given before, ...
 *
 * Exclusions are only ever added. A report as of an earlier record does not know of it.
 */
NIP_API int nip_sla_exclude(nip_store *store, const nip_doc *doc, const char *exclusion, nip_time at, int64_t *sequence, nip_error **err);

/* ---- what it comes to ---- */

/**
 * The report of a period: docs/formats.md, "Report of an SLA".
 *
 * @param period  "2026-03", "2026-03-29", "2026-W13", "2026-Q1", "2026", "30d/2026-03-31T22:00:00Z"; "this-month", "last-week" (with day, week, month, quarter,
 *                year), "30d": so much up to `now`. NULL: the document's kind of period, the one that holds `now`
 * @param now     instant at which it is judged; NIP_TIME_NONE: that of the record `as_of`
 * @param as_of   sequence of the last record that counts; INT64_MAX: all do. With `now` given, or NIP_TIME_NONE, the same as_of gives the same bytes
 * @param json    out, owned: nip_free
 * @return 0; NIP_E_DOCUMENT, NIP_E_INVALID (no such period), NIP_E_NOTFOUND (no such record), NIP_E_CORRUPT, NIP_E_LIMIT, or what the store says
 *
 * A period that is not over is judged by what was so far. What of its last hour was not recorded yet is still to come, beyond that it is missing.
 */
NIP_API int nip_sla_report(nip_store *store, const nip_doc *doc, const char *period, nip_time now, int64_t as_of, char **json, nip_error **err);

/** Such a report for people. `format`: "markdown", or "html": one page with pictures that needs nothing from elsewhere. Owned: nip_free. NIP_E_INVALID: another format, or `report` is none. */
NIP_API int nip_sla_report_text(const char *report, const char *format, char **text, nip_error **err);

/**
 * The certificates of a period, one an objective: docs/formats.md, "Certificate of a period": a JSON list with every boundary and what became of each ms. Parameters
 * as nip_sla_report.
 */
NIP_API int nip_sla_certificates(nip_store *store, const nip_doc *doc, const char *period, nip_time now, int64_t as_of, char **json, nip_error **err);

/**
 * What would have been, on what was recorded: other targets, periods, alerts or classes are another document (or nip_doc_set on this one); other exclusions are
 * given here. docs/formats.md, "Simulation of an SLA": each objective's figures and verdict, and which alerts would have fired, when, and with how much budget left.
 *
 * @param exclusions  a JSON list of exclusions (docs/formats.md) that count as if they were recorded; NULL: none. Revocations too
 * @param json        out, owned: nip_free. Nothing is recorded
 *
 * The other parameters and errors as nip_sla_report. Windows of alerts reach into what was before the period; alerts that were over by its beginning are left out.
 */
NIP_API int nip_sla_simulate(nip_store *store, const nip_doc *doc, const char *period, nip_time now, int64_t as_of, const char *exclusions, char **json,
                             nip_error **err);

/**
 * Rules for Prometheus, as YAML for its rule_files: for each objective the share of bad things in each window of the document's alerts (recording rules
 * sla:error_ratio:rate5m, ...), an alert SLABudgetBurn for each pair of windows (SRE workbook, chapter 5), and SLADataAbsent where nothing is measured.
 *
 * @param yaml  out, owned: nip_free
 * @return 0; NIP_E_DOCUMENT; NIP_E_INVALID: an objective of which Prometheus is asked nothing, whose instances agree in a way that it has no
 *         expression for, or which has no error budget
 */
NIP_API int nip_sla_rules(const nip_doc *doc, char **yaml, nip_error **err);

#ifdef __cplusplus
}
#endif

#endif
