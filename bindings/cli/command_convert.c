/* convert: documents of other tools, brought into ours, with an account of what became of every part. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MANIFEST_MAX = 8 * 1024 * 1024 };

static void tell(const cJSON *notes)
{
    const cJSON *note;
    cJSON_ArrayForEach(note, notes)
    {
        const char *what = json_text(note, "what", ""), *colour = strcmp(what, "dropped") == 0 ? RED : YELLOW;
        char *place = json_number(note, "line", 0) > 0 ? format_text(" (line %.0f)", json_number(note, "line", 0)) : copy_text("");
        char *line = format_text("%s%-8s" PLAIN "%s%s: %s", colour, what, json_text(note, "at", ""), place, json_text(note, "message", ""));
        output_line(stderr, line, 0);
        free(line);
        free(place);
    }
}

static int write_document(const cli_options *given, const char *text)
{
    if (given->out == NULL) {
        fputs(text, stdout);
        return EXIT_DONE;
    }
    if (!given->force && access(given->out, F_OK) == 0)
        return bad_usage("%s is there already: --force writes over it", given->out);
    return output_write_file(given->out, text, "the document", 0600);
}

/* By what its manifests call themselves. */
static bool is_openslo(const char *text, size_t length)
{
    return memmem(text, length, "openslo/v1", strlen("openslo/v1")) != NULL && memmem(text, length, "argoproj.io/", strlen("argoproj.io/")) == NULL;
}

int command_convert(const cli_options *given)
{
    size_t length = 0;
    char *text = input_read_file(given->arguments[0], MANIFEST_MAX, &length), *json = NULL;
    nip_error *err = NULL;
    if (text == NULL)
        return EXIT_USAGE;
    int rc = (is_openslo(text, length) ? nip_openslo_convert : nip_argo_convert)(text, length, given->arguments[0], &json, &err);
    free(text);
    if (rc < 0)
        return fail_document(err);
    cJSON *result = json_parse(json);
    int status = EXIT_DONE;
    if (given->json)
        print_json(json);
    else
        status = write_document(given, json_text(result, "document", ""));
    if (status == EXIT_DONE && !given->json)
        tell(cJSON_GetObjectItemCaseSensitive(result, "notes"));
    cJSON_Delete(result);
    nip_free(json);
    return status;
}
