/* What people and programs get to see: results on stdout, everything else on stderr, one line a problem, nothing of the outside world
 * that could command a terminal. */
#include "cli.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* ---- memory ---- */

void *need(void *memory)
{
    if (memory == NULL) {
        table_close();
        fputs("nipops: out of memory; a run under way stays as it is: nipops resume\n", stderr);
        _exit(EXIT_BROKEN);
    }
    return memory;
}

char *copy_text(const char *text)
{
    return need(strdup(text));
}

char *format_text(const char *format, ...)
{
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    if (vasprintf(&text, format, arguments) < 0)
        text = NULL;
    va_end(arguments);
    return need(text);
}

/* ---- the terminal ---- */

bool output_is_terminal(FILE *out)
{
    const char *term = getenv("TERM");
    return isatty(fileno(out)) == 1 && (term == NULL || strcmp(term, "dumb") != 0);
}

static bool has_colours(FILE *out)
{
    const char *no_color = getenv("NO_COLOR");
    return (no_color == NULL || no_color[0] == '\0') && output_is_terminal(out);
}

void output_size(int *columns, int *lines)
{
    struct winsize size;
    bool told = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0;
    *columns = told && size.ws_col > 0 ? size.ws_col : 80;
    *lines = told && size.ws_row > 0 ? size.ws_row : 24;
}

/* Reads one character of UTF-8. Returns its bytes; *point is 0 for what is not UTF-8. */
static size_t read_character(const char *text, unsigned *point)
{
    const unsigned char *p = (const unsigned char *)text;
    size_t more = p[0] >= 0xf0 && p[0] < 0xf5   ? 3
                  : p[0] >= 0xe0 && p[0] < 0xf0 ? 2
                  : p[0] >= 0xc2 && p[0] < 0xe0 ? 1
                                                : 0;
    *point = p[0] < 0x80 ? p[0] : more == 0 ? 0 : p[0] & (0x3fu >> more);
    for (size_t i = 1; i <= more; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            *point = 0;
            return i;
        }
        *point = *point << 6 | (p[i] & 0x3fu);
    }
    return 1 + more;
}

/* What a terminal would obey rather than show: controls, and marks that turn the direction of text. */
static bool commands_terminal(unsigned point)
{
    return point < 0x20 || (point >= 0x7f && point < 0xa0) || (point >= 0x202a && point <= 0x202e) ||
           (point >= 0x2066 && point <= 0x2069) || point == 0x200e || point == 0x200f || point == 0x2028 ||
           point == 0x2029;
}

static int columns_of(unsigned point)
{
    static const struct {
        unsigned from, to;
        int columns;
    } table[] = {
        {0x300, 0x36f, 0},     {0x200b, 0x200d, 0},   {0xfe00, 0xfe0f, 0},   {0x1100, 0x115f, 2}, {0x2e80, 0xa4cf, 2},
        {0xac00, 0xd7a3, 2},   {0xf900, 0xfaff, 2},   {0xfe30, 0xfe6f, 2},   {0xff00, 0xff60, 2}, {0xffe0, 0xffe6, 2},
        {0x1f300, 0x1f64f, 2}, {0x1f900, 0x1f9ff, 2}, {0x20000, 0x3fffd, 2},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (point >= table[i].from && point <= table[i].to)
            return table[i].columns;
    }
    return 1;
}

int output_columns(const char *text)
{
    int columns = 0;
    unsigned point;
    for (; *text != '\0'; text += read_character(text, &point)) {
        read_character(text, &point);
        columns += columns_of(point);
    }
    return columns;
}

char *output_cell(const char *text, int width)
{
    bool cut = width > 0 && output_columns(text) > width;
    int column = 0, room = cut ? width - 1 : width;
    char *cell = need(malloc(strlen(text) + (size_t)(width > 0 ? width : 0) + 2)), *end = cell;
    while (*text != '\0') {
        unsigned point;
        size_t bytes = read_character(text, &point);
        if (cut && column + columns_of(point) > room)
            break;
        column += columns_of(point);
        if (commands_terminal(point))
            *end++ = '?';
        for (size_t i = 0; i < bytes && !commands_terminal(point); i++)
            *end++ = text[i];
        text += bytes;
    }
    if (cut) {
        *end++ = '~';
        column++;
    }
    for (; column < width; column++)
        *end++ = ' ';
    *end = '\0';
    return cell;
}

