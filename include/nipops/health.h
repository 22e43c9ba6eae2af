/**
 * nipops/health.h: are these targets healthy? Usable without a rollout.
 *
 * A health document (a file's `health:` key, or the `health:` part of a rollout document plus targets):
 *
 *     health:
 *       targets: ["http://127.0.0.1:9100/health", "tcp://127.0.0.1:5432", {command: [./probe, "{target}"], name: queue}]
 *       expect: {status: 200, json: {/status: healthy}, body_contains: ok, max_latency: 500ms, headers: {x-ready: "yes"}}
 *       headers: {authorization: {env: TOKEN}}
 *       tls: {ca_file: ca.pem, server_name: shop.example}
 *       interval: 10s          # on a fixed grid from the start
 *       timeout: 300s          # overall; one try may take `try_timeout` (default 5s)
 *       successes: 2           # in a row
 *       in_flight: 256
 *       watch: true            # go on, and tell changes; `timeout` does not count then
 *       failures: 3            # with watch: bad answers in a row that make a target unhealthy
 *       worst: 100             # with watch: so many targets the status names, the worst first (default: all)
 */
#ifndef NIPOPS_HEALTH_H
#define NIPOPS_HEALTH_H

#include "base.h"
#include "ctx.h"
#include "doc.h"
#include "op.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Waits until every target of the document is healthy, or until its timeout. One thread, many targets; never more in flight than
 * the document, the context or the descriptor limit allow. Running out of descriptors is never reported as a dead target.
 *
 * nip_op_result: {"healthy":9,"unhealthy":1,"unknown":0,"targets":[{"target":"http://...","healthy":true,"tries":3,"successes":2,
 * "latency_ms":1.8,"first_failure":{"reason":"connection_refused","message":"...","at":"..."},"last_failure":null}]}
 * `unknown` counts targets that could not be tried even once; their "healthy" is null. last_failure is null unless it is another one.
 *
 * With `watch: true` it goes on until nip_op_cancel: every target is tried on the grid for ever. A target is "unknown" until `successes` good
 * or `failures` bad answers came in a row, and then "healthy" or "unhealthy" until as many in a row say the contrary.
 *
 * nip_op_next_event: a change, in the form of a record that is in no journal (its epoch is 0, its hash ""):
 * {"sequence":1,"kind":"target.changed","at":"...","epoch":0,"hash":"","payload":{"target":"http://...","index":0,"from":"healthy",
 * "to":"unhealthy","latency_ms":1.8,"failure":{"reason":"timeout","message":"...","at":"..."}}}
 * `index` is the target's place in the document, `latency_ms` that of its last good answer, `failure` its last one, null when healthy.
 * Each change is told once, however late it is asked for; what changed several times meanwhile is one change from what was told last, and
 * none when it is as it was.
 *
 * nip_op_status: {"watch":true,"now":"...","interval":"10s","unknown":0,"healthy":9,"unhealthy":1,"tries":30,"targets":[{"target":"http://...",
 * "index":3,"state":"unhealthy","since":"...","successes":0,"failures":4,"tries":7,"latency_ms":1.8,"failure":{...}}]}
 * `successes` and `failures` are counted in a row. The worst come first: unhealthy ones, those that became so last before others; then
 * unknown ones; then healthy ones; of the latter two those with more failures first.
 */
NIP_API int nip_health_check(nip_ctx *ctx, const nip_doc *doc, nip_op **op, nip_error **err);

#ifdef __cplusplus
}
#endif

#endif
