/* router/route and router/mirror: a new generation of the file is written, tested, handed to nginx, and counts once
 * nginx answers with it and none of the workers from before takes connections any more. nginx changes from one
 * generation to the next worker by worker, so that in between shares lie between those before and those after.
 *
 * Whatever goes wrong after the file was replaced, its text from before is put back: the last one that was in force,
 * also when somebody died between a write and its proof. */
#include <stdio.h>
#include <string.h>
#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "base/time.h"
#include "driver/nginx_work.h"

enum { PROOFS = 3 }; /* answers in a row, each on a connection of its own */
#define LOOK_EVERY (10 * NIP_MILLISECOND)

/* ---- results ---- */

static nip__value *result_of(nip__nginx_work *work, const nip__nginx_state *state)
{
    nip__arena *arena = work->base.arena;
    nip__value *result = work->mirrors ? nip__nginx_mirror_result(arena, state) : nip__nginx_route_result(arena, state);
    nip__put_text(arena, result, "kept", work->kept);
    return result;
}

static bool same(const nip__nginx_work *work, const nip__nginx_state *one, const nip__nginx_state *other)
{
    return work->mirrors ? nip__nginx_same_mirror(one, other) : nip__nginx_same_traffic(one, other);
}

/* ---- settling ---- */

/* Nothing was ever routed where the file is blank; a file that is gone has forgotten what was. To a write that repairs
 * nothing is foreign but what was never ours. */
static const char *settle_without_state(nip__nginx_work *work)
{
    const char *file = work->driver->settings.file;
    bool was = work->has_before && (work->mirrors ? work->before.mirrored.count > 0 : work->before.wanted.count > 0);
    if (work->file.found == NIP__NGINX_BLANK || (work->file.found == NIP__NGINX_MISSING && !was) ||
        (work->file.found != NIP__NGINX_ALIEN && nip__nginx_repairs(work)))
        return "not_yet";
    if (work->file.found == NIP__NGINX_MISSING)
        nip__refuse(&work->trouble, "router_restarted", false, "%.200s is gone, and with it what was routed", file);
    else
        nip__refuse(&work->trouble, "foreign", false, "%.200s was %s", file,
                    work->file.found == NIP__NGINX_EDITED ? "changed by hand" : "not written by nipops");
    return "foreign";
}

static const char *settle(nip__nginx_work *work)
{
    work->trouble.reason = NULL;
    if (work->file.found != NIP__NGINX_OURS)
        return settle_without_state(work);
    if (same(work, &work->file.state, &work->wanted))
        return nip__nginx_in_force(work) ? "in_force" : "not_yet";
    if (!work->has_before || same(work, &work->file.state, &work->before))
        return "not_yet";
    nip__refuse(&work->trouble, "foreign", false,
                "generation %lld of %.200s is neither what was there nor what was to be there",
                (long long)work->file.generation, work->driver->settings.file);
    return "foreign";
}

/* ---- going back to the text from before ---- */

static void give_up(nip__nginx_work *work)
{
    nip__work_refuse(&work->base, &work->trouble, NULL);
}

/* nginx may take the new generation late: it is told of the old one too. */
static void put_back(nip__nginx_work *work)
{
    const char *file = work->driver->settings.file;
    nip_error *error = NULL;
    int rc = work->absent
                 ? nip__file_remove(file, &error)
                 : nip__file_rewrite(file, nip__buffer_string(&work->old), work->old.length, &error);
    size_t length = strlen(work->trouble.message);
    if (rc >= 0)
        nip__nginx_forget_before(work, work->mark);
    if (rc < 0)
        snprintf(work->trouble.message + length, sizeof work->trouble.message - length,
                 "; and the text from before could not be put back into %.150s", file);
    else
        snprintf(work->trouble.message + length, sizeof work->trouble.message - length, "; %.150s is as it was before",
                 file);
    nip_error_free(error);
    if (work->reloaded && rc == 0)
        nip__nginx_reload(work, give_up);
    else
        give_up(work);
}

/* ---- proof ---- */

static void look_again(nip__nginx_work *work);

