/* From settings to a command line and an environment. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <stdlib.h>
#include "base/buffer.h"
#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "doc/json.h"
#include "driver/local.h"

enum { TEXT_MAX = 128 * 1024, SECRET_MAX = 64 * 1024, PATHS_MAX = 4096 };

static const char *or_empty(const char *text)
{
    return text == NULL ? "" : text;
}

static const char *place(const nip__local_settings *settings, const nip__local_start *start, const char *name,
                         size_t length, const char *port)
{
    const struct {
        const char *name, *value;
    } places[] = {
        {"port", port},
        {"version", or_empty(start->version)},
        {"artifact", or_empty(start->artifact)},
        {"app", or_empty(start->subject)},
        {"host", or_empty(settings->host)},
        {"endpoint", start->endpoint},
        {"id", start->id},
    };
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
        if (strlen(places[i].name) == length && memcmp(places[i].name, name, length) == 0)
            return places[i].value;
    return NULL;
}

/* Braces around anything else stay: they may be JSON or shell. */
char *nip__local_fill(nip__arena *arena, const nip__local_settings *settings, const nip__local_start *start,
                      const char *text)
{
    nip__buffer filled = NIP__BUFFER(TEXT_MAX), port = NIP__BUFFER(32);
    nip__buffer_int(&port, start->port);
    while (*text != '\0') {
        const char *end = *text == '{' ? strchr(text, '}') : NULL;
        const char *value =
            end == NULL || port.failed ? NULL : place(settings, start, text + 1, (size_t)(end - text) - 1, port.data);
        if (value != NULL) {
            nip__buffer_text(&filled, value);
            text = end + 1;
        } else {
            nip__buffer_char(&filled, *text++);
        }
    }
    char *copy = filled.failed || port.failed ? NULL : nip__arena_text(arena, nip__buffer_string(&filled));
    nip__buffer_clear(&filled);
    nip__buffer_clear(&port);
    return copy;
}

/* ---- environment ---- */

static bool is_variable(const char *name)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789";
    return name != NULL && name[0] != '\0' && (name[0] < '0' || name[0] > '9') && strspn(name, letters) == strlen(name);
}

static const char *secret_in_file(nip__arena *arena, const char *path, const char **wrong)
{
    nip__buffer text = NIP__BUFFER(SECRET_MAX);
    nip_error *error = NULL;
    const char *value = NULL;
    if (nip__file_read(path, SECRET_MAX, &text, &error) < 0)
        *wrong = nip__arena_text(arena, nip_error_message(error));
    else if (text.length != strlen(nip__buffer_string(&text)))
        *wrong = nip__arena_printf(arena, "%s holds a NUL", path);
    else
        value = nip__arena_copy(arena, nip__buffer_string(&text), strcspn(nip__buffer_string(&text), "\r\n"));
    nip__buffer_clear(&text);
    nip_error_free(error);
    return value;
}

/* A scalar as text; {env: NAME} or {file: PATH} as what is there now. NULL: *wrong says why, or memory is out. */
static const char *variable_value(nip__arena *arena, const nip__local_settings *settings, const nip__local_start *start,
                                  const nip__value *value, const char **wrong)
{
    const char *env = nip__get_text(value, "env"), *file = nip__get_text(value, "file");
    if (nip__is(value, NIP__STRING))
        return nip__local_fill(arena, settings, start, value->as.string.text);
    if (file != NULL)
        return secret_in_file(arena, file, wrong);
    if (env != NULL) {
        const char *found = getenv(env);
        if (found == NULL)
            *wrong = nip__arena_printf(arena, "the environment variable %s is not set", env);
        return nip__arena_text(arena, found);
    }
    if (nip__is(value, NIP__MAP) || nip__is(value, NIP__LIST) || value->kind == NIP__NULL) {
        *wrong = nip__arena_printf(arena, "%s must be a text, a number, true, false, {env: NAME} or {file: PATH}",
                                   value->key);
        return NULL;
    }
    char *scalar = nip__json_text(value);
    const char *copy = nip__arena_text(arena, scalar);
    nip__free(scalar);
    return copy;
}

struct list {
    nip__arena *arena;
    const char **items;
    size_t count, capacity;
};

static void put(struct list *list, const char *item)
{
    if (item != NULL && list->count < list->capacity)
        list->items[list->count++] = item;
}

