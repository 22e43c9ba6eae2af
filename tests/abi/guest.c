/* The manners of a guest, in hosts that have none: each host is a process of its own that does the same jobs and compares what it is before and
 * after. Usage: guest [HOST] */
#include "guest_jobs.h"

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { TEXT_MAX = 64 * 1024, THREADS = 64, FEW_TO = 24, DESCRIPTORS = 128 };

static int report_fd; /* where this test speaks: standard streams are the host's */
static char folder[] = "/tmp/nipops-guest-XXXXXX";

#define REQUIRE(holds, ...)                                                                                                                           \
    do {                                                                                                                                              \
        if (!(holds)) {                                                                                                                               \
            dprintf(report_fd, "%s:%d: not so: %s: ", __FILE__, __LINE__, #holds);                                                                    \
            dprintf(report_fd, __VA_ARGS__);                                                                                                          \
            dprintf(report_fd, "\n");                                                                                                                 \
            _exit(1);                                                                                                                                 \
        }                                                                                                                                             \
    } while (0)

/* ---- what a host is ---- */

typedef struct portrait {
    char text[TEXT_MAX];
    size_t length;
} portrait;

static void put(portrait *of, const char *name, const char *value)
{
    int added = snprintf(of->text + of->length, sizeof of->text - of->length, "%s: %s\n", name, value);
    REQUIRE(added > 0 && of->length + (size_t)added < sizeof of->text, "the portrait is too large");
    of->length += (size_t)added;
}

/* Umask, threads, and which signals are blocked, ignored, caught. */
static void put_status(portrait *of)
{
    static const char *const lines[] = {"Umask:", "Threads:", "SigBlk:", "SigIgn:", "SigCgt:"};
    char line[256];
    FILE *file = fopen("/proc/self/status", "re");
    REQUIRE(file != NULL, "/proc/self/status");
    while (fgets(line, sizeof line, file) != NULL)
        for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
            if (strncmp(line, lines[i], strlen(lines[i])) == 0)
                put(of, "status", line);
    fclose(file);
}

/* Where it leads to. SQLite fills standard streams that are closed with /dev/null, lest a database become one: those count as closed. */
static bool is_open(int fd, char *where, size_t size)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(path, where, size - 1);
    if (length < 0)
        return false;
    where[length] = '\0';
    return fd > 2 || strcmp(where, "/dev/null") != 0;
}

static void put_descriptors(portrait *of)
{
    for (int fd = 0; fd < DESCRIPTORS; fd++) {
        char name[64], where[1024];
        snprintf(name, sizeof name, "descriptor %d", fd);
        if (is_open(fd, where, sizeof where))
            put(of, name, where);
    }
}

static void put_signals(portrait *of)
{
    for (int number = 1; number < NSIG; number++) {
        struct sigaction now;
        char text[64];
        if (sigaction(number, NULL, &now) < 0)
            continue;
        snprintf(text, sizeof text, "%d %p %x", number, now.sa_flags & SA_SIGINFO ? (void *)now.sa_sigaction : (void *)now.sa_handler, (unsigned)now.sa_flags);
        put(of, "signal", text);
    }
}

static portrait *take_portrait(void)
{
    extern char **environ;
    char where[4096];
    portrait *of = calloc(1, sizeof *of);
    REQUIRE(of != NULL && getcwd(where, sizeof where) != NULL, "cannot look at myself");
    put(of, "folder", where);
    put(of, "locale", setlocale(LC_ALL, NULL));
    put(of, "zone", tzname[0]);
    for (char **entry = environ; *entry != NULL; entry++)
        put(of, "environment", *entry);
    put_status(of);
    put_signals(of);
    put_descriptors(of);
    return of;
}

/* libcurl 7.88 keeps a pair of connected sockets for itself, out of anybody's reach. */
static bool is_of_libcurl(int fd)
{
    int family = 0;
    socklen_t size = sizeof family;
    return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &size) == 0 && family == AF_UNIX;
}

