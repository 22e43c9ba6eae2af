/* Descriptors in use and left. */
#include "op/descriptors.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
    RESERVE = 32,       /* for the host, and for files and sockets of the library itself */
    USED_UNKNOWN = 64,  /* assumed where /proc cannot be read */
    USED_PER_PROBE = 3, /* a socket and a resolver's two, or a pipe's two and a process */
    COMMANDS_MOST = 256, /* without a wish: processes cost more than sockets */
};

static int64_t count_used(void)
{
    DIR *folder = opendir("/proc/self/fd");
    if (folder == NULL)
        return USED_UNKNOWN;
    int64_t count = 0;
    while (readdir(folder) != NULL)
        count++;
    closedir(folder);
    return count - 3; /* ".", ".." and the folder itself */
}

int64_t nip__descriptors_free(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur > INT32_MAX)
        return INT32_MAX;
    int64_t left = (int64_t)limit.rlim_cur - count_used() - RESERVE;
    return left > 0 ? left : 0;
}

bool nip__descriptors_left(void)
{
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

int64_t nip__in_flight_cap(const nip_ctx *ctx, int64_t wanted, bool commands)
{
    int64_t cap = nip__ctx_in_flight_max(ctx);
    int64_t possible = nip__descriptors_free() / USED_PER_PROBE;
    if (wanted == 0 && commands)
        wanted = COMMANDS_MOST;
    if (wanted > 0 && wanted < cap)
        cap = wanted;
    if (possible < cap)
        cap = possible;
    return cap > 1 ? cap : 1;
}
