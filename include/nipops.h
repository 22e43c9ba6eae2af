/**
 * nipops.h: everything. Production operations as a library: safe rollouts, health checks, journals.
 *
 * The main job in C (error handling left out; examples/rollout.c has it all):
 *
 *     nip_doc_load_file("rollout.yaml", &doc, &err);
 *     nip_store_open(ctx, "sqlite:state.db", &store, &err);
 *     nip_op_observe(ctx, doc, NULL, drivers, &op, &err);   nip_op_run(op, &err);   nip_op_result(op, &observed, &err);
 *     nip_rollout_plan(doc, release, observed, &plan, &err);
 *     nip_run_new(plan, store, nip_ctx_now(ctx), &run, &err);
 *     nip_op_run_plan(ctx, run, drivers, &op, &err);        nip_op_run(op, &err);   nip_op_result(op, &result, &err);
 *
 * Manners of a guest: the library starts no thread (libcurl's resolver apart), installs no signal handler, leaves SIGCHLD, standard
 * output, locale, working directory, umask and environment alone, marks every descriptor of its own close-on-exec (older versions of
 * libcurl keep a pair of sockets that is not), and waits only for children of its own. In a host that ignores SIGCHLD or reaps
 * children that are not its own, the exit status of a command may be lost: it is then told as unknown, never guessed.
 */
#ifndef NIPOPS_H
#define NIPOPS_H

#include "nipops/base.h"
#include "nipops/ctx.h"
#include "nipops/doc.h"
#include "nipops/schema.h"
#include "nipops/store.h"
#include "nipops/driver.h"
#include "nipops/plan.h"
#include "nipops/run.h"
#include "nipops/gate.h"
#include "nipops/outbox.h"
#include "nipops/op.h"
#include "nipops/analysis.h"
#include "nipops/histogram.h"
#include "nipops/sla.h"
#include "nipops/health.h"
#include "nipops/rollout.h"
#include "nipops/train.h"
#include "nipops/report.h"
#include "nipops/convert.h"

#endif
