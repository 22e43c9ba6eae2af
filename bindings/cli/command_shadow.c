/* report: what a run found out about two versions. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

static void print_lines(const char *text)
{
    while (*text != '\0') {
        size_t length = strcspn(text, "\n");
        char *line = format_text("%.*s", (int)length, text);
        output_line(stdout, line, 0);
        free(line);
        text += length + (text[length] == '\n');
    }
}

int command_report(const cli_options *given)
{
    cli_world world;
    char *report = NULL;
    nip_error *err = NULL;
    if (given->json && given->html != NULL)
        return bad_usage("either --json or --html, not both");
    const char *format = given->json ? "json" : given->html != NULL ? "html" : "text";
    int status = world_open_existing(given, &world);
    if (status == 0 && nip_run_report(world.store, given->arguments[0], format, &report, &err) < 0)
        status = fail(err);
    if (status == 0 && given->json)
        print_json(report);
    else if (status == 0 && given->html != NULL)
        status = output_write_file(given->html, report, "the report", 0600);
    else if (status == 0)
        print_lines(report);
    nip_free(report);
    world_close(&world);
    return status;
}
