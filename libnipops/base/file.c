/* Whole files: read with a limit, replaced in one durable move. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/memory.h"

enum { LINKS_MAX = 40 }; /* as many as Linux follows */

/* ---- reading ---- */

static ssize_t read_some(int fd, char *bytes, size_t size)
{
    ssize_t got;
    do {
        got = read(fd, bytes, size);
    } while (got < 0 && errno == EINTR);
    return got;
}

static int read_all(int fd, const char *name, size_t max, nip__buffer *buffer, nip_error **err)
{
    char bytes[16384];
    size_t total = 0;
    for (;;) {
        ssize_t got = read_some(fd, bytes, sizeof bytes);
        if (got < 0)
            return nip__fail_errno(err, NIP_E_IO, errno, "%s cannot be read", name);
        if (got == 0)
            return 0;
        total += (size_t)got;
        if (total > max)
            return nip__fail(err, NIP_E_LIMIT, "%s is larger than %zu bytes, the most that is read", name, max);
        nip__buffer_put(buffer, bytes, (size_t)got);
        if (buffer->full)
            return nip__fail(err, NIP_E_LIMIT, "%s is larger than %zu bytes, the most that is read", name, buffer->max);
        if (buffer->failed)
            return nip__nomem(err);
    }
}

int nip__file_read(const char *path, size_t max, nip__buffer *buffer, nip_error **err)
{
    bool standard_input = strcmp(path, "-") == 0;
    int fd = standard_input ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return nip__fail_errno(err, NIP_E_IO, errno, "%s cannot be read", path);
    size_t length = buffer->length;
    int rc = read_all(fd, standard_input ? "standard input" : path, max, buffer, err);
    if (!standard_input)
        close(fd);
    if (rc < 0 && buffer->data != NULL) { /* untouched on failure */
        buffer->length = length;
        buffer->data[length] = '\0';
    }
    return rc;
}

/* Where the last `max` bytes begin. */
static off_t tail_offset(int fd, size_t max)
{
    off_t size = lseek(fd, 0, SEEK_END);
    if (size <= 0 || (uint64_t)size <= max)
        return 0;
    return size - (off_t)max;
}

int nip__file_tail(const char *path, size_t max, nip__buffer *buffer)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return errno == ENOENT ? 0 : NIP_E_IO;
    off_t offset = tail_offset(fd, max);
    char *bytes = nip__calloc(1, max + 1);
    size_t length = 0;
    ssize_t got = bytes == NULL || lseek(fd, offset, SEEK_SET) < 0 ? -1 : 1;
    while (got > 0 && length < max) {
        got = read_some(fd, bytes + length, max - length);
        length += got > 0 ? (size_t)got : 0;
    }
    close(fd);
    if (got >= 0) {
        const char *newline = offset > 0 ? memchr(bytes, '\n', length) : NULL;
        size_t skip = newline != NULL && newline + 1 < bytes + length ? (size_t)(newline + 1 - bytes) : 0;
        nip__buffer_put(buffer, bytes + skip, length - skip);
    }
    int rc = bytes == NULL ? NIP_E_NOMEM : got < 0 ? NIP_E_IO : 0;
    nip__free(bytes);
    return rc;
}

/* ---- links ---- */

/* What the link `path` says, from where `path` is read; owned, NULL: no memory. */
static char *joined(const char *path, const char *link, size_t length)
{
    const char *slash = strrchr(path, '/');
    size_t folder = link[0] == '/' || slash == NULL ? 0 : (size_t)(slash + 1 - path);
    char *whole = nip__calloc(1, folder + length + 1);
    if (whole == NULL)
        return NULL;
    memcpy(whole, path, folder);
    memcpy(whole + folder, link, length);
    return whole;
}

int nip__file_target(const char *path, char **target, nip_error **err)
{
    char link[PATH_MAX];
    char *at = nip__strdup(path);
    for (int i = 0; at != NULL && i < LINKS_MAX; i++) {
        ssize_t length = readlink(at, link, sizeof link - 1);
        if (length <= 0) { /* a file, or nothing at all: there it is written to */
            *target = at;
            return 0;
        }
        link[length] = '\0';
        char *next = joined(at, link, (size_t)length);
        nip__free(at);
        at = next;
    }
    if (at == NULL)
        return nip__nomem(err);
    nip__free(at);
    return nip__fail_errno(err, NIP_E_IO, ELOOP, "%s cannot be resolved", path);
}

/* ---- writing ---- */

