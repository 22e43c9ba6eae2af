/* A file of recorded requests: read whole, once, and known by its hash from then on. */
#include "driver/recording.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sodium.h>
#include <sys/stat.h>

#include "base/file.h"
#include "driver/check.h"

/* A pipe would make everybody wait. */
static int find(nip__arena *arena, const char *name, const char **path, nip_error **err)
{
    char *absolute = realpath(name, NULL);
    struct stat found;
    if (absolute == NULL && errno == ENOMEM)
        return nip__nomem(err);
    if (absolute == NULL)
        return nip__fail_errno(err, NIP_E_IO, errno, "%s cannot be read", name);
    bool regular = stat(absolute, &found) == 0 && S_ISREG(found.st_mode);
    *path = nip__arena_text(arena, absolute);
    free(absolute);
    if (!regular)
        return nip__fail(err, NIP_E_IO, "%s is not a regular file: a file of recorded requests is wanted", name);
    return *path == NULL ? nip__nomem(err) : 0;
}

static void hash(const nip__buffer *text, char out[NIP__SHA256_TEXT])
{
    unsigned char digest[crypto_hash_sha256_BYTES];
    crypto_hash_sha256(digest, (const unsigned char *)nip__buffer_string(text), text->length);
    sodium_bin2hex(out, NIP__SHA256_TEXT, digest, sizeof digest);
}

static int check_hash(const nip__value *args, const nip__recording_file *file, nip_error **err)
{
    const char *wanted = nip__get_text(args, "sha256");
    if (wanted == NULL || strcmp(wanted, file->sha256) == 0)
        return 0;
    return nip__fail(err, NIP_E_DIFFERS, "%s is not the file that was named: its SHA-256 is %s, not %s", file->path,
                     file->sha256, wanted);
}

static int parse(nip__arena *arena, const nip__value *args, const nip__buffer *text, nip__recording_file *file,
                 nip_error **err)
{
    const nip__value *headers = nip__get(args, "headers");
    nip__recording_choice choice = {
        .methods = nip__get(args, "methods"),
        .drop = nip__get(headers, "drop"),
        .set = nip__get(headers, "set"),
        .most = (size_t)nip__get_int(args, "max_requests", 1),
    };
    file->bytes = (int64_t)text->length;
    hash(text, file->sha256);
    int rc = check_hash(args, file, err);
    if (rc == 0)
        rc = nip__recording_read(arena, nip__buffer_string(text), text->length, nip__get_text(args, "requests"),
                                 &choice, &file->recording, err);
    return rc;
}

static const char *skipped_text(nip__arena *arena, const nip__value *skipped)
{
    const char *text = "";
    for (NIP__EACH(item, skipped))
        text = nip__arena_printf(arena, "%s%s%s: %lld", text != NULL ? text : "",
                                 text != NULL && text[0] != '\0' ? ", " : "", item->key, (long long)item->as.integer);
    return text != NULL ? text : "";
}

int nip__recording_load(nip__arena *arena, const nip__value *args, nip__recording_file *file, nip_error **err)
{
    nip__recording_file read = {0};
    nip__buffer text = NIP__BUFFER(NIP__RECORDED_FILE_MAX);
    const char *name = nip__get_text(args, "requests");
    int rc = find(arena, name, &read.path, err);
    if (rc == 0)
        rc = nip__file_read(read.path, NIP__RECORDED_FILE_MAX, &text, err);
    if (rc == 0)
        rc = parse(arena, args, &text, &read, err);
    nip__buffer_clear(&text);
    if (rc == 0 && read.recording.count == 0 && read.recording.found == 0)
        rc = nip__fail(err, NIP_E_DOCUMENT, "%s has no request", name);
    else if (rc == 0 && read.recording.count == 0)
        rc = nip__fail(err, NIP_E_DOCUMENT,
                       "%s has no request that may be sent (left out: %s); methods are named by shadow.methods", name,
                       skipped_text(arena, read.recording.skipped));
    if (rc == 0)
        *file = read;
    return rc;
}

void nip__recording_refuse(nip_action *action, const nip_error *why)
{
    bool nomem = nip_error_code(why) == NIP_E_NOMEM, changed = nip_error_code(why) == NIP_E_DIFFERS;
    nip__action_failed(action,
                       nomem     ? "no_memory"
                       : changed ? "changed"
                                 : "bad_requests",
                       nomem, NULL, "%s", nip_error_message(why));
}

void nip__recording_put(nip__arena *arena, nip__value *result, const nip__recording_file *file)
{
    nip__put_text(arena, result, "path", file->path);
    nip__put_text(arena, result, "format", file->recording.format);
    nip__put_int(arena, result, "bytes", file->bytes);
    nip__put_text(arena, result, "sha256", file->sha256);
    nip__put_int(arena, result, "found", file->recording.found);
    nip__put_int(arena, result, "requests", (int64_t)file->recording.count);
    nip__put(arena, result, "skipped", nip__copy(arena, file->recording.skipped));
}

void nip__check_requests(nip_action *action, const nip__value *args, nip__arena *arena)
{
    nip__recording_file file;
    nip_error *why = NULL;
    if (nip__recording_load(arena, args, &file, &why) < 0) {
        nip__recording_refuse(action, why);
        nip_error_free(why);
        return;
    }
    nip__value *result = nip__map(arena);
    nip__recording_put(arena, result, &file);
    if (nip__arena_failed(arena))
        nip__action_failed(action, "no_memory", 1, NULL, "out of memory");
    else
        nip__action_done(action, result);
}
