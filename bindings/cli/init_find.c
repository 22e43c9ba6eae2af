/* Looks at an application's folder for what says how it is started, what it is called, and where it tells its health. */
#include "init.h"

#include <ctype.h>
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { FILE_MAX_BYTES = 256 * 1024, SOURCES_MAX = 400, DEPTH_MAX = 3 };

/* The beginning of a regular file as text, or NULL. Owned: free. */
static char *read_text(const char *path)
{
    struct stat about;
    FILE *file = stat(path, &about) == 0 && S_ISREG(about.st_mode) ? fopen(path, "re") : NULL;
    if (file == NULL)
        return NULL;
    char *text = need(calloc(1, FILE_MAX_BYTES + 1));
    size_t length = fread(text, 1, FILE_MAX_BYTES, file);
    text[length] = '\0';
    fclose(file);
    return text;
}

static void set(char **what, char **from, char *found, const char *where)
{
    free(*what);
    free(*from);
    *what = found;
    *from = copy_text(where);
}

/* ---- names ---- */

/* A name that a journal may have: letters, digits, dot, underscore, dash; NULL when nothing is left. Owned: free. */
static char *as_app(const char *name)
{
    const char *slash = strrchr(name, '/');
    char *app = copy_text(slash != NULL ? slash + 1 : name), *end = app;
    for (const char *p = app; *p != '\0' && end - app < 64; p++) {
        if (isalnum((unsigned char)*p) || (end > app && strchr("._-", *p) != NULL))
            *end++ = *p;
    }
    *end = '\0';
    if (end > app)
        return app;
    free(app);
    return NULL;
}

static void set_app(init_found *found, const char *name, const char *where)
{
    char *app = found->app == NULL ? as_app(name) : NULL;
    if (app != NULL)
        set(&found->app, &found->app_from, app, where);
}

/* `name = "shop"` of a TOML file's first such line. Owned: free. */
static char *toml_name(const char *text)
{
    for (const char *line = text; line != NULL; line = strchr(line, '\n'), line = line == NULL ? NULL : line + 1) {
        char name[65];
        if (sscanf(line, " name = \"%64[^\"\n]\"", name) == 1 || sscanf(line, " name=\"%64[^\"\n]\"", name) == 1)
            return copy_text(name);
    }
    return NULL;
}

/* ---- commands ---- */

static void add_word(cJSON *words, const char *word)
{
    need(cJSON_AddItemToArray(words, need(cJSON_CreateString(word))) ? words : NULL);
}

/* `words`, which ends with NULL, as the command, unless there is one. */
static void set_command(init_found *found, const char *const *words, const char *where)
{
    if (found->command != NULL)
        return;
    found->command = need(cJSON_CreateArray());
    found->command_from = copy_text(where);
    for (size_t i = 0; words[i] != NULL; i++)
        add_word(found->command, words[i]);
}

/* "$PORT" and "${PORT}" become {port}. Owned: free. */
static char *with_port(const char *text)
{
    char *out = need(calloc(2, strlen(text) + 1)), *end = out; /* {port} is longer than $PORT */
    while (*text != '\0') {
        size_t length = strncmp(text, "${PORT}", 7) == 0 ? 7 : strncmp(text, "$PORT", 5) == 0 ? 5 : 0;
        if (length == 0) {
            *end++ = *text++;
            continue;
        }
        end = stpcpy(end, "{port}");
        text += length;
    }
    return out;
}

/* Plain words are an argument list; what needs a shell keeps one, and finds its port in the environment. */
static void command_of_line(init_found *found, const char *line)
{
    char *text = with_port(line);
    if (strpbrk(text, "|&;<>()`\"'$*?\\") != NULL) {
        const char *const words[] = {"env", "PORT={port}", "sh", "-c", line, NULL};
        set_command(found, words, "Procfile");
    } else {
        const char *words[64] = {strstr(text, "{port}") != NULL ? NULL : "env"};
        size_t count = 0;
        if (words[0] != NULL)
            words[1] = "PORT={port}", count = 2;
        for (char *rest = text, *word; count < 63 && (word = strtok_r(rest, " \t", &rest)) != NULL;)
            words[count++] = word;
        words[count] = NULL;
        set_command(found, words, "Procfile");
    }
    free(text);
}

