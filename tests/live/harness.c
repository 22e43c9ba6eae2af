/* Live tests of drivers: see harness.h. */
#include "harness.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <ftw.h>
#include "base/file.h"
#include "base/memory.h"
#include "doc/json.h"

extern char **environ;

const char *live_app = NULL;

enum { PATIENCE_SECONDS = 60, OUTCOME_MAX = 1024 * 1024 };

/* ---- begin and end ---- */

void live_begin(live_world *live)
{
    char state[96];
    memset(live, 0, sizeof *live);
    snprintf(live->folder, sizeof live->folder, "/tmp/nipops-live.XXXXXX");
    assert_non_null(mkdtemp(live->folder));
    snprintf(state, sizeof state, "%s/state", live->folder);
    live->arena = nip__arena_new();
    assert_non_null(live->arena);
    assert_int_equal(nip_ctx_new(&live->ctx, NULL), 0);
    assert_int_equal(nip_ctx_set(live->ctx, "state.dir", state, NULL), 0);
    assert_int_equal(nip__loop_new(live->ctx, &live->loop, NULL), 0);
}

static int remove_one(const char *path, const struct stat *file, int kind, struct FTW *walk)
{
    (void)file, (void)kind, (void)walk;
    return remove(path);
}

void live_close(live_world *live)
{
    if (live->driver == NULL)
        return;
    live->kind->services->attach(live->driver, NULL);
    live->kind->vtable->destroy(live->driver);
    live->driver = NULL;
}

