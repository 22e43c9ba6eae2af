/* Completion for shells: written from the tables, so that it never differs from the command. Names of runs and apps are asked of the command
 * itself when they are wanted. */
#include "cli.h"

#include <string.h>

/* What stands in a command's usage tells what its arguments complete to. */
static bool takes(const cli_command *command, const char *what)
{
    return strstr(command->usage, what) != NULL;
}

static bool takes_run(const cli_command *command)
{
    return takes(command, "RUN") || takes(command, "APP") || takes(command, "SUBJECT");
}

static bool takes_file(const cli_option *option)
{
    return option->value != NULL && (strcmp(option->value, "FILE") == 0 || strcmp(option->value, "PATH") == 0);
}

/* Text inside single quotes of a shell. */
static void print_quoted(FILE *out, const char *text, const char *special)
{
    for (const char *p = text; *p != '\0'; p++) {
        if (*p == '\'')
            fputs("'\\''", out);
        else
            fprintf(out, strchr(special, *p) != NULL ? "\\%c" : "%c", *p);
    }
}

/* The first words there are: of commands, and of families. */
static void each_first(FILE *out, void (*each)(FILE *out, const char *name, const char *summary))
{
    for (size_t i = 0; i < commands_count; i++) {
        const cli_family *family;
        if (commands_leads(i, &family))
            each(out, family != NULL ? family->name : commands[i].name, family != NULL ? family->summary : commands[i].summary);
    }
}

/* The second words of a family. */
static void each_second(FILE *out, const cli_family *family, void (*each)(FILE *out, const char *name, const char *summary))
{
    for (size_t i = 0; i < commands_count; i++) {
        if (families_has(family, &commands[i]))
            each(out, commands[i].name + strlen(family->name) + 1, commands[i].summary);
    }
}

static void print_word(FILE *out, const char *name, const char *summary)
{
    (void)summary;
    fprintf(out, "%s ", name);
}

/* ---- bash ---- */

static void bash_word(FILE *out, const cli_command *command, const cli_option *option)
{
    (void)command;
    fprintf(out, " --%s", option->name);
}

static void print_bash(FILE *out)
{
    fputs("_nipops()\n{\n    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} command=${COMP_WORDS[1]} words= names=\n"
          "    if [ \"$COMP_CWORD\" -eq 1 ]; then\n        words=\"",
          out);
    each_first(out, print_word);
    for (size_t i = 0; i < families_count; i++) {
        fprintf(out, "\"\n    elif [ \"$COMP_CWORD $command\" = \"2 %s\" ]; then\n        words=\"", families[i].name);
        each_second(out, &families[i], print_word);
    }
    fputs("\"\n    else\n", out);
    for (size_t i = 0; i < families_count; i++)
        fprintf(out, "        [ \"$command\" != %s ] || command=\"$command ${COMP_WORDS[2]}\"\n", families[i].name);
    fputs("        case $command in\n", out);
    for (size_t i = 0; i < commands_count; i++) {
        fprintf(out, "        \"%s\")\n            words=\"", commands[i].name);
        help_each_option(out, &commands[i], bash_word);
        fputs("\"\n", out);
        if (takes_run(&commands[i]))
            fputs("            names=runs\n", out);
        fputs("            ;;\n", out);
    }
    fputs("        esac\n"
          "        case $before in\n"
          "        --strategy) COMPREPLY=($(compgen -W \"rolling blue_green canary shadow\" -- \"$word\")); return ;;\n"
          "        --format) COMPREPLY=($(compgen -W \"json-schema markdown man\" -- \"$word\")); return ;;\n"
          "        esac\n"
          "        case $word in\n        -*) ;;\n"
          "        *)\n"
          "            [ -z \"$names\" ] || COMPREPLY=($(compgen -W \"$(nipops list 2>/dev/null | cut -d ' ' -f 1 | grep -- '-[0-9]*$')\" -- \"$word\"))\n"
          "            [ \"${COMP_WORDS[1]}\" != help ] || COMPREPLY=($(compgen -W \"exit ",
          out);
    each_first(out, print_word);
    fputs("\" -- \"$word\"))\n"
          "            [ \"${COMP_WORDS[1]}\" != completion ] || COMPREPLY=($(compgen -W \"bash zsh fish\" -- \"$word\"))\n"
          "            [ \"${COMP_WORDS[1]}\" != schema ] || COMPREPLY=($(compgen -W \"$(nipops schema | cut -d ' ' -f 1)\" -- \"$word\"))\n"
          "            [ ${#COMPREPLY[@]} -gt 0 ] || COMPREPLY=($(compgen -f -- \"$word\"))\n            return\n            ;;\n"
          "        esac\n    fi\n"
          "    COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n}\ncomplete -o filenames -F _nipops nipops\n",
          out);
}

/* ---- zsh ---- */

static void zsh_option(FILE *out, const cli_command *command, const cli_option *option)
{
    (void)command;
    fprintf(out, " \\\n            '--%s%s[", option->name, option->value == NULL ? "" : "=");
    print_quoted(out, option->help, "[]:\\");
    fputc(']', out);
    if (option->value != NULL)
        fprintf(out, ":%s:%s", option->value, takes_file(option) ? "_files" : " ");
    fputc('\'', out);
}

