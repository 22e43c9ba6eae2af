/* Any text as HAProxy's replies to `show servers state` and `show stat`, and what is made of them: results, and the writes that
 * would bring it to a wanted state, which then must stand. A configuration file's text as well.
 *
 * Input: the replies; behind a line "%%" the arguments of a route as JSON. */
#include "fuzz.h"

#include "driver/haproxy.h"

static void check_slots(const nip__haproxy_state *state)
{
    for (size_t i = 0; i < state->count; i++) {
        const nip__haproxy_slot *slot = &state->slots[i];
        char endpoint[NIP__ENDPOINT_MAX];
        must(slot->weight >= 0 && slot->weight <= NIP__WEIGHT_MAX);
        must(nip__haproxy_effective(slot) <= slot->weight);
        must(slot->sessions >= 0);
        must(nip__haproxy_name(slot->name));
        must(slot->endpoint[0] == '\0' || nip__endpoint_read(slot->endpoint, endpoint));
    }
    must(nip__haproxy_total(state) >= 0);
    nip__haproxy_wiped(state);
}

/* Writes that were planned and carried out bring what was wanted, and nothing is left to do then. */
static void check_writes(nip__arena *arena, const nip__haproxy_state *state, const nip__wanted *wanted)
{
    nip__trouble trouble = {0};
    nip__haproxy_writes writes = {0}, more = {0};
    if (!nip__haproxy_plan(arena, state, wanted, NULL, &writes, &trouble)) {
        must(trouble.reason != NULL && trouble.message[0] != '\0');
        return;
    }
    nip__haproxy_state after = nip__haproxy_copy(arena, state);
    for (size_t i = 0; i < writes.count; i++) {
        must(writes.list[i].slot < state->count);
        nip__haproxy_apply(&after, &writes.list[i]);
    }
    check_slots(&after);
    must(nip__haproxy_plan(arena, &after, wanted, NULL, &more, &trouble));
    must(more.count == 0);
    must(strcmp(nip__haproxy_settle(&after, wanted, NULL, &trouble), "in_force") == 0);
    fuzz_tree(nip__haproxy_route_result(arena, &after, wanted));
}

static void check_route(nip__arena *arena, const nip__haproxy_state *state, const char *json)
{
    nip__value *args = NULL;
    nip__wanted wanted = {0};
    nip__trouble trouble = {0};
    if (nip__json_read(arena, json, strlen(json), NULL, &nip__reply_limits, &args, NULL) < 0)
        return;
    fuzz_tree(nip__haproxy_sessions_result(arena, state, args));
    fuzz_tree(nip__haproxy_measure_result(arena, state, args));
    if (nip__wanted_read(arena, args, NULL, &wanted, &trouble))
        check_writes(arena, state, &wanted);
    else
        must(trouble.reason != NULL && trouble.message[0] != '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_text(data, size), *rest = text;
    size_t length = strlen(fuzz_part(&rest, "%%"));
    if (rest == NULL)
        length = size;
    nip__arena *arena = nip__arena_new();
    nip__haproxy_state state = {0};
    nip__trouble trouble = {0};
    if (nip__haproxy_read_state(arena, text, length, "app", "s", &state, &trouble)) {
        nip__value *result = nip__map(arena);
        check_slots(&state);
        nip__haproxy_describe(arena, &state, result);
        fuzz_tree(result);
        check_route(arena, &state, rest != NULL ? rest : "{}");
    } else {
        must(trouble.reason != NULL && trouble.message[0] != '\0');
    }
    nip__value *warnings = nip__list(arena);
    nip__haproxy_config_warnings(arena, text, "app", warnings);
    fuzz_tree(warnings);
    nip__arena_free(arena);
    free(text);
    return 0;
}