static void give_up_waiting(nip__nginx_work *work, size_t serving)
{
    const nip__nginx_running *running = &work->running;
    if (!running->answered)
        nip__refuse(&work->trouble, "not_read_back", true, "nginx did not take generation up: %.250s",
                    running->problem);
    else if (strcmp(running->token, work->token) != 0)
        nip__refuse(&work->trouble, "not_read_back", true,
                    "nginx was asked to reload but still works by generation %lld; its error log says why",
                    (long long)running->generation);
    else
        nip__refuse(&work->trouble, "not_read_back", true,
                    "nginx has the new generation, but %zu of its workers still take connections by the one before",
                    serving);
    put_back(work);
}

/* It is in force: nobody goes back to what stood before. */
static void stands_now(nip__nginx_work *work, const char *before)
{
    nip__nginx_forget_before(work, before);
    nip__work_done(&work->base, result_of(work, &work->wanted));
}

static void proven(nip__nginx_work *work)
{
    bool has = work->running.answered && strcmp(work->running.token, work->token) == 0;
    size_t serving = has && work->knows_workers ? nip__nginx_still_serving(&work->workers) : 0;
    work->proofs = has ? work->proofs + 1 : 0;
    if (work->proofs >= PROOFS && serving == 0)
        stands_now(work, work->mark);
    else if (nip__loop_now(work->driver->loop) >= work->until && !has)
        give_up_waiting(work, serving);
    else if (nip__loop_now(work->driver->loop) >= work->until && serving > 0)
        give_up_waiting(work, serving);
    else
        nip__nginx_pause(work, LOOK_EVERY, look_again);
}

static void look_again(nip__nginx_work *work)
{
    nip__nginx_ask(work, proven);
}

static void reloaded(nip__nginx_work *work)
{
    work->reloaded = true;
    if (!work->ran_well && !work->ran_unknown) { /* unknown: what nginx answers tells */
        nip__refuse(&work->trouble, "reload_failed", true, "nginx could not be reloaded: %.300s", work->excerpt);
        put_back(work);
        return;
    }
    nip__loop_update(work->driver->loop);
    work->until = nip__time_add(nip__loop_now(work->driver->loop), work->driver->settings.timeout);
    look_again(work);
}

/* ---- writing ---- */

static bool check_dump(nip__nginx_work *work)
{
    const nip__nginx_settings *settings = &work->driver->settings;
    const char *copy = work->dump.copy;
    if (work->lacks_memory)
        return nip__refuse(&work->trouble, "no_memory", true, "out of memory");
    if (work->ran_unknown)
        return nip__refuse(&work->trouble, "status_unknown", true,
                           "nobody knows whether nginx accepts its configuration: %.300s", work->excerpt);
    if (copy[0] != '\0')
        return nip__refuse(&work->trouble, "config_refused", !work->ran_well,
                           "nginx reads %.150s, a copy of %.150s: move it to where nothing includes it", copy,
                           settings->file);
    if (!work->ran_well)
        return nip__refuse(&work->trouble, "config_refused", true, "nginx refuses its configuration: %.300s",
                           work->excerpt);
    if (work->dump.told && !work->dump.includes)
        return nip__refuse(&work->trouble, "config_refused", false,
                           "nginx's configuration does not include %.200s: write `include %.200s;` in its `http`",
                           settings->file, settings->file);
    if (work->mirrors && work->wanted.mirrored.count > 0 && !work->dump.mirrors)
        return nip__refuse(&work->trouble, "unsupported", false,
                           "nginx's configuration mirrors nothing to $%s_mirror: see docs/guide-nginx.md",
                           settings->upstream);
    return true;
}

static void tested(nip__nginx_work *work)
{
    pid_t master;
    nip__trouble ignored;
    if (!check_dump(work)) {
        put_back(work);
        return;
    }
    work->knows_workers = nip__nginx_master(&work->driver->settings, &master, &ignored) &&
                          nip__nginx_workers_read(work->base.arena, master, &work->workers);
    nip__nginx_reload(work, reloaded);
}

/* What is in the file now is set aside first, so that no kill loses it. */
static int replace(nip__nginx_work *work, nip_error **err)
{
    const nip__nginx_settings *settings = &work->driver->settings;
    int64_t file = work->file.generation, running = work->running.generation;
    nip__buffer text = NIP__BUFFER(NIP__NGINX_FILE_MAX);
    if (!nip__nginx_keep_edited(work, err) || !nip__nginx_keep_before(work, err))
        return -1;
    nip__nginx_render(&text, settings, &work->wanted, (file > running ? file : running) + 1, work->mark, work->token);
    int rc = text.full     ? nip__fail(err, NIP_E_LIMIT, "too many endpoints for one file")
             : text.failed ? nip__nomem(err)
                           : nip__file_rewrite(settings->file, text.data, text.length, err);
    nip__buffer_clear(&text);
    return rc;
}

