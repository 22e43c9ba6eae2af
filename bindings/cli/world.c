/* What almost every command opens: a context, the store, a document; and the observation that planners want. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

/* ---- store ---- */

static int open_context(cli_world *world)
{
    nip_error *err = NULL;
    char *state = paths_state_folder(world->store_url);
    int rc = nip_ctx_new(&world->ctx, &err);
    if (rc == 0 && state != NULL)
        rc = nip_ctx_set(world->ctx, "state.dir", state, &err);
    if (rc == 0 && world->given->clock != NULL)
        rc = nip_ctx_set(world->ctx, "clock", world->given->clock, &err);
    free(state);
    return rc < 0 ? fail(err) : 0;
}

static int make_folders(const char *store_url)
{
    char *state = paths_state_folder(store_url);
    if (state == NULL)
        return 0;
    char *inside = format_text("%s/", state);
    int status = paths_make_folders(inside);
    free(inside);
    free(state);
    return status;
}

int world_open(const cli_options *given, int mode, cli_world *world)
{
    *world = (cli_world){.given = given, .store_url = paths_store_url(given)};
    hint_store(given->store);
    int status = open_context(world);
    if (status != 0)
        return status;
    nip_error *err = NULL;
    int rc = 0;
    if (mode == WORLD_WRITE) {
        status = make_folders(world->store_url);
        if (status == 0)
            rc = nip_store_open(world->ctx, world->store_url, &world->store, &err);
    } else if (mode == WORLD_READ && paths_store_exists(world->store_url, &status)) {
        rc = nip_store_open_readonly(world->ctx, world->store_url, &world->store, &err);
    }
    return rc < 0 ? fail(err) : status;
}

int world_open_existing(const cli_options *given, cli_world *world)
{
    int status = world_open(given, WORLD_READ, world);
    if (status == 0 && world->store == NULL) {
        complain("%s: there is no store yet: nothing was run, or --store names another place", world->store_url);
        status = EXIT_USAGE;
    }
    return status;
}

void world_close(cli_world *world)
{
    for (size_t i = 0; i < world->kept_count; i++)
        nip_drivers_free(world->kept[i]);
    free(world->kept);
    nip_store_free(world->store);
    nip_ctx_free(world->ctx);
    free(world->store_url);
}

int world_release(cli_world *world, const char *subject, char **release)
{
    nip_error *err = NULL;
    *release = NULL;
    if (world->store == NULL)
        return 0;
    if (nip_release_read(world->store, subject, release, &err) < 0)
        return fail(err);
    if (strcmp(*release, "null") == 0) {
        nip_free(*release);
        *release = NULL;
    }
    return 0;
}

/* ---- documents ---- */

int world_document(const cli_options *given, const char *file, nip_doc **doc)
{
    nip_error *err = NULL;
    if (nip_doc_load_file(file, doc, &err) < 0)
        return fail_document(err);
    int status = overrides_apply(given, *doc);
    if (status != 0) {
        nip_doc_free(*doc);
        *doc = NULL;
    }
    return status;
}

/* ---- observation ---- */

int world_wait(nip_op *op, nip_error **err)
{
    int rc;
    while ((rc = nip_op_wait(op, 200 * NIP_MILLISECOND, err)) == NIP_OP_MORE) {
        if (signals_interrupts() > 0 || signals_terminated())
            nip_op_cancel(op);
    }
    return rc;
}

int world_observe(cli_world *world, const nip_doc *doc, const char *release, nip_drivers *drivers, char **observed)
{
    nip_error *err = NULL;
    nip_op *op = NULL;
    int rc = nip_op_observe(world->ctx, doc, release, drivers, &op, &err);
    if (rc == 0)
        rc = world_wait(op, &err);
    if (rc == 0)
        rc = nip_op_result(op, observed, &err);
    nip_op_free(op);
    return rc < 0 ? fail(err) : 0;
}
