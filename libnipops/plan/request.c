/* Requests: what people ask of a run, from any process. */
#include "plan/run.h"

#include "base/excerpt.h"
#include "base/memory.h"
#include "base/text.h"

enum { ATTEMPTS_MAX = 100 }; /* at appending before anything else is: a busy run writes many records a second */

static const char *const kinds[] = {"approve", "pause", "promote", "abort", NULL};

static bool known(const char *kind)
{
    for (int i = 0; kinds[i] != NULL; i++) {
        if (nip__text_equal(kind, kinds[i]))
            return true;
    }
    return false;
}

/* A request that nothing could come of is refused now rather than ignored later. */
static int check_sense(const nip_run *run, const char *kind, nip_error **err)
{
    const nip__machine *machine = run->machine;
    bool abort = nip__text_equal(kind, "abort");
    if (machine->phase == NIP__BROKEN && abort)
        return 0;
    if (machine->phase >= NIP__SUCCEEDED)
        return nip__fail(err, NIP_E_STATE, "run %s is over (%s): there is nothing to %s", run->id, nip__phase_name(machine->phase), kind);
    if (machine->phase == NIP__RETURNING)
        return nip__fail(err, NIP_E_STATE, "run %s is on its way back already: there is nothing to %s", run->id, kind);
    if (nip__text_equal(kind, "approve") && machine->cursor.stage != NIP__ASKING)
        return nip__fail(err, NIP_E_STATE, "run %s does not wait for an approval now (%s)", run->id, nip__phase_name(machine->phase));
    bool waits = machine->phase == NIP__PAUSED || machine->cursor.stage == NIP__HOLDING;
    if (nip__text_equal(kind, "promote") && !waits)
        return nip__fail(err, NIP_E_STATE, "run %s neither waits nor is paused now (%s): there is nothing to promote", run->id,
                         nip__phase_name(machine->phase));
    return 0;
}

/* An answer names the step whose question it answers. */
static void write_request(nip__buffer *text, const nip_run *run, const char *kind, const char *who, const char *why)
{
    const nip__step *step = nip__machine_step(run->machine);
    bool answer = nip__text_equal(kind, "approve") || nip__text_equal(kind, "promote");
    nip__writer w = NIP__WRITER(text);
    nip__write_map(&w, NULL);
    nip__write_text(&w, "run", run->id);
    nip__write_text(&w, "request", kind);
    if (answer && step != NULL)
        nip__write_text(&w, "step", step->id);
    nip__write_text(&w, "who", who);
    nip__write_text(&w, "why", why);
    nip__write_end_map(&w);
}

/* The request counts only if nothing happened since it was found to make sense. */
static int append_request(nip_run *run, const char *kind, const char *who, const char *why, nip_time at, int64_t *sequence, nip_error **err)
{
    nip__buffer text = NIP__BUFFER(NIP_RECORD_MAX), reason = NIP__BUFFER(NIP__REASON_MAX + 100);
    nip__excerpt(&reason, why, NIP__REASON_MAX);
    write_request(&text, run, kind, who, why == NULL ? NULL : nip__buffer_string(&reason));
    int rc = text.full                      ? nip__fail(err, NIP_E_LIMIT, "a request is at most %d bytes long: say in fewer who asks", NIP_RECORD_MAX)
             : text.failed || reason.failed ? nip__nomem(err)
                                            : nip__store_append(run->store, run->subject, run->head, 0, "request.made", at, text.data, text.length, sequence, err);
    nip__buffer_clear(&reason);
    nip__buffer_clear(&text);
    return rc;
}

static void write_answer(const nip_run *run, int64_t sequence, bool driven, nip__buffer *text)
{
    nip__buffer_reset(text);
    nip__writer w = NIP__WRITER(text);
    nip__write_map(&w, NULL);
    nip__write_text(&w, "run", run->id);
    nip__write_int(&w, "sequence", sequence);
    nip__write_bool(&w, "driven", driven);
    nip__write_end_map(&w);
}

static int request(nip_run *run, const char *kind, const char *who, const char *why, nip_time at, char **json, nip_error **err)
{
    int64_t sequence = 0;
    bool driven = false;
    nip__buffer text = NIP__BUFFER(1024);
    write_answer(run, INT64_MAX, driven, &text);
    int rc = text.failed ? nip__nomem(err) : check_sense(run, kind, err);
    if (rc == 0)
        rc = nip__run_check_latest(run, err);
    if (rc == 0 && json != NULL)
        rc = nip__lease_held(run->store, run->subject, &driven, err);
    if (rc == 0)
        rc = append_request(run, kind, who, why, at, &sequence, err);
    if (rc == 0 && json != NULL) {
        write_answer(run, sequence, driven, &text);
        *json = nip__buffer_take(&text);
    }
    nip__buffer_clear(&text);
    return rc;
}

static int open_and_request(nip_store *store, const char *id, const char *kind, const char *who, const char *why, nip_time at, char **json,
                            nip_error **err)
{
    nip_run *run = NULL;
    int rc = nip_run_open(store, id, &run, err);
    if (rc < 0)
        return rc;
    rc = request(run, kind, who, why, at, json, err);
    nip_run_free(run);
    return rc;
}

int nip_run_request(nip_store *store, const char *id, const char *kind, const char *who, const char *why, nip_time at, char **json,
                    nip_error **err)
{
    NIP_ARG(store != NULL && id != NULL && who != NULL);
    if (who[0] == '\0')
        return nip__fail(err, NIP_E_INVALID, "a request must say who makes it: a person or a program, found \"\"");
    NIP_ARG(at != NIP_TIME_NONE && at != NIP_TIME_MAX);
    if (!known(kind))
        return nip__fail(err, NIP_E_INVALID, "a request is approve, pause, promote or abort, found \"%s\"", kind != NULL ? kind : "(none)");
    for (int attempt = 1;; attempt++) {
        nip_error *error = NULL;
        int rc = open_and_request(store, id, kind, who, why, at, json, &error);
        if (rc != NIP_E_CONFLICT || attempt == ATTEMPTS_MAX) {
            nip__pass(err, error);
            return rc;
        }
        nip_error_free(error);
    }
}
