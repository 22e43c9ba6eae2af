/* Which processes listen at an address. /proc/net/tcp and tcp6 name the sockets, /proc/PID/fd who holds them. */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/buffer.h"
#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "driver/local.h"

enum { TABLE_MAX = 64 * 1024 * 1024, ADDRESS_TEXT = 33, FIELDS = 10, STATE_LISTEN = 0x0A };

/* ---- addresses as the tables write them: 32-bit words in the machine's own order ---- */

typedef struct address {
    char exact[ADDRESS_TEXT];  /* in the table of its own family */
    char mapped[ADDRESS_TEXT]; /* of an IPv4 address, in the table of IPv6; "" for others */
    bool v6;
} address;

static void write_words(const void *bytes, size_t words, char *out)
{
    for (size_t i = 0; i < words; i++) {
        uint32_t word;
        memcpy(&word, (const char *)bytes + i * sizeof word, sizeof word);
        snprintf(out + i * 8, 9, "%08X", word);
    }
}

static bool read_address(const char *host, address *out)
{
    struct in_addr v4;
    struct in6_addr v6;
    memset(out, 0, sizeof *out);
    if (inet_pton(AF_INET, host, &v4) == 1) {
        write_words(&v4, 1, out->exact);
        memset(&v6, 0, sizeof v6);
        v6.s6_addr[10] = v6.s6_addr[11] = 0xff;
        memcpy(&v6.s6_addr[12], &v4, sizeof v4);
        write_words(&v6, 4, out->mapped);
        return true;
    }
    out->v6 = inet_pton(AF_INET6, host, &v6) == 1;
    if (out->v6)
        write_words(&v6, 4, out->exact);
    return out->v6;
}

/* 2: a socket at this very address, 1: one at all addresses, 0: another one. */
static int fits(const address *wanted, bool table_v6, const char *local)
{
    if (strcmp(local, table_v6 == wanted->v6 ? wanted->exact : wanted->mapped) == 0)
        return 2;
    bool all = strspn(local, "0") == strlen(local);
    return all && (table_v6 || !wanted->v6); /* an IPv6 socket at all addresses takes IPv4 too, unless it was told not to */
}

/* "sl local rem st tx:rx tr:when retrnsmt uid timeout inode ...": the fields of one line. False: not a line of a socket. */
static bool read_line(const char *line, char *local, int *port, uint64_t *inode)
{
    char state[4], number[8];
    unsigned long long found;
    if (sscanf(line, " %*[0-9]: %32[0-9A-F]:%7[0-9A-F] %*[0-9A-F]:%*[0-9A-F] %3[0-9A-F] %*s %*s %*s %*s %*s %20llu", local,
               number, state, &found) != 4)
        return false;
    *port = (int)strtoul(number, NULL, 16);
    *inode = found;
    return strtoul(state, NULL, 16) == STATE_LISTEN && found != 0;
}

static bool note_inode(nip__local_sockets *sockets, uint64_t inode, int fit)
{
    if (fit < sockets->fit)
        return true;
    if (fit > sockets->fit)
        sockets->count = 0; /* the kernel prefers them as well */
    sockets->fit = fit;
    if (sockets->count == NIP__LOCAL_SOCKETS)
        return false;
    sockets->inodes[sockets->count++] = inode;
    return true;
}

bool nip__local_sockets_read(const char *table, bool v6, const char *host, int port, nip__local_sockets *sockets)
{
    address wanted;
    if (!read_address(host, &wanted))
        return false;
    for (const char *line = table; line != NULL && *line != '\0';) {
        char local[ADDRESS_TEXT];
        int found;
        uint64_t inode;
        if (read_line(line, local, &found, &inode) && found == port) {
            int fit = fits(&wanted, v6, local);
            if (fit > 0 && !note_inode(sockets, inode, fit))
                return false;
        }
        line = strchr(line, '\n');
        line = line == NULL ? NULL : line + 1;
    }
    return true;
}

