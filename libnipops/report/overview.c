/* Gathering what a store knows, subject by subject. */
#include "report/overview.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/text.h"
#include "doc/json.h"
#include "gate/gate.h"
#include "nipops/run.h"
#include "report/history.h"

/* JSON that a public call gave, as a tree. Frees the text. */
static int parse(nip__arena *arena, int rc, char *json, const nip__value **value, nip_error **err)
{
    nip__value *read = NULL;
    if (rc >= 0)
        rc = nip__json_read(arena, json, strlen(json), NULL, &nip__internal_limits, &read, err);
    nip_free(json);
    if (rc < 0)
        return rc;
    *value = nip__is(read, NIP__NULL) ? NULL : read;
    return 0;
}

typedef int question(nip_store *store, const char *subject, char **json, nip_error **err);

static int ask(nip__arena *arena, nip_store *store, const char *subject, question *about, const nip__value **value, nip_error **err)
{
    char *json = NULL;
    int rc = about(store, subject, &json, err);
    return parse(arena, rc, json, value, err);
}

/* A gate's wait is its own: the machine knows steps, not what they wait for. */
static int read_waiting(nip__arena *arena, const nip_run *run, nip__standing *standing, nip_error **err)
{
    static const char *const kinds[] = {[NIP__GATE_NONE] = NULL, [NIP__GATE_APPROVAL] = "approval", [NIP__GATE_WINDOW] = "window"};
    nip__gate gate;
    int rc = nip__gate_find(run, arena, &gate, err);
    const char *waits = nip__get_text(nip__get(standing->status, "waiting"), "for");
    standing->waits_for = rc == 0 && waits == NULL ? kinds[gate.kind] : waits;
    return rc;
}

static int read_status(nip__arena *arena, nip_store *store, nip_time now, nip__standing *standing, nip_error **err)
{
    nip_run *run = NULL;
    char *json = NULL;
    int rc = nip_run_open(store, standing->subject, &run, err);
    if (rc >= 0)
        rc = nip_run_status(run, now, &json, err);
    rc = parse(arena, rc, json, &standing->status, err);
    if (rc >= 0)
        rc = read_waiting(arena, run, standing, err);
    nip_run_free(run);
    return rc;
}

/* ---- traffic ---- */

static bool answers_route(const nip__event *event)
{
    const nip__value *asked = event->intent != NULL ? event->intent->payload : NULL;
    return nip__text_equal(nip__get_text(asked, "role"), "router") && nip__text_equal(nip__get_text(asked, "verb"), "route");
}

static const nip__value *shares_of(nip__arena *arena, const nip__value *groups)
{
    nip__value *shares = nip__map(arena);
    for (NIP__EACH(group, groups))
        nip__put(arena, shares, group->key, nip__copy(arena, nip__get(group, "share")));
    return shares;
}

/* What the run's last route that was carried out was read back as. */
static const nip__value *routed(const nip__history *history)
{
    const nip__value *groups = NULL;
    for (NIP__EACH_EVENT(event, history)) {
        const nip__value *read_back = answers_route(event) ? nip__pointer(event->payload, "/result/groups") : NULL;
        if (read_back != NULL)
            groups = read_back;
    }
    return groups;
}

static int read_shares(nip__arena *arena, nip_store *store, nip__standing *standing, nip_error **err)
{
    nip__history history;
    int rc = nip__history_read(arena, store, standing->subject, &history, err);
    const nip__value *groups = rc < 0 ? NULL : routed(&history);
    if (groups != NULL)
        standing->shares = shares_of(arena, groups);
    return rc;
}

/* ---- a subject ---- */

static int read_standing(nip__arena *arena, nip_store *store, nip_time now, nip__standing *standing, nip_error **err)
{
    const char *subject = standing->subject;
    int rc = ask(arena, store, subject, nip_run_list, &standing->runs, err);
    if (rc == 0)
        rc = ask(arena, store, subject, nip_release_read, &standing->release, err);
    if (rc == 0)
        rc = ask(arena, store, subject, nip_lease_read, &standing->lease, err);
    standing->shares = nip__get(standing->release, "shares");
    if (rc == 0 && nip__count(standing->runs) > 0)
        rc = read_status(arena, store, now, standing, err);
    if (rc == 0 && nip__count(standing->runs) > 0)
        rc = read_shares(arena, store, standing, err);
    return rc;
}

int nip__overview_read(nip__arena *arena, nip_store *store, nip_time now, nip__standing **first, nip_error **err)
{
    char *json = NULL;
    const nip__value *subjects = NULL;
    nip__standing **end = first;
    *first = NULL;
    int rc = nip_store_subjects(store, &json, err);
    rc = parse(arena, rc, json, &subjects, err);
    for (const nip__value *item = nip__first(subjects); rc == 0 && item != NULL; item = item->next) {
        nip__standing *standing = nip__arena_alloc(arena, sizeof *standing);
        if (standing == NULL)
            return nip__nomem(err);
        standing->subject = nip__get_text(item, "subject");
        standing->records = nip__get_int(item, "sequence", 0);
        rc = read_standing(arena, store, now, standing, err);
        *end = standing;
        end = &standing->next;
    }
    return rc == 0 && nip__arena_failed(arena) ? nip__nomem(err) : rc;
}
