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
    for (size_t i = 0; i < commands_count; i++) {
        const cli_family *family;
        if (!commands_leads(i, &family))
            continue;
        if (family != NULL)
            fprintf(out, "  %-10s %-20s %s\n", family->name, "COMMAND ...", family->summary);
        else
            fprintf(out, "  %-10s %-20s %s\n", commands[i].name, commands[i].usage, commands[i].summary);
    }
    fputs("\nnipops help COMMAND    its options\nnipops --version\n\n", out);
    print_exit_statuses(out);
}

void help_print_family(FILE *out, const cli_family *family)
{
    fprintf(out, "nipops %s: %s\n\nusage: nipops %s COMMAND ARGUMENTS OPTIONS\n\n", family->name, family->summary, family->name);
    for (size_t i = 0; i < commands_count; i++) {
        if (families_has(family, &commands[i]))
            fprintf(out, "  %-15s %-10s %s\n", commands[i].name, commands[i].usage, commands[i].summary);
    }
    fprintf(out, "\nnipops help %s COMMAND    its options\n", family->name);
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
    const cli_family *family = families_find(given->arguments[0]);
    if (family != NULL && given->count == 1) {
        help_print_family(stdout, family);
        return EXIT_DONE;
    }
    int used;
    const cli_command *command = commands_of_line(given->count, given->arguments, &used);
    if (command == NULL)
        return bad_usage("%s%s%s: no such command; see: nipops help", given->arguments[0], given->count > 1 ? " " : "", given->count > 1 ? given->arguments[1] : "");
    if (used < given->count)
        return bad_usage("\"%s\" is one argument too many: nipops help %s", given->arguments[used], command->name);
    help_print(stdout, command);
    return EXIT_DONE;
}
