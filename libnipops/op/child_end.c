/* How a child ended, also in a host that takes its end away from us: one that ignores SIGCHLD, so that the kernel
 * throws the exit status away, or that waits for any child. From Linux 6.15 on a pidfd that was open before keeps the
 * status; before that it is lost, and is told as lost. */
#include "op/loop.h"

#include <errno.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

/* <linux/pidfd.h> of Linux 6.15; the headers we are built with may be older. */
struct pidfd_info {
    uint64_t mask, cgroup;
    uint32_t numbers[11]; /* pid and parent, users and groups */
    int32_t status;       /* as wait() gives it */
};
#define PIDFD_GET_INFO _IOWR(0xFF, 11, struct pidfd_info)
#define PIDFD_INFO_EXIT (UINT64_C(1) << 3)

enum { REAPED_WAIT_MS = 100 };

bool nip__child_end_kept(int pidfd, nip__child_end *end)
{
    struct pidfd_info info = {.mask = PIDFD_INFO_EXIT};
    if (ioctl(pidfd, PIDFD_GET_INFO, &info) < 0 || (info.mask & PIDFD_INFO_EXIT) == 0)
        return false;
    *end = WIFEXITED(info.status) ? (nip__child_end){.exit_code = WEXITSTATUS(info.status)}
                                  : (nip__child_end){.exit_code = -1, .signal = WTERMSIG(info.status)};
    return true;
}

int nip__child_wait(int pidfd, bool block, nip__child_end *end)
{
    siginfo_t info = {0};
    int rc;
    do {
        rc = waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED | (block ? 0 : WNOHANG));
    } while (rc < 0 && errno == EINTR);
    if (rc < 0)
        return -1;
    if (info.si_pid == 0)
        return 0;
    *end = info.si_code == CLD_EXITED ? (nip__child_end){.exit_code = info.si_status}
                                      : (nip__child_end){.exit_code = -1, .signal = info.si_status};
    return 1;
}

/* It has ended, but a pidfd says so a moment before the status is kept: POLLHUP comes after. */
static bool kept_soon(int pidfd, nip__child_end *end)
{
    struct pollfd gone = {.fd = pidfd};
    if (nip__child_end_kept(pidfd, end))
        return true;
    while (poll(&gone, 1, REAPED_WAIT_MS) < 0 && errno == EINTR) {
    }
    return nip__child_end_kept(pidfd, end);
}

void nip__child_reap(int pidfd, nip__child_end *end)
{
    *end = (nip__child_end){.exit_code = -1, .unknown = true};
    if (pidfd >= 0 && nip__child_wait(pidfd, true, end) < 0)
        kept_soon(pidfd, end);
}

bool nip__child_is_ours(int pidfd)
{
    siginfo_t info;
    int rc;
    do {
        rc = waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED | WNOHANG | WNOWAIT);
    } while (rc < 0 && errno == EINTR);
    return rc == 0;
}
