/* A host's own driver: a warehouse door that takes two seconds to move. The plan opens it, waits until it is open, and closes it again when
 * something goes wrong. Build: cc own-driver.c $(pkg-config --cflags --libs nipops) */
#include <nipops.h>

#include <stdio.h>
#include <string.h>

typedef struct door {
    const char *position; /* "open", "closed" or "moving" */
    nip_action *moving;   /* the action under way, or NULL */
    nip_time arrives;
} door;

/* `set` states a wanted end, so it may be repeated; `look` only reads. */
static int verb_class(void *self, const char *verb)
{
    (void)self;
    return strcmp(verb, "set") == 0 ? NIP_VERB_DECLARATIVE : strcmp(verb, "look") == 0 ? NIP_VERB_READ : NIP_E_UNSUPPORTED;
}

static int report(door *d, nip_action *action, const char *outcome, nip_error **err)
{
    char text[160];
    snprintf(text, sizeof text, "{\"outcome\":\"%s\",\"result\":{\"position\":\"%s\"}}", outcome, d->position);
    return nip_action_complete(action, text, err);
}

static int start(void *self, nip_action *action, nip_time now, nip_error **err)
{
    door *d = self;
    const char *wanted = strstr(nip_action_args(action), "open") != NULL ? "open" : "closed";
    if (strcmp(nip_action_verb(action), "look") == 0)
        return report(d, action, "done", err);
    if (nip_action_settles(action)) /* after a crash: did it take effect? */
        return report(d, action, strcmp(d->position, wanted) == 0 ? "in_force" : "not_yet", err);
    d->position = "moving";
    d->moving = action;
    d->arrives = now + 2 * NIP_SECOND;
    return 0;
}

static void cancel(void *self, nip_action *action)
{
    (void)action; /* there is at most one */
    ((door *)self)->moving = NULL;
}

static nip_time wake(void *self)
{
    door *d = self;
    return d->moving != NULL ? d->arrives : NIP_TIME_MAX;
}

static int dispatch(void *self, nip_time now, nip_error **err)
{
    door *d = self;
    if (d->moving == NULL || now < d->arrives)
        return 0;
    nip_action *arrived = d->moving;
    d->moving = NULL;
    d->position = strstr(nip_action_args(arrived), "open") != NULL ? "open" : "closed";
    return report(d, arrived, "done", err);
}

static const char plan_text[] =
    "{\"v\":1,\"kind\":\"plan\",\"subject\":\"door\",\"title\":\"open the door\",\"steps\":[{\"id\":\"open\",\"title\":\"open it\",\"back\":0,"
    "\"actions\":[{\"role\":\"door\",\"verb\":\"set\",\"class\":\"declarative\",\"args\":{\"position\":\"open\"}}],\"until\":{\"interval\":\"1s\","
    "\"observe\":[{\"role\":\"door\",\"verb\":\"look\",\"class\":\"read\"}],\"that\":[{\"at\":\"/position\",\"op\":\"==\",\"value\":\"open\"}]}}],"
    "\"back\":[{\"id\":\"close\",\"title\":\"close it\",\"actions\":[{\"role\":\"door\",\"verb\":\"set\",\"class\":\"declarative\","
    "\"args\":{\"position\":\"closed\"}}]}]}";

int main(void)
{
    door d = {.position = "closed"};
    const nip_driver_vtable vtable = {.size = sizeof vtable, .verb_class = verb_class, .start = start, .cancel = cancel, .wake = wake,
                                      .dispatch = dispatch};
    nip_error *err = NULL;
    nip_ctx *ctx = NULL;
    nip_store *store = NULL;
    nip_plan *plan = NULL;
    nip_run *run = NULL;
    nip_driver *driver = NULL;
    nip_drivers *drivers = NULL;
    nip_op *op = NULL;
    const char *event = NULL;
    if (nip_ctx_new(&ctx, &err) < 0 || nip_ctx_set(ctx, "clock", "virtual:2026-01-01T00:00:00Z", &err) < 0 ||
        nip_store_open(ctx, "memory:", &store, &err) < 0 || nip_plan_from_json(plan_text, strlen(plan_text), &plan, &err) < 0 ||
        nip_driver_new(&vtable, &d, &driver, &err) < 0 || nip_drivers_new(&drivers, &err) < 0 ||
        nip_drivers_bind(drivers, "door", driver, &err) < 0 || nip_run_new(plan, store, nip_ctx_now(ctx), &run, &err) < 0 ||
        nip_op_run_plan(ctx, run, drivers, &op, &err) < 0 || nip_op_run(op, &err) < 0)
        fprintf(stderr, "own-driver: %s\n", nip_error_message(err));
    else
        while (nip_op_next_event(op, &event, NULL) == 1)
            printf("%.90s\n", event);
    int ok = run != NULL && strcmp(nip_run_state(run), "succeeded") == 0 && strcmp(d.position, "open") == 0;
    nip_error_free(err), nip_op_free(op), nip_run_free(run), nip_drivers_free(drivers), nip_driver_free(driver);
    nip_plan_free(plan), nip_store_free(store), nip_ctx_free(ctx);
    return ok ? 0 : 1;
}