/* While the library works: descriptors that it opened are close-on-exec, and it has no thread. */
static void look_while_it_works(void *data)
{
    const portrait *before = data;
    portrait now = {.length = 0};
    int of_libcurl = 0;
    put_status(&now);
    REQUIRE(strstr(before->text, now.text) != NULL, "umask, threads or signals are others meanwhile:\n%s", now.text);
    for (int fd = 0; fd < DESCRIPTORS; fd++) {
        char name[64], where[1024];
        snprintf(name, sizeof name, "descriptor %d: ", fd);
        if (!is_open(fd, where, sizeof where) || strstr(before->text, name) != NULL || (fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0)
            continue;
        of_libcurl += is_of_libcurl(fd);
        REQUIRE(is_of_libcurl(fd) && of_libcurl <= 2, "descriptor %d (%s) is not close-on-exec", fd, where);
    }
}

/* ---- the jobs ---- */

/* What a command's end was taken away from is not known; it is never told as ill. */
static void judge_health(const char *result, bool end_is_taken)
{
    const char *well = strstr(result, "\"target\":\"well\""), *ill = strstr(result, "\"target\":\"ill\"");
    REQUIRE(well != NULL && ill != NULL && well < ill, "%s", result);
    bool healthy = strstr(well, "\"healthy\":true") != NULL && strstr(well, "\"healthy\":true") < ill;
    bool unknown = strstr(well, "\"healthy\":null") != NULL && strstr(well, "\"healthy\":null") < ill;
    REQUIRE(healthy || (end_is_taken && unknown), "%s", result);
    REQUIRE(strstr(result, "signal") == NULL, "nothing was killed: %s", result);
    REQUIRE(strstr(ill, "\"healthy\":true") == NULL, "%s", result);
    REQUIRE(end_is_taken || strstr(ill, "exit") != NULL, "%s", result);
    REQUIRE(strstr(result, "connection_refused") != NULL, "%s", result);
}

static void do_jobs(bool end_is_taken)
{
    char store[128], text[TEXT_MAX];
    snprintf(store, sizeof store, "sqlite:%s/%d.db", folder, (int)getpid());
    portrait *before = take_portrait();
    int rc = guest_rollout(store, "shop", look_while_it_works, before, text, sizeof text);
    REQUIRE(rc == 0, "%s", text);
    rc = guest_health(look_while_it_works, before, text, sizeof text);
    REQUIRE(rc == 0, "%s", text);
    judge_health(text, end_is_taken);
    portrait *after = take_portrait();
    REQUIRE(strcmp(before->text, after->text) == 0, "the host is another one afterwards:\n%s\n---- before:\n%s", after->text, before->text);
    REQUIRE(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD, "a child is left");
    free(before);
    free(after);
}

/* ---- hosts ---- */

static void plain(void)
{
    do_jobs(false);
}

static void ignores_children(void)
{
    signal(SIGCHLD, SIG_IGN);
    do_jobs(true);
}

static void on_child(int number)
{
    int before = errno;
    (void)number;
    while (waitpid(-1, NULL, WNOHANG) > 0) {
    }
    errno = before;
}

static void waits_for_any_child(void)
{
    struct sigaction reaping = {.sa_handler = on_child, .sa_flags = SA_RESTART};
    sigaction(SIGCHLD, &reaping, NULL);
    do_jobs(true);
}

static void speaks_german(void)
{
    if (setlocale(LC_ALL, "de_DE.UTF-8") == NULL)
        setlocale(LC_ALL, "C.UTF-8"); /* where the locale is not installed at least one that is not "C" */
    setenv("TZ", "Pacific/Apia", 1);
    umask(077);
    REQUIRE(chdir("/proc") == 0, "/proc");
    do_jobs(false);
}

static void has_no_streams(void)
{
    for (int fd = 0; fd <= 2; fd++)
        close(fd);
    do_jobs(false);
}

static void blocks_all_signals(void)
{
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    do_jobs(false);
}

/* Out of descriptors wherever that may be: it says so, or does it; nothing leaks. */
static void has_few_descriptors(void)
{
    char store[128], text[TEXT_MAX];
    struct rlimit limit;
    int refused = 0, done = 0, next = dup(0);
    close(next);
    getrlimit(RLIMIT_NOFILE, &limit);
    portrait *before = take_portrait();
    for (int more = 0; more < FEW_TO; more++) {
        struct rlimit low = {.rlim_cur = (rlim_t)(next + more), .rlim_max = limit.rlim_max};
        snprintf(store, sizeof store, "sqlite:%s/few-%d.db", folder, more);
        setrlimit(RLIMIT_NOFILE, &low);
        int rc = guest_rollout(store, "shop", NULL, NULL, text, sizeof text);
        setrlimit(RLIMIT_NOFILE, &limit);
        REQUIRE(rc == 0 || text[0] != '\0', "it failed without a word");
        refused += rc != 0;
        done += rc == 0;
        portrait *after = take_portrait();
        REQUIRE(strcmp(before->text, after->text) == 0, "with %d descriptors something is left:\n%s", more, after->text);
        free(after);
    }
    REQUIRE(refused > 0 && done > 0, "refused %d, done %d", refused, done);
    free(before);
}

static void *roll_out(void *number)
{
    char app[32], store[128], text[TEXT_MAX];
    int which = *(int *)number;
    snprintf(app, sizeof app, "shop-%d", which);
    if (which % 2 == 0)
        snprintf(store, sizeof store, "memory:");
    else
        snprintf(store, sizeof store, "sqlite:%s/together.db", folder);
    int rc = guest_rollout(store, app, NULL, NULL, text, sizeof text);
    REQUIRE(rc == 0, "%s: %s", app, text);
    return NULL;
}

static void has_many_threads(void)
{
    pthread_t threads[THREADS];
    int numbers[THREADS];
    for (int i = 0; i < THREADS; i++) {
        numbers[i] = i;
        REQUIRE(pthread_create(&threads[i], NULL, roll_out, &numbers[i]) == 0, "thread %d", i);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
}

static const struct {
    const char *name;
    void (*be)(void);
} hosts[] = {
    {"plain", plain},
    {"ignores SIGCHLD", ignores_children},
    {"waits for any child", waits_for_any_child},
    {"speaks German in Samoa", speaks_german},
    {"has no standard streams", has_no_streams},
    {"blocks all signals", blocks_all_signals},
    {"has few descriptors", has_few_descriptors},
    {"has 64 threads", has_many_threads},
};

static long bytes_in(const char *path)
{
    struct stat of;
    return stat(path, &of) < 0 ? -1 : (long)of.st_size;
}

/* A process that is this host; what it says on its standard streams goes to a file, which must stay empty. */
static bool try_host(size_t which)
{
    char said[128];
    int status;
    snprintf(said, sizeof said, "%s/said", folder);
    pid_t child = fork();
    if (child == 0) {
        int in = open("/dev/null", O_RDONLY), out = open(said, O_WRONLY | O_CREAT | O_TRUNC, 0600);
        dup2(in, 0);
        dup2(out, 1);
        dup2(out, 2);
        close(in);
        close(out);
        hosts[which].be();
        _exit(0);
    }
    waitpid(child, &status, 0);
    bool well = WIFEXITED(status) && WEXITSTATUS(status) == 0 && bytes_in(said) == 0;
    dprintf(report_fd, "%s: a host that %s (status %d, %ld bytes said)\n", well ? "ok" : "FAILED", hosts[which].name, status, bytes_in(said));
    return well;
}

int main(int argc, char **argv)
{
    int failed = 0, tried = 0;
    char command[sizeof folder + 16];
    for (int fd = 0; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) < 0)
            open("/dev/null", O_RDWR);
    report_fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, DESCRIPTORS);
    if (mkdtemp(folder) == NULL || report_fd < 0)
        return 1;
    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++)
        if (argc < 2 || strcmp(argv[1], hosts[i].name) == 0) {
            failed += !try_host(i);
            tried++;
        }
    snprintf(command, sizeof command, "rm -rf %s", folder);
    failed += system(command) != 0;
    dprintf(report_fd, "%d passed, %d failed\n", tried - failed, failed);
    return failed != 0 || tried == 0;
}
