/* Errors. Each is one block of memory: the struct and its texts behind it, so that making one either works or falls
 * back to the static out-of-memory error. */
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/print.h"

enum { MESSAGE_MAX = 2048, PROBLEMS_MAX = 100 };

struct nip_error {
    int code;
    int retryable, http_status, os_errno;
    int line, column;
    const char *message, *file, *path;
    nip_error *cause;
    nip_error **list; /* problems found at once; NULL for a plain error */
    int count;
    bool fixed; /* static: never changed, never freed */
};

static nip_error out_of_memory = {
    .code = NIP_E_NOMEM, .retryable = 1, .message = "out of memory: nothing was changed", .fixed = true};

static const struct {
    int code;
    const char *name;
} code_names[] = {
    {NIP_OK, "NIP_OK"},
    {NIP_E_INVALID, "NIP_E_INVALID"},
    {NIP_E_NOMEM, "NIP_E_NOMEM"},
    {NIP_E_NOTFOUND, "NIP_E_NOTFOUND"},
    {NIP_E_CONFLICT, "NIP_E_CONFLICT"},
    {NIP_E_BUSY, "NIP_E_BUSY"},
    {NIP_E_CANCELLED, "NIP_E_CANCELLED"},
    {NIP_E_TIMEOUT, "NIP_E_TIMEOUT"},
    {NIP_E_IO, "NIP_E_IO"},
    {NIP_E_LIMIT, "NIP_E_LIMIT"},
    {NIP_E_UNSUPPORTED, "NIP_E_UNSUPPORTED"},
    {NIP_E_STATE, "NIP_E_STATE"},
    {NIP_E_USER, "NIP_E_USER"},
    {NIP_E_INTERNAL, "NIP_E_INTERNAL"},
    {NIP_E_SYNTAX, "NIP_E_SYNTAX"},
    {NIP_E_DOCUMENT, "NIP_E_DOCUMENT"},
    {NIP_E_VERSION, "NIP_E_VERSION"},
    {NIP_E_STORE, "NIP_E_STORE"},
    {NIP_E_CORRUPT, "NIP_E_CORRUPT"},
    {NIP_E_HELD, "NIP_E_HELD"},
    {NIP_E_FENCED, "NIP_E_FENCED"},
    {NIP_E_READONLY, "NIP_E_READONLY"},
    {NIP_E_FULL, "NIP_E_FULL"},
    {NIP_E_DRIVER, "NIP_E_DRIVER"},
    {NIP_E_DIFFERS, "NIP_E_DIFFERS"},
};

const char *nip_code_name(int code)
{
    for (size_t i = 0; i < sizeof code_names / sizeof code_names[0]; i++) {
        if (code_names[i].code == code)
            return code_names[i].name;
    }
    return "NIP_E_UNKNOWN";
}

/* ---- reading ---- */

int nip_error_code(const nip_error *error)
{
    return error == NULL ? NIP_OK : error->code;
}

const char *nip_error_name(const nip_error *error)
{
    return nip_code_name(nip_error_code(error));
}

const char *nip_error_message(const nip_error *error)
{
    return error == NULL ? "" : error->message;
}

int nip_error_retryable(const nip_error *error)
{
    return error == NULL ? 0 : error->retryable;
}

const char *nip_error_file(const nip_error *error)
{
    return error == NULL ? NULL : error->file;
}

const char *nip_error_path(const nip_error *error)
{
    return error == NULL ? NULL : error->path;
}

int nip_error_line(const nip_error *error)
{
    return error == NULL ? 0 : error->line;
}

int nip_error_column(const nip_error *error)
{
    return error == NULL ? 0 : error->column;
}

int nip_error_http_status(const nip_error *error)
{
    return error == NULL ? 0 : error->http_status;
}

int nip_error_os_errno(const nip_error *error)
{
    return error == NULL ? 0 : error->os_errno;
}

const nip_error *nip_error_cause(const nip_error *error)
{
    return error == NULL ? NULL : error->cause;
}

int nip_error_count(const nip_error *error)
{
    if (error == NULL)
        return 0;
    return error->list == NULL ? 1 : error->count;
}

const nip_error *nip_error_at(const nip_error *error, int index)
{
    if (index < 0 || index >= nip_error_count(error))
        return NULL;
    return error->list == NULL ? error : error->list[index];
}

void nip_error_free(nip_error *error)
{
    while (error != NULL && !error->fixed) { /* a chain of causes may be long: no recursion along it */
        nip_error *cause = error->cause;
        for (int i = 0; i < error->count; i++)
            nip_error_free(error->list[i]);
        nip__free(error->list);
        nip__free(error);
        error = cause;
    }
}

/* ---- making ---- */

/* Where an error is; all empty for "nowhere". */
typedef struct place {
    const char *file;
    int line, column;
    const char *path;
} place;

