/* How built-in drivers answer: outcomes as JSON, and never silence, even when memory is out. */
#include "driver/driver.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/error.h"
#include "base/print.h"
#include "doc/json.h"
#include "plan/action.h"

enum { MESSAGE_MAX = 2048 };

static const nip__value no_args = {.kind = NIP__MAP};

const nip__value *nip__action_args_value(const nip_action *action)
{
    return action->args_value != NULL ? action->args_value : &no_args;
}

const nip__value *nip__action_before_value(const nip_action *action)
{
    return action->before_value;
}

/* Completes with what was written, or says that memory is out, which needs none. */
static void complete(nip_action *action, nip__buffer *outcome)
{
    static const char out_of_memory[] =
        "{\"outcome\":\"failed\",\"reason\":\"no_memory\",\"message\":\"out of memory\",\"retryable\":true}";
    nip_action_complete(action, outcome->failed ? out_of_memory : nip__buffer_string(outcome), NULL);
    nip__buffer_clear(outcome);
}

static void write_result(nip__writer *writer, const nip__value *result)
{
    nip__write_value(writer, "result", result != NULL ? result : &no_args);
}

void nip__action_done(nip_action *action, const nip__value *result)
{
    nip__buffer outcome = NIP__BUFFER(SIZE_MAX / 2);
    nip__writer writer = NIP__WRITER(&outcome);
    nip__write_map(&writer, NULL);
    nip__write_text(&writer, "outcome", "done");
    write_result(&writer, result);
    nip__write_end_map(&writer);
    complete(action, &outcome);
}

void nip__action_failed(nip_action *action, const char *reason, int retryable, const nip__value *result,
                        const char *format, ...)
{
    char message[MESSAGE_MAX];
    va_list arguments;
    va_start(arguments, format);
    nip__vprint(message, sizeof message, format, arguments);
    va_end(arguments);
    nip__buffer outcome = NIP__BUFFER(SIZE_MAX / 2);
    nip__writer writer = NIP__WRITER(&outcome);
    nip__write_map(&writer, NULL);
    nip__write_text(&writer, "outcome", "failed");
    nip__write_text(&writer, "reason", reason);
    nip__write_text(&writer, "message", message);
    nip__write_bool(&writer, "retryable", retryable != 0);
    if (result != NULL)
        write_result(&writer, result);
    nip__write_end_map(&writer);
    complete(action, &outcome);
}

void nip__action_settled(nip_action *action, const char *outcome, const nip__value *result, const char *message)
{
    nip__buffer text = NIP__BUFFER(SIZE_MAX / 2);
    nip__writer writer = NIP__WRITER(&text);
    nip__write_map(&writer, NULL);
    nip__write_text(&writer, "outcome", outcome);
    write_result(&writer, result);
    if (message != NULL)
        nip__write_text(&writer, "message", message);
    nip__write_end_map(&writer);
    complete(action, &text);
}