static void look_at_procfile(const char *text, init_found *found)
{
    const char *web = strncmp(text, "web:", 4) == 0 ? text : strstr(text, "\nweb:");
    if (web == NULL)
        return;
    web = strchr(web, ':') + 1;
    web += strspn(web, " \t");
    char *line = need(strndup(web, strcspn(web, "\r\n")));
    if (line[0] != '\0')
        command_of_line(found, line);
    free(line);
}

static void look_at_package_json(const char *text, init_found *found)
{
    cJSON *package = cJSON_Parse(text);
    const cJSON *start = cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(package, "scripts"), "start");
    const char *const words[] = {"env", "PORT={port}", "npm", "start", NULL};
    set_app(found, json_text(package, "name", ""), "package.json");
    if (cJSON_IsString(start))
        set_command(found, words, "scripts.start in package.json");
    cJSON_Delete(package);
}

static void look_at_manage(const char *text, init_found *found)
{
    (void)text;
    const char *const words[] = {"python3", "manage.py", "runserver", "--noreload", "127.0.0.1:{port}", NULL};
    set_command(found, words, "manage.py");
}

static void look_at_pyproject(const char *text, init_found *found)
{
    char *name = toml_name(text);
    if (name != NULL)
        set_app(found, name, "pyproject.toml");
    free(name);
}

static void look_at_go(const char *text, init_found *found)
{
    char module[257] = "";
    const char *line = strncmp(text, "module ", 7) == 0 ? text : strstr(text, "\nmodule ");
    if (line == NULL || sscanf(line, " module %256s", module) != 1)
        return;
    set_app(found, module, "go.mod");
    char *program = found->app != NULL ? format_text("./%s", found->app) : copy_text("./app");
    const char *const words[] = {"env", "PORT={port}", program, NULL};
    set_command(found, words, "go.mod: what `go build` writes");
    free(program);
}

static void look_at_cargo(const char *text, init_found *found)
{
    char *name = toml_name(text);
    if (name == NULL)
        return;
    char *program = format_text("./target/release/%s", name);
    const char *const words[] = {"env", "PORT={port}", program, NULL};
    set_app(found, name, "Cargo.toml");
    set_command(found, words, "Cargo.toml: what `cargo build --release` writes");
    free(program);
    free(name);
}

static void name_after_folder(init_found *found)
{
    if (found->folder != NULL)
        set_app(found, found->folder, "the folder's name");
}

/* In the foreground, so that the container's end is the instance's end. */
static void look_at_dockerfile(const char *text, init_found *found)
{
    (void)text;
    name_after_folder(found);
    char *image = format_text("%s:{version}", found->app != NULL ? found->app : "app");
    const char *const words[] = {"docker", "run", "--rm", "--init", "--network", "host", "--env", "PORT={port}", image, NULL};
    set_command(found, words, "Dockerfile: an image named after the app and tagged with the version");
    free(image);
}

/* What says most about how the application is run comes first. */
static const struct {
    const char *name;
    void (*look)(const char *text, init_found *found);
} tellers[] = {
    {"Procfile", look_at_procfile},   {"package.json", look_at_package_json}, {"manage.py", look_at_manage},
    {"pyproject.toml", look_at_pyproject}, {"go.mod", look_at_go},            {"Cargo.toml", look_at_cargo},
    {"Dockerfile", look_at_dockerfile},
};

/* ---- health ---- */

static const char *const paths[] = {"/healthz", "/health", "/readyz", "/ready", "/livez", "/ping", NULL};

