/* Actions to drivers, outcomes back. */
#include "op/carrier.h"

#include <string.h>
#include <sys/epoll.h>

#include "base/error.h"
#include "base/memory.h"
#include "doc/json.h"
#include "op/roles.h"
#include "plan/plan.h"

static const char OUT_OF_MEMORY[] =
    "{\"outcome\":\"failed\",\"reason\":\"no_memory\",\"message\":\"out of memory\",\"retryable\":true}";

/* "Failed, try again" would be a lie about an action that took effect and counts each time. */
static bool must_not_repeat(const nip__carried *carried)
{
    nip_driver *driver = carried->driver;
    return driver != NULL && driver->vtable.verb_class(driver->self, carried->action->verb) == NIP_VERB_ONCE;
}

static int post(void *poster, nip_action *action, const char *outcome, nip_error **err)
{
    nip__carried *carried = poster;
    if (carried->posted)
        return nip__fail(err, NIP_E_STATE, "action %s was completed before", action->id);
    carried->outcome = nip__strdup(outcome);
    carried->posted = true;
    carried->silent = carried->outcome == NULL && must_not_repeat(carried);
    nip__carrier *carrier = carried->carrier;
    nip__timer_set(carrier->loop, &carrier->posted, nip__loop_now(carrier->loop), NULL, NULL, NULL);
    nip__loop_wake(carrier->loop); /* the operation may be asleep: a driver of two operations posts to one in a call of the other */
    return 0;
}

const char *nip__carried_outcome(const nip__carried *carried)
{
    return carried->outcome != NULL ? carried->outcome : OUT_OF_MEMORY;
}

nip__carried *nip__carrier_posted(nip__carrier *carrier)
{
    for (nip__carried *carried = carrier->carried; carried != NULL; carried = carried->next) {
        if (carried->posted && !carried->silent)
            return carried;
    }
    return NULL;
}

void nip__carrier_drop(nip__carrier *carrier, nip__carried *carried)
{
    nip__carried **at = &carrier->carried;
    while (*at != NULL && *at != carried)
        at = &(*at)->next;
    if (*at == NULL)
        return;
    *at = carried->next;
    if (!carried->posted && carried->driver != NULL && carried->driver->vtable.cancel != NULL)
        carried->driver->vtable.cancel(carried->driver->self, carried->action);
    nip__free(carried->outcome);
    nip__free(carried);
}

/* The driver refused: an outcome like any other. */
static void post_refusal(nip__carried *carried, const char *reason, bool retryable, const char *message)
{
    nip__buffer text = NIP__BUFFER(65536);
    nip__writer w = NIP__WRITER(&text);
    nip__write_map(&w, NULL);
    nip__write_text(&w, "outcome", "failed");
    nip__write_text(&w, "reason", reason);
    nip__write_bool(&w, "retryable", retryable);
    nip__write_text(&w, "message", message);
    nip__write_end_map(&w);
    post(carried, carried->action, text.failed ? OUT_OF_MEMORY : text.data, NULL);
    nip__buffer_clear(&text);
}

static const char *reason_of(int code)
{
    static const struct {
        int code;
        const char *reason;
    } reasons[] = {{NIP_E_UNSUPPORTED, "unsupported"}, {NIP_E_INVALID, "bad_arguments"}, {NIP_E_NOMEM, "no_memory"},
                   {NIP_E_DRIVER, "protocol"},         {NIP_E_IO, "unreachable"},        {NIP_E_TIMEOUT, "timeout"}};
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
        if (reasons[i].code == code)
            return reasons[i].reason;
    }
    return "internal";
}

/* The plan must not take a verb for more harmless than its driver does: what may be repeated is decided by it. */
static bool refuse_verb(nip__carried *carried)
{
    const nip_action *action = carried->action;
    const nip_driver *driver = carried->driver;
    if (driver == NULL) {
        post_refusal(carried, "unsupported", false, "no driver is bound to this role");
        return true;
    }
    int verb_class = driver->vtable.verb_class(driver->self, action->verb);
    if (verb_class >= NIP_VERB_READ && verb_class <= action->verb_class)
        return false;
    nip__buffer text = NIP__BUFFER(1024);
    if (verb_class < NIP_VERB_READ)
        nip__buffer_printf(&text, "the driver \"%s\" has no verb \"%.64s\"", driver->kind, action->verb);
    else
        nip__buffer_printf(&text, "the plan takes \"%.64s\" for class \"%s\", its driver \"%s\" for \"%s\"", action->verb,
                           nip__verb_class_name(action->verb_class), driver->kind, nip__verb_class_name(verb_class));
    post_refusal(carried, "unsupported", false, nip__buffer_string(&text));
    nip__buffer_clear(&text);
    return true;
}

