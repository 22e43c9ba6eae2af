#include "guest_jobs.h"

#include <nipops.h>

#include <stdio.h>
#include <string.h>

static const char rollout_text[] =
    "rollout:\n"
    "  app: %s\n"
    "  artifact: \"1.0.0\"\n"
    "  replicas: 3\n"
    "  strategy: rolling\n"
    "  target: {driver: sim, world: %s}\n"
    "  router: {driver: sim, world: %s}\n"
    "  health: {url: \"http://{endpoint}/health\", interval: 1s, timeout: 30s, successes: 2}\n";

static const char health_text[] =
    "health:\n"
    "  targets:\n"
    "    - {name: well, command: [sh, -c, \"echo 1,5; exit 0\"]}\n"
    "    - {name: ill, command: [sh, -c, \"exit 7\"]}\n"
    "    - http://127.0.0.1:1/\n"
    "  interval: 50ms\n"
    "  timeout: 1500ms\n"
    "  successes: 2\n";

typedef struct job {
    nip_ctx *ctx;
    nip_doc *doc;
    nip_store *store;
    nip_drivers *drivers;
    nip_op *op;
    char *result, *verified;
} job;

static void clear(job *j)
{
    nip_op_free(j->op);
    nip_drivers_free(j->drivers);
    nip_store_free(j->store);
    nip_doc_free(j->doc);
    nip_ctx_free(j->ctx);
    nip_free(j->result);
    nip_free(j->verified);
}

static int drive(job *j, guest_look *look, void *data, nip_error **err)
{
    int rc;
    while ((rc = nip_op_wait(j->op, 5 * NIP_MILLISECOND, err)) == NIP_OP_MORE)
        if (look != NULL)
            look(data);
    return rc < 0 ? rc : nip_op_result(j->op, &j->result, err);
}

static int begin_rollout(job *j, const char *store, const char *app, nip_error **err)
{
    char text[1024];
    int length = snprintf(text, sizeof text, rollout_text, app, app, app);
    int rc = nip_ctx_new(&j->ctx, err);
    if (rc == 0)
        rc = nip_ctx_set(j->ctx, "clock", "virtual:2026-01-01T00:00:00Z", err);
    if (rc == 0)
        rc = nip_doc_load_text(text, (size_t)length, "rollout.yaml", &j->doc, err);
    if (rc == 0)
        rc = nip_store_open(j->ctx, store, &j->store, err);
    if (rc == 0)
        rc = nip_drivers_new(&j->drivers, err);
    return rc < 0 ? rc : nip_op_rollout(j->ctx, j->doc, j->store, j->drivers, "the test", &j->op, err);
}

int guest_rollout(const char *store, const char *app, guest_look *look, void *data, char *why, size_t size)
{
    job j = {0};
    nip_error *err = NULL;
    int rc = begin_rollout(&j, store, app, &err);
    if (rc == 0)
        rc = drive(&j, look, data, &err);
    if (rc == 0)
        rc = nip_journal_verify(j.store, app, NULL, &j.verified, &err);
    if (rc == 0 && (strstr(j.result, "\"state\":\"succeeded\"") == NULL || strstr(j.verified, "\"verdict\":\"intact\"") == NULL))
        rc = -1;
    snprintf(why, size, "%s", err != NULL ? nip_error_message(err) : j.result != NULL ? j.result : "");
    nip_error_free(err);
    clear(&j);
    return rc;
}

int guest_health(guest_look *look, void *data, char *result, size_t size)
{
    job j = {0};
    nip_error *err = NULL;
    int rc = nip_ctx_new(&j.ctx, &err);
    if (rc == 0)
        rc = nip_doc_load_text(health_text, sizeof health_text - 1, "health.yaml", &j.doc, &err);
    if (rc == 0)
        rc = nip_health_check(j.ctx, j.doc, &j.op, &err);
    if (rc == 0)
        rc = drive(&j, look, data, &err);
    snprintf(result, size, "%s", err != NULL ? nip_error_message(err) : j.result != NULL ? j.result : "");
    nip_error_free(err);
    clear(&j);
    return rc;
}
