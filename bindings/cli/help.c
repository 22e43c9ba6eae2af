/* help and completion: both written from the tables of commands and options. */
#include "cli.h"

#include <string.h>

static void print_exit_statuses(FILE *out)
{
    fputs("exit status\n"
          "    0  done\n"
          "    1  the change was taken back, or the command failed\n"
          "    2  wrong usage or a bad document; nothing was touched\n"
          "    3  refused before anything was changed\n"
          "    4  broken: somebody must look\n"
          "    5  left waiting for a person\n"
          "    6  another process drives it\n"
          "  130  cancelled\n",
          out);
}

void help_print_all(FILE *out)
{
    fputs("nipops: safe releases from the shell\n\nusage: nipops COMMAND ARGUMENTS OPTIONS\n\n", out);
    for (size_t i = 0; i < commands_count; i++)
        fprintf(out, "  %-10s %-20s %s\n", commands[i].name, commands[i].usage, commands[i].summary);
    fputs("\nnipops help COMMAND    its options\nnipops --version\n\n", out);
    print_exit_statuses(out);
}

/* Calls `each` for every option of the command. */
static void each_option(const cli_command *command, void (*each)(FILE *out, const cli_option *option), FILE *out)
{
    for (const char *name = command->options; *name != '\0';) {
        size_t length = strcspn(name, " ");
        const cli_option *option = options_find(name, length);
        if (option != NULL)
            each(out, option);
        name += length + (name[length] == ' ');
    }
    each(out, options_find("help", 4));
}

static void print_option(FILE *out, const cli_option *option)
{
    char left[48];
    snprintf(left, sizeof left, "--%s%s%s", option->name, option->value == NULL ? "" : " ",
             option->value == NULL ? "" : option->value);
    fprintf(out, "  %-26s %s\n", left, option->help);
}

void help_print(FILE *out, const cli_command *command)
{
    fprintf(out, "nipops %s: %s\n\nusage: nipops %s %s\n\n", command->name, command->summary, command->name,
            command->usage);
    if (command->help[0] != '\0')
        fprintf(out, "%s\n\n", command->help);
    each_option(command, print_option, out);
    if (command->drives) {
        fputs("\n", out);
        print_exit_statuses(out);
    }
}

int command_help(const cli_options *given)
{
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

/* ---- completion ---- */

static void print_word(FILE *out, const cli_option *option)
{
    fprintf(out, " --%s", option->name);
}

int command_completion(const cli_options *given)
{
    if (strcmp(given->arguments[0], "bash") != 0)
        return bad_usage("%s: there is a completion for bash only", given->arguments[0]);
    fputs("_nipops()\n{\n    local word=${COMP_WORDS[COMP_CWORD]} words\n"
          "    if [ \"$COMP_CWORD\" -eq 1 ]; then\n        words=\"",
          stdout);
    for (size_t i = 0; i < commands_count; i++)
        printf("%s%s", i == 0 ? "" : " ", commands[i].name);
    fputs("\"\n    else\n        case ${COMP_WORDS[1]} in\n", stdout);
    for (size_t i = 0; i < commands_count; i++) {
        printf("        %s) words=\"", commands[i].name);
        each_option(&commands[i], print_word, stdout);
        fputs("\" ;;\n", stdout);
    }
    fputs(
        "        esac\n        case $word in -*) ;; *) COMPREPLY=($(compgen -f -- \"$word\")); return ;; esac\n    fi\n"
        "    COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n}\ncomplete -o filenames -F _nipops nipops\n",
        stdout);
    return EXIT_DONE;
}
