/* Files that the command line names: read whole; made whole or not at all; a device or a pipe; "-" for standard input or output. */
#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* All of it, or an error number. */
static int write_whole(int fd, const char *text, bool regular)
{
    FILE *file = fdopen(fd, "w");
    if (file == NULL) {
        int problem = errno;
        close(fd);
        return problem;
    }
    size_t length = strlen(text);
    bool ends = length > 0 && text[length - 1] == '\n';
    int problem = fputs(text, file) < 0 || (!ends && fputc('\n', file) == EOF) || fflush(file) != 0 ? errno : 0;
    if (problem == 0 && regular && fsync(fd) != 0)
        problem = errno;
    return fclose(file) != 0 && problem == 0 ? errno : problem;
}

/* Beside it first, so that a reader never sees half of it. */
static int write_beside(const char *path, const char *text, unsigned mode)
{
    char *beside = format_text("%s.%ld.part", path, (long)getpid());
    int fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
    int problem = fd < 0 ? errno : write_whole(fd, text, true);
    if (problem == 0 && rename(beside, path) != 0)
        problem = errno;
    if (problem != 0 && fd >= 0)
        unlink(beside);
    free(beside);
    return problem;
}

/* A device or a pipe is written into; a link is followed to the file that it names. */
static int write_to(const char *path, const char *text, unsigned mode)
{
    struct stat info;
    char *real = NULL;
    if (stat(path, &info) == 0 && !S_ISREG(info.st_mode)) {
        int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
        return fd < 0 ? errno : write_whole(fd, text, false);
    }
    if (lstat(path, &info) == 0 && S_ISLNK(info.st_mode) && (real = realpath(path, NULL)) == NULL)
        return errno;
    int problem = write_beside(real != NULL ? real : path, text, mode);
    free(real);
    return problem;
}

int output_write_file(const char *path, const char *text, const char *what, unsigned mode)
{
    bool standard = strcmp(path, "-") == 0;
    int problem = standard ? (fputs(text, stdout) < 0 || fflush(stdout) != 0 ? errno : 0) : write_to(path, text, mode);
    if (problem != 0)
        complain("%s: %s cannot be written there: %s", standard ? "standard output" : path, what, strerror(problem));
    return problem == 0 ? 0 : EXIT_RETURNED;
}

char *input_read_file(const char *path, size_t most, size_t *length)
{
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    char *text = need(malloc(most + 2));
    *length = file != NULL ? fread(text, 1, most + 1, file) : 0;
    bool failed = file == NULL || ferror(file), large = *length > most;
    if (failed)
        complain("%s cannot be read: %s", path, strerror(errno));
    else if (large)
        complain("%s has more than %zu MiB, the most that is read", path, most >> 20);
    if (file != NULL && file != stdin)
        fclose(file);
    if (!failed && !large)
        return text;
    free(text);
    return NULL;
}