static void zsh_arguments(FILE *out, const cli_command *command)
{
    if (takes_run(command))
        fputs(" \\\n            '*:run:_nipops_runs'", out);
    else if (command->most > 0)
        fputs(" \\\n            '*:file:_files'", out);
}

static void zsh_described(FILE *out, const char *name, const char *summary)
{
    fprintf(out, "        '%s:", name);
    print_quoted(out, summary, ":\\");
    fputs("'\n", out);
}

/* The second word, and from then on the whole name as one. */
static void zsh_family(FILE *out, const cli_family *family)
{
    fprintf(out, "    if [[ $command == %s ]]; then\n        if (( CURRENT == 2 )); then\n        commands=(\n", family->name);
    each_second(out, family, zsh_described);
    fputs("        )\n        _describe command commands\n        return\n        fi\n"
          "        command=\"$command $words[2]\"\n        shift words\n        (( CURRENT-- ))\n    fi\n",
          out);
}

static void print_zsh(FILE *out)
{
    fputs("#compdef nipops\n\n_nipops_runs()\n{\n    local -a runs\n"
          "    runs=(${(f)\"$(nipops list 2>/dev/null | cut -d ' ' -f 1 | grep -- '-[0-9]*$')\"})\n    compadd -a runs\n}\n\n"
          "_nipops()\n{\n    local -a commands\n    commands=(\n",
          out);
    each_first(out, zsh_described);
    fputs("    )\n    if (( CURRENT == 2 )); then\n        _describe command commands\n        return\n    fi\n"
          "    local command=$words[2]\n    shift words\n    (( CURRENT-- ))\n",
          out);
    for (size_t i = 0; i < families_count; i++)
        zsh_family(out, &families[i]);
    fputs("    case $command in\n", out);
    for (size_t i = 0; i < commands_count; i++) {
        fprintf(out, "    '%s')\n        _arguments", commands[i].name);
        help_each_option(out, &commands[i], zsh_option);
        zsh_arguments(out, &commands[i]);
        fputs("\n        ;;\n", out);
    }
    fputs("    esac\n}\n\nif [ \"$funcstack[1]\" = _nipops ]; then\n    _nipops \"$@\"\nelse\n    compdef _nipops nipops\nfi\n", out);
}

/* ---- fish ---- */

static void fish_option(FILE *out, const cli_command *command, const cli_option *option)
{
    fprintf(out, "complete -c nipops -n '__nipops_is %s' -l %s%s -d '", command->name, option->name,
            option->value == NULL  ? ""
            : takes_file(option) ? " -r -F"
                                   : " -x");
    print_quoted(out, option->help, "\\");
    fputs("'\n", out);
}

static void fish_first(FILE *out, const char *name, const char *summary)
{
    fprintf(out, "complete -c nipops -n __fish_use_subcommand -a %s -d '", name);
    print_quoted(out, summary, "\\");
    fputs("'\n", out);
}

static void fish_family(FILE *out, const cli_family *family)
{
    for (size_t i = 0; i < commands_count; i++) {
        if (!families_has(family, &commands[i]))
            continue;
        fprintf(out, "complete -c nipops -n 'test (count (commandline -opc)) -eq 2; and __nipops_is %s' -a %s -d '", family->name,
                commands[i].name + strlen(family->name) + 1);
        print_quoted(out, commands[i].summary, "\\");
        fputs("'\n", out);
    }
}

static void print_fish(FILE *out)
{
    fputs("complete -c nipops -f\n"
          "function __nipops_is\n    set -l words (commandline -opc)\n    set -l last (math 1 + (count $argv))\n    test \"$words[2..$last]\" = \"$argv\"\nend\n",
          out);
    each_first(out, fish_first);
    for (size_t i = 0; i < families_count; i++)
        fish_family(out, &families[i]);
    for (size_t i = 0; i < commands_count; i++) {
        const cli_command *command = &commands[i];
        if (takes_run(command))
            fprintf(out,
                    "complete -c nipops -n '__nipops_is %s' -a \"(nipops list 2>/dev/null | string match -r '^\\S+-\\d+(?= )')\"\n",
                    command->name);
        if (takes(command, "FILE"))
            fprintf(out, "complete -c nipops -n '__nipops_is %s' -F\n", command->name);
        help_each_option(out, command, fish_option);
    }
}

static const struct {
    const char *name;
    void (*print)(FILE *out);
} shells[] = {{"bash", print_bash}, {"zsh", print_zsh}, {"fish", print_fish}};

int command_completion(const cli_options *given)
{
    for (size_t i = 0; i < sizeof shells / sizeof shells[0]; i++) {
        if (strcmp(shells[i].name, given->arguments[0]) == 0) {
            shells[i].print(stdout);
            return EXIT_DONE;
        }
    }
    return bad_usage("%s: there are completions for bash, zsh and fish", given->arguments[0]);
}