/* One line for people, whatever was in it: control characters of hostile text must not reach a terminal. */
static void tidy(char *message)
{
    for (char *p = message; *p != '\0'; p++) {
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            *p = ' ';
    }
}

/* Ends a text that was cut at its limit before a character that was cut in two. */
static void trim_broken_character(char *message, size_t length)
{
    size_t back = 0;
    while (back < length && back < 4 && ((unsigned char)message[length - 1 - back] & 0xc0) == 0x80)
        back++;
    if (back >= length)
        return;
    unsigned char lead = (unsigned char)message[length - 1 - back];
    size_t wanted = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : lead >= 0xc0 ? 1 : 0;
    if (back < wanted)
        message[length - 1 - back] = '\0';
}

static size_t write_place(char *out, size_t size, const place *at)
{
    int length = 0;
    if (at->file != NULL && at->line > 0)
        length = snprintf(out, size, "%.500s:%d:%d: ", at->file, at->line, at->column);
    else if (at->file != NULL)
        length = snprintf(out, size, "%.500s: ", at->file);
    else if (at->line > 0)
        length = snprintf(out, size, "line %d, column %d: ", at->line, at->column);
    if (at->path != NULL && at->path[0] != '\0' && (size_t)length < size)
        length += snprintf(out + length, size - (size_t)length, "%.500s: ", at->path);
    return (size_t)length < size ? (size_t)length : size - 1;
}

static char *append(char *end, const char *text, const char **copy)
{
    if (text == NULL)
        return end;
    size_t size = strlen(text) + 1;
    memcpy(end, text, size);
    *copy = end;
    return end + size;
}

static nip_error *build(int code, const place *at, const char *message)
{
    size_t size = strlen(message) + 1 + (at->file != NULL ? strlen(at->file) + 1 : 0) +
                  (at->path != NULL ? strlen(at->path) + 1 : 0);
    nip_error *error = nip__calloc(1, sizeof *error + size);
    if (error == NULL)
        return NULL;
    error->code = code;
    error->line = at->line;
    error->column = at->column;
    char *end = append((char *)(error + 1), message, &error->message);
    end = append(end, at->file, &error->file);
    append(end, at->path, &error->path);
    return error;
}

static nip_error *make(int code, const place *at, const char *after, const char *format, va_list arguments)
{
    char message[MESSAGE_MAX];
    size_t length = write_place(message, sizeof message, at);
    int written = nip__vprint(message + length, sizeof message - length, format, arguments);
    length = written < 0 ? length : length + (size_t)written;
    if (length < sizeof message && after != NULL)
        length += (size_t)snprintf(message + length, sizeof message - length, ": %s", after);
    if (length >= sizeof message)
        trim_broken_character(message, sizeof message - 1);
    tidy(message);
    return build(code, at, message);
}

/* Hands `error` out; NULL stands for the static one. */
static int give(nip_error **err, nip_error *error)
{
    if (error == NULL)
        error = &out_of_memory;
    if (*err != error)
        nip_error_free(*err);
    *err = error;
    return error->code;
}

int nip__fail(nip_error **err, int code, const char *format, ...)
{
    if (err == NULL)
        return code;
    va_list arguments;
    va_start(arguments, format);
    nip_error *error = make(code, &(place){0}, NULL, format, arguments);
    va_end(arguments);
    return give(err, error);
}

int nip__fail_errno(nip_error **err, int code, int os_errno, const char *format, ...)
{
    if (err == NULL)
        return code;
    char number[32];
    const char *text = strerrordesc_np(os_errno); /* strerror speaks the language of the host's locale */
    if (text == NULL) {
        snprintf(number, sizeof number, "error %d", os_errno);
        text = number;
    }
    va_list arguments;
    va_start(arguments, format);
    nip_error *error = make(code, &(place){0}, text, format, arguments);
    va_end(arguments);
    if (error != NULL) {
        error->os_errno = os_errno;
        error->retryable = os_errno == EINTR || os_errno == EAGAIN || os_errno == EMFILE || os_errno == ENFILE;
    }
    return give(err, error);
}

int nip__fail_at(nip_error **err, int code, const char *file, int line, int column, const char *path,
                 const char *format, ...)
{
    if (err == NULL)
        return code;
    place at = {.file = file, .line = line, .column = column, .path = path};
    va_list arguments;
    va_start(arguments, format);
    nip_error *error = make(code, &at, NULL, format, arguments);
    va_end(arguments);
    return give(err, error);
}

int nip__nomem(nip_error **err)
{
    return err == NULL ? NIP_E_NOMEM : give(err, NULL);
}

