/* Answering gates, and telling how they stand: from any process. An answer is a record like a request: it counts once it is written, and
 * whoever drives the run acts on it. */
#include "gate/gate.h"

#include <string.h>

#include "base/excerpt.h"
#include "base/memory.h"
#include "base/text.h"
#include "doc/json.h"

enum { ATTEMPTS_MAX = 100, WHO_MAX = 200 }; /* attempts at appending before anything else is: a busy run writes many records a second */

/* What somebody says to a run. */
typedef struct answer {
    const char *decision, *who, *why;
    nip_time at;
    nip__gate_kind kind; /* of gate that is answered so */
} answer;

/* A run that is looked at, and the gate that it waits at. */
typedef struct visit {
    nip_run *run;
    nip__arena *arena;
    nip__gate gate;
    const nip__value *answers;
} visit;

static const struct {
    const char *name;
    nip__gate_kind kind;
} decisions[] = {{"approve", NIP__GATE_APPROVAL}, {"reject", NIP__GATE_APPROVAL}, {"override", NIP__GATE_WINDOW}};

static nip__gate_kind kind_of(const char *decision)
{
    for (size_t i = 0; i < sizeof decisions / sizeof decisions[0]; i++) {
        if (nip__text_equal(decisions[i].name, decision))
            return decisions[i].kind;
    }
    return NIP__GATE_NONE;
}

/* ---- looking ---- */

static void leave(visit *v)
{
    nip_run_free(v->run);
    nip__arena_free(v->arena);
}

static int look(nip_store *store, const char *id, visit *v, nip_error **err)
{
    *v = (visit){.arena = nip__arena_new()};
    if (v->arena == NULL)
        return nip__nomem(err);
    int rc = nip_run_open(store, id, &v->run, err);
    if (rc == 0)
        rc = nip__gate_find(v->run, v->arena, &v->gate, err);
    if (rc == 0 && v->gate.kind != NIP__GATE_NONE)
        rc = nip__gate_answers(store, v->run->subject, v->run->id, v->gate.step, v->arena, &v->answers, err);
    return rc;
}

static void write_approval(nip__writer *w, const visit *v)
{
    const nip__value *args = v->gate.args;
    nip__approval judged = nip__approval_judge(v->arena, args, v->answers);
    nip__write_text(w, "ask", nip__get_text(args, "ask"));
    nip__write_text(w, "role", nip__get_text(args, "role"));
    nip__write_value(w, "members", nip__get(args, "members"));
    nip__write_int(w, "count", nip__get_int(args, "count", 1));
    nip__write_int(w, "missing", judged.missing);
    nip__write_bool(w, "rejected", judged.rejection != NULL);
}

static void write_window(nip__writer *w, const visit *v)
{
    nip__write_value(w, "windows", nip__get(v->gate.args, "windows"));
    nip__write_value(w, "freeze", nip__get(v->gate.args, "freeze"));
    nip__write_value(w, "override", nip__get(v->gate.args, "override"));
}

static void write_gate(nip__writer *w, const visit *v)
{
    static const char *const names[] = {NULL, "approval", "window"};
    nip__write_map(w, NULL);
    nip__write_int(w, "v", 1);
    nip__write_text(w, "run", v->run->id);
    nip__write_text(w, "gate", names[v->gate.kind]);
    if (v->gate.kind != NIP__GATE_NONE)
        nip__write_text(w, "step", v->gate.step);
    if (v->gate.kind == NIP__GATE_APPROVAL)
        write_approval(w, v);
    if (v->gate.kind == NIP__GATE_WINDOW)
        write_window(w, v);
    if (v->gate.kind != NIP__GATE_NONE)
        nip__write_value(w, "answers", v->answers);
    nip__write_end_map(w);
}