static nip__carried *add(nip__carrier *carrier, nip_action *action)
{
    nip__carried *carried = nip__calloc(1, sizeof *carried);
    if (carried == NULL)
        return NULL;
    carried->carrier = carrier;
    carried->action = action;
    carried->driver = nip__drivers_find(carrier->drivers, action->role);
    nip__carried **end = &carrier->carried;
    while (*end != NULL)
        end = &(*end)->next;
    *end = carried;
    action->post = post;
    action->poster = carried;
    return carried;
}

int nip__carrier_start(nip__carrier *carrier, nip_action *action, nip_error **err)
{
    nip__carried *carried = add(carrier, action);
    if (carried == NULL)
        return nip__nomem(err);
    if (refuse_verb(carried))
        return 0;
    nip_error *refused = NULL;
    int rc = carried->driver->vtable.start(carried->driver->self, action, nip__loop_now(carrier->loop), &refused);
    if (rc < 0 && !carried->posted)
        post_refusal(carried, reason_of(rc), nip_error_retryable(refused), nip_error_message(refused));
    nip_error_free(refused);
    return 0;
}

/* ---- drivers that wait for something ---- */

static void ready(void *data, uint32_t events)
{
    (void)events;
    nip__driver_watch *w = data;
    nip_driver *driver = w->driver;
    nip_error *error = NULL;
    if (driver->vtable.dispatch == NULL)
        return;
    int rc = driver->vtable.dispatch(driver->self, nip__loop_now(w->carrier->loop), &error);
    bool first = rc < 0 && w->carrier->failed == 0;
    if (first) {
        w->carrier->failed = rc;
        w->carrier->failure = error;
    } else {
        nip_error_free(error);
    }
}

static int take_failure(nip__carrier *carrier, nip_error **err)
{
    int rc = carrier->failed;
    nip__pass(err, carrier->failure);
    carrier->failed = 0;
    carrier->failure = NULL;
    return rc;
}

static void watch_driver(nip__carrier *carrier, nip_driver *driver)
{
    int fd = driver->vtable.fd != NULL ? driver->vtable.fd(driver->self) : -1;
    if (fd < 0)
        return;
    nip__driver_watch *w = nip__calloc(1, sizeof *w);
    if (w == NULL) {
        carrier->nomem = true;
        return;
    }
    *w = (nip__driver_watch){.watch.quiet = true, .driver = driver, .carrier = carrier, .next = carrier->watches};
    carrier->watches = w;
    if (nip__watch_set(carrier->loop, &w->watch, fd, EPOLLIN, ready, w, NULL) < 0)
        carrier->nomem = true;
}

static void free_watch(nip__driver_watch **at)
{
    nip__driver_watch *gone = *at;
    *at = gone->next;
    nip__watch_stop(&gone->watch);
    nip__free(gone);
}

static bool takes_loop(const nip_driver *driver)
{
    return driver->services != NULL && driver->services->attach != NULL;
}

typedef struct beginning {
    nip__carrier *carrier;
    const nip_driver *taken; /* the first that has the loop of another operation */
} beginning;

static void lend_store(nip_driver *driver, nip_store *store)
{
    if (driver->services != NULL && driver->services->lend != NULL)
        driver->services->lend(driver->self, store);
}

static void begin_driver(void *data, nip_driver *driver)
{
    beginning *b = data;
    if (b->taken != NULL)
        return;
    if (takes_loop(driver) && driver->user != NULL) {
        b->taken = driver;
        return;
    }
    if (takes_loop(driver)) {
        driver->user = b->carrier;
        driver->services->attach(driver->self, b->carrier->loop);
        lend_store(driver, b->carrier->store);
    }
    watch_driver(b->carrier, driver);
}

static void end_driver(void *data, nip_driver *driver)
{
    if (driver->user != data)
        return;
    lend_store(driver, NULL);
    driver->services->attach(driver->self, NULL);
    driver->user = NULL;
}

static int begun(const beginning *b, nip_error **err)
{
    bool nomem = b->carrier->nomem;
    b->carrier->nomem = false;
    if (b->taken != NULL)
        return nip__fail(err, NIP_E_BUSY,
                         "the driver \"%s\" is in use by another operation: wait until that is over, or open drivers for each",
                         b->taken->kind);
    return nomem ? nip__nomem(err) : 0;
}

