/* What `list` prints: a line an instance, as words or as JSON. Hostile until it was read here. */
#include <stdio.h>
#include <string.h>
#include "base/text.h"
#include "doc/json.h"
#include "driver/command_work.h"

enum { VERSION_MAX = 200, SHOWN = 80 };

/* ---- a line as fields ---- */

enum field { ENDPOINT, HOST, PORT, VERSION, STATE, ID, FIELDS };

static const char *const field_names[FIELDS] = {"endpoint", "host", "port", "version", "state", "id"};

typedef struct slice {
    const char *text;
    size_t length;
} slice;

static int field_of(slice name)
{
    for (int i = 0; i < FIELDS; i++)
        if (strlen(field_names[i]) == name.length && memcmp(field_names[i], name.text, name.length) == 0)
            return i;
    return -1;
}

/* The next word of *rest; length 0: none. */
static slice next_word(slice *rest)
{
    slice word = *rest;
    while (word.length > 0 && (*word.text == ' ' || *word.text == '\t' || *word.text == '\r'))
        word.text++, word.length--;
    size_t length = 0;
    while (length < word.length && word.text[length] != ' ' && word.text[length] != '\t' && word.text[length] != '\r')
        length++;
    rest->text = word.text + length;
    rest->length = word.length - length;
    word.length = length;
    return word;
}

static slice slice_of(const char *text)
{
    return (slice){text, strlen(text)};
}

static const char *find(slice in, slice what)
{
    for (size_t i = 0; i + what.length <= in.length; i++)
        if (memcmp(in.text + i, what.text, what.length) == 0)
            return in.text + i;
    return NULL;
}

static slice from(slice text, size_t offset)
{
    return (slice){text.text + offset, text.length - offset};
}

/* "{NAME}LITERAL": takes the value in front of LITERAL, which is the word's end when nothing follows in the pattern. */
static bool match_place(slice *pattern, slice *word, slice fields[FIELDS])
{
    const char *close = memchr(pattern->text, '}', pattern->length);
    slice name = {pattern->text + 1, (size_t)(close - pattern->text) - 1};
    *pattern = from(*pattern, name.length + 2);
    const char *open = memchr(pattern->text, '{', pattern->length);
    slice literal = {pattern->text, open == NULL ? pattern->length : (size_t)(open - pattern->text)};
    const char *end = word->text + word->length;
    if (open == NULL && word->length >= literal.length)
        end -= literal.length;
    else if (open != NULL && literal.length > 0)
        end = find(*word, literal);
    if (end == NULL || end <= word->text)
        return false;
    slice value = {word->text, (size_t)(end - word->text)};
    if (name.length > 0)
        fields[field_of(name)] = value;
    *word = from(*word, value.length);
    return true;
}

static bool match_word(slice pattern, slice word, slice fields[FIELDS])
{
    while (pattern.length > 0) {
        if (*pattern.text == '{') {
            if (!match_place(&pattern, &word, fields))
                return false;
        } else {
            if (word.length == 0 || *word.text != *pattern.text)
                return false;
            pattern = from(pattern, 1);
            word = from(word, 1);
        }
    }
    return word.length == 0;
}

/* Words beyond the pattern's are descriptions for people. */
static bool match_line(const char *pattern, slice line, slice fields[FIELDS])
{
    slice wanted = slice_of(pattern), part;
    while ((part = next_word(&wanted)).length > 0) {
        slice word = next_word(&line);
        if (word.length == 0 || !match_word(part, word, fields))
            return false;
    }
    return true;
}

static const char *check_word(slice word, bool seen[FIELDS])
{
    bool after_place = false;
    while (word.length > 0) {
        const char *close = *word.text == '{' ? memchr(word.text, '}', word.length) : NULL;
        if (*word.text == '}' || (*word.text == '{' && close == NULL))
            return "a brace stands alone";
        if (close == NULL) {
            after_place = false;
            word = from(word, 1);
            continue;
        }
        slice name = {word.text + 1, (size_t)(close - word.text) - 1};
        int field = name.length == 0 ? -1 : field_of(name);
        if (name.length > 0 && field < 0)
            return "it knows {endpoint}, {host}, {port}, {version}, {state}, {id}, and {} for what does not matter";
        if (after_place)
            return "something must stand between two places of a word";
        if (field >= 0)
            seen[field] = true;
        after_place = true;
        word = from(word, name.length + 2);
    }
    return NULL;
}

