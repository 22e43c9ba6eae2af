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
 */
NIP_API int nip_health_check(nip_ctx *ctx, const nip_doc *doc, nip_op **op, nip_error **err);

#ifdef __cplusplus
}
#endif

#endif
