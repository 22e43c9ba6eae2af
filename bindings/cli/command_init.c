/* init: a document for the application in a folder, to begin with. */
#include "init.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What is written is valid whatever was found: better said here than by the first command that reads it. */
static int check(const char *text)
{
    nip_doc *doc = NULL;
    nip_error *err = NULL;
    int rc = nip_doc_load_text(text, strlen(text), "the new document", &doc, &err);
    if (rc == 0)
        rc = nip_doc_check(doc, &err);
    nip_doc_free(doc);
    return rc < 0 ? fail_document(err) : 0;
}

static void tell(const cli_options *given, const char *path, const init_found *found)
{
    if (given->json) {
        cJSON *result = need(cJSON_CreateObject());
        need(cJSON_AddNumberToObject(result, "v", 1));
        need(cJSON_AddStringToObject(result, "file", path));
        need(cJSON_AddStringToObject(result, "app", found->app != NULL ? found->app : "app"));
        print_json_value(result);
        return;
    }
    const struct {
        const char *what, *from;
    } rows[] = {{"app", found->app_from}, {"command", found->command_from}, {"health", found->health_from}, {"router", found->backend != NULL ? found->config : NULL}};
    char *line = format_text("%s: written for %s", path, found->app != NULL ? found->app : "app");
    output_line(stdout, line, 0);
    free(line);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        line = rows[i].from != NULL ? format_text("  %-8s from %s", rows[i].what, rows[i].from)
                                    : format_text("  %-8s " YELLOW "a guess: read it through" PLAIN, rows[i].what);
        output_line(stdout, line, 0);
        free(line);
    }
    line = format_text("next: nipops check %s, then nipops plan %s", path, path);
    output_line(stdout, line, 0);
    free(line);
}

int command_init(const cli_options *given)
{
    const char *folder = given->count == 1 ? given->arguments[0] : ".", *path = given->out != NULL ? given->out : "rollout.yaml";
    struct stat about;
    if (stat(folder, &about) != 0 || !S_ISDIR(about.st_mode))
        return bad_usage("%s: there is no such folder; give that of the application", folder);
    init_found found = {0};
    init_look(folder, given->haproxy_config != NULL ? given->haproxy_config : "/etc/haproxy/haproxy.cfg", &found);
    char *text = init_write(&found);
    int status = check(text);
    if (status == 0 && !given->force && access(path, F_OK) == 0)
        status = bad_usage("%s is there already: --force writes over it, --out names another file", path);
    if (status == 0)
        status = output_write_file(path, text, "the document", 0600);
    if (status == 0)
        tell(given, path, &found);
    free(text);
    init_free(&found);
    return status;
}
