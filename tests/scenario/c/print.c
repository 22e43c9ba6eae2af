/* What all runners print, to the byte: one line a fact, numbers as %.17g, instants in nanoseconds, keys in the order given. */
#include "runner.h"

#include <stdio.h>
#include <string.h>

static FILE *out;

/* Where everything goes that is printed from now on. */
void print_to(FILE *file)
{
    out = file;
}

static void put(int character)
{
    putc(character, out);
}

static void print_string(const char *text)
{
    put('"');
    for (const unsigned char *c = (const unsigned char *)text; *c != '\0'; c++) {
        if (*c == '"' || *c == '\\')
            fprintf(out, "\\%c", *c);
        else if (*c < 0x20)
            fprintf(out, "\\u%04x", *c);
        else
            put(*c);
    }
    put('"');
}

static void print_number(double number)
{
    if (number > -9007199254740992.0 && number < 9007199254740992.0 && number == (double)(int64_t)number)
        fprintf(out, "%lld", (long long)number);
    else
        fprintf(out, "%.17g", number);
}

static void print_items(const cJSON *value, const char *skip)
{
    bool map = cJSON_IsObject(value), first = true;
    const cJSON *item;
    put(map ? '{' : '[');
    cJSON_ArrayForEach(item, value)
    {
        if (map && skip != NULL && strcmp(item->string, skip) == 0)
            continue;
        if (!first)
            put(',');
        first = false;
        if (map) {
            print_string(item->string);
            put(':');
        }
        print_json(item, NULL);
    }
    put(map ? '}' : ']');
}

/* `skip`: a key of the outermost map that names the process. */
void print_json(const cJSON *value, const char *skip)
{
    if (cJSON_IsString(value))
        print_string(value->valuestring);
    else if (cJSON_IsNumber(value))
        print_number(value->valuedouble);
    else if (cJSON_IsBool(value))
        fputs(cJSON_IsTrue(value) ? "true" : "false", out);
    else if (cJSON_IsObject(value) || cJSON_IsArray(value))
        print_items(value, skip);
    else
        fputs("null", out);
}

void print_instant(const char *label, nip_time at)
{
    if (at == NIP_TIME_MAX)
        fprintf(out, "%s never\n", label);
    else
        fprintf(out, "%s %lld\n", label, (long long)at);
}

void print_json_text(const char *label, const char *json)
{
    cJSON *value = json != NULL ? cJSON_Parse(json) : NULL;
    fprintf(out, "%s ", label);
    print_json(value, NULL);
    put('\n');
    cJSON_Delete(value);
}

void print_text(const char *label, const char *text)
{
    fprintf(out, "%s ", label);
    if (text != NULL)
        print_string(text);
    else
        fputs("null", out);
    put('\n');
}

static bool is_instant(const char *key)
{
    return strcmp(key, "started") == 0 || strcmp(key, "ended") == 0 || strcmp(key, "until") == 0;
}

static void print_field(const cJSON *value, const char *key)
{
    nip_time at = NIP_TIME_NONE;
    fprintf(out, " %s=", key);
    if (!is_instant(key))
        print_json(value, NULL);
    else if (cJSON_IsString(value) && nip_time_parse(value->valuestring, &at, NULL) == 0)
        fprintf(out, "%lld", (long long)at);
    else
        fputs("none", out);
}

/* Chosen values of a map on one line; `keys` ends with NULL. */
void print_fields(const char *label, const cJSON *map, const char *const *keys)
{
    fputs(label, out);
    for (; *keys != NULL; keys++)
        print_field(cJSON_GetObjectItemCaseSensitive(map, *keys), *keys);
    put('\n');
}

/* Text of several lines, each behind a bar. */
void print_block(const char *text)
{
    fprintf(out, "text of %zu bytes\n", strlen(text));
    while (*text != '\0') {
        size_t length = strcspn(text, "\n");
        fprintf(out, "| %.*s\n", (int)length, text);
        text += length + (text[length] == '\n');
    }
}

/* A path that is the whole document shows as none: not every language tells the two apart. */
static void print_one_error(const char *label, const nip_error *err)
{
    const char *path = nip_error_path(err);
    fprintf(out, "%s %s %d retryable=%d line=%d column=%d http=%d errno=%d", label, nip_error_name(err),
            nip_error_code(err), nip_error_retryable(err), nip_error_line(err), nip_error_column(err),
            nip_error_http_status(err), nip_error_os_errno(err));
    print_text(" file", nip_error_file(err));
    print_text("  path", path != NULL && *path != '\0' ? path : NULL);
    print_text("  message", nip_error_message(err));
}

/* Takes the error over. All its problems, when there are several, and what led to it. */
void print_error(nip_error *err)
{
    print_one_error("error", err);
    for (int i = 0; nip_error_count(err) > 1 && i < nip_error_count(err); i++)
        print_one_error("problem", nip_error_at(err, i));
    for (const nip_error *cause = nip_error_cause(err); cause != NULL; cause = nip_error_cause(cause))
        print_one_error("cause", cause);
    nip_error_free(err);
}

/* Without what names the process or is random: hash, salt, holder. */
void print_record(const char *label, const cJSON *record)
{
    nip_time at = NIP_TIME_NONE;
    const cJSON *problem = cJSON_GetObjectItemCaseSensitive(record, "problem");
    nip_time_parse(text_of(record, "at"), &at, NULL);
    fprintf(out, "%s %.0f %s at=%lld epoch=%.0f ", label,
            cJSON_GetObjectItemCaseSensitive(record, "sequence")->valuedouble, text_of(record, "kind"), (long long)at,
            cJSON_GetObjectItemCaseSensitive(record, "epoch")->valuedouble);
    print_json(cJSON_GetObjectItemCaseSensitive(record, "payload"), "holder");
    if (cJSON_IsString(problem))
        print_text(" problem", problem->valuestring);
    else
        put('\n');
}

void print_action(const nip_action *action)
{
    fprintf(out, "action %s run=%s subject=%s %s/%s settles=%d repeated=%d\n", nip_action_id(action),
            nip_action_run(action), nip_action_subject(action), nip_action_role(action), nip_action_verb(action),
            nip_action_settles(action), nip_action_repeated(action));
    print_instant("  deadline", nip_action_deadline(action));
    print_json_text("  args", nip_action_args(action));
    print_json_text("  before", nip_action_before(action));
}
