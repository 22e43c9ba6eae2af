/* Commands: output, exit codes, timeouts, groups that are killed whole, grandchildren that keep the output open, and hosts
 * that take the end of children that are not theirs. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "op/inside.h"

typedef struct outcome {
    bool done;
    int exit_code, signal;
    bool timed_out, unknown;
    char output[4096];
    size_t length;
} outcome;

static void on_done(void *data, const nip__command_result *result)
{
    outcome *seen = data;
    assert_false(seen->done);
    assert_true(result->output_length < sizeof seen->output);
    *seen = (outcome){.done = true, .exit_code = result->exit_code, .signal = result->signal, .timed_out = result->timed_out,
                      .unknown = result->unknown, .length = result->output_length};
    memcpy(seen->output, result->output, result->output_length);
}

static nip__loop *make_loop(void)
{
    nip_ctx *ctx = NULL;
    nip__loop *loop = NULL;
    assert_int_equal(nip_ctx_new(&ctx, NULL), 0);
    assert_int_equal(nip__loop_new(ctx, &loop, NULL), 0);
    nip_ctx_free(ctx);
    return loop;
}

static void run(nip__loop *loop, nip__spawn spawn, nip_duration timeout, size_t output_max, outcome *seen)
{
    nip__command *command = NULL;
    *seen = (outcome){.done = false};
    assert_int_equal(nip__command_start(loop, &spawn, timeout, output_max, on_done, seen, &command, NULL), 0);
    while (!seen->done)
        assert_true(nip__loop_wait(loop, NIP_TIME_MAX, NULL) >= 0);
    assert_int_equal(loop->in_flight, 0);
}

static void shell(nip__loop *loop, const char *script, nip_duration timeout, outcome *seen)
{
    const char *argv[] = {"sh", "-c", script, NULL};
    run(loop, (nip__spawn){.argv = argv}, timeout, 1024, seen);
}

static void on_apart(void *data, const nip__command_result *result)
{
    outcome *seen = data;
    seen->done = true;
    seen->length = (size_t)snprintf(seen->output, sizeof seen->output, "%.*s|%.*s", (int)result->output_length, result->output,
                                    (int)result->errors_length, result->errors);
}

static void keeps_errors_apart(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"echo out; echo err >&2", "out\n|err\n"}, {"echo err >&2", "|err\n"}, {"echo out", "out\n|"}, {":", "|"}};
    nip__loop *loop = make_loop();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        outcome seen = {.done = false};
        nip__command *command = NULL;
        const char *argv[] = {"sh", "-c", cases[i][0], NULL};
        nip__spawn spawn = {.argv = argv, .errors_apart = true};
        assert_int_equal(nip__command_start(loop, &spawn, NIP_TIME_MAX, 1024, on_apart, &seen, &command, NULL), 0);
        while (!seen.done)
            assert_true(nip__loop_wait(loop, NIP_TIME_MAX, NULL) >= 0);
        assert_string_equal(seen.output, cases[i][1]);
        assert_int_equal(loop->in_flight, 0);
    }
    nip__loop_free(loop);
}

static void outputs_and_codes(void **state)
{
    (void)state;
    static const struct {
        const char *script, *output;
        int exit_code, signal;
    } cases[] = {
        {"echo hello", "hello\n", 0, 0},
        {"echo out; echo err >&2; exit 3", "out\nerr\n", 3, 0},
        {"exit 255", "", 255, 0},
        {"kill -TERM $$", "", -1, SIGTERM},
        {"cat; echo end", "end\n", 0, 0},                          /* stdin is empty */
        {"printf 'a\\000b'", "a", 0, 0},                            /* bytes, not text */
        {"trap '' INT; kill -INT $$; echo on", "on\n", 0, 0},
        {"ls /proc/self/fd | wc -l", "4\n", 0, 0},                  /* 0, 1, 2 and the folder: nothing of ours leaks */
    };
    nip__loop *loop = make_loop();
    int leaked = dup(0); /* a descriptor that the host forgot to mark close-on-exec */
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        outcome seen;
        shell(loop, cases[i].script, 30 * NIP_SECOND, &seen);
        assert_string_equal(seen.output, cases[i].output);
        assert_int_equal(seen.exit_code, cases[i].exit_code);
        assert_int_equal(seen.signal, cases[i].signal);
        assert_false(seen.timed_out);
    }
    close(leaked);
    nip__loop_free(loop);
}