void output_line(FILE *out, const char *line, int width)
{
    static const char *const escapes[] = {NULL, "\033[1m", "\033[32m", "\033[31m", "\033[33m", "\033[2m", "\033[0m"};
    bool colours = has_colours(out);
    int column = 0;
    while (*line != '\0') {
        unsigned point;
        size_t bytes = read_character(line, &point);
        if (point >= 1 && point <= 6) {
            if (colours)
                fputs(escapes[point], out);
        } else if (width > 0 && column + columns_of(point) > width) {
            break;
        } else {
            if (commands_terminal(point))
                fputc('?', out);
            else
                fwrite(line, 1, bytes, out);
            column += columns_of(point);
        }
        line += bytes;
    }
    if (colours)
        fputs(escapes[6], out);
    fputc('\n', out);
}

/* ---- problems ---- */

static cJSON *first_problem; /* for --json, when there is no result to print */
static bool printed;

static void complain_arguments(const char *format, va_list arguments)
{
    char *text = NULL;
    if (vasprintf(&text, format, arguments) < 0)
        text = NULL;
    char *line = format_text("nipops: %s", (const char *)need(text));
    output_line(stderr, line, 0);
    if (first_problem == NULL) {
        first_problem = need(cJSON_CreateObject());
        need(cJSON_AddStringToObject(first_problem, "message", text));
    }
    free(line);
    free(text);
}

void complain(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    complain_arguments(format, arguments);
    va_end(arguments);
}

int bad_usage(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    complain_arguments(format, arguments);
    va_end(arguments);
    return EXIT_USAGE;
}

static int exit_status_of(int code)
{
    static const struct {
        int code, status;
    } table[] = {
        {NIP_E_INVALID, EXIT_USAGE},     {NIP_E_NOTFOUND, EXIT_USAGE},      {NIP_E_LIMIT, EXIT_USAGE},
        {NIP_E_SYNTAX, EXIT_USAGE},      {NIP_E_DOCUMENT, EXIT_USAGE},      {NIP_E_VERSION, EXIT_USAGE},
        {NIP_E_UNSUPPORTED, EXIT_USAGE}, {NIP_E_STATE, EXIT_REFUSED},       {NIP_E_DIFFERS, EXIT_REFUSED},
        {NIP_E_CORRUPT, EXIT_BROKEN},    {NIP_E_HELD, EXIT_HELD},           {NIP_E_FENCED, EXIT_HELD},
        {NIP_E_BUSY, EXIT_HELD},         {NIP_E_CANCELLED, EXIT_CANCELLED},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (table[i].code == code)
            return table[i].status;
    }
    return EXIT_RETURNED;
}

/* Values that options put into the document: their problems are the options', at no place of the file. */
static struct {
    char *path;
    const char *option, *value;
} replaced[16];
static size_t replaced_count;

void blame_option(const char *path, const char *option, const char *value)
{
    if (replaced_count == sizeof replaced / sizeof replaced[0])
        return;
    replaced[replaced_count].path = copy_text(path);
    replaced[replaced_count].option = option;
    replaced[replaced_count++].value = value;
}

/* "FILE: PATH: must be ..." as "--OPTION VALUE (PATH): must be ..."; owned: free. NULL: no option put there what is wrong. */
static char *blamed_on_option(const char *path, const char *message)
{
    size_t i = 0;
    while (i < replaced_count && strcmp(replaced[i].path, path) != 0)
        i++;
    if (i == replaced_count)
        return NULL;
    char *place = format_text("%s: ", path);
    const char *found = strstr(message, place);
    char *text = format_text("--%s %s (%s): %s", replaced[i].option, replaced[i].value, path,
                             found != NULL ? found + strlen(place) : message);
    free(place);
    return text;
}

static void blame_options(cJSON *error)
{
    static const char *const places[] = {"file", "line", "column"};
    cJSON *problem;
    char *message = blamed_on_option(json_text(error, "path", ""), json_text(error, "message", ""));
    for (size_t i = 0; message != NULL && i < sizeof places / sizeof places[0]; i++)
        cJSON_DeleteItemFromObject(error, places[i]);
    if (message != NULL)
        cJSON_ReplaceItemInObject(error, "message", need(cJSON_CreateString(message)));
    free(message);
    cJSON_ArrayForEach(problem, cJSON_GetObjectItem(error, "problems"))
    {
        blame_options(problem);
    }
}

static void remember(const nip_error *err)
{
    char *json = first_problem == NULL ? nip_error_to_json(err) : NULL;
    if (json != NULL) {
        first_problem = json_parse(json);
        blame_options(first_problem);
    }
    nip_free(json);
}

