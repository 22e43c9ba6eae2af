/* What all runners print, to the byte: one line a fact, numbers as %.17g, instants in nanoseconds, keys in the order given. */
#include "runner.h"

#include <stdio.h>
#include <string.h>

static void print_string(const char *text)
{
    putchar('"');
    for (const unsigned char *c = (const unsigned char *)text; *c != '\0'; c++) {
        if (*c == '"' || *c == '\\')
            printf("\\%c", *c);
        else if (*c < 0x20)
            printf("\\u%04x", *c);
        else
            putchar(*c);
    }
    putchar('"');
}

static void print_number(double number)
{
    if (number > -9007199254740992.0 && number < 9007199254740992.0 && number == (double)(int64_t)number)
        printf("%lld", (long long)number);
    else
        printf("%.17g", number);
}

static void print_items(const cJSON *value, const char *skip)
{
    bool map = cJSON_IsObject(value), first = true;
    const cJSON *item;
    putchar(map ? '{' : '[');
    cJSON_ArrayForEach(item, value)
    {
        if (map && skip != NULL && strcmp(item->string, skip) == 0)
            continue;
        if (!first)
            putchar(',');
        first = false;
        if (map) {
            print_string(item->string);
            putchar(':');
        }
        print_json(item, NULL);
    }
    putchar(map ? '}' : ']');
}

/* `skip`: a key of the outermost map that names the process. */
void print_json(const cJSON *value, const char *skip)
{
    if (cJSON_IsString(value))
        print_string(value->valuestring);
    else if (cJSON_IsNumber(value))
        print_number(value->valuedouble);
    else if (cJSON_IsBool(value))
        fputs(cJSON_IsTrue(value) ? "true" : "false", stdout);
    else if (cJSON_IsObject(value) || cJSON_IsArray(value))
        print_items(value, skip);
    else
        fputs("null", stdout);
}

void print_instant(const char *label, nip_time at)
{
    if (at == NIP_TIME_MAX)
        printf("%s never\n", label);
    else
        printf("%s %lld\n", label, (long long)at);
}

void print_json_text(const char *label, const char *json)
{
    cJSON *value = json != NULL ? cJSON_Parse(json) : NULL;
    printf("%s ", label);
    print_json(value, NULL);
    putchar('\n');
    cJSON_Delete(value);
}

void print_text(const char *label, const char *text)
{
    printf("%s ", label);
    if (text != NULL)
        print_string(text);
    else
        fputs("null", stdout);
    putchar('\n');
}

/* Text of several lines, each behind a bar. */
void print_block(const char *text)
{
    while (*text != '\0') {
        size_t length = strcspn(text, "\n");
        printf("| %.*s\n", (int)length, text);
        text += length + (text[length] == '\n');
    }
}

static void print_one_error(const char *label, const nip_error *err)
{
    printf("%s %s %d retryable=%d line=%d column=%d http=%d errno=%d", label, nip_error_name(err), nip_error_code(err),
           nip_error_retryable(err), nip_error_line(err), nip_error_column(err), nip_error_http_status(err),
           nip_error_os_errno(err));
    print_text(" file", nip_error_file(err));
    print_text("  path", nip_error_path(err));
    print_text("  message", nip_error_message(err));
}

/* Takes the error over. */
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
    printf("%s %.0f %s at=%lld epoch=%.0f ", label, cJSON_GetObjectItemCaseSensitive(record, "sequence")->valuedouble,
           text_of(record, "kind"), (long long)at, cJSON_GetObjectItemCaseSensitive(record, "epoch")->valuedouble);
    print_json(cJSON_GetObjectItemCaseSensitive(record, "payload"), "holder");
    if (cJSON_IsString(problem))
        print_text(" problem", problem->valuestring);
    else
        putchar('\n');
}

void print_action(const nip_action *action)
{
    printf("action %s run=%s subject=%s %s/%s settles=%d repeated=%d\n", nip_action_id(action), nip_action_run(action),
           nip_action_subject(action), nip_action_role(action), nip_action_verb(action), nip_action_settles(action),
           nip_action_repeated(action));
    print_instant("  deadline", nip_action_deadline(action));
    print_json_text("  args", nip_action_args(action));
    print_json_text("  before", nip_action_before(action));
}
