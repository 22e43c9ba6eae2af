/* How an action under way begins and ends. */
#include "driver/work.h"
#include <stdarg.h>
#include <stdio.h>
#include "base/memory.h"
#include "base/print.h"
#include "base/text.h"
#include "doc/json.h"

enum { MESSAGE_MAX = 1024 };

void *nip__work_new(size_t size, nip__work **works, nip_action *action, void (*stop)(nip__work *work))
{
    nip__work *work = nip__calloc(1, size);
    nip__arena *arena = nip__arena_new();
    if (work == NULL || arena == NULL) {
        nip__arena_free(arena);
        nip__free(work);
        return NULL;
    }
    *work = (nip__work){.works = works, .next = *works, .action = action, .arena = arena, .stop = stop};
    if (work->next != NULL)
        work->next->previous = work;
    *works = work;
    return work;
}

void nip__work_drop(nip__work *work)
{
    work->stop(work);
    if (work->previous != NULL)
        work->previous->next = work->next;
    else
        *work->works = work->next;
    if (work->next != NULL)
        work->next->previous = work->previous;
    nip__arena_free(work->arena);
    nip__free(work);
}

void nip__work_cancel(nip__work **works, const nip_action *action)
{
    for (nip__work *work = *works; work != NULL; work = work->next)
        if (work->action == action) {
            nip__work_drop(work);
            return;
        }
}

void nip__work_drop_all(nip__work **works)
{
    while (*works != NULL)
        nip__work_drop(*works);
}

void nip__work_fail(nip__work *work, const char *reason, bool retryable, const nip__value *result, const char *format,
                    ...)
{
    char message[MESSAGE_MAX];
    va_list arguments;
    va_start(arguments, format);
    nip__vprint(message, sizeof message, format, arguments);
    va_end(arguments);
    nip__action_failed(work->action, reason, retryable, result, "%s", message);
    nip__work_drop(work);
}

void nip__work_refuse(nip__work *work, const nip__trouble *trouble, const nip__value *result)
{
    nip__work_fail(work, trouble->reason, trouble->retryable, result, "%s", trouble->message);
}

void nip__work_done(nip__work *work, const nip__value *result)
{
    if (result == NULL || nip__arena_failed(work->arena)) {
        nip__work_fail(work, "no_memory", true, NULL, "out of memory");
        return;
    }
    nip__action_done(work->action, result);
    nip__work_drop(work);
}

void nip__work_settled(nip__work *work, const char *outcome, nip__value *result, const nip__trouble *trouble)
{
    nip__value *report = nip__map(work->arena);
    nip__put_text(work->arena, report, "outcome", outcome);
    nip__put(work->arena, report, "result", result);
    nip__put_text(work->arena, report, "reason", trouble->reason);
    nip__put_text(work->arena, report, "message", trouble->reason == NULL ? NULL : trouble->message);
    char *text = nip__arena_failed(work->arena) ? NULL : nip__json_text(report);
    if (text == NULL) {
        nip__work_fail(work, "no_memory", true, NULL, "out of memory");
        return;
    }
    nip_action_complete(work->action, text, NULL);
    nip__free(text);
    nip__work_drop(work);
}

const nip__driver_verb *nip__driver_verb_find(const nip__driver_verb *verbs, const char *name)
{
    for (const nip__driver_verb *verb = verbs; verb->name != NULL; verb++)
        if (nip__text_equal(verb->name, name))
            return verb;
    return NULL;
}
