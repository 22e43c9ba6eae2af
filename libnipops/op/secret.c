/* Reading what a document only refers to. */
#include "op/secret.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"

enum { SECRET_MAX = 64 * 1024 };

static int read_environment(const char *name, const char *what, nip__buffer *buffer, nip_error **err)
{
    const char *value = getenv(name);
    if (value == NULL)
        return nip__fail(err, NIP_E_NOTFOUND, "%s: the environment variable %s is not set", what, name);
    nip__buffer_text(buffer, value);
    return 0;
}

static int read_file(const char *path, const char *what, nip__buffer *buffer, nip_error **err)
{
    if (strcmp(path, "-") == 0)
        return nip__fail(err, NIP_E_INVALID, "%s: a secret cannot be read from standard input", what);
    int rc = nip__file_read(path, SECRET_MAX, buffer, err);
    return rc < 0 && rc != NIP_E_NOMEM ? nip__wrap(err, "%s: cannot read the file of the secret", what) : rc;
}

static int read_reference(const nip__value *value, const char *what, nip__buffer *buffer, nip_error **err)
{
    const char *name = nip__get_text(value, "env");
    const char *path = nip__get_text(value, "file");
    if (nip__is(value, NIP__STRING)) {
        nip__buffer_put(buffer, value->as.string.text, value->as.string.length);
        return 0;
    }
    if (name != NULL)
        return read_environment(name, what, buffer, err);
    if (path != NULL)
        return read_file(path, what, buffer, err);
    return nip__fail(err, NIP_E_INVALID, "%s: must be {env: NAME} or {file: PATH}", what);
}

int nip__secret_read(const nip__value *value, const char *what, nip__buffer *buffer, nip_error **err)
{
    nip__buffer text = NIP__BUFFER(SECRET_MAX);
    int rc = read_reference(value, what, &text, err);
    if (rc == 0 && text.full)
        rc = nip__fail(err, NIP_E_LIMIT, "%s: the secret is larger than %d bytes", what, SECRET_MAX);
    else if (rc == 0 && text.failed)
        rc = nip__nomem(err);
    while (text.length > 0 && (text.data[text.length - 1] == '\n' || text.data[text.length - 1] == '\r'))
        text.data[--text.length] = '\0';
    if (rc == 0 && text.length == 0)
        rc = nip__fail(err, NIP_E_INVALID, "%s: the secret is empty", what);
    if (rc == 0 && !nip__text_utf8(text.data, text.length))
        rc = nip__fail(err, NIP_E_INVALID, "%s: the secret is not text", what);
    if (rc == 0)
        nip__buffer_put(buffer, text.data, text.length);
    if (text.data != NULL)
        explicit_bzero(text.data, text.capacity);
    nip__buffer_clear(&text);
    return rc;
}

static int read_header(nip__arena *arena, const nip__value *header, const char **line, nip_error **err)
{
    nip__buffer value = NIP__BUFFER(SECRET_MAX);
    int rc = nip__secret_read(header, header->key, &value, err);
    if (rc == 0)
        *line = nip__arena_printf(arena, "%s: %s", header->key, nip__buffer_string(&value));
    nip__buffer_clear(&value);
    return rc == 0 && *line == NULL ? nip__nomem(err) : rc;
}

int nip__secret_headers(nip__arena *arena, const nip__value *headers, const char *const **list, nip_error **err)
{
    const char **lines = nip__arena_alloc(arena, (nip__count(headers) + 1) * sizeof *lines);
    if (lines == NULL)
        return nip__nomem(err);
    size_t count = 0;
    for (NIP__EACH(header, headers)) {
        int rc = read_header(arena, header, &lines[count++], err);
        if (rc < 0)
            return rc;
    }
    *list = lines;
    return 0;
}
