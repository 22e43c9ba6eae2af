/* The command's manual page and its reference in Markdown: written from the same tables as its help. */
#include "cli.h"

#include <string.h>

/* What the writers of the two formats differ in. */
typedef struct manual {
    const char *name;
    void (*begin)(FILE *out);
    void (*command)(FILE *out, const cli_command *command);
    void (*end)(FILE *out);
} manual;

/* ---- manual page ---- */

void manual_roff(FILE *out, const char *text)
{
    bool line_begins = true;
    for (const char *p = text; *p != '\0'; p++) {
        if (line_begins && (*p == '.' || *p == '\''))
            fputs("\\&", out);
        if (*p == '\\')
            fputs("\\e", out);
        else if (*p == '-')
            fputs("\\-", out);
        else
            fputc(*p, out);
        line_begins = *p == '\n';
    }
}

static void begin_page(FILE *out)
{
    fprintf(out,
            ".TH NIPOPS 1 \"\" \"nipops %s\" \"User Commands\"\n"
            ".SH NAME\nnipops \\- safe releases from the shell\n"
            ".SH SYNOPSIS\n.B nipops\n.I COMMAND\n.RI [ ARGUMENTS ]\n.RI [ OPTIONS ]\n"
            ".SH DESCRIPTION\nPlans, runs and takes back rollouts as documents say. Results go to standard output, everything else to\n"
            "standard error. With \\fB\\-\\-json\\fR, standard output is one JSON document.\n"
            ".SH COMMANDS\n",
            nip_version());
}

static void page_option(FILE *out, const cli_command *command, const cli_option *option)
{
    (void)command;
    fputs(".TP\n\\fB\\-\\-", out);
    manual_roff(out, option->name);
    fputs("\\fR", out);
    if (option->value != NULL)
        fprintf(out, " \\fI%s\\fR", option->value);
    fputc('\n', out);
    manual_roff(out, option->help);
    fputc('\n', out);
}

static void page_command(FILE *out, const cli_command *command)
{
    fputs(".SS nipops ", out);
    manual_roff(out, command->name);
    fputc(' ', out);
    manual_roff(out, command->usage);
    fputc('\n', out);
    manual_roff(out, command->summary);
    fputs(".\n", out);
    if (command->help[0] != '\0') {
        fputs(".PP\n", out);
        manual_roff(out, command->help);
        fputc('\n', out);
    }
    help_each_option(out, command, page_option);
}

static void end_page(FILE *out)
{
    fputs(".SH EXIT STATUS\n", out);
    for (size_t i = 0; i < exit_statuses_count; i++) {
        fprintf(out, ".TP\n%d\n", exit_statuses[i].status);
        manual_roff(out, exit_statuses[i].means);
        fputc('\n', out);
    }
    fputs(".SH ENVIRONMENT\n"
          ".TP\nXDG_STATE_HOME\nJournals are kept in \\fInipops/nipops.db\\fR below it; \\fI~/.local/state\\fR where it is not set.\n"
          ".TP\nNO_COLOR\nWhen set to anything, nothing is coloured.\n"
          ".SH SEE ALSO\n.BR nipops\\-documents (5)\n",
          out);
}

/* ---- Markdown ---- */

static void begin_markdown(FILE *out)
{
    fputs("# Reference of the command nipops\n\nWritten by `nipops help --format markdown`. [command.md](command.md) is the guide.\n", out);
}

static void markdown_cell(FILE *out, const char *text)
{
    for (const char *p = text; *p != '\0'; p++)
        fprintf(out, *p == '|' ? "\\%c" : "%c", *p);
}

static void markdown_option(FILE *out, const cli_command *command, const cli_option *option)
{
    (void)command;
    fprintf(out, "| `--%s%s%s` | ", option->name, option->value == NULL ? "" : " ", option->value == NULL ? "" : option->value);
    markdown_cell(out, option->help);
    fputs(" |\n", out);
}

static void markdown_command(FILE *out, const cli_command *command)
{
    fprintf(out, "\n## nipops %s\n\n    nipops %s%s%s\n\nThat is: %s.\n", command->name, command->name, command->usage[0] == '\0' ? "" : " ",
            command->usage, command->summary);
    if (command->help[0] != '\0')
        fprintf(out, "\n%s\n", command->help);
    fputs("\n| option | meaning |\n|---|---|\n", out);
    help_each_option(out, command, markdown_option);
}

static void end_markdown(FILE *out)
{
    fputs("\n## Exit status\n\n| status | meaning |\n|---|---|\n", out);
    for (size_t i = 0; i < exit_statuses_count; i++)
        fprintf(out, "| %d | %s |\n", exit_statuses[i].status, exit_statuses[i].means);
}

static const manual manuals[] = {
    {"man", begin_page, page_command, end_page},
    {"markdown", begin_markdown, markdown_command, end_markdown},
};

int manual_print(FILE *out, const cli_options *given)
{
    if (given->count > 0)
        return bad_usage("--format writes the whole reference; leave \"%s\" out", given->arguments[0]);
    for (size_t i = 0; i < sizeof manuals / sizeof manuals[0]; i++) {
        if (strcmp(manuals[i].name, given->format) != 0)
            continue;
        manuals[i].begin(out);
        for (size_t k = 0; k < commands_count; k++)
            manuals[i].command(out, &commands[k]);
        manuals[i].end(out);
        return EXIT_DONE;
    }
    return bad_usage("--format %s: the help is written as man or markdown", given->format);
}
