/* What HAProxy's runtime socket does not tell and its configuration file does. Only three keywords are looked for; the
 * file is HAProxy's to check. A `defaults` section holds for the backends after it. */
#include <string.h>
#include "base/text.h"
#include "driver/haproxy.h"

enum { WORDS_MAX = 4, WORD_MAX = 128 };

struct line {
    char words[WORDS_MAX][WORD_MAX];
    size_t count;
};

enum section { ELSEWHERE, GLOBAL, DEFAULTS, BACKEND };

struct findings {
    bool backend, redispatch, state_file, loads_state;
};

/* The first words of a line, without its comment. Returns where the next line begins, NULL: at the end. */
static const char *read_line(const char *text, struct line *line)
{
    line->count = 0;
    while (*text != '\0' && *text != '\n' && *text != '#') {
        size_t length = strcspn(text, " \t\r\n#");
        if (length > 0 && line->count < WORDS_MAX) {
            size_t kept = length < WORD_MAX ? length : WORD_MAX - 1;
            memcpy(line->words[line->count], text, kept);
            line->words[line->count++][kept] = '\0';
        }
        text += length;
        text += strspn(text, " \t\r");
    }
    text += strcspn(text, "\n");
    return *text == '\0' ? NULL : text + 1;
}

static bool is(const struct line *line, size_t index, const char *word)
{
    return index < line->count && strcmp(line->words[index], word) == 0;
}

/* A line that opens a section changes *section; returns whether it did. */
static bool opens_section(const struct line *line, const char *backend, enum section *section)
{
    static const char *const names[] = {"global",      "defaults", "frontend", "backend", "listen",      "peers",
                                        "resolvers",   "userlist", "mailers",  "program", "http-errors", "ring",
                                        "log-forward", "cache",    "fcgi-app", NULL};
    size_t i = 0;
    while (names[i] != NULL && !is(line, 0, names[i]))
        i++;
    if (names[i] == NULL)
        return false;
    *section = i == 0 ? GLOBAL : i == 1 ? DEFAULTS : ELSEWHERE;
    if ((is(line, 0, "backend") || is(line, 0, "listen")) && is(line, 1, backend))
        *section = BACKEND;
    return true;
}

static void read_keyword(const struct line *line, enum section section, struct findings *found)
{
    if (section == GLOBAL && (is(line, 0, "server-state-file") || is(line, 0, "server-state-base")))
        found->state_file = true;
    if (section != DEFAULTS && section != BACKEND)
        return;
    if (is(line, 0, "option") && is(line, 1, "redispatch"))
        found->redispatch = true;
    if (is(line, 0, "no") && is(line, 1, "option") && is(line, 2, "redispatch"))
        found->redispatch = false;
    if (is(line, 0, "load-server-state-from-file"))
        found->loads_state = !is(line, 1, "none");
}

static struct findings look_through(const char *text, const char *backend)
{
    struct findings found = {false, false, false, false};
    enum section section = ELSEWHERE;
    for (const char *rest = text; rest != NULL;) {
        struct line line;
        rest = read_line(rest, &line);
        bool opened = opens_section(&line, backend, &section);
        if (opened && section == DEFAULTS && !found.backend)
            found.redispatch = found.loads_state = false; /* a defaults section does not add to the one before */
        if (!opened && !(section == DEFAULTS && found.backend))
            read_keyword(&line, section, &found);
        found.backend = found.backend || section == BACKEND;
    }
    return found;
}

void nip__haproxy_config_warnings(nip__arena *arena, const char *text, const char *backend, nip__value *warnings)
{
    struct findings found = look_through(text, backend);
    if (!found.backend)
        nip__push_text(
            arena, warnings,
            nip__arena_printf(arena, "the configuration file has no `backend %.100s`: is it the one HAProxy runs with?",
                              backend));
    if (found.backend && !found.redispatch)
        nip__push_text(
            arena, warnings,
            nip__arena_printf(arena,
                              "a request whose server has just stopped fails instead of going to another one: "
                              "add `option redispatch` and `retries 3` to `backend %.100s` or to `defaults`",
                              backend));
    if (!found.state_file || !found.loads_state)
        nip__push_text(
            arena, warnings,
            nip__arena_printf(
                arena,
                "a reload of HAProxy takes all traffic down until it is routed again:%s%s and write that file "
                "before each reload by `show servers state`",
                found.state_file ? "" : " add `server-state-file /var/lib/haproxy/server-state` to `global`",
                found.loads_state ? "" : " add `load-server-state-from-file global` to `defaults`"));
}
