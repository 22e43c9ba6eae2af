/* Properties that several targets check. */
#include "fuzz.h"

#include "base/memory.h"

void fuzz_refused(int rc, nip_error *err)
{
    must(rc < 0 && err != NULL);
    must(nip_error_code(err) == rc);
    must(nip_error_message(err)[0] != '\0');
    nip_error_free(err);
}

char *fuzz_text(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    must(text != NULL);
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    return text;
}

char *fuzz_part(char **rest, const char *separator)
{
    size_t length = strlen(separator);
    char *begin = *rest;
    if (begin == NULL)
        return NULL;
    for (char *line = begin; line != NULL; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, separator, length) == 0 && (line[length] == '\n' || line[length] == '\0')) {
            *rest = line[length] == '\n' ? line + length + 1 : NULL;
            *line = '\0';
            return begin;
        }
    }
    *rest = NULL;
    return begin;
}

void fuzz_json(const char *json)
{
    nip__arena *arena = nip__arena_new();
    nip__value *value = NULL;
    nip_error *err = NULL;
    int rc = nip__json_read(arena, json, strlen(json), "json", &nip__record_limits, &value, &err);
    if (rc < 0)
        fprintf(stderr, "%s\n%s\n", nip_error_message(err), json);
    must(rc == 0);
    char *again = nip__json_text(value);
    if (again != NULL && strcmp(again, json) != 0)
        fprintf(stderr, "%s\n%s\n", json != NULL ? json : "(null)", again != NULL ? again : "(null)");
    must(again != NULL && strcmp(again, json) == 0);
    nip__free(again);
    nip__arena_free(arena);
}

/* Larger integers become texts on the way out: then the trees differ, as promised. */
static bool has_large(const nip__value *value)
{
    if (nip__is(value, NIP__INT))
        return value->as.integer > NIP__EXACT_MAX || value->as.integer < -NIP__EXACT_MAX;
    if (!nip__is(value, NIP__MAP) && !nip__is(value, NIP__LIST))
        return false;
    for (NIP__EACH(item, value))
        if (has_large(item))
            return true;
    return false;
}

void fuzz_tree(const nip__value *value)
{
    char *json = nip__json_text(value);
    must(json != NULL);
    fuzz_json(json);
    nip__arena *arena = nip__arena_new();
    nip__value *again = NULL;
    must(nip__json_read(arena, json, strlen(json), NULL, &nip__record_limits, &again, NULL) == 0);
    must(has_large(value) || nip__equal(value, again));
    must(nip__equal(again, nip__copy(arena, again)));
    nip__arena_free(arena);
    nip__free(json);
}

void fuzz_plan(const nip_plan *plan)
{
    char *json = NULL, *again = NULL, *text = NULL;
    nip_plan *copy = NULL;
    nip_error *err = NULL;
    must(nip_plan_to_json(plan, &json, NULL) == 0);
    if (nip_plan_from_json(json, strlen(json), &copy, &err) < 0)
        fprintf(stderr, "%s\n", nip_error_message(err));
    must(copy != NULL);
    must(nip_plan_to_json(copy, &again, NULL) == 0);
    must(strcmp(json, again) == 0);
    must(strcmp(nip_plan_subject(plan), nip_plan_subject(copy)) == 0);
    must(nip_plan_steps(plan) == nip_plan_steps(copy));
    must(nip_plan_explain(plan, &text, NULL) == 0 && text[0] != '\0');
    fuzz_json(nip_plan_drivers(plan));
    nip_free(text);
    nip_free(again);
    nip_free(json);
    nip_plan_free(copy);
}