void live_end(live_world *live)
{
    live_close(live);
    nip__loop_free(live->loop);
    nip_ctx_free(live->ctx);
    nip__arena_free(live->arena);
    nftw(live->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static nip__value *read_json(live_world *live, const char *text)
{
    nip__value *value = NULL;
    nip_error *error = NULL;
    if (nip__json_read(live->arena, text, strlen(text), "test", &nip__internal_limits, &value, &error) < 0)
        fail_msg("%s", nip_error_message(error));
    return value;
}

void live_open(live_world *live, const nip__driver_kind *kind, const char *settings)
{
    nip__problems problems = {0};
    nip_error *error = NULL;
    nip__value *normal =
        nip__schema_apply(live->arena, kind->fields, read_json(live, settings), "settings", "", &problems);
    if (nip__problems_finish(&problems, NIP_E_DOCUMENT, &error) < 0)
        fail_msg("%s", nip_error_message(error));
    if (kind->open(live->ctx, normal, &live->driver, &error) < 0)
        fail_msg("%s", nip_error_message(error));
    live->kind = kind;
    kind->services->attach(live->driver, live->loop);
}

/* ---- actions ---- */

struct posted {
    bool done;
    char outcome[OUTCOME_MAX];
};

/* Allocates nothing: memory may just be made to run out. */
static int post(void *poster, nip_action *action, const char *outcome, nip_error **err)
{
    struct posted *posted = poster;
    (void)action, (void)err;
    assert_false(posted->done); /* exactly once */
    assert_true(strlen(outcome) < sizeof posted->outcome);
    memcpy(posted->outcome, outcome, strlen(outcome) + 1);
    posted->done = true;
    return 0;
}

static nip_action make_action(live_world *live, struct posted *posted, const char *id, const char *verb,
                              const char *args, const char *before)
{
    posted->done = false;
    nip_action action = {
        .id = id, .run = "shop-1", .subject = "shop", .role = "any", .verb = verb, .args = args, .before = before};
    action.args_value = read_json(live, args);
    action.before_value = before == NULL ? NULL : read_json(live, before);
    action.deadline = NIP_TIME_MAX;
    action.post = post;
    action.poster = posted;
    return action;
}

void (*live_window)(bool open) = NULL;

static void open_window(bool open)
{
    if (live_window != NULL)
        live_window(open);
}

static bool start(live_world *live, nip_action *action)
{
    nip_error *error = NULL;
    nip__loop_update(live->loop);
    int rc = live->kind->vtable->start(live->driver, action, nip__loop_now(live->loop), &error);
    if (rc < 0 && (live_window == NULL || rc != NIP_E_NOMEM))
        fail_msg("%s", nip_error_message(error));
    nip_error_free(error);
    return rc >= 0;
}

static void wait_for(live_world *live, const struct posted *posted, nip_time until)
{
    while (!posted->done && nip__loop_now(live->loop) < until) {
        int rc = nip__loop_wait(live->loop, until, NULL);
        assert_true(rc >= 0 || live_window != NULL);
    }
}

const nip__value *live_action(live_world *live, const char *id, const char *verb, const char *args, const char *before,
                              int flags)
{
    static struct posted posted;
    nip_action action = make_action(live, &posted, id, verb, args, before);
    action.settles = (flags & LIVE_SETTLES) != 0;
    action.repeated = (flags & LIVE_REPEATED) != 0;
    open_window(true);
    bool started = start(live, &action);
    if (started)
        wait_for(live, &posted, nip__loop_now(live->loop) + PATIENCE_SECONDS * NIP_SECOND);
    open_window(false);
    assert_int_equal(posted.done, started); /* completed, or refused */
    return started ? read_json(live, posted.outcome) : NULL;
}

void live_cancelled(live_world *live, const char *id, const char *verb, const char *args, nip_duration after)
{
    static struct posted posted;
    nip_action action = make_action(live, &posted, id, verb, args, NULL);
    assert_true(start(live, &action));
    wait_for(live, &posted, nip__loop_now(live->loop) + after);
    assert_false(posted.done);
    live->kind->vtable->cancel(live->driver, &action);
}

/* ---- outcomes ---- */

const char *live_text(const nip__value *value, const char *pointer)
{
    const nip__value *found = nip__pointer(value, pointer);
    return nip__is(found, NIP__STRING) ? found->as.string.text : "";
}

int64_t live_int(const nip__value *value, const char *pointer)
{
    const nip__value *found = nip__pointer(value, pointer);
    return nip__is(found, NIP__INT) ? found->as.integer : nip__is(found, NIP__BOOL) ? found->as.boolean : -1;
}

double live_real(const nip__value *value, const char *pointer)
{
    double number = -1;
    nip__number(nip__pointer(value, pointer), &number);
    return number;
}

bool live_lists(const nip__value *value, const char *pointer, const char *text)
{
    for (NIP__EACH(item, nip__pointer(value, pointer)))
        if (nip__is(item, NIP__STRING) && strstr(item->as.string.text, text) != NULL)
            return true;
    return false;
}

void live_expect(const nip__value *outcome, const char *wanted, const char *reason)
{
    if (strcmp(live_text(outcome, "/outcome"), wanted) == 0 &&
        (reason == NULL || strcmp(live_text(outcome, "/reason"), reason) == 0))
        return;
    char text[2048];
    nip__buffer written = NIP__BUFFER(1024 * 1024);
    nip__json_write(&written, outcome);
    snprintf(text, sizeof text, "%s", nip__buffer_string(&written));
    nip__buffer_clear(&written);
    fail_msg("expected %s %s: %s", wanted, reason == NULL ? "" : reason, text);
}

/* ---- what runs out ---- */

/* Counted from the lowest free number: those in use above it make it fewer, never more. */
void live_spare_descriptors(int count)
{
    static rlim_t usual;
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    if (usual == 0)
        usual = limit.rlim_cur;
    int lowest = count < 0 ? -1 : dup(STDERR_FILENO);
    if (lowest >= 0)
        close(lowest);
    limit.rlim_cur = lowest < 0 ? usual : (rlim_t)(lowest + count);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

/* ---- processes and ports ---- */

static struct sockaddr_in address_of(const char *host, int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    assert_int_equal(inet_pton(AF_INET, host, &address.sin_addr), 1);
    return address;
}

static int bound(const char *host, int port)
{
    struct sockaddr_in address = address_of(host, port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    assert_true(fd >= 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    close(fd);
    return -1;
}

int live_listen(const char *host, int port)
{
    int fd = bound(host, port);
    assert_true(fd >= 0);
    assert_int_equal(listen(fd, 16), 0);
    return fd;
}

static int port_of(int fd)
{
    struct sockaddr_in address;
    socklen_t length = sizeof address;
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
    return ntohs(address.sin_port);
}

enum { FIRST_PORT = 10000, BLOCK = 64, BLOCKS = 355 }; /* below the ephemeral range, so that no connection of another test takes one */

/* Makes the block that begins at `first` ours until this process ends, as tests/support/ports.py does it; false: somebody has it. */
static bool lock_block(int first)
{
    char path[64];
    snprintf(path, sizeof path, "/tmp/nipops-ports-%u", (unsigned)getuid());
    assert_true(mkdir(path, 0700) == 0 || errno == EEXIST);
    snprintf(path, sizeof path, "/tmp/nipops-ports-%u/%d", (unsigned)getuid(), first);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        return true;
    close(fd);
    return false;
}

static int next_block(void)
{
    static int block = -1;
    if (block < 0)
        block = (int)getpid() % BLOCKS; /* where to look first differs by process */
    for (int tries = 0; tries < BLOCKS; tries++) {
        block = (block + 1) % BLOCKS;
        if (lock_block(FIRST_PORT + block * BLOCK))
            return FIRST_PORT + block * BLOCK;
    }
    fail_msg("no free block of ports");
    return 0;
}

/* How many neighbours are free, `count` at most. */
static int free_from(int first, int count)
{
    int got = 0;
    for (; got < count; got++) {
        int fd = bound("0.0.0.0", first + got);
        if (fd < 0)
            break;
        assert_true(port_of(fd) == first + got);
        close(fd);
    }
    return got;
}

/* Round and round in one block, and on to another when nothing is free in it. */
int live_free_ports(int count)
{
    static int block = 0, used = 0;
    assert_true(count > 0 && count <= BLOCK);
    for (int passed_over = 0;;) {
        if (block == 0 || passed_over > 2 * BLOCK) {
            block = next_block();
            used = passed_over = 0;
        }
        if (used + count > BLOCK) {
            passed_over += BLOCK - used;
            used = 0;
        }
        int first = block + used, got = free_from(first, count);
        if (got == count) {
            used += count;
            return first;
        }
        used += got + 1;
        passed_over += got + 1;
    }
}

int live_free_port(void)
{
    return live_free_ports(1);
}

bool live_listens(int port)
{
    struct sockaddr_in address = address_of("127.0.0.1", port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    bool listens = connect(fd, (struct sockaddr *)&address, sizeof address) == 0;
    close(fd);
    return listens;
}

pid_t live_spawn(live_world *live, const char *const *argv, const char *log)
{
    char path[160];
    pid_t pid = -1;
    posix_spawn_file_actions_t actions;
    union {
        const char *const *read_only;
        char *const *as_posix_wants;
    } words = {argv};
    snprintf(path, sizeof path, "%s/%s", live->folder, log);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 1, path, O_WRONLY | O_CREAT | O_APPEND, 0600);
    posix_spawn_file_actions_adddup2(&actions, 1, 2);
    int rc = posix_spawnp(&pid, argv[0], &actions, NULL, words.as_posix_wants, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (rc != 0)
        fail_msg("%s: %s", argv[0], strerror(rc));
    return pid;
}

void live_kill(pid_t pid, int signal)
{
    if (pid <= 0)
        return;
    kill(pid, signal);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {
    }
}

bool live_alive(pid_t pid)
{
    char path[64], state = 'X';
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return false;
    int got = fscanf(file, "%*d (%*[^)]) %c", &state);
    fclose(file);
    return got == 1 && state != 'Z' && state != 'X';
}

bool live_until(bool (*is)(void *data), void *data)
{
    struct timespec now, end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += PATIENCE_SECONDS;
    do {
        if (is(data))
            return true;
        poll(NULL, 0, 10);
        clock_gettime(CLOCK_MONOTONIC, &now);
    } while (now.tv_sec < end.tv_sec);
    return false;
}

static bool port_listens(void *data)
{
    return live_listens(*(int *)data);
}

pid_t live_app_start(live_world *live, int port, const char *version)
{
    char number[16];
    snprintf(number, sizeof number, "%d", port);
    const char *argv[] = {"/usr/bin/python3", live_app, "--port", number, "--version", version, NULL};
    pid_t pid = live_spawn(live, argv, "app.log");
    assert_true(live_until(port_listens, &port));
    return pid;
}

/* ---- HTTP ---- */

static void receive(int fd, char *reply, size_t size)
{
    size_t length = 0;
    ssize_t got;
    while (length < size - 1 && (got = recv(fd, reply + length, size - 1 - length, 0)) > 0)
        length += (size_t)got;
    reply[length] = '\0';
}

int live_http(int port, const char *method, const char *path, char *body, size_t size)
{
    char request[256], reply[8192];
    int status = -1;
    struct sockaddr_in address = address_of("127.0.0.1", port);
    struct timeval patience = {.tv_sec = PATIENCE_SECONDS};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    int length =
        snprintf(request, sizeof request,
                 "%s %s HTTP/1.1\r\nHost: test\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", method, path);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0 &&
        send(fd, request, (size_t)length, MSG_NOSIGNAL) == length) {
        receive(fd, reply, sizeof reply);
        const char *content = strstr(reply, "\r\n\r\n");
        if (sscanf(reply, "HTTP/1.%*d %d", &status) != 1)
            status = -1;
        if (body != NULL)
            snprintf(body, size, "%s", content == NULL ? "" : content + 4);
    }
    close(fd);
    return status;
}
