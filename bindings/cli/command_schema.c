/* schema: what documents and drivers' settings may say. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

static const char *format_of(const cli_options *given)
{
    return given->format != NULL ? given->format : "json-schema";
}

static int print_one(const cli_options *given, const char *name)
{
    char *text = NULL;
    nip_error *err = NULL;
    if (nip_schema_write(name, format_of(given), &text, &err) < 0) {
        fail(err);
        return EXIT_USAGE;
    }
    if (strcmp(format_of(given), "json-schema") == 0)
        print_json(text);
    else
        fputs(text, stdout);
    nip_free(text);
    return EXIT_DONE;
}

static const char *title_of(const cJSON *item)
{
    return strcmp(json_text(item, "of", ""), "driver") == 0 ? "Driver" : "Document";
}

static void print_heading(const cli_options *given, const cJSON *item)
{
    const char *name = json_text(item, "name", "");
    if (strcmp(format_of(given), "man") == 0)
        fprintf(stdout, ".SH %s %s\n", title_of(item), name);
    else
        fprintf(stdout, "\n## %s %s\n\n", title_of(item), name);
}

static void print_beginning(const cli_options *given)
{
    if (strcmp(format_of(given), "man") == 0)
        printf(".TH NIPOPS\\-DOCUMENTS 5 \"\" \"nipops %s\" \"File Formats\"\n"
               ".SH NAME\nnipops\\-documents \\- what documents for nipops may say\n"
               ".SH DESCRIPTION\nDocuments are YAML or JSON. \\fBnipops check\\fR says all that is wrong with one; \\fBnipops schema\\fR writes a JSON "
               "Schema for editors.\n",
               nip_version());
    else
        fputs("# Reference of documents\n\nWritten by `nipops schema --format markdown`. `nipops check FILE` says all that is wrong with a document; "
              "`nipops schema rollout`\nwrites the JSON Schema that editors complete from.\n\n"
              "Settings of drivers stand under `target:`, `router:` and `metrics:` of a rollout.\n",
              stdout);
}

/* Every schema, one after the other. */
static int print_reference(const cli_options *given, const cJSON *items)
{
    int status = EXIT_DONE;
    const cJSON *item;
    print_beginning(given);
    cJSON_ArrayForEach(item, items)
    {
        print_heading(given, item);
        if (status == EXIT_DONE)
            status = print_one(given, json_text(item, "name", ""));
    }
    if (strcmp(given->format, "man") == 0)
        fputs(".SH SEE ALSO\n.BR nipops (1)\n", stdout);
    return status;
}

static void print_names(const cJSON *items)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, items) printf("%-12s %s\n", json_text(item, "name", ""), json_text(item, "of", ""));
}

int command_schema(const cli_options *given)
{
    char *json = NULL;
    nip_error *err = NULL;
    if (given->format != NULL && strcmp(given->format, "json-schema") != 0 && strcmp(given->format, "markdown") != 0 &&
        strcmp(given->format, "man") != 0)
        return bad_usage("--format %s: a schema is written as json-schema, markdown or man", given->format);
    if (given->count == 1)
        return print_one(given, given->arguments[0]);
    if (nip_schema_list(&json, &err) < 0)
        return fail(err);
    cJSON *items = json_parse(json);
    int status = EXIT_DONE;
    if (given->format != NULL && strcmp(given->format, "json-schema") != 0)
        status = print_reference(given, items);
    else if (given->json)
        print_json(json);
    else
        print_names(items);
    cJSON_Delete(items);
    nip_free(json);
    return status;
}