static void only_the_tail_is_kept(void **state)
{
    (void)state;
    nip__loop *loop = make_loop();
    const char *argv[] = {"sh", "-c", "i=0; while [ $i -lt 3000 ]; do echo line $i; i=$((i+1)); done", NULL};
    outcome seen;
    run(loop, (nip__spawn){.argv = argv}, 60 * NIP_SECOND, 20, &seen);
    assert_int_equal(seen.length, 20);
    assert_string_equal(seen.output + 20 - 15, "2998\nline 2999\n");
    nip__loop_free(loop);
}

static void environment_and_folder(void **state)
{
    (void)state;
    nip__loop *loop = make_loop();
    const char *argv[] = {"sh", "-c", "echo $GREETING-$HOME; pwd", NULL};
    const char *env[] = {"GREETING=hi", "HOME=/nowhere", NULL};
    outcome seen;
    run(loop, (nip__spawn){.argv = argv, .extra_env = env, .folder = "/"}, 30 * NIP_SECOND, 1024, &seen);
    assert_string_equal(seen.output, "hi-/nowhere\n/\n");
    nip__loop_free(loop);
}

static void signals_are_the_default_ones(void **state)
{
    (void)state;
    nip__loop *loop = make_loop();
    sigset_t blocked, before;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGTERM);
    sigprocmask(SIG_BLOCK, &blocked, &before);
    void (*handler)(int) = signal(SIGHUP, SIG_IGN);
    outcome seen;
    /* the last digits: signals 32 and 33 are the C library's own */
    shell(loop, "sed -nE 's/^Sig(Blk|Ign):.*(.{7})$/\\1\\2/p' /proc/self/status | tr -d '[:space:]'", 30 * NIP_SECOND, &seen);
    signal(SIGHUP, handler);
    sigprocmask(SIG_SETMASK, &before, NULL);
    assert_string_equal(seen.output, "Blk0000000Ign0000000");
    nip__loop_free(loop);
}

static void start_errors_name_the_program(void **state)
{
    (void)state;
    static const struct {
        const char *program, *folder;
        int os_errno;
    } cases[] = {
        {"no-such-program-here", NULL, ENOENT},
        {"/etc/passwd", NULL, EACCES},
        {"sh", "/no/such/folder", ENOENT},
    };
    nip__loop *loop = make_loop();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *argv[] = {cases[i].program, NULL};
        nip__spawn spawn = {.argv = argv, .folder = cases[i].folder};
        nip__command *command = NULL;
        nip_error *err = NULL;
        outcome seen = {.done = false};
        assert_int_equal(nip__command_start(loop, &spawn, NIP_SECOND, 100, on_done, &seen, &command, &err), NIP_E_IO);
        assert_int_equal(nip_error_os_errno(err), cases[i].os_errno);
        assert_non_null(strstr(nip_error_message(err), cases[i].program));
        assert_null(command);
        assert_int_equal(loop->in_flight, 0);
        nip_error_free(err);
    }
    nip__loop_free(loop);
}

/* The number that the script printed after the word "pid". */
static pid_t pid_in(const char *output)
{
    const char *at = strstr(output, "pid ");
    assert_non_null(at);
    return (pid_t)strtol(at + 4, NULL, 10);
}

static void wait_gone(pid_t pid)
{
    /* Nobody here can wait for a grandchild: look until it is gone or a zombie that init will reap. */
    char path[64], line[256] = "";
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    for (;;) {
        FILE *file = fopen(path, "r");
        if (file == NULL)
            return;
        const char *got = fgets(line, sizeof line, file);
        fclose(file);
        const char *paren = got == NULL ? NULL : strrchr(line, ')');
        if (paren == NULL || paren[2] == 'Z' || paren[2] == 'X')
            return;
        poll(NULL, 0, 1);
    }
}

static void late_command_is_killed_with_its_group(void **state)
{
    (void)state;
    nip__loop *loop = make_loop();
    outcome seen;
    shell(loop, "sleep 1000 & echo pid $!; wait", 300 * NIP_MILLISECOND, &seen);
    assert_true(seen.timed_out);
    assert_int_equal(seen.exit_code, -1);
    assert_int_equal(seen.signal, SIGKILL);
    if (seen.length > 0)
        wait_gone(pid_in(seen.output));
    nip__loop_free(loop);
}

