/* Commands: output, exit codes, timeouts, groups that are killed whole, and grandchildren that keep the output open. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "op/inside.h"

typedef struct outcome {
    bool done;
    int exit_code, signal;
    bool timed_out;
    char output[4096];
    size_t length;
} outcome;

static void on_done(void *data, const nip__command_result *result)
{
    outcome *seen = data;
    assert_false(seen->done);
    assert_true(result->output_length < sizeof seen->output);
    *seen = (outcome){.done = true, .exit_code = result->exit_code, .signal = result->signal, .timed_out = result->timed_out,
                      .length = result->output_length};
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
    };
    return cmocka_run_group_tests_name("command", tests, NULL, NULL);
}
