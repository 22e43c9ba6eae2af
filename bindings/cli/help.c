/* help: written from the tables of commands and options. */
#include "cli.h"

#include <string.h>

const cli_exit exit_statuses[] = {
    {EXIT_DONE, "done"},
    {EXIT_RETURNED, "the change was taken back, or the command failed"},
    {EXIT_USAGE, "wrong usage or a bad document; nothing was touched"},
    {EXIT_REFUSED, "refused before anything was changed"},
    {EXIT_BROKEN, "broken: somebody must look"},
    {EXIT_WAITING, "left waiting for a person"},
    {EXIT_HELD, "another process drives it"},
    {EXIT_CANCELLED, "cancelled"},
};
const size_t exit_statuses_count = sizeof exit_statuses / sizeof exit_statuses[0];

static void print_exit_statuses(FILE *out)
{
    fputs("exit status\n", out);
    for (size_t i = 0; i < exit_statuses_count; i++)
        fprintf(out, "  %3d  %s\n", exit_statuses[i].status, exit_statuses[i].means);
}

void help_print_all(FILE *out)
{
    fputs("nipops: safe releases from the shell\n\nusage: nipops COMMAND ARGUMENTS OPTIONS\n\n", out);
    for (size_t i = 0; i < commands_count; i++)
        fprintf(out, "  %-10s %-20s %s\n", commands[i].name, commands[i].usage, commands[i].summary);
    fputs("\nnipops help COMMAND    its options\nnipops --version\n\n", out);
    print_exit_statuses(out);
}

void help_each_option(FILE *out, const cli_command *command,
                      void (*each)(FILE *out, const cli_command *command, const cli_option *option))
{
    for (const char *name = command->options; *name != '\0';) {
        size_t length = strcspn(name, " ");
        const cli_option *option = options_find(name, length);
        if (option != NULL)
            each(out, command, option);
        name += length + (name[length] == ' ');
    }
    each(out, command, options_find("help", 4));
}

static void print_option(FILE *out, const cli_command *command, const cli_option *option)
{
    (void)command;
    char left[48];
    snprintf(left, sizeof left, "--%s%s%s", option->name, option->value == NULL ? "" : " ",
             option->value == NULL ? "" : option->value);
    fprintf(out, "  %-26s %s\n", left, option->help);
}

void help_print(FILE *out, const cli_command *command)
{
    fprintf(out, "nipops %s: %s\n\nusage: nipops %s%s%s\n\n", command->name, command->summary, command->name,
            command->usage[0] == '\0' ? "" : " ", command->usage);
    if (command->help[0] != '\0')
        fprintf(out, "%s\n\n", command->help);
    help_each_option(out, command, print_option);
    if (command->drives) {
        fputs("\n", out);
        print_exit_statuses(out);
    }
}

int command_help(const cli_options *given)
{
    if (given->format != NULL)
        return manual_print(stdout, given);
    if (given->count == 0) {
        help_print_all(stdout);
        return EXIT_DONE;
    }
    if (strcmp(given->arguments[0], "exit") == 0) {
        print_exit_statuses(stdout);
        return EXIT_DONE;
    }
    const cli_command *command = commands_find(given->arguments[0]);
    if (command == NULL)
        return bad_usage("%s: no such command; see: nipops help", given->arguments[0]);
    help_print(stdout, command);
    return EXIT_DONE;
}