const char *nip__argv_check_lines(const char *pattern)
{
    bool seen[FIELDS] = {false};
    slice rest = slice_of(pattern), word;
    const char *wrong = NULL;
    while (wrong == NULL && (word = next_word(&rest)).length > 0)
        wrong = check_word(word, seen);
    if (wrong == NULL && !(seen[ENDPOINT] || seen[PORT]))
        wrong = "it needs {endpoint} or {port}";
    if (wrong == NULL && !(seen[VERSION] && seen[STATE]))
        wrong = "it needs {version} and {state}";
    return wrong;
}

static bool take_json(nip__arena *arena, slice line, slice fields[FIELDS])
{
    nip__value *value = NULL;
    if (nip__json_read(arena, line.text, line.length, "list", &nip__document_limits, &value, NULL) < 0 ||
        !nip__is(value, NIP__MAP))
        return false;
    for (int i = 0; i < FIELDS; i++) {
        const nip__value *found = nip__get(value, field_names[i]);
        const char *text = nip__is(found, NIP__STRING) ? found->as.string.text
                           : nip__is(found, NIP__INT)  ? nip__arena_printf(arena, "%lld", (long long)found->as.integer)
                                                       : NULL;
        if (text != NULL)
            fields[i] = slice_of(text);
    }
    return true;
}

/* ---- fields as an instance ---- */

static const struct {
    const char *word;
    bool running;
} states[] = {
    {"running", true},    {"active", true},   {"activating", true}, {"deactivating", true}, {"reloading", true},
    {"refreshing", true}, {"up", true},       {"starting", true},   {"stopping", true},     {"restarting", true},
    {"removing", true},   {"paused", true},   {"exited", false},    {"failed", false},      {"inactive", false},
    {"dead", false},      {"stopped", false}, {"created", false},   {"down", false},        {"maintenance", false},
};

static const char *text_of(nip__arena *arena, slice field)
{
    return field.length == 0 ? NULL : nip__arena_copy(arena, field.text, field.length);
}

static bool read_state(const char *word, bool *running)
{
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++)
        if (nip__text_equal(states[i].word, word)) {
            *running = states[i].running;
            return true;
        }
    return false;
}

static bool is_version(const char *text)
{
    if (text == NULL || strlen(text) > VERSION_MAX)
        return false;
    for (; *text != '\0'; text++)
        if ((unsigned char)*text < ' ')
            return false;
    return true;
}

/* What is wrong with it; NULL: nothing. */
static const char *take_fields(nip__arena *arena, const nip__argv_settings *settings, const slice fields[FIELDS],
                               nip__local_instance *instance)
{
    char endpoint[NIP__ENDPOINT_MAX];
    const char *given = text_of(arena, fields[ENDPOINT]), *port = text_of(arena, fields[PORT]),
               *host = text_of(arena, fields[HOST]), *id = text_of(arena, fields[ID]);
    int64_t number = 0;
    if (given == NULL && (!nip__text_int(port == NULL ? "" : port, &number) ||
                          !nip__endpoint_write(host == NULL ? settings->local.host : host, number, endpoint)))
        return "it names no endpoint and no port";
    if (given != NULL && !nip__endpoint_read(given, endpoint))
        return "its endpoint is not an IP address and a port, like 127.0.0.1:9100";
    instance->endpoint = nip__arena_text(arena, endpoint);
    instance->version = text_of(arena, fields[VERSION]);
    instance->started = NIP_TIME_NONE;
    instance->id = id != NULL ? id : instance->endpoint;
    instance->port = given == NULL || nip__text_int(strrchr(endpoint, ':') + 1, &number) ? (int)number : 0;
    if (!is_version(instance->version))
        return "it names no version of 1 to 200 bytes";
    if (!read_state(text_of(arena, fields[STATE]), &instance->running))
        return "its state is none of running, active, up, exited, failed, inactive, dead, stopped and the like";
    return NULL;
}