/* A path counts when it stands as a whole between quotes or blanks. */
static bool mentions(const char *text, const char *path)
{
    size_t length = strlen(path);
    for (const char *at = strstr(text, path); at != NULL; at = strstr(at + 1, path)) {
        bool begins = at > text && strchr("\"'` ", at[-1]) != NULL, ends = strchr("\"'` \n", at[length]) != NULL;
        if (begins && ends)
            return true;
    }
    return false;
}

static void look_for_health(const char *path, const char *name, init_found *found)
{
    char *text = read_text(path);
    for (size_t i = 0; text != NULL && paths[i] != NULL && found->health == NULL; i++) {
        if (mentions(text, paths[i]))
            set(&found->health, &found->health_from, copy_text(paths[i]), name);
    }
    free(text);
}

static bool is_source(const char *name)
{
    static const char *const ends[] = {".py", ".js", ".mjs", ".ts", ".go", ".rs", ".rb", ".java", ".kt", ".php", ".cs", ".c", ".ex", NULL};
    size_t length = strlen(name);
    for (size_t i = 0; ends[i] != NULL; i++) {
        size_t end = strlen(ends[i]);
        if (length > end && strcmp(name + length - end, ends[i]) == 0)
            return true;
    }
    return false;
}

/* Source files of the folder and what is below it, but not of what others wrote. */
static void look_at_sources(const char *folder, const char *prefix, int depth, int *left, init_found *found)
{
    DIR *entries = opendir(folder);
    const struct dirent *entry;
    while (entries != NULL && *left > 0 && found->health == NULL && (entry = readdir(entries)) != NULL) {
        if (entry->d_name[0] == '.' || strcmp(entry->d_name, "node_modules") == 0 || strcmp(entry->d_name, "vendor") == 0)
            continue;
        char *path = format_text("%s/%s", folder, entry->d_name), *name = format_text("%s%s", prefix, entry->d_name);
        struct stat about;
        if (lstat(path, &about) == 0 && S_ISDIR(about.st_mode) && depth < DEPTH_MAX) {
            char *below = format_text("%s/", name);
            look_at_sources(path, below, depth + 1, left, found);
            free(below);
        } else if (is_source(entry->d_name)) {
            --*left;
            look_for_health(path, name, found);
        }
        free(path);
        free(name);
    }
    if (entries != NULL)
        closedir(entries);
}

/* ---- HAProxy ---- */

/* The runtime socket, and the first backend that has room for instances: a server-template. */
static void look_at_haproxy(const char *config, init_found *found)
{
    char *text = read_text(config), backend[256] = "", word[256];
    for (char *rest = text, *line; text != NULL && (line = strsep(&rest, "\n")) != NULL;) {
        line += strspn(line, " \t");
        if (found->socket == NULL && sscanf(line, "stats socket %255s", word) == 1 && word[0] == '/')
            found->socket = copy_text(word);
        else if (sscanf(line, "backend %255s", word) == 1)
            strcpy(backend, word);
        else if (found->backend == NULL && strncmp(line, "server-template", 15) == 0 && backend[0] != '\0')
            found->backend = copy_text(backend);
    }
    if (found->socket != NULL)
        found->config = copy_text(config);
    free(text);
}

/* ---- all of it ---- */

void init_look(const char *folder, const char *haproxy_config, init_found *found)
{
    int sources = SOURCES_MAX;
    found->folder = realpath(folder, NULL);
    for (size_t i = 0; i < sizeof tellers / sizeof tellers[0]; i++) {
        char *path = format_text("%s/%s", folder, tellers[i].name), *text = read_text(path);
        if (text != NULL)
            tellers[i].look(text, found);
        free(text);
        free(path);
    }
    name_after_folder(found);
    look_at_sources(folder, "", 0, &sources, found);
    look_at_haproxy(haproxy_config, found);
}

void init_free(init_found *found)
{
    char *const owned[] = {found->folder,      found->app,         found->app_from, found->command_from, found->health,
                           found->health_from, found->socket,   found->backend,      found->config};
    for (size_t i = 0; i < sizeof owned / sizeof owned[0]; i++)
        free(owned[i]);
    cJSON_Delete(found->command);
}