static void grandchild_with_the_output_open_does_not_hold_us(void **state)
{
    (void)state;
    nip__loop *loop = make_loop();
    outcome seen;
    shell(loop, "sleep 1000 & echo pid $!; exit 7", NIP_TIME_MAX, &seen);
    assert_int_equal(seen.exit_code, 7);
    pid_t left = pid_in(seen.output);
    assert_int_equal(kill(left, 0), 0); /* it was not late: what it left behind stays */
    kill(left, SIGKILL);
    nip__loop_free(loop);
}

static void stopping_kills_and_is_silent(void **state)
{
    (void)state;
    nip__loop *loop = make_loop();
    const char *argv[] = {"sleep", "1000", NULL};
    nip__spawn spawn = {.argv = argv};
    nip__command *command = NULL;
    outcome seen = {.done = false};
    assert_int_equal(nip__command_start(loop, &spawn, NIP_HOUR, 100, on_done, &seen, &command, NULL), 0);
    nip__command_stop(command);
    assert_int_equal(nip__loop_wait(loop, NIP_TIME_NONE, NULL), 0);
    assert_false(seen.done);
    assert_int_equal(loop->in_flight, 0);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no zombie is left */
    assert_int_equal(errno, ECHILD);
    nip__loop_free(loop);
}

/* ---- hosts that take the end of children that are not theirs ---- */

/* A host that is faster than we can be: what we start is gone and reaped before we see it. */
static bool reap_at_once;

int posix_spawnp(pid_t *pid, const char *file, const posix_spawn_file_actions_t *actions, const posix_spawnattr_t *attributes,
                 char *const argv[], char *const envp[])
{
    union {
        void *symbol;
        int (*call)(pid_t *, const char *, const posix_spawn_file_actions_t *, const posix_spawnattr_t *, char *const[],
                    char *const[]);
    } real = {.symbol = dlsym(RTLD_NEXT, "posix_spawnp")};
    int rc = real.call(pid, file, actions, attributes, argv, envp);
    while (rc == 0 && reap_at_once && waitpid(*pid, NULL, 0) < 0 && errno == EINTR) {
    }
    return rc;
}

static void on_child(int number)
{
    int before = errno;
    while (waitpid(-1, NULL, WNOHANG) > 0 || errno == EINTR) {
    }
    errno = before;
    (void)number;
}