static bool write_all(int fd, const char *data, size_t length)
{
    while (length > 0) {
        ssize_t written = write(fd, data, length);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return false;
        data += written;
        length -= (size_t)written;
    }
    return true;
}

/* "folder" of "folder/name", "." of "name", "/" of "/name"; owned. */
static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (slash == NULL)
        return nip__strdup(".");
    return nip__strndup(path, slash == path ? 1 : (size_t)(slash - path));
}

/* A rename counts only once its folder is on the disk. */
static bool sync_folder(const char *folder)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool done = fsync(fd) == 0;
    close(fd);
    return done;
}

/* Permissions as `model` has them; its owner too, where that is allowed. */
static bool take_after(int fd, const struct stat *model)
{
    if (fchown(fd, model->st_uid, model->st_gid) < 0 && errno != EPERM)
        return false;
    return fchmod(fd, model->st_mode & 0777) == 0;
}

/* Everything up to the rename. Returns 0 or the errno. */
static int write_temporary(char *temporary, const struct stat *model, const char *data, size_t length)
{
    int fd = mkostemp(temporary, O_CLOEXEC); /* mode 0600 */
    if (fd < 0)
        return errno;
    bool ready = model == NULL || take_after(fd, model);
    int reason = ready && write_all(fd, data, length) && fsync(fd) == 0 ? 0 : errno;
    if (close(fd) < 0 && reason == 0)
        reason = errno;
    if (reason != 0)
        unlink(temporary);
    return reason;
}

/* "folder/.name.XXXXXX": what includes all files of a folder passes over a leading dot, should a kill leave it there. */
static void put_temporary_name(nip__buffer *name, const char *path)
{
    const char *slash = strrchr(path, '/');
    size_t folder = slash == NULL ? 0 : (size_t)(slash + 1 - path);
    nip__buffer_printf(name, "%.*s.%s.XXXXXX", (int)folder, path, path + folder);
}

static int replace(const char *path, const struct stat *model, const char *data, size_t length, nip_error **err)
{
    nip__buffer temporary = NIP__BUFFER(8192);
    put_temporary_name(&temporary, path);
    char *folder = folder_of(path);
    int rc = 0;
    if (folder == NULL || (temporary.failed && !temporary.full)) {
        rc = nip__nomem(err);
    } else {
        int reason = temporary.full ? ENAMETOOLONG : write_temporary(temporary.data, model, data, length);
        if (reason == 0 && rename(temporary.data, path) < 0) {
            reason = errno;
            unlink(temporary.data);
        }
        if (reason == 0 && !sync_folder(folder))
            reason = errno;
        if (reason != 0)
            rc = nip__fail_errno(err, NIP_E_IO, reason, "%s cannot be written", path);
    }
    nip__free(folder);
    nip__buffer_clear(&temporary);
    return rc;
}

int nip__file_write(const char *path, const char *data, size_t length, nip_error **err)
{
    return replace(path, NULL, data, length, err);
}

int nip__file_rewrite(const char *path, const char *data, size_t length, nip_error **err)
{
    struct stat found;
    char *target;
    int rc = nip__file_target(path, &target, err);
    if (rc < 0)
        return rc;
    rc = replace(target, stat(target, &found) == 0 ? &found : NULL, data, length, err);
    nip__free(target);
    return rc;
}

int nip__file_remove(const char *path, nip_error **err)
{
    char *target;
    int rc = nip__file_target(path, &target, err);
    if (rc < 0)
        return rc;
    if (unlink(target) < 0 && errno != ENOENT)
        rc = nip__fail_errno(err, NIP_E_IO, errno, "%s cannot be removed", path);
    nip__free(target);
    return rc;
}

int nip__file_make_folder(const char *path, nip_error **err)
{
    char *copy = nip__strdup(path);
    if (copy == NULL)
        return nip__nomem(err);
    int reason = 0;
    for (char *p = copy + 1; reason == 0; p++) {
        if (copy[0] == '\0' || (*p != '/' && *p != '\0'))
            continue;
        char end = *p;
        *p = '\0';
        if (mkdir(copy, 0700) < 0 && errno != EEXIST)
            reason = errno;
        *p = end;
        if (end == '\0')
            break;
    }
    struct stat found;
    if (reason == 0 && stat(path, &found) < 0)
        reason = errno;
    else if (reason == 0 && !S_ISDIR(found.st_mode))
        reason = ENOTDIR;
    nip__free(copy);
    return reason == 0 ? 0 : nip__fail_errno(err, NIP_E_IO, reason, "folder %s cannot be made", path);
}