int nip__carrier_begin(nip__carrier *carrier, nip__loop *loop, nip_store *store, nip_drivers *drivers, nip_error **err)
{
    int rc = nip__roles_bind_own(drivers, nip__loop_ctx(loop), "check", err);
    if (rc < 0)
        return rc;
    carrier->loop = loop;
    carrier->store = store;
    carrier->drivers = nip__drivers_use(drivers);
    beginning b = {.carrier = carrier};
    nip__drivers_each(drivers, begin_driver, &b);
    rc = begun(&b, err);
    if (rc < 0)
        nip__carrier_end(carrier);
    return rc;
}

static void unwatch_driver(nip__carrier *carrier, const nip_driver *driver)
{
    nip__driver_watch **at = &carrier->watches;
    while (*at != NULL && (*at)->driver != driver)
        at = &(*at)->next;
    if (*at != NULL)
        free_watch(at);
}

/* It is bound last: a role that is bound is not opened again, and its driver would never be watched. */
int nip__carrier_add(nip__carrier *carrier, const char *role, nip_driver *driver, nip_error **err)
{
    beginning b = {.carrier = carrier};
    begin_driver(&b, driver);
    int rc = begun(&b, err);
    if (rc == 0)
        rc = nip__drivers_add(carrier->drivers, role, driver, err);
    if (rc < 0) {
        unwatch_driver(carrier, driver);
        end_driver(carrier, driver);
    }
    return rc;
}

int nip__carrier_open_own(nip__carrier *carrier, const char *role, nip_error **err)
{
    nip_driver *driver = NULL;
    if (nip__drivers_find(carrier->drivers, role) != NULL)
        return 0;
    int rc = nip_driver_open(nip__loop_ctx(carrier->loop), role, NULL, &driver, err);
    if (rc == 0)
        rc = nip__carrier_add(carrier, role, driver, err);
    nip_driver_free(driver);
    return rc;
}

typedef struct due {
    nip_time now, next;
    nip_error **err;
    int rc;
} due;

static void dispatch_driver(void *data, nip_driver *driver)
{
    due *d = data;
    if (driver->vtable.wake == NULL || driver->vtable.dispatch == NULL || d->rc < 0)
        return;
    if (driver->vtable.wake(driver->self) <= d->now)
        d->rc = driver->vtable.dispatch(driver->self, d->now, d->err);
    nip_time next = driver->vtable.wake(driver->self);
    if (next < d->next)
        d->next = next;
}

static bool works(const nip__carrier *carrier, const nip_driver *driver)
{
    for (const nip__carried *carried = carrier->carried; carried != NULL; carried = carried->next) {
        if (carried->driver == driver && !carried->posted)
            return true;
    }
    return false;
}

/* A virtual clock stands still while an action is out whose driver waits for something real: its descriptor, and no instant. */
static void hold_clock(nip__carrier *carrier)
{
    for (nip__driver_watch *w = carrier->watches; w != NULL; w = w->next) {
        const nip_driver *driver = w->driver;
        bool timed = driver->vtable.wake != NULL && driver->vtable.wake(driver->self) != NIP_TIME_MAX;
        nip__watch_set_quiet(&w->watch, timed || !works(carrier, driver));
    }
}

int nip__carrier_dispatch(nip__carrier *carrier, nip_error **err)
{
    if (carrier->failed < 0)
        return take_failure(carrier, err);
    due d = {nip__loop_now(carrier->loop), NIP_TIME_MAX, err, 0};
    nip__drivers_each(carrier->drivers, dispatch_driver, &d);
    hold_clock(carrier);
    if (d.rc < 0)
        return d.rc;
    if (d.next == NIP_TIME_MAX) {
        nip__timer_stop(&carrier->due);
        return 0;
    }
    return nip__timer_set(carrier->loop, &carrier->due, d.next, NULL, NULL, err);
}

void nip__carrier_end(nip__carrier *carrier)
{
    if (carrier->loop == NULL)
        return;
    while (carrier->carried != NULL)
        nip__carrier_drop(carrier, carrier->carried);
    nip_error_free(carrier->failure);
    nip__timer_stop(&carrier->posted);
    nip__timer_stop(&carrier->due);
    while (carrier->watches != NULL)
        free_watch(&carrier->watches);
    nip__drivers_each(carrier->drivers, end_driver, carrier);
    nip__drivers_unuse(carrier->drivers);
    *carrier = (nip__carrier){0};
}
