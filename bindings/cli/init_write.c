/* The document that init writes: whole, valid, and commented, so that its reader knows what was found, what was guessed, and what else there is. */
#include "init.h"

#include <stdlib.h>
#include <string.h>

/* "# from Procfile", or that it is a guess. Owned: free. */
static char *remark(const char *from, const char *otherwise)
{
    return from != NULL ? format_text("# from %s", from) : format_text("# a guess: %s", otherwise);
}

/* Without a line break or anything else that would end a comment. */
static void tame(char *text)
{
    for (char *p = text; *p != '\0'; p++) {
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            *p = '?';
    }
}

static char *quoted(const char *text)
{
    cJSON *string = need(cJSON_CreateString(text));
    char *out = json_print(string);
    cJSON_Delete(string);
    return out;
}

static char *command_of(const init_found *found, const char *app)
{
    if (found->command != NULL)
        return json_print(found->command);
    char *program = format_text("./%s", app), *word = quoted(program);
    char *list = format_text("[%s, \"--port\", \"{port}\"]", word);
    free(program);
    free(word);
    return list;
}

static void write_target(FILE *out, const init_found *found, const char *app)
{
    char *folder = quoted(found->folder != NULL ? found->folder : "."), *command = command_of(found, app), *said = remark(found->command_from, "how an instance is started; it must listen at {port}");
    tame(said);
    fprintf(out,
            "  # What runs instances: processes of this machine. `man nipops-documents` has the other drivers.\n"
            "  target:\n"
            "    driver: local\n"
            "    command: %s  %s\n"
            "    folder: %s\n"
            "    ports: 9100-9199      # ports that instances may have; each gets one as {port}\n"
            "    stop_grace: 10s       # from SIGTERM to SIGKILL\n\n",
            command, said, folder);
    free(folder);
    free(command);
    free(said);
}

static void write_router(FILE *out, const init_found *found)
{
    char *socket = quoted(found->socket != NULL ? found->socket : "/run/haproxy/admin.sock");
    char *backend = quoted(found->backend != NULL ? found->backend : "app");
    char *said = remark(found->config, "where HAProxy's `stats socket` is");
    tame(said);
    fprintf(out,
            "  # What shares traffic out. HAProxy needs `stats socket PATH mode 600 level admin`, and in the backend\n"
            "  # `server-template app 1-20 127.0.0.1:9 disabled check` with room for both versions' instances.\n"
            "  router:\n"
            "    driver: haproxy\n"
            "    socket: %s  %s\n"
            "    backend: %s  %s\n",
            socket, said, backend, found->backend != NULL ? "# it has a server-template" : "# a guess: the backend that serves this app");
    if (found->config != NULL) {
        char *config = quoted(found->config);
        fprintf(out, "    config: %s\n", config);
        free(config);
    }
    fputs("  metrics: {driver: haproxy}  # counts requests and errors; latencies need driver: prometheus\n\n", out);
    free(socket);
    free(backend);
    free(said);
}

static void write_health(FILE *out, const init_found *found)
{
    char *url = format_text("http://{endpoint}%s", found->health != NULL ? found->health : "/health"), *text = quoted(url);
    char *said = remark(found->health_from, "what an instance answers with 200 once it can serve");
    tame(said);
    fprintf(out,
            "  # When an instance is healthy. {endpoint} is its host and port.\n"
            "  health:\n"
            "    url: %s  %s\n"
            "    interval: 2s\n"
            "    timeout: 120s         # longest wait for a new instance\n"
            "    successes: 2          # good answers in a row\n\n",
            text, said);
    free(url);
    free(text);
    free(said);
}

static const char ending[] = "  # The new version's share rises stage by stage. What the guard objects to takes everything back.\n"
                             "  strategy: canary        # or rolling, blue_green\n"
                             "  canary:\n"
                             "    stages:\n"
                             "      - {share: 10, duration: 10m}\n"
                             "      - {share: 50, duration: 10m}\n"
                             "      - {share: 100, duration: 5m}\n"
                             "    guard:\n"
                             "      interval: 30s\n"
                             "      error_rate: {max: 1.0}   # percent\n\n"
                             "  hold_old: 1h            # the old version stays this long: `nipops rollback` returns to it at once\n"
                             "  drain_timeout: 30s      # how long open requests may take before their instance is stopped\n\n"
                             "  # What must be there before anything is changed.\n"
                             "  # preflight:\n"
                             "  #   env: [DATABASE_URL]\n"
                             "  #   reachable: [\"tcp://127.0.0.1:5432\"]\n"
                             "  #   disk_free: 1GiB\n";

char *init_write(const init_found *found)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = need(open_memstream(&text, &length));
    const char *app = found->app != NULL ? found->app : "app";
    char *name = quoted(app), *said = remark(found->app_from, "what is released");
    tame(said);
    fprintf(out,
            "# A release of %s. Nothing was run to write this: read it through, above all what is marked a guess.\n"
            "#\n"
            "#     nipops check FILE       all that is wrong with it\n"
            "#     nipops plan FILE        every step, changing nothing\n"
            "#     nipops rollout FILE --image-tag VERSION\n"
            "rollout:\n"
            "  app: %s  %s\n"
            "  artifact: \"1.0.0\"       # what is released; --image-tag gives another\n"
            "  replicas: 3\n\n",
            app, name, said);
    write_target(out, found, app);
    write_router(out, found);
    write_health(out, found);
    fputs(ending, out);
    free(name);
    free(said);
    if (fclose(out) != 0)
        need(NULL);
    return text;
}
