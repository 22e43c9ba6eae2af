/* One entry of on_end. */
#include "gate/notice.h"

#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "doc/json.h"

static const char *const states[] = {"succeeded", "returned", "stopped", "broken", NULL};
static const nip__field state_item = {.type = NIP__T_ENUM, .choices = states};
static const nip__field word_item = {.type = NIP__T_TEXT, .flags = NIP__F_NUMBER_TEXT, .max = 65536};
static const nip__field header_item = {.type = NIP__T_ANY, .flags = NIP__F_SECRET};

const nip__field nip__notice_fields[] = {
    {.name = "command",
     .type = NIP__T_LIST,
     .flags = NIP__F_ONE_OR_LIST,
     .min = 1,
     .max = 1000,
     .item = &word_item,
     .help = "program and arguments; it gets the end as JSON on standard input"},
    {.name = "url", .type = NIP__T_ANY, .help = "http://... or https://..., or {env: NAME} or {file: PATH}: gets it by POST"},
    {.name = "headers",
     .type = NIP__T_DICT,
     .item = &header_item,
     .help = "headers to send; a value is text, {env: NAME} or {file: PATH}"},
    {.name = "body",
     .type = NIP__T_ANY,
     .help = "sent in place of the end itself, as JSON; {app}, {run}, {title}, {state}, {reason}, {message}, {version} are filled in"},
    {.name = "body_json", .type = NIP__T_TEXT, .min = 1, .max = 1 << 20, .help = "the same as JSON text; plans have it so"},
    {.name = "when",
     .type = NIP__T_LIST,
     .flags = NIP__F_ONE_OR_LIST,
     .min = 1,
     .max = 4,
     .item = &state_item,
     .help = "ends that it is about (default: all)"},
    {.name = "timeout", .type = NIP__T_DURATION, .min = 0.1, .max = 300, .otherwise = "10s", .help = "of one attempt"},
    {0},
};
const nip__field nip__notice_item = {.type = NIP__T_MAP, .fields = nip__notice_fields};

static bool is_text_or_reference(const nip__value *value)
{
    return nip__is(value, NIP__STRING) || nip__get_text(value, "env") != NULL || nip__get_text(value, "file") != NULL;
}

static void problem(const nip__value *where, const char *path, const char *file, nip__problems *problems, const char *what)
{
    nip__problems_add(problems, file, (int)where->line, (int)where->column, path, "%s", what);
}

static bool is_http(const char *url)
{
    return nip__text_starts(url, "http://") || nip__text_starts(url, "https://");
}

static void check_body_json(const nip__value *notice, const char *path, const char *file, nip__problems *problems)
{
    const char *text = nip__get_text(notice, "body_json");
    nip__value *ignored = NULL;
    nip__arena *arena = nip__arena_new();
    int rc = arena == NULL ? NIP_E_NOMEM : 0;
    if (rc == 0 && text != NULL)
        rc = nip__json_read(arena, text, strlen(text), "body_json", &nip__document_limits, &ignored, NULL);
    if (rc == NIP_E_NOMEM)
        problems->nomem = 1;
    else if (rc < 0)
        problem(nip__get(notice, "body_json"), path, file, problems, "body_json must be JSON");
    nip__arena_free(arena);
}

void nip__notice_check(const nip__value *notice, const char *path, const char *file, nip__problems *problems)
{
    const nip__value *url = nip__get(notice, "url"), *command = nip__get(notice, "command");
    const char *text = nip__get_text(notice, "url");
    if (!nip__is(notice, NIP__MAP))
        return; /* the schema has told */
    if ((url != NULL) == (command != NULL))
        problem(notice, path, file, problems, "must have either a command or a url");
    if (url != NULL && (!is_text_or_reference(url) || (text != NULL && !is_http(text))))
        problem(url, path, file, problems, "a url must be http://..., https://..., {env: NAME} or {file: PATH}");
    if (nip__get(notice, "body") != NULL && nip__get(notice, "body_json") != NULL)
        problem(nip__get(notice, "body_json"), path, file, problems, "must have one of body and body_json");
    if (command != NULL && (nip__get(notice, "headers") != NULL || nip__get(notice, "body") != NULL || nip__get(notice, "body_json") != NULL))
        problem(command, path, file, problems, "headers and body are for a url: a command gets the end as JSON on standard input");
    for (NIP__EACH(header, nip__get(notice, "headers"))) {
        if (!is_text_or_reference(header))
            problem(header, path, file, problems, "a header's value must be text, {env: NAME} or {file: PATH}");
        if (nip__text_equal(header->key, "from") || nip__text_equal(header->key, "after"))
            problem(header, path, file, problems, "plans read this header's name otherwise: write it with a capital, names of headers do not tell letters' cases apart");
    }
    check_body_json(notice, path, file, problems);
}

/* ---- in plans ---- */

static nip__value *for_plan(nip__arena *arena, const nip__value *notice)
{
    nip__value *made = nip__map(arena);
    for (NIP__EACH(item, notice)) {
        if (!nip__text_equal(item->key, "body")) {
            nip__put(arena, made, item->key, nip__share(arena, item));
            continue;
        }
        char *text = nip__json_text(item);
        if (text == NULL)
            nip__arena_fail(arena);
        nip__put_text(arena, made, "body_json", text);
        nip__free(text);
    }
    return made;
}

const nip__value *nip__notices_for_plan(nip__arena *arena, const nip__value *document)
{
    const nip__value *on_end = nip__get(document, "on_end");
    if (nip__count(on_end) == 0)
        return document;
    nip__value *made = nip__map(arena), *notices = nip__list(arena);
    for (NIP__EACH(notice, on_end))
        nip__push(notices, for_plan(arena, notice));
    for (NIP__EACH(item, document))
        nip__put(arena, made, item->key, item == on_end ? notices : nip__share(arena, item));
    return made;
}

bool nip__notice_wants(const nip__value *notice, const char *state)
{
    const nip__value *when = nip__get(notice, "when");
    bool wanted = when == NULL;
    for (NIP__EACH(item, when))
        wanted |= nip__is(item, NIP__STRING) && nip__text_equal(item->as.string.text, state);
    return wanted;
}

/* Scheme and host only. */
static const char *label_url(nip__arena *arena, const char *url)
{
    const char *host = strstr(url, "://");
    if (host == NULL)
        return "POST";
    host += 3;
    size_t length = strcspn(host, "/?#");
    const char *at = memrchr(host, '@', length);
    const char *shown = at != NULL ? at + 1 : host;
    return nip__arena_printf(arena, "POST %.*s%.*s", (int)(host - url), url, (int)(length - (size_t)(shown - host)), shown);
}

const char *nip__notice_label(nip__arena *arena, const nip__value *notice)
{
    const nip__value *url = nip__get(notice, "url"), *word = nip__first(nip__get(notice, "command"));
    const char *env = nip__get_text(url, "env"), *path = nip__get_text(url, "file");
    if (nip__is(url, NIP__STRING))
        return label_url(arena, url->as.string.text);
    if (env != NULL || path != NULL)
        return nip__arena_printf(arena, "POST to the url of %s", env != NULL ? env : path);
    return nip__is(word, NIP__STRING) ? word->as.string.text : "?";
}

nip_duration nip__notice_timeout(const nip__value *notice)
{
    return nip__get_duration(notice, "timeout", 10 * NIP_SECOND);
}
