/* An error as JSON. It stands here because writing JSON does. */
#include "base/error.h"
#include "doc/json.h"

static void write_error(nip__writer *writer, const char *key, const nip_error *error);

static void write_number(nip__writer *writer, const char *key, int number)
{
    if (number != 0)
        nip__write_int(writer, key, number);
}

static void write_optional(nip__writer *writer, const char *key, const char *text)
{
    if (text != NULL)
        nip__write_text(writer, key, text);
}

static void write_problems(nip__writer *writer, const nip_error *error)
{
    if (nip_error_at(error, 0) == error || nip_error_count(error) == 0)
        return;
    nip__write_list(writer, "problems");
    for (int i = 0; i < nip_error_count(error); i++)
        write_error(writer, NULL, nip_error_at(error, i));
    nip__write_end_list(writer);
}

static void write_fields(nip__writer *writer, const nip_error *error)
{
    nip__write_int(writer, "code", nip_error_code(error));
    nip__write_text(writer, "name", nip_error_name(error));
    nip__write_text(writer, "message", nip_error_message(error));
    nip__write_bool(writer, "retryable", nip_error_retryable(error) != 0);
    write_optional(writer, "file", nip_error_file(error));
    write_number(writer, "line", nip_error_line(error));
    write_number(writer, "column", nip_error_column(error));
    write_optional(writer, "path", nip_error_path(error));
    write_number(writer, "http_status", nip_error_http_status(error));
    write_number(writer, "os_errno", nip_error_os_errno(error));
    write_problems(writer, error);
}

static void write_error(nip__writer *writer, const char *key, const nip_error *error)
{
    nip__write_map(writer, key);
    write_fields(writer, error);
    nip__write_end_map(writer);
}

char *nip_error_to_json(const nip_error *error)
{
    nip__buffer buffer = NIP__BUFFER(1 << 20);
    nip__writer writer = NIP__WRITER(&buffer);
    nip__write_map(&writer, NULL);
    nip__write_int(&writer, "v", 1);
    write_fields(&writer, error);
    nip__write_list(&writer, "causes"); /* nearest first: flat, however long the chain is */
    for (const nip_error *cause = nip_error_cause(error); cause != NULL; cause = nip_error_cause(cause))
        write_error(&writer, NULL, cause);
    nip__write_end_list(&writer);
    nip__write_end_map(&writer);
    return nip__buffer_take(&buffer);
}