int nip__wrap(nip_error **err, const char *format, ...)
{
    if (err == NULL || *err == NULL)
        return NIP_E_INTERNAL;
    nip_error *cause = *err;
    va_list arguments;
    va_start(arguments, format);
    nip_error *error = make(cause->code, &(place){0}, cause->message, format, arguments);
    va_end(arguments);
    if (error == NULL)
        return cause->code; /* the bare cause says more than "out of memory" would */
    error->retryable = cause->retryable;
    error->http_status = cause->http_status;
    error->os_errno = cause->os_errno;
    error->cause = cause;
    *err = error;
    return error->code;
}

void nip__error_set_retryable(nip_error *err)
{
    if (err != NULL && !err->fixed)
        err->retryable = 1;
}

void nip__error_set_http_status(nip_error *err, int status)
{
    if (err != NULL && !err->fixed)
        err->http_status = status;
}

/* ---- several at once ---- */

int nip__problems_full(const nip__problems *problems)
{
    return problems->count >= PROBLEMS_MAX;
}

static int has_room(nip__problems *problems)
{
    if (problems->count >= PROBLEMS_MAX) {
        problems->dropped++;
        return 0;
    }
    if (problems->list == NULL)
        problems->list = nip__calloc(PROBLEMS_MAX, sizeof *problems->list);
    problems->nomem |= problems->list == NULL;
    return problems->list != NULL;
}

static void keep(nip__problems *problems, nip_error *error)
{
    if (error == NULL)
        problems->nomem = 1;
    else
        problems->list[problems->count++] = error;
}

void nip__problems_add(nip__problems *problems, const char *file, int line, int column, const char *path,
                       const char *format, ...)
{
    place at = {.file = file, .line = line, .column = column, .path = path};
    va_list arguments;
    if (!has_room(problems))
        return;
    va_start(arguments, format);
    keep(problems, make(NIP_E_DOCUMENT, &at, NULL, format, arguments));
    va_end(arguments);
}

void nip__problems_copy(nip__problems *problems, const nip_error *found)
{
    place at = {.file = found->file, .line = found->line, .column = found->column, .path = found->path};
    if (has_room(problems))
        keep(problems, build(NIP_E_DOCUMENT, &at, found->message));
}

void nip__problems_place(nip__problems *problems, const nip_error *found, const char *file, int line, int column)
{
    char message[MESSAGE_MAX];
    place at = {.file = file, .line = line, .column = column};
    if (!has_room(problems))
        return;
    size_t length = write_place(message, sizeof message, &at);
    length += (size_t)snprintf(message + length, sizeof message - length, "%s", found->message);
    if (length >= sizeof message)
        trim_broken_character(message, sizeof message - 1);
    at.path = found->path;
    keep(problems, build(NIP_E_DOCUMENT, &at, message));
}

static void drop_problems(nip__problems *problems)
{
    for (int i = 0; i < problems->count; i++)
        nip_error_free(problems->list[i]);
    nip__free(problems->list);
    *problems = (nip__problems){0};
}

static bool stands_before(const nip_error *a, const nip_error *b)
{
    if (a->line == 0 || b->line == 0)
        return a->line > b->line; /* without a place: last */
    return a->line != b->line ? a->line < b->line : a->column < b->column;
}

/* As they stand in the text; equal ones stay as they were found. */
static void sort_problems(nip__problems *problems)
{
    for (int i = 1; i < problems->count; i++) {
        nip_error *moved = problems->list[i];
        int j = i;
        for (; j > 0 && stands_before(moved, problems->list[j - 1]); j--)
            problems->list[j] = problems->list[j - 1];
        problems->list[j] = moved;
    }
}

/* The error of several problems: reads like the first one, and owns all. */
static nip_error *gather(nip__problems *problems)
{
    const nip_error *first = problems->list[0];
    int more = problems->count - 1 + problems->dropped;
    char message[MESSAGE_MAX + 64];
    snprintf(message, sizeof message, "%s (and %d more problem%s)", first->message, more, more == 1 ? "" : "s");
    place at = {.file = first->file, .line = first->line, .column = first->column, .path = first->path};
    nip_error *error = build(first->code, &at, message);
    if (error == NULL)
        return NULL;
    error->list = problems->list;
    error->count = problems->count;
    return error;
}

int nip__problems_finish(nip__problems *problems, int code, nip_error **err)
{
    if (problems->nomem) {
        drop_problems(problems);
        return nip__nomem(err);
    }
    if (problems->count == 0)
        return 0;
    sort_problems(problems);
    for (int i = 0; i < problems->count; i++)
        problems->list[i]->code = code;
    nip_error *error = NULL;
    if (err != NULL && problems->count == 1) {
        error = problems->list[0];
        nip__free(problems->list);
    } else if (err != NULL) {
        error = gather(problems);
    }
    if (error == NULL)
        drop_problems(problems);
    *problems = (nip__problems){0};
    return err == NULL ? code : give(err, error);
}

void nip__pass(nip_error **err, nip_error *error)
{
    if (err != NULL && error != NULL)
        *err = error;
    else
        nip_error_free(error);
}
