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

static int no_such_of_family(const cli_family *family, const char *name)
{
    char *whole = format_text("%s %s", family->name, name != NULL ? name : "");
    const char *nearest = name == NULL ? NULL : options_nearest(whole, commands_name_at, commands_count);
    int status = nearest != NULL ? bad_usage("%s: no such command; did you mean %s?", whole, nearest)
                                 : bad_usage("%s: a command of it comes next; see: nipops help %s", family->name, family->name);
    free(whole);
    return status;
}

static int no_such_command(int count, char **words)
{
    const char *name = words[0];
    const cli_family *family = families_find(name);
    if (family != NULL)
        return no_such_of_family(family, count > 1 ? words[1] : NULL);
    if (name[0] == '-')
        return bad_usage("%s: a command comes first, its options after it: nipops COMMAND ARGUMENTS OPTIONS", name);
    const char *nearest = options_nearest(name, commands_name_at, commands_count);
    if (nearest != NULL)
        return bad_usage("%s: no such command; did you mean %s?", name, nearest);
    return bad_usage("%s: no such command; see: nipops help", name);
}

/* nipops sla --help */
static bool asks_for_family(int count, char **words)
{
    return count > 1 && families_find(words[0]) != NULL && (strcmp(words[1], "--help") == 0 || strcmp(words[1], "-h") == 0);
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
    if (asks_for_family(argc - 1, argv + 1)) {
        help_print_family(stdout, families_find(argv[1]));
        return EXIT_DONE;
    }
    int used;
    const cli_command *command = commands_of_line(argc - 1, argv + 1, &used);
    return command == NULL ? no_such_command(argc - 1, argv + 1) : run(command, argc - 1 - used, argv + 1 + used);
}
