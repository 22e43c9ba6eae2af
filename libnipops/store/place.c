/* The store's file and its folder. */
#include "store/place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>
#include "base/error.h"
#include "base/file.h"

/* statfs(2). FUSE is not here: most of it is local, and it does not tell what lies behind it. */
static const struct {
    uint32_t type;
    const char *name;
} network_file_systems[] = {
    {0x00006969, "NFS"},    {0x0000517b, "SMB"},  {0xff534d42, "CIFS"}, {0xfe534d42, "SMB2"},
    {0x5346414f, "AFS"},    {0x6b414653, "AFS"},  {0x00c36400, "Ceph"}, {0x01021997, "9P"},
    {0x0bd00bd0, "Lustre"}, {0x73757245, "Coda"}, {0x0000564c, "NCP"},  {0x47504653, "GPFS"},
};

const char *nip__place_network(uint32_t type)
{
    for (size_t i = 0; i < sizeof network_file_systems / sizeof network_file_systems[0]; i++) {
        if (network_file_systems[i].type == type)
            return network_file_systems[i].name;
    }
    return NULL;
}

int nip__place_code(int os_errno)
{
    switch (os_errno) {
    case ENOSPC:
    case EDQUOT:
        return NIP_E_FULL;
    case EROFS:
    case EACCES:
    case EPERM:
        return NIP_E_READONLY;
    case ENOMEM:
        return NIP_E_NOMEM;
    default:
        return NIP_E_STORE;
    }
}

static int check_local(const char *path, nip_error **err)
{
    struct statfs status;
    if (statfs(path, &status) != 0)
        return nip__fail_errno(err, NIP_E_STORE, errno, "cannot tell the file system of %s", path);
    const char *name = nip__place_network((uint32_t)status.f_type);
    if (name == NULL)
        return 0;
    return nip__fail(err, NIP_E_STORE,
                     "%s lies on a network file system (%s), whose locks cannot be trusted: use a local disk", path,
                     name);
}

static int set_path(const char *path, nip__place *place, nip_error **err)
{
    int length = snprintf(place->path, sizeof place->path, "%s%s", path[0] == '/' ? "" : "./", path);
    if (length >= (int)sizeof place->path)
        return nip__fail(err, NIP_E_INVALID, "the store's path is longer than %d bytes", PATH_MAX - 1);
    memcpy(place->folder, place->path, sizeof place->folder);
    char *slash = strrchr(place->folder, '/');
    slash[slash == place->folder ? 1 : 0] = '\0';
    return 0;
}

/* SQLite keeps its -wal and -shm beside the file that a symbolic link leads to. */
static int resolve_folder(nip__place *place, nip_error **err)
{
    if (realpath(place->path, place->folder) == NULL)
        return nip__fail_errno(err, NIP_E_STORE, errno, "cannot resolve %s", place->path);
    char *slash = strrchr(place->folder, '/');
    slash[slash == place->folder ? 1 : 0] = '\0';
    place->writable = access(place->folder, W_OK) == 0;
    return 0;
}

static int check_file(const nip__place *place, nip_error **err)
{
    struct stat status;
    if (stat(place->path, &status) != 0)
        return nip__fail_errno(err, nip__place_code(errno), errno, "cannot look at %s", place->path);
    if (!S_ISREG(status.st_mode))
        return nip__fail(err, NIP_E_STORE, "%s is not a regular file", place->path);
    return check_local(place->path, err);
}

/* A new file survives a crash only when its name does. */
static int sync_folder(const char *folder, nip_error **err)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return nip__fail_errno(err, nip__place_code(errno), errno, "cannot open the folder %s", folder);
    int rc = fsync(fd) == 0 || errno == EINVAL
                 ? 0
                 : nip__fail_errno(err, nip__place_code(errno), errno, "cannot sync the folder %s", folder);
    close(fd);
    return rc;
}

/* Made here and not by SQLite, which would take its mode from the umask. Only a file that did not exist is opened and
 * closed again: closing a descriptor drops every POSIX lock that the process has on the file. */
static int create_file(const nip__place *place, nip_error **err)
{
    int fd = open(place->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY, 0600);
    if (fd < 0 && errno == EEXIST)
        return 0;
    if (fd < 0)
        return nip__fail_errno(err, nip__place_code(errno), errno, "cannot create the store %s", place->path);
    close(fd);
    return sync_folder(place->folder, err);
}

int nip__place_prepare(const char *path, nip__place *place, nip_error **err)
{
    int rc = set_path(path, place, err);
    if (rc == 0 && access(place->folder, F_OK) != 0)
        rc = nip__file_make_folder(place->folder, err);
    if (rc == 0)
        rc = check_local(place->folder, err);
    if (rc == 0)
        rc = create_file(place, err);
    if (rc == 0)
        rc = check_file(place, err);
    if (rc == 0)
        rc = resolve_folder(place, err);
    if (rc == 0 && !place->writable)
        rc = nip__fail(err, NIP_E_READONLY,
                       "the folder %s may not be written, and a store needs files beside its own there", place->folder);
    return rc;
}

int nip__place_find(const char *path, nip__place *place, nip_error **err)
{
    int rc = set_path(path, place, err);
    if (rc == 0 && access(place->path, F_OK) != 0 && (errno == ENOENT || errno == ENOTDIR))
        rc = nip__fail(err, NIP_E_NOTFOUND, "there is no store at %s", place->path);
    if (rc == 0)
        rc = check_file(place, err);
    return rc == 0 ? resolve_folder(place, err) : rc;
}