int nip_gate_read(nip_store *store, const char *id, char **json, nip_error **err)
{
    NIP_ARG(store != NULL && id != NULL && json != NULL);
    visit v;
    nip__buffer text = NIP__BUFFER(nip__internal_limits.bytes);
    nip__writer w = NIP__WRITER(&text);
    int rc = look(store, id, &v, err);
    if (rc == 0)
        write_gate(&w, &v);
    bool lost = rc == 0 && nip__arena_failed(v.arena);
    leave(&v);
    char *taken = rc == 0 && !lost ? nip__buffer_take(&text) : NULL;
    nip__buffer_clear(&text);
    if (rc == 0 && taken == NULL)
        return nip__nomem(err);
    if (rc == 0)
        *json = taken;
    return rc;
}

/* ---- what makes no sense is refused now ---- */

static int not_waiting(const visit *v, const answer *a, nip_error **err)
{
    static const char *const wanted[] = {"", "an approval by a role", "a time window"};
    return nip__fail(err, NIP_E_STATE, "run %s does not wait for %s now (%s): there is nothing to %s", v->run->id, wanted[a->kind],
                     nip__phase_name(v->run->machine->phase), a->decision);
}

static int not_asked(const visit *v, const answer *a, nip_error **err)
{
    const char *role;
    const nip__value *members = nip__gate_members(v->gate.kind, v->gate.args, &role);
    if (nip__count(members) == 0)
        return nip__fail(err, NIP_E_STATE, "nobody may %s step %s of run %s: its document names no role that may (window_override)",
                         a->decision, v->gate.step, v->run->id);
    nip__buffer names = NIP__BUFFER(4096);
    for (NIP__EACH(member, members))
        nip__buffer_printf(&names, "%s%s", names.length > 0 ? ", " : "", nip__is(member, NIP__STRING) ? member->as.string.text : "?");
    int rc = nip__fail(err, NIP_E_INVALID, "%.200s may not %s step %s of run %s: that is for %s, who are %.2000s", a->who, a->decision,
                       v->gate.step, v->run->id, role != NULL ? role : "its role", nip__buffer_string(&names));
    nip__buffer_clear(&names);
    return rc;
}

/* Saying the same twice helps nobody; a rejection after one's own approval is a change of mind, and counts. */
static bool has_said(const visit *v, const answer *a)
{
    for (NIP__EACH(said, v->answers)) {
        if (nip__text_equal(nip__get_text(said, "who"), a->who) && nip__text_equal(nip__get_text(said, "decision"), a->decision))
            return true;
    }
    return false;
}

static int check_sense(const visit *v, const answer *a, nip_error **err)
{
    const char *role;
    if (v->gate.kind != a->kind)
        return not_waiting(v, a, err);
    if (!nip__list_has(nip__gate_members(v->gate.kind, v->gate.args, &role), a->who))
        return not_asked(v, a, err);
    if (a->kind == NIP__GATE_APPROVAL && nip__approval_judge(v->arena, v->gate.args, v->answers).rejection != NULL)
        return nip__fail(err, NIP_E_STATE, "step %s of run %s was rejected already", v->gate.step, v->run->id);
    if (has_said(v, a))
        return nip__fail(err, NIP_E_STATE, "%s has answered step %s of run %s already (%s)", a->who, v->gate.step, v->run->id, a->decision);
    return 0;
}

/* ---- answering ---- */

static void write_record(nip__buffer *text, const visit *v, const answer *a, const char *why)
{
    nip__writer w = NIP__WRITER(text);
    nip__write_map(&w, NULL);
    nip__write_text(&w, "run", v->run->id);
    nip__write_text(&w, "step", v->gate.step);
    nip__write_text(&w, "decision", a->decision);
    nip__write_text(&w, "who", a->who);
    nip__write_text(&w, "why", why);
    nip__write_end_map(&w);
}

