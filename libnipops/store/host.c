/* The identity of this process and the liveness of others. */
#include "store/host.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>
#include "base/text.h"

/* Reads the beginning of a small file of the kernel as text; false when there is none. */
static bool read_small(const char *path, char *text, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return false;
    ssize_t length;
    do
        length = read(fd, text, size - 1);
    while (length < 0 && errno == EINTR);
    close(fd);
    if (length <= 0)
        return false;
    text[length] = '\0';
    return true;
}

static void copy_text(char *out, size_t size, const char *text)
{
    size_t length = strnlen(text, size - 1);
    memcpy(out, text, length);
    out[length] = '\0';
}

static void read_line(const char *path, char *out, size_t size)
{
    char text[256];
    if (!read_small(path, text, sizeof text))
        return;
    text[strcspn(text, "\r\n")] = '\0';
    copy_text(out, size, text);
}

/* machine-id(5): it is confidential, so only a digest made with a name of our own leaves this function. */
static void read_host(char *out, size_t size, const char *name)
{
    char machine[64] = "";
    read_line("/etc/machine-id", machine, sizeof machine);
    if (machine[0] == '\0') {
        copy_text(out, size, name);
        return;
    }
    static const char ours[] = "nipops host ";
    unsigned char digest[crypto_hash_sha256_BYTES];
    crypto_hash_sha256_state state;
    crypto_hash_sha256_init(&state);
    crypto_hash_sha256_update(&state, (const unsigned char *)ours, sizeof ours - 1);
    crypto_hash_sha256_update(&state, (const unsigned char *)machine, strlen(machine));
    crypto_hash_sha256_final(&state, digest);
    sodium_bin2hex(out, size, digest, (size - 1) / 2);
}

/* State and start time of /proc/PID/stat. The name in parentheses may contain anything, so fields count from the last
 * ')'. */
static bool read_stat(int64_t pid, char *state, int64_t *start)
{
    enum { STATE = 3, START = 22 };
    char path[64], text[1024];
    snprintf(path, sizeof path, "/proc/%lld/stat", (long long)pid);
    if (!read_small(path, text, sizeof text))
        return false;
    char *field = strrchr(text, ')');
    if (field == NULL || field[1] != ' ')
        return false;
    field += 2;
    *state = field[0];
    for (int number = STATE; number < START; number++) {
        field = strchr(field, ' ');
        if (field == NULL)
            return false;
        field++;
    }
    field[strcspn(field, " \n")] = '\0';
    return nip__text_int(field, start);
}

void nip__holder_self(nip__holder *holder, nip_time since)
{
    *holder = (nip__holder){.pid = getpid(), .since = since};
    struct utsname names;
    if (uname(&names) == 0)
        copy_text(holder->name, sizeof holder->name, names.nodename);
    read_host(holder->host, 33, holder->name);
    read_line("/proc/sys/kernel/random/boot_id", holder->boot, sizeof holder->boot);
    struct stat status;
    if (stat("/proc/self/ns/pid", &status) == 0)
        holder->pid_namespace = (int64_t)status.st_ino;
    char state;
    read_stat(holder->pid, &state, &holder->start);
}

/* A zombie has ended: it only waits for its parent to notice. Without /proc (hidepid), a signal that is not sent tells.
 */
static bool process_lives(int64_t pid, int64_t start)
{
    char state;
    int64_t actual;
    if (read_stat(pid, &state, &actual))
        return state != 'Z' && state != 'X' && (start == 0 || actual == start);
    return kill((pid_t)pid, 0) == 0 || errno != ESRCH;
}

nip__life nip__holder_life(const nip__holder *holder)
{
    nip__holder self;
    nip__holder_self(&self, 0);
    if (self.boot[0] == '\0' || self.pid_namespace == 0 || strcmp(self.boot, holder->boot) != 0 ||
        self.pid_namespace != holder->pid_namespace || holder->pid <= 0 || holder->pid > INT_MAX)
        return NIP__LIFE_UNKNOWN;
    if (holder->pid == self.pid && holder->start == self.start)
        return NIP__LIFE_SELF;
    return process_lives(holder->pid, holder->start) ? NIP__LIFE_ALIVE : NIP__LIFE_GONE;
}

void nip__holder_write(nip__writer *writer, const char *key, const nip__holder *holder)
{
    nip__write_map(writer, key);
    nip__write_text(writer, "host", holder->host);
    nip__write_text(writer, "name", holder->name);
    nip__write_text(writer, "boot", holder->boot);
    nip__write_int(writer, "pid_namespace", holder->pid_namespace);
    nip__write_int(writer, "pid", holder->pid);
    nip__write_int(writer, "start", holder->start);
    nip__write_time(writer, "since", holder->since);
    nip__write_end_map(writer);
}

/* Goes into messages of one line, and the store may have been written by anybody. */
static void read_member(const nip__value *map, const char *key, char *out, size_t size)
{
    const char *text = nip__get_text(map, key);
    copy_text(out, size, text != NULL ? text : "");
    for (char *p = out; *p != '\0'; p++) {
        if ((unsigned char)*p < ' ' || *p == 0x7f)
            *p = '?';
    }
}

bool nip__holder_read(const nip__value *value, nip__holder *holder)
{
    if (!nip__is(value, NIP__MAP))
        return false;
    nip__holder read = {
        .pid_namespace = nip__get_int(value, "pid_namespace", 0),
        .pid = nip__get_int(value, "pid", 0),
        .start = nip__get_int(value, "start", 0),
        .since = nip__get_time(value, "since", NIP_TIME_NONE),
    };
    read_member(value, "host", read.host, sizeof read.host);
    read_member(value, "name", read.name, sizeof read.name);
    read_member(value, "boot", read.boot, sizeof read.boot);
    *holder = read;
    return true;
}
