/* What people answered at a gate: a fold of the journal, read anew whenever it is asked for, so that nothing has to survive a crash. */
#include "gate/gate.h"

#include <string.h>

#include "base/text.h"
#include "doc/json.h"

enum { ANSWERS_MAX = 10000 }; /* more than that is no question to people any more */

typedef struct reading {
    const char *run, *step;
    nip__arena *arena;
    nip__value *newest_first;
} reading;

static bool is_about(const reading *r, const nip__value *payload)
{
    return nip__text_equal(nip__get_text(payload, "run"), r->run) && nip__text_equal(nip__get_text(payload, "step"), r->step);
}

static void take_answer(reading *r, const nip__record *record, const nip__value *payload)
{
    nip__value *answer = nip__map(r->arena);
    nip__put_text(r->arena, answer, "decision", nip__get_text(payload, "decision"));
    nip__put_text(r->arena, answer, "who", nip__get_text(payload, "who"));
    nip__put_text(r->arena, answer, "why", nip__get_text(payload, "why"));
    nip__put_time(r->arena, answer, "at", record->at);
    nip__put_int(r->arena, answer, "sequence", record->sequence);
    nip__push(r->newest_first, answer);
}

/* Backwards to where the step was begun: what was answered to an earlier attempt at it does not count again. */
static int read_record(void *data, const nip__record *record, nip_error **err)
{
    reading *r = data;
    bool answer = record->epoch == 0 && strcmp(record->kind, NIP__GATE_ANSWERED) == 0;
    bool begun = strcmp(record->kind, "step.started") == 0;
    if (strcmp(record->kind, "run.planned") == 0)
        return 1;
    if ((!answer && !begun) || record->payload == NULL)
        return 0;
    nip__value *payload = NULL;
    int rc = nip__json_read(r->arena, record->payload, record->payload_length, "journal", &nip__record_limits, &payload, err);
    if (rc < 0 || !is_about(r, payload))
        return rc;
    if (begun)
        return 1;
    take_answer(r, record, payload);
    return nip__count(r->newest_first) >= ANSWERS_MAX;
}

static const nip__value *reversed(nip__arena *arena, const nip__value *list)
{
    size_t count = nip__count(list), i = count;
    const nip__value **items = nip__arena_alloc(arena, (count + 1) * sizeof *items);
    nip__value *turned = nip__list(arena);
    if (items == NULL)
        return turned;
    for (NIP__EACH(item, list))
        items[--i] = item;
    for (i = 0; i < count; i++)
        nip__push(turned, nip__share(arena, items[i]));
    return turned;
}

int nip__gate_answers(nip_store *store, const char *subject, const char *run, const char *step, nip__arena *arena,
                      const nip__value **answers, nip_error **err)
{
    reading r = {run, step, arena, nip__list(arena)};
    int rc = nip__store_each_back(store, subject, 0, read_record, &r, err);
    if (rc < 0)
        return rc;
    const nip__value *list = reversed(arena, r.newest_first);
    if (nip__arena_failed(arena))
        return nip__nomem(err);
    *answers = list;
    return 0;
}

bool nip__list_has(const nip__value *list, const char *text)
{
    for (NIP__EACH(item, list)) {
        if (nip__is(item, NIP__STRING) && nip__text_equal(item->as.string.text, text))
            return true;
    }
    return false;
}

const nip__value *nip__gate_members(nip__gate_kind kind, const nip__value *args, const char **role)
{
    const nip__value *asked = kind == NIP__GATE_WINDOW ? nip__get(args, "override") : args;
    *role = nip__get_text(asked, "role");
    return nip__get(asked, "members");
}

static bool has_answered(const nip__value *answers, const char *who)
{
    for (NIP__EACH(answer, answers)) {
        if (nip__text_equal(nip__get_text(answer, "who"), who))
            return true;
    }
    return false;
}

nip__approval nip__approval_judge(nip__arena *arena, const nip__value *args, const nip__value *answers)
{
    const char *role;
    const nip__value *members = nip__gate_members(NIP__GATE_APPROVAL, args, &role);
    nip__value *approved = nip__list(arena);
    nip__approval judged = {.approved = approved};
    for (NIP__EACH(answer, answers)) {
        const char *who = nip__get_text(answer, "who"), *decision = nip__get_text(answer, "decision");
        if (!nip__list_has(members, who))
            continue;
        if (nip__text_equal(decision, "reject") && judged.rejection == NULL)
            judged.rejection = answer;
        else if (nip__text_equal(decision, "approve") && !has_answered(approved, who))
            nip__push(approved, nip__share(arena, answer));
    }
    judged.missing = nip__get_int(args, "count", 1) - (int64_t)nip__count(approved);
    if (judged.missing < 0)
        judged.missing = 0;
    return judged;
}

const nip__value *nip__override_find(const nip__value *args, const nip__value *answers)
{
    const char *role;
    const nip__value *members = nip__gate_members(NIP__GATE_WINDOW, args, &role);
    for (NIP__EACH(answer, answers)) {
        if (nip__text_equal(nip__get_text(answer, "decision"), "override") && nip__list_has(members, nip__get_text(answer, "who")))
            return answer;
    }
    return NULL;
}
