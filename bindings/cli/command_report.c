/* metrics, trace: what journals tell other systems. */
#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int write_whole(const char *path, const char *text, unsigned mode)
{
    char *fresh = format_text("%s.%ld.new", path, (long)getpid());
    int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
    size_t length = strlen(text);
    bool written = fd >= 0 && write(fd, text, length) == (ssize_t)length;
    if (fd >= 0)
        written = close(fd) == 0 && written;
    written = written && rename(fresh, path) == 0;
    if (!written) {
        complain("%s cannot be written: %s", path, strerror(errno));
        unlink(fresh);
    }
    free(fresh);
    return written ? EXIT_DONE : EXIT_RETURNED;
}

int command_metrics(const cli_options *given)
{
    cli_world world;
    char *text = NULL;
    nip_error *err = NULL;
    int status = world_open_existing(given, &world);
    if (status == 0 && nip_metrics_text(world.store, nip_ctx_now(world.ctx), &text, &err) < 0)
        status = fail(err);
    if (status == 0 && given->out != NULL)
        status = write_whole(given->out, text, 0644); /* for a collector that runs as somebody else */
    else if (status == 0)
        fputs(text, stdout);
    nip_free(text);
    world_close(&world);
    return status;
}

int command_trace(const cli_options *given)
{
    cli_world world;
    char *json = NULL;
    nip_error *err = NULL;
    int status = world_open_existing(given, &world);
    if (status == 0 && nip_run_spans(world.store, given->arguments[0], &json, &err) < 0)
        status = fail(err);
    if (status == 0)
        print_json(json);
    nip_free(json);
    world_close(&world);
    return status;
}