static void write_file(nip__nginx_work *work)
{
    nip_error *error = NULL;
    if (replace(work, &error) < 0) {
        int code = nip_error_code(error);
        nip__work_fail(&work->base,
                       code == NIP_E_NOMEM   ? "no_memory"
                       : code == NIP_E_LIMIT ? "bad_arguments"
                                             : "permission",
                       code != NIP_E_LIMIT, NULL, "%s", nip_error_message(error));
    } else {
        nip__nginx_test(work, tested);
    }
    nip_error_free(error);
}

/* ---- what is wanted ---- */

/* The part that this verb does not speak of stays as it is. */
static bool read_states(nip__nginx_work *work)
{
    nip__arena *arena = work->base.arena;
    const nip__value *args = nip__action_args_value(work->base.action),
                     *before = nip__action_before_value(work->base.action);
    const nip__nginx_state *now = &work->file.state;
    nip__nginx_by by = work->driver->settings.by;
    nip__trouble ignored;
    if (work->mirrors) {
        work->has_before =
            before != NULL && nip__nginx_state_read(arena, by, NULL, NULL, before, &work->before, &ignored);
        return nip__nginx_state_read(arena, by, now->groups, now->drain, args, &work->wanted, &work->trouble);
    }
    const nip__value *groups = nip__get(args, "groups");
    if (!nip__is(groups, NIP__MAP))
        return nip__refuse(&work->trouble, "bad_arguments", false,
                           "router/route needs `groups`, a map from version to share and endpoints");
    work->has_before = before != NULL && nip__nginx_state_read(arena, by, nip__get(before, "groups"), NULL, NULL,
                                                               &work->before, &ignored);
    return nip__nginx_state_read(arena, by, nip__nginx_ordered(arena, groups, now->groups), nip__get(args, "drain"),
                                 now->mirror, &work->wanted, &work->trouble);
}

/* A hand's edit is only overwritten by a repair, and on the way back, where nobody expects anything to be there. */
static bool may_write(nip__nginx_work *work)
{
    const char *file = work->driver->settings.file;
    if (work->file.found == NIP__NGINX_ALIEN)
        return nip__refuse(&work->trouble, "foreign", false,
                           "%.200s was not written by nipops: name another `file`, or move it away", file);
    if (work->file.found == NIP__NGINX_EDITED && work->has_before && !nip__nginx_repairs(work))
        return nip__refuse(&work->trouble, "foreign", false,
                           "%.200s was changed by hand after nipops wrote generation %lld", file,
                           (long long)work->file.generation);
    return true;
}

/* Is the very text in force that would be written? */
static bool stands(nip__nginx_work *work)
{
    nip__buffer text = NIP__BUFFER(NIP__NGINX_FILE_MAX);
    if (!nip__nginx_in_force(work))
        return false;
    nip__nginx_render(&text, &work->driver->settings, &work->wanted, work->file.generation, work->file.before,
                      work->token);
    bool same_text =
        !text.failed && text.length == work->old.length && memcmp(text.data, work->old.data, text.length) == 0;
    nip__buffer_clear(&text);
    return same_text;
}

static void running_known(nip__nginx_work *work)
{
    if (work->lacks_memory) {
        nip__work_fail(&work->base, "no_memory", true, NULL, "out of memory");
    } else if (nip_action_settles(work->base.action)) {
        const char *outcome = settle(work);
        if (strcmp(outcome, "in_force") == 0)
            nip__nginx_forget_before(work, work->file.before);
        nip__work_settled(&work->base, outcome, result_of(work, &work->wanted), &work->trouble);
    } else if (!may_write(work)) {
        give_up(work);
    } else if (stands(work)) {
        stands_now(work, work->file.before);
    } else {
        write_file(work);
    }
}

void nip__nginx_write(nip__nginx_work *work)
{
    if (!nip__nginx_look(work))
        return;
    if (!read_states(work))
        give_up(work);
    else
        nip__nginx_ask(work, running_known);
}
