/* The main job in C: a rollout document in, a release out. Usage: rollout DOCUMENT STORE APP, where STORE is
 * "sqlite:PATH" or "memory:".
 * Build: cc rollout.c $(pkg-config --cflags --libs nipops) */
#include <nipops.h>

#include <stdio.h>
#include <string.h>

typedef struct job {
    nip_ctx *ctx;
    nip_doc *doc;
    nip_store *store;
    nip_drivers *drivers;
    nip_plan *plan;
    nip_run *run;
    nip_op *op;
    char *release, *observed, *result;
} job;

/* How things stand: what the record says, and what the drivers see. */
static int look(job *j, const char *app, nip_error **err)
{
    int rc = nip_release_read(j->store, app, &j->release, err);
    if (rc == 0)
        rc = nip_op_observe(j->ctx, j->doc, NULL, j->drivers, &j->op, err);
    if (rc == 0)
        rc = nip_op_run(j->op, err);
    if (rc == 0)
        rc = nip_op_result(j->op, &j->observed, err);
    nip_op_free(j->op);
    j->op = NULL;
    return rc;
}

static int show_events(job *j, nip_error **err)
{
    const char *event = NULL;
    int rc;
    while ((rc = nip_op_next_event(j->op, &event, err)) == 1)
        printf("%.100s\n", event);
    return rc;
}

static int carry_out(job *j, nip_error **err)
{
    int rc = nip_run_new(j->plan, j->store, nip_ctx_now(j->ctx), &j->run, err);
    if (rc == 0)
        rc = nip_op_run_plan(j->ctx, j->run, j->drivers, &j->op, err);
    while (rc >= 0 && (rc = nip_op_wait(j->op, NIP_SECOND, err)) == NIP_OP_MORE)
        rc = show_events(j, err) < 0 ? -1 : NIP_OP_MORE;
    if (rc == 0)
        rc = show_events(j, err);
    return rc < 0 ? rc : nip_op_result(j->op, &j->result, err);
}

static int roll_out(job *j, const char *document, const char *store, const char *app, nip_error **err)
{
    int rc = nip_ctx_new(&j->ctx, err);
    if (rc == 0)
        rc = nip_doc_load_file(document, &j->doc, err);
    if (rc == 0)
        rc = nip_store_open(j->ctx, store, &j->store, err);
    if (rc == 0)
        rc = nip_drivers_new(&j->drivers, err);
    if (rc == 0)
        rc = look(j, app, err);
    if (rc == 0)
        rc = nip_rollout_plan(j->doc, j->release, j->observed, &j->plan, err);
    return rc < 0 ? rc : carry_out(j, err);
}

static void clear(job *j)
{
    nip_op_free(j->op);
    nip_run_free(j->run);
    nip_plan_free(j->plan);
    nip_drivers_free(j->drivers);
    nip_store_free(j->store);
    nip_doc_free(j->doc);
    nip_ctx_free(j->ctx);
    nip_free(j->release);
    nip_free(j->observed);
    nip_free(j->result);
}

int main(int argc, char **argv)
{
    job j = {0};
    nip_error *err = NULL;
    if (argc != 4) {
        fprintf(stderr, "usage: rollout DOCUMENT STORE APP\n");
        return 2;
    }
    int rc = roll_out(&j, argv[1], argv[2], argv[3], &err);
    if (rc < 0)
        fprintf(stderr, "rollout: %s\n", nip_error_message(err));
    int succeeded = rc >= 0 && strcmp(nip_run_state(j.run), "succeeded") == 0;
    if (rc >= 0)
        printf("%s\n", nip_run_state(j.run)); /* a rollout that was taken back is an outcome, not an error */
    nip_error_free(err);
    clear(&j);
    return succeeded ? 0 : 1;
}
