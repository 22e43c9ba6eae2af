/* A run driven by an operation under the virtual clock: by the built-in simulated world, or by a driver of the host's own. */
#include "runner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the host's driver ---- */

typedef struct pending {
    nip_time due;
    nip_action *action;
    char *outcome;
    struct pending *next;
} pending;

typedef struct host {
    drive *drive;
    pending *first;
} host;

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
    (void)err;
    print_action(action);
    const cJSON *rule = find_rule(h->drive, action);
    char *outcome = answer_of(rule);
    if (rule == NULL)
        puts("no answer");
    if (outcome == NULL)
        return 0;
    pending *made = malloc(sizeof *made), **at = &h->first;
    *made = (pending){now + duration_of(rule, "takes"), action, outcome, NULL};
    while (*at != NULL && (*at)->due <= made->due)
        at = &(*at)->next;
    made->next = *at;
    *at = made;
    return 0;
}

static void drop(pending **at)
{
    pending *gone = *at;
    *at = gone->next;
    cJSON_free(gone->outcome);
    free(gone);
}

static void cancel(void *self, nip_action *action)
{
    pending **at = &((host *)self)->first;
    while (*at != NULL && (*at)->action != action)
        at = &(*at)->next;
    if (*at != NULL)
        drop(at);
}

static nip_time wake(void *self)
{
    const host *h = self;
    return h->first != NULL ? h->first->due : NIP_TIME_MAX;
}

static int dispatch(void *self, nip_time now, nip_error **err)
{
    host *h = self;
    int rc = 0;
    while (rc == 0 && h->first != NULL && h->first->due <= now) {
        nip_action *action = h->first->action;
        char *outcome = h->first->outcome;
        h->first->outcome = NULL;
        drop(&h->first);
        rc = nip_action_complete(action, outcome, err);
        cJSON_free(outcome);
    }
    return rc;
}

static const nip_driver_vtable host_vtable = {
    .size = sizeof host_vtable,
    .verb_class = verb_class,
    .start = start,
    .cancel = cancel,
    .wake = wake,
    .dispatch = dispatch,
};

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
    return rc;
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
        print_json_text("result", json);
    nip_free(json);
    nip_op_free(op);
    return rc;
}

/* Drivers of a host die with the run; those of the simulated world stay, since the world lives as long as they do. */
void drive_by_operation(drive *d, bool by_host)
{
    host h = {d, NULL};
    nip_drivers *drivers = d->runner->drivers, *own = NULL;
    nip_error *err = NULL;
    int rc = 0;
    if (by_host) {
        rc = nip_drivers_new(&own, &err);
        if (rc == 0)
            rc = bind_host(&h, own, &err);
        drivers = own;
    } else if (d->runner->plan != NULL) {
        rc = nip_drivers_open(drivers, d->runner->ctx, nip_plan_drivers(d->runner->plan), &err);
    }
    if (rc == 0)
        rc = drive_operation(d, drivers, &err);
    if (rc < 0)
        print_error(err);
    nip_drivers_free(own);
}