/* An endpoint may have ended instances beside the one that runs. */
static bool is_taken(const nip__local_instances *instances, const nip__local_instance *instance)
{
    for (size_t i = 0; i < instances->count && instance->running; i++)
        if (instances->list[i].running && strcmp(instances->list[i].endpoint, instance->endpoint) == 0)
            return true;
    return false;
}

static bool add_line(nip__arena *arena, const nip__argv_settings *settings, slice line, size_t number,
                     nip__local_instances *instances, nip__trouble *trouble)
{
    slice fields[FIELDS] = {{NULL, 0}};
    nip__local_instance *instance = &instances->list[instances->count];
    bool json = *line.text == '{' && settings->lines[0] != '{';
    json = json || (*line.text == '{' && line.length > 1 && (line.text[1] == '"' || line.text[1] == ' '));
    bool fits = json ? take_json(arena, line, fields) : match_line(settings->lines, line, fields);
    const char *wrong = !fits ? (json ? "it is no JSON map" : "it is not written as the setting `lines` says") : NULL;
    if (wrong == NULL)
        wrong = take_fields(arena, settings, fields, instance);
    if (wrong == NULL && is_taken(instances, instance))
        wrong = "another line says that an instance runs at the same endpoint";
    if (wrong != NULL)
        return nip__refuse(trouble, "protocol", true, "line %zu of what `list` printed cannot be used: %s: %.*s",
                           number, wrong, (int)(line.length < SHOWN ? line.length : SHOWN), line.text);
    instances->count++;
    return true;
}

bool nip__argv_read_list(nip__arena *arena, const nip__argv_settings *settings, const char *text, size_t length,
                         nip__local_instances *instances, nip__trouble *trouble)
{
    size_t lines = 1, number = 0;
    if (length >= NIP__ARGV_OUTPUT_MAX)
        return nip__refuse(trouble, "protocol", false, "`list` printed more than %d bytes", NIP__ARGV_OUTPUT_MAX - 1);
    if (!nip__text_utf8(text, length))
        return nip__refuse(trouble, "protocol", true, "what `list` printed is no UTF-8 text");
    for (size_t i = 0; i < length; i++)
        lines += text[i] == '\n';
    if (lines > NIP__ARGV_LINES_MAX)
        return nip__refuse(trouble, "protocol", false, "`list` printed more than %d lines", NIP__ARGV_LINES_MAX - 1);
    memset(instances, 0, sizeof *instances);
    instances->list = nip__arena_alloc(arena, lines * sizeof *instances->list);
    if (instances->list == NULL)
        return nip__refuse(trouble, "no_memory", true, "out of memory");
    for (const char *end = text + length; text < end; text++) {
        const char *newline = memchr(text, '\n', (size_t)(end - text));
        slice rest = {text, newline == NULL ? (size_t)(end - text) : (size_t)(newline - text)}, line = rest;
        number++;
        slice first = next_word(&rest);
        line.length -= (size_t)(first.text - line.text);
        line.text = first.text;
        if (first.length > 0 && !add_line(arena, settings, line, number, instances, trouble))
            return false;
        text += (newline == NULL ? end : newline) - text;
    }
    for (size_t i = 0; i < instances->count; i++)
        if (instances->list[i].port > 0)
            instances->taken[instances->list[i].port] = true;
    return !nip__arena_failed(arena) || nip__refuse(trouble, "no_memory", true, "out of memory");
}

/* ---- target/observe ---- */

bool nip__argv_is_local(const char *host)
{
    return nip__text_starts(host, "127.") || nip__text_equal(host, "::1") || nip__text_equal(host, "0.0.0.0") ||
           nip__text_equal(host, "::");
}

/* At another machine nobody can try a port: those that no line names count as free. */
static int64_t unnamed_ports(const nip__argv_settings *settings, const nip__local_instances *instances)
{
    int64_t count = 0;
    for (int port = settings->local.port_first; port <= settings->local.port_last; port++)
        count += !instances->taken[port];
    return count;
}

nip__value *nip__argv_observed(nip__arena *arena, const nip__argv_settings *settings,
                               const nip__local_instances *instances)
{
    nip__value *result = nip__local_observed(arena, &settings->local, instances);
    if (!nip__argv_is_local(settings->local.host))
        nip__put_int(arena, result, "ports_free", unnamed_ports(settings, instances));
    return result;
}