/* Does this kernel keep the exit status in a pidfd (Linux 6.15)? Found out without the code under test. */
static bool kernel_keeps_status(void)
{
    uint64_t info[8] = {1 << 3}; /* struct pidfd_info: PIDFD_INFO_EXIT in its mask; the exit status is its last 32 bits */
    pid_t child = fork();
    if (child == 0)
        _exit(5);
    int pidfd = (int)syscall(SYS_pidfd_open, child, 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    bool kept = ioctl(pidfd, _IOWR(0xFF, 11, uint64_t[8]), info) == 0 && (info[0] & 1 << 3) != 0;
    assert_true(!kept || WEXITSTATUS((int)(info[7] >> 32)) == 5);
    close(pidfd);
    return kept;
}

static void the_end_may_be_taken_but_is_not_guessed(void **state)
{
    (void)state;
    static const struct {
        const char *script, *output;
        int exit_code, signal;
    } cases[] = {
        {"echo out; exit 0", "out\n", 0, 0},
        {"echo out; exit 7", "out\n", 7, 0},
        {"echo out; kill -TERM $$", "out\n", -1, SIGTERM},
    };
    struct sigaction hosts[] = {{.sa_handler = SIG_IGN}, {.sa_handler = SIG_DFL, .sa_flags = SA_NOCLDWAIT}, {.sa_handler = on_child}}, before;
    bool kept = kernel_keeps_status();
    nip__loop *loop = make_loop();
    for (size_t host = 0; host < sizeof hosts / sizeof hosts[0]; host++) {
        int known = 0;
        sigaction(SIGCHLD, &hosts[host], &before);
        for (size_t i = 0; i < 20 * (sizeof cases / sizeof cases[0]); i++) {
            size_t row = i % (sizeof cases / sizeof cases[0]);
            outcome seen;
            shell(loop, cases[row].script, 30 * NIP_SECOND, &seen);
            assert_string_equal(seen.output, cases[row].output);
            assert_false(seen.timed_out);
            known += !seen.unknown;
            if (seen.unknown) {
                assert_int_equal(seen.exit_code, -1);
                assert_int_equal(seen.signal, 0);
            } else {
                assert_int_equal(seen.exit_code, cases[row].exit_code);
                assert_int_equal(seen.signal, cases[row].signal);
            }
        }
        sigaction(SIGCHLD, &before, NULL);
        assert_true(!kept || known > 0); /* not all: some are gone before they can be held */
    }
    nip__loop_free(loop);
}

static void gone_before_it_is_held_is_no_failed_start(void **state)
{
    (void)state;
    nip__loop *loop = make_loop();
    outcome seen;
    reap_at_once = true;
    shell(loop, "echo out; exit 3", 30 * NIP_SECOND, &seen);
    reap_at_once = false;
    assert_string_equal(seen.output, "out\n");
    assert_true(seen.unknown);
    assert_int_equal(seen.exit_code, -1);
    assert_int_equal(seen.signal, 0);
    nip__loop_free(loop);
}

static void a_late_command_is_killed_there_too(void **state)
{
    (void)state;
    struct sigaction ignored = {.sa_handler = SIG_IGN}, before;
    nip__loop *loop = make_loop();
    outcome seen;
    sigaction(SIGCHLD, &ignored, &before);
    shell(loop, "sleep 1000 & echo pid $!; wait", 300 * NIP_MILLISECOND, &seen);
    sigaction(SIGCHLD, &before, NULL);
    assert_true(seen.timed_out);
    if (seen.length > 0)
        wait_gone(pid_in(seen.output));
    nip__loop_free(loop);
}

/* With one descriptor too few it says so, and nothing has run: never one that was started and could not be watched. */
static void nothing_is_started_without_descriptors(void **state)
{
    (void)state;
    nip__loop *loop = make_loop();
    char folder[] = "/tmp/nipops-command-XXXXXX", mark[64];
    assert_non_null(mkdtemp(folder));
    snprintf(mark, sizeof mark, "%s/ran", folder);
    const char *argv[] = {"touch", mark, NULL};
    struct rlimit before, low;
    int next = dup(0), refused = 0;
    close(next);
    getrlimit(RLIMIT_NOFILE, &before);
    for (int more = 0; more < 8; more++) {
        low = (struct rlimit){.rlim_cur = (rlim_t)(next + more), .rlim_max = before.rlim_max};
        nip__command *command = NULL;
        nip_error *err = NULL;
        outcome seen = {.done = false};
        const nip__spawn spawn = {.argv = argv};
        setrlimit(RLIMIT_NOFILE, &low);
        int rc = nip__command_start(loop, &spawn, 30 * NIP_SECOND, 100, on_done, &seen, &command, &err);
        setrlimit(RLIMIT_NOFILE, &before);
        while (rc == 0 && !seen.done)
            assert_true(nip__loop_wait(loop, NIP_TIME_MAX, NULL) >= 0);
        assert_int_equal(access(mark, F_OK), rc == 0 ? 0 : -1);
        assert_true(rc == 0 || nip_error_os_errno(err) == EMFILE);
        refused += rc != 0;
        unlink(mark);
        nip_error_free(err);
    }
    assert_true(refused > 0 && refused < 8);
    rmdir(folder);
    nip__loop_free(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(outputs_and_codes),
        cmocka_unit_test(keeps_errors_apart),
        cmocka_unit_test(only_the_tail_is_kept),
        cmocka_unit_test(environment_and_folder),
        cmocka_unit_test(signals_are_the_default_ones),
        cmocka_unit_test(start_errors_name_the_program),
        cmocka_unit_test(late_command_is_killed_with_its_group),
        cmocka_unit_test(grandchild_with_the_output_open_does_not_hold_us),
        cmocka_unit_test(stopping_kills_and_is_silent),
        cmocka_unit_test(the_end_may_be_taken_but_is_not_guessed),
        cmocka_unit_test(gone_before_it_is_held_is_no_failed_start),
        cmocka_unit_test(a_late_command_is_killed_there_too),
        cmocka_unit_test(nothing_is_started_without_descriptors),
    };
    return cmocka_run_group_tests_name("command", tests, NULL, NULL);
}
