/* What the host answers: the first rule of the scenario's table that fits an action. */
#include "runner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A scenario that makes no sense: nothing is compared. */
void die(const char *message, const char *what)
{
    fprintf(stderr, "runner: %s%s%s\n", message, what != NULL ? ": " : "", what != NULL ? what : "");
    exit(2);
}

const char *text_of(const cJSON *map, const char *key)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(map, key));
}

nip_duration duration_of(const cJSON *map, const char *key)
{
    nip_duration duration = 0;
    const char *text = text_of(map, key);
    if (text != NULL && nip_duration_parse(text, &duration, NULL) < 0)
        die("not a length of time", text);
    return duration;
}

static bool same_value(const cJSON *wanted, const cJSON *found)
{
    return wanted == NULL || (found != NULL && cJSON_Compare(wanted, found, true));
}

/* `step`, `for` and `attempt` are in the journal only; a host that is handed actions in a callback has not seen it yet. */
static bool fits(const drive *d, const cJSON *rule, const nip_action *action)
{
    static const char *const from_journal[] = {"step", "for", "attempt"};
    char name[256];
    const cJSON *intended = cJSON_GetObjectItemCaseSensitive(d->intended, nip_action_id(action));
    snprintf(name, sizeof name, "%s/%s", nip_action_role(action), nip_action_verb(action));
    if (text_of(rule, "action") == NULL || strcmp(text_of(rule, "action"), name) != 0)
        return false;
    if (cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(rule, "settles")) != (nip_action_settles(action) != 0))
        return false;
    for (size_t i = 0; i < sizeof from_journal / sizeof from_journal[0]; i++) {
        if (!same_value(cJSON_GetObjectItemCaseSensitive(rule, from_journal[i]),
                        cJSON_GetObjectItemCaseSensitive(intended, from_journal[i])))
            return false;
    }
    return true;
}

/* Each rule counts the actions that fit it, whether or not an earlier rule answers them; `nth` chooses one of them. */
const cJSON *find_rule(drive *d, const nip_action *action)
{
    int index = 0;
    const cJSON *rule, *found = NULL;
    cJSON_ArrayForEach(rule, cJSON_GetObjectItemCaseSensitive(d->said, "answers"))
    {
        int *count = &d->rule_counts[index++];
        const cJSON *nth = cJSON_GetObjectItemCaseSensitive(rule, "nth");
        if (!fits(d, rule, action))
            continue;
        ++*count;
        if (found == NULL && (nth == NULL || nth->valueint == *count))
            found = rule;
    }
    return found;
}

/* The outcome as JSON, owned: cJSON_free. NULL: it is never answered. */
char *answer_of(const cJSON *rule)
{
    const cJSON *answer = cJSON_GetObjectItemCaseSensitive(rule, "answer");
    return answer != NULL ? cJSON_PrintUnformatted(answer) : NULL;
}