/* What `stronger` names too is left to it. */
static bool put_variables(struct list *list, const nip__local_settings *settings, const nip__local_start *start,
                          const nip__value *map, const nip__value *stronger, const char **wrong)
{
    for (NIP__EACH(item, map)) {
        if (nip__get(stronger, item->key) != NULL)
            continue;
        if (!is_variable(item->key) || nip__text_starts(item->key, "NIPOPS_")) {
            *wrong = nip__arena_printf(list->arena,
                                       "%.60s cannot be the name of an environment variable of an instance", item->key);
            return false;
        }
        const char *value = variable_value(list->arena, settings, start, item, wrong);
        if (value == NULL)
            return false;
        put(list, nip__arena_printf(list->arena, "%s=%s", item->key, value));
    }
    return true;
}

static bool make_environment(struct list *list, const nip__local_settings *settings, const nip__local_start *start,
                             const char **wrong)
{
    list->capacity = nip__count(settings->env) + nip__count(start->settings) + 4;
    list->items = nip__arena_alloc(list->arena, (list->capacity + 1) * sizeof *list->items);
    if (list->items == NULL || !put_variables(list, settings, start, settings->env, start->settings, wrong) ||
        !put_variables(list, settings, start, start->settings, NULL, wrong))
        return false;
    put(list, nip__arena_printf(list->arena, "NIPOPS_INSTANCE=%s", start->token));
    put(list, nip__arena_printf(list->arena, "NIPOPS_STATE=%s", settings->state_dir));
    put(list, nip__arena_printf(list->arena, "NIPOPS_VERSION=%s", start->version));
    put(list, nip__arena_printf(list->arena, "NIPOPS_PORT=%d", start->port));
    return true;
}

const char *const *nip__local_words(nip__arena *arena, const nip__local_settings *settings,
                                    const nip__local_start *start)
{
    struct list words = {.arena = arena, .capacity = nip__count(settings->command)};
    words.items = nip__arena_alloc(arena, (words.capacity + 1) * sizeof *words.items);
    if (words.items == NULL)
        return NULL;
    for (NIP__EACH(word, settings->command))
        put(&words, nip__local_fill(arena, settings, start, nip__is(word, NIP__STRING) ? word->as.string.text : ""));
    return words.count == words.capacity ? words.items : NULL;
}

bool nip__local_command(nip__arena *arena, const nip__local_settings *settings, const nip__local_start *start,
                        const char *const **argv, const char *const **env, const char **wrong)
{
    struct list variables = {.arena = arena};
    *wrong = "out of memory";
    const char *const *words = nip__local_words(arena, settings, start);
    if (words == NULL || !make_environment(&variables, settings, start, wrong) || nip__arena_failed(arena))
        return false;
    *argv = words;
    *env = variables.items;
    return true;
}

/* ---- artifact ---- */

static bool is_program(const char *path)
{
    struct stat file;
    return stat(path, &file) == 0 && S_ISREG(file.st_mode) && access(path, X_OK) == 0;
}

static bool found_in_path(nip__arena *arena, const char *name)
{
    const char *rest = getenv("PATH");
    for (int i = 0; rest != NULL && i < PATHS_MAX; i++) {
        size_t length = strcspn(rest, ":");
        const char *path = nip__arena_printf(arena, "%.*s%s%s", (int)length, rest, length == 0 ? "" : "/", name);
        if (path != NULL && is_program(path))
            return true;
        rest = rest[length] == ':' ? rest + length + 1 : NULL;
    }
    return false;
}

bool nip__local_artifact(nip__arena *arena, const nip__local_settings *settings, const nip__local_start *start,
                         const char **detail)
{
    const nip__value *first = nip__at(settings->command, 0);
    bool by_path = settings->artifact_path != NULL;
    const char *template = by_path ? settings->artifact_path : nip__is(first, NIP__STRING) ? first->as.string.text : "";
    const char *name = nip__local_fill(arena, settings, start, template);
    if (name == NULL)
        return false;
    bool relative = name[0] != '/' && settings->folder != NULL && (by_path || strchr(name, '/') != NULL);
    const char *path = relative ? nip__arena_printf(arena, "%s/%s", settings->folder, name) : name;
    bool exists = path != NULL && (by_path                     ? access(path, F_OK) == 0
                                   : strchr(path, '/') != NULL ? is_program(path)
                                                               : found_in_path(arena, path));
    *detail = nip__arena_printf(arena, by_path ? "%s %s" : "program %s %s", path, exists ? "is there" : "is not there");
    return exists;
}
