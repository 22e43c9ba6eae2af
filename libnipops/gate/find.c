/* Which gate a run waits at: the action of its present step that is out to people or to the clock. */
#include "gate/gate.h"

#include <string.h>

#include "base/text.h"
#include "doc/json.h"

static nip__gate_kind kind_of(const nip__call *call)
{
    static const struct {
        const char *role, *verb;
        nip__gate_kind kind;
    } kinds[] = {{"person", "approve", NIP__GATE_APPROVAL}, {"clock", "window", NIP__GATE_WINDOW}};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (nip__text_equal(call->role, kinds[i].role) && nip__text_equal(call->verb, kinds[i].verb))
            return kinds[i].kind;
    }
    return NIP__GATE_NONE;
}

static bool may_wait(const nip__machine *machine)
{
    return machine->phase == NIP__RUNNING || machine->phase == NIP__WAITING || machine->phase == NIP__PAUSED;
}

static int read_args(const char *text, nip__arena *arena, const nip__value **args, nip_error **err)
{
    nip__value *value = NULL;
    int rc = nip__json_read(arena, text, strlen(text), "args", &nip__record_limits, &value, err);
    if (rc == 0)
        *args = value;
    return rc;
}

/* Asked means intended: what has not been begun, or is answered, asks nobody. */
static bool is_asked(const nip__call_state *call)
{
    bool over = call->stage == NIP__CALL_DONE || call->stage == NIP__CALL_FAILED;
    return call->args != NULL && !over;
}

int nip__gate_find(const nip_run *run, nip__arena *arena, nip__gate *gate, nip_error **err)
{
    *gate = (nip__gate){0};
    const nip__machine *machine = run->machine;
    const nip__step *step = nip__machine_step(machine);
    if (step == NULL || !may_wait(machine) || machine->cursor.stage != NIP__ACTING)
        return 0;
    const nip__call_states *act = &nip__machine_step_state(machine, step)->act;
    for (size_t i = 0; i < act->count; i++) {
        nip__gate_kind kind = kind_of(&step->actions.list[i]);
        if (kind == NIP__GATE_NONE || !is_asked(&act->list[i]))
            continue;
        *gate = (nip__gate){.kind = kind, .step = step->id};
        return read_args(act->list[i].args, arena, &gate->args, err);
    }
    return 0;
}