/* The answer counts only if nothing happened since it was found to make sense. */
static int append_answer(const visit *v, const answer *a, int64_t *sequence, nip_error **err)
{
    nip__buffer text = NIP__BUFFER(NIP_RECORD_MAX), reason = NIP__BUFFER(NIP__REASON_MAX + 100);
    nip__excerpt(&reason, a->why, NIP__REASON_MAX);
    write_record(&text, v, a, a->why == NULL ? NULL : nip__buffer_string(&reason));
    int rc = text.failed || reason.failed ? nip__nomem(err)
                                          : nip__store_append(v->run->store, v->run->subject, v->run->head, 0, NIP__GATE_ANSWERED, a->at, text.data,
                                                              text.length, sequence, err);
    nip__buffer_clear(&reason);
    nip__buffer_clear(&text);
    return rc;
}

static int64_t missing_after(const visit *v, const answer *a)
{
    if (!nip__text_equal(a->decision, "approve"))
        return 0;
    int64_t missing = nip__approval_judge(v->arena, v->gate.args, v->answers).missing;
    return missing > 0 ? missing - 1 : 0;
}

static void write_result(nip__buffer *text, const visit *v, const answer *a, int64_t sequence, bool driven)
{
    nip__buffer_reset(text);
    nip__writer w = NIP__WRITER(text);
    nip__write_map(&w, NULL);
    nip__write_text(&w, "run", v->run->id);
    nip__write_text(&w, "step", v->gate.step);
    nip__write_int(&w, "sequence", sequence);
    nip__write_bool(&w, "driven", driven);
    nip__write_int(&w, "missing", missing_after(v, a));
    nip__write_end_map(&w);
}

/* The room for the result is found before the answer is written: what counts must not be reported as failed. */
static int record_answer(visit *v, const answer *a, char **json, nip_error **err)
{
    int64_t sequence = INT64_MAX;
    bool driven = false;
    nip__buffer text = NIP__BUFFER(4096);
    write_result(&text, v, a, sequence, driven);
    int rc = text.failed || nip__arena_failed(v->arena) ? nip__nomem(err) : nip__lease_held(v->run->store, v->run->subject, &driven, err);
    if (rc == 0)
        rc = append_answer(v, a, &sequence, err);
    if (rc == 0 && json != NULL) {
        write_result(&text, v, a, sequence, driven);
        *json = nip__buffer_take(&text);
    }
    nip__buffer_clear(&text);
    return rc;
}

static int answer_once(nip_store *store, const char *id, const answer *a, char **json, nip_error **err)
{
    visit v;
    int rc = look(store, id, &v, err);
    if (rc == 0)
        rc = check_sense(&v, a, err);
    if (rc == 0)
        rc = nip__run_check_latest(v.run, err);
    if (rc == 0)
        rc = record_answer(&v, a, json, err);
    leave(&v);
    return rc;
}

static int check_answer(const answer *a, nip_error **err)
{
    if (a->kind == NIP__GATE_NONE)
        return nip__fail(err, NIP_E_INVALID, "a decision is approve, reject or override, found \"%.64s\"", a->decision);
    if (a->who[0] == '\0' || strnlen(a->who, WHO_MAX + 1) > WHO_MAX)
        return nip__fail(err, NIP_E_INVALID, "an answer must say who gives it, in 1 to %d bytes", WHO_MAX);
    if (a->kind == NIP__GATE_WINDOW && (a->why == NULL || a->why[0] == '\0'))
        return nip__fail(err, NIP_E_INVALID, "an override must say why: a reason is missing");
    return 0;
}

int nip_gate_answer(nip_store *store, const char *id, const char *decision, const char *who, const char *why, nip_time at, char **json,
                    nip_error **err)
{
    NIP_ARG(store != NULL && id != NULL && decision != NULL && who != NULL);
    NIP_ARG(at != NIP_TIME_NONE && at != NIP_TIME_MAX);
    const answer a = {decision, who, why, at, kind_of(decision)};
    int rc = check_answer(&a, err);
    if (rc < 0)
        return rc;
    for (int attempt = 1;; attempt++) {
        nip_error *error = NULL;
        rc = answer_once(store, id, &a, json, &error);
        if (rc != NIP_E_CONFLICT || attempt == ATTEMPTS_MAX) {
            nip__pass(err, error);
            return rc;
        }
        nip_error_free(error);
    }
}