static int read_table(const char *path, nip__buffer *text, nip_error **err)
{
    nip_error *error = NULL;
    int rc = nip__file_read(path, TABLE_MAX, text, &error);
    if (rc == NIP_E_IO && nip_error_os_errno(error) == ENOENT) { /* a kernel without IPv6 */
        nip_error_free(error);
        return 0;
    }
    nip__pass(err, error);
    return rc;
}

/* ---- who holds them ---- */

static bool is_of(const nip__local_sockets *sockets, uint64_t inode)
{
    for (size_t i = 0; i < sockets->count; i++) {
        if (sockets->inodes[i] == inode)
            return true;
    }
    return false;
}

/* Processes of others hide theirs: they hold nothing that we could see. */
static void each_socket(const char *pid, nip__local_wanted *wanted, size_t count)
{
    char path[64], entry_path[96], link[64];
    snprintf(path, sizeof path, "/proc/%.20s/fd", pid);
    DIR *folder = opendir(path);
    const struct dirent *entry;
    while (folder != NULL && (entry = readdir(folder)) != NULL) {
        snprintf(entry_path, sizeof entry_path, "%.60s/%.20s", path, entry->d_name);
        ssize_t length = readlink(entry_path, link, sizeof link - 1);
        if (length <= 0)
            continue;
        link[length] = '\0';
        unsigned long long inode;
        if (sscanf(link, "socket:[%20llu]", &inode) != 1)
            continue;
        for (size_t i = 0; i < count; i++)
            wanted[i].held = wanted[i].held || is_of(&wanted[i].sockets, inode);
    }
    if (folder != NULL)
        closedir(folder);
}

static void note_holder(nip__local_wanted *wanted, const nip__local_process *process)
{
    if (!wanted->held)
        return;
    if (wanted->holder_count < NIP__LOCAL_HOLDERS)
        wanted->holders[wanted->holder_count++] = *process;
    else
        wanted->crowded = true;
}

static int look_at_processes(nip__local_wanted *wanted, size_t count, nip_error **err)
{
    DIR *folder = opendir("/proc");
    const struct dirent *entry;
    if (folder == NULL)
        return nip__fail_errno(err, NIP_E_IO, errno, "the processes in /proc cannot be read");
    while ((entry = readdir(folder)) != NULL) {
        int64_t pid;
        nip__local_process process, again;
        if (entry->d_name[0] < '1' || entry->d_name[0] > '9' || !nip__text_int(entry->d_name, &pid) ||
            nip__local_process_read((pid_t)pid, &process) <= 0 || process.dead)
            continue;
        for (size_t i = 0; i < count; i++)
            wanted[i].held = false;
        each_socket(entry->d_name, wanted, count);
        if (nip__local_process_read((pid_t)pid, &again) <= 0 || again.start != process.start)
            continue; /* it ended meanwhile, and what was seen may be another one's */
        for (size_t i = 0; i < count; i++)
            note_holder(&wanted[i], &process);
    }
    closedir(folder);
    return 0;
}

int nip__local_listeners(nip__local_wanted *wanted, size_t count, nip_error **err)
{
    static const char *const tables[] = {"/proc/net/tcp", "/proc/net/tcp6"};
    int rc = 0;
    for (int v6 = 0; v6 <= 1 && rc == 0; v6++) {
        nip__buffer text = NIP__BUFFER(TABLE_MAX);
        rc = read_table(tables[v6], &text, err);
        for (size_t i = 0; rc == 0 && i < count; i++) {
            if (!nip__local_sockets_read(nip__buffer_string(&text), v6 == 1, wanted[i].host, wanted[i].port,
                                         &wanted[i].sockets))
                wanted[i].crowded = true;
        }
        nip__buffer_clear(&text);
    }
    return rc == 0 ? look_at_processes(wanted, count, err) : rc;
}
