/* A run driven by an operation under the virtual clock: by the built-in simulated world, or by a driver of the host's own. */
#include "runner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the host's driver: answers at once ---- */

typedef struct host {
    drive *drive;
    FILE *actions; /* printed when the run is over, since not every language shows them at the same moment */
} host;

static const char no_answer[] =
    "{\"outcome\":\"failed\",\"reason\":\"unsupported\",\"message\":\"the scenario has no answer\"}";

static int verb_class(void *self, const char *verb)
{
    static const char *const names[] = {"read", "declarative", "once"};
    const char *name = text_of(cJSON_GetObjectItemCaseSensitive(((host *)self)->drive->said, "classes"), verb);
    for (int i = 0; name != NULL && i < 3; i++) {
        if (strcmp(names[i], name) == 0)
            return i;
    }
    return NIP_E_UNSUPPORTED;
}

static int start(void *self, nip_action *action, nip_time now, nip_error **err)
{
    host *h = self;
    (void)now;
    print_to(h->actions);
    print_action(action);
    print_to(stdout);
    char *outcome = answer_of(find_rule(h->drive, action));
    int rc = nip_action_complete(action, outcome != NULL ? outcome : no_answer, err);
    cJSON_free(outcome);
    return rc;
}

static const nip_driver_vtable host_vtable = {.size = sizeof host_vtable, .verb_class = verb_class, .start = start};

static int bind_host(host *h, nip_drivers *drivers, nip_error **err)
{
    nip_driver *driver = NULL;
    const cJSON *role;
    int rc = nip_driver_new(&host_vtable, h, &driver, err);
    cJSON_ArrayForEach(role, cJSON_GetObjectItemCaseSensitive(h->drive->said, "roles"))
    {
        if (rc == 0)
            rc = nip_drivers_bind(drivers, role->valuestring, driver, err);
    }
    nip_driver_free(driver);
    return rc;
}

/* ---- the operation ---- */

static void show_events(drive *d, nip_op *op)
{
    const char *json = NULL;
    while (nip_op_next_event(op, &json, NULL) == 1) {
        cJSON *record = cJSON_Parse(json);
        see_record(d, record, nip_ctx_now(d->runner->ctx));
        cJSON_Delete(record);
        if (d->leaves)
            nip_op_cancel(op);
    }
}

static int drive_to_end(drive *d, nip_op *op, nip_error **err)
{
    int rc;
    do {
        rc = nip_op_step(op, err);
        show_events(d, op);
    } while (rc == NIP_OP_MORE);
    return rc == NIP_OP_DONE ? nip_op_step(op, err) : rc; /* a step after the end does nothing, and moves no clock */
}

static int drive_operation(drive *d, nip_drivers *drivers, nip_error **err)
{
    nip_op *op = NULL;
    char *json = NULL;
    int rc = nip_op_run_plan(d->runner->ctx, d->run, drivers, &op, err);
    if (rc == 0)
        rc = drive_to_end(d, op, err);
    if (rc == 0)
        rc = nip_op_result(op, &json, err);
    if (rc == 0)
        print_status(json);
    nip_free(json);
    nip_op_free(op);
    return rc;
}

static int drive_with_host(drive *d, nip_error **err)
{
    char *text = NULL;
    size_t length = 0;
    host h = {d, open_memstream(&text, &length)};
    nip_drivers *drivers = NULL;
    int rc = nip_drivers_new(&drivers, err);
    if (rc == 0)
        rc = bind_host(&h, drivers, err);
    if (rc == 0)
        rc = drive_operation(d, drivers, err);
    nip_drivers_free(drivers);
    fclose(h.actions);
    fputs(text, stdout);
    free(text);
    return rc;
}

/* Drivers of the simulated world are the scenario's, since that world lives as long as they do. A run that is taken up needs no others. */
static int drive_with_world(drive *d, nip_error **err)
{
    runner *r = d->runner;
    int rc = r->plan != NULL ? nip_drivers_open(r->drivers, r->ctx, nip_plan_drivers(r->plan), err) : 0;
    return rc < 0 ? rc : drive_operation(d, r->drivers, err);
}

void drive_by_operation(drive *d, bool by_host)
{
    nip_error *err = NULL;
    int rc = by_host ? drive_with_host(d, &err) : drive_with_world(d, &err);
    if (rc < 0)
        print_error(err);
}