static void complain_of(const nip_error *problem)
{
    const char *path = nip_error_path(problem), *message = nip_error_message(problem);
    char *blamed = blamed_on_option(path != NULL ? path : "", message);
    complain("%s", blamed != NULL ? blamed : message);
    free(blamed);
}

int fail(nip_error *err)
{
    int status = exit_status_of(nip_error_code(err));
    remember(err);
    for (int i = 0; i < nip_error_count(err); i++)
        complain_of(nip_error_at(err, i));
    nip_error_free(err);
    return status;
}

int fail_document(nip_error *err)
{
    fail(err);
    return EXIT_USAGE;
}

/* ---- values for people ---- */

const char *short_duration(nip_duration duration, char text[32])
{
    static const struct {
        nip_duration length;
        const char *name;
    } units[] = {{24 * NIP_HOUR, "d"}, {NIP_HOUR, "h"}, {NIP_MINUTE, "m"}, {NIP_SECOND, "s"}};
    if (duration < 0)
        duration = 0;
    if (duration < 10 * NIP_SECOND) {
        snprintf(text, 32, "%.1fs", (double)duration / (double)NIP_SECOND);
        return text;
    }
    duration += NIP_SECOND / 2;
    size_t unit = 0;
    while (duration < units[unit].length)
        unit++;
    int64_t whole = duration / units[unit].length;
    int64_t rest = unit < 3 ? duration % units[unit].length / units[unit + 1].length : 0;
    if (rest > 0)
        snprintf(text, 32, "%lld%s%lld%s", (long long)whole, units[unit].name, (long long)rest, units[unit + 1].name);
    else
        snprintf(text, 32, "%lld%s", (long long)whole, units[unit].name);
    return text;
}

const char *metric_text(const char *name, double value, char text[32])
{
    size_t length = strlen(name);
    if (length >= 5 && strcmp(name + length - 5, "_rate") == 0)
        snprintf(text, 32, "%.3g %%", value * 100);
    else if (strncmp(name, "latency", 7) == 0)
        snprintf(text, 32, "%.3g ms", value * 1000);
    else
        snprintf(text, 32, "%.4g", value);
    return text;
}

/* ---- hints ---- */

static const char *store_option; /* what --store said; NULL: nothing */

void hint_store(const char *store)
{
    store_option = store;
}

char *hint(const char *verb, const char *argument)
{
    return format_text("nipops %s %s%s%s", verb, argument, store_option == NULL ? "" : " --store ",
                       store_option == NULL ? "" : store_option);
}

/* ---- JSON ---- */

void print_json(const char *json)
{
    puts(json);
    printed = true;
}

void print_json_value(cJSON *value)
{
    char *json = json_print(value);
    print_json(json);
    free(json);
    cJSON_Delete(value);
}

void output_end(bool json)
{
    if (json && !printed && first_problem != NULL) {
        cJSON *problem = need(cJSON_CreateObject());
        need(cJSON_AddNumberToObject(problem, "v", 1));
        cJSON_AddItemToObject(problem, "error", first_problem);
        first_problem = NULL;
        print_json_value(problem);
    }
    cJSON_Delete(first_problem);
    while (replaced_count > 0)
        free(replaced[--replaced_count].path);
    first_problem = NULL;
}

const char *json_text(const cJSON *object, const char *key, const char *otherwise)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));
    return text == NULL ? otherwise : text;
}

double json_number(const cJSON *object, const char *key, double otherwise)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    return cJSON_IsNumber(item) ? item->valuedouble : otherwise;
}

nip_time json_time(const cJSON *object, const char *key)
{
    nip_time at = NIP_TIME_NONE;
    const char *text = json_text(object, key, NULL);
    if (text != NULL)
        nip_time_parse(text, &at, NULL);
    return at;
}

const cJSON *json_at(const cJSON *root, const char *path)
{
    char key[64];
    while (root != NULL && *path != '\0') {
        size_t length = strcspn(path, "/");
        snprintf(key, sizeof key, "%.*s", (int)length, path);
        root = cJSON_GetObjectItemCaseSensitive(root, key);
        path += length + (path[length] == '/');
    }
    return root;
}

char *json_print(const cJSON *value)
{
    return value == NULL ? copy_text("null") : need(cJSON_PrintUnformatted(value));
}

cJSON *json_parse(const char *text)
{
    return need(cJSON_Parse(text)); /* it comes from the library: only memory can be missing */
}
