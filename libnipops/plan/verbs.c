/* Roles and verbs that the library knows, with their class: how to settle an action in doubt. */
#include "plan/plan.h"

#include "base/text.h"

static const struct {
    const char *role, *verb;
    int verb_class;
} verbs[] = {
    {"target", "artifact", NIP_VERB_READ},   {"target", "observe", NIP_VERB_READ},      {"target", "select", NIP_VERB_READ},
    {"target", "instances", NIP_VERB_DECLARATIVE}, {"router", "route", NIP_VERB_DECLARATIVE}, {"router", "sessions", NIP_VERB_READ},
    {"router", "observe", NIP_VERB_READ},    {"metrics", "measure", NIP_VERB_READ},     {"check", "http", NIP_VERB_READ},
    {"check", "tcp", NIP_VERB_READ},         {"check", "command", NIP_VERB_READ},       {"check", "reachable", NIP_VERB_READ},
    {"check", "settings", NIP_VERB_READ},    {"check", "resources", NIP_VERB_READ},
};

int nip__verb_class(const char *role, const char *verb)
{
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        if (nip__text_equal(verbs[i].role, role) && nip__text_equal(verbs[i].verb, verb))
            return verbs[i].verb_class;
    }
    return NIP_VERB_ONCE;
}

const char *nip__verb_class_name(int verb_class)
{
    static const char *const names[] = {"read", "declarative", "once"};
    return verb_class >= 0 && verb_class <= NIP_VERB_ONCE ? names[verb_class] : "unknown";
}
