/* nipops: safe releases from the shell. Finds the command, reads its options, runs it. */
#include "cli.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Files opened later must not become standard output when it was closed. */
static void keep_standard_descriptors(void)
{
    int fd;
    do {
        fd = open("/dev/null", O_RDWR);
    } while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd > STDERR_FILENO)
        close(fd);
}

static int no_such_command(const char *name)
{
    if (name[0] == '-')
        return bad_usage("%s: a command comes first, its options after it: nipops COMMAND ARGUMENTS OPTIONS", name);
    const char *nearest = options_nearest(name, commands_name_at, commands_count);
    if (nearest != NULL)
        return bad_usage("%s: no such command; did you mean %s?", name, nearest);
    return bad_usage("%s: no such command; see: nipops help", name);
}

static int run(const cli_command *command, int argc, char **argv)
{
    cli_options given = {0};
    int status = options_read(command, argc, argv, &given);
    if (status == 0 && given.help)
        help_print(stdout, command);
    else if (status == 0)
        status = command->run(&given);
    output_end(given.json);
    free(given.arguments);
    if ((fflush(stdout) != 0 || ferror(stdout)) && status == EXIT_DONE && !command->drives) {
        complain("standard output cannot be written");
        status = EXIT_RETURNED;
    }
    return status;
}

int main(int argc, char **argv)
{
    keep_standard_descriptors();
    setvbuf(stdout, NULL, _IOFBF, 1 << 16); /* the live view goes out as one write */
    if (argc < 2) {
        help_print_all(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("nipops %s\n", nip_version());
        return EXIT_DONE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        help_print_all(stdout);
        return EXIT_DONE;
    }
    const cli_command *command = commands_find(argv[1]);
    return command == NULL ? no_such_command(argv[1]) : run(command, argc - 2, argv + 2);
}
