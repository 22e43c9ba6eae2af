/* What nginx says of its configuration: `nginx -T`, and why it refuses it. */
#include <stdio.h>
#include <string.h>
#include "base/text.h"
#include "driver/nginx.h"
#include "driver/nginx_words.h"

enum {
    DEPTH_MAX = 32,   /* blocks in blocks that are told apart */
    MIRRORS_MAX = 64, /* addresses of `mirror` that are */
};

static const char mark[] = "# configuration file ";

/* ---- files of a dump ---- */

typedef struct section {
    const char *path, *path_end, *text, *end;
} section;

/* The next line that begins a file of the dump, or the end. */
static const char *next_file(const char *text)
{
    if (nip__text_starts(text, mark))
        return text;
    for (const char *at = text; (at = strstr(at, "\n# configuration file ")) != NULL; at++)
        return at + 1;
    return text + strlen(text);
}

/* "# configuration file PATH:" and what follows. */
static bool next_section(const char **at, section *found)
{
    const char *line = next_file(*at);
    if (*line == '\0')
        return false;
    found->path = line + strlen(mark);
    found->text = found->path + strcspn(found->path, "\n");
    found->path_end = found->text > found->path && found->text[-1] == ':' ? found->text - 1 : found->text;
    found->text += *found->text == '\n';
    found->end = *at = next_file(found->text);
    return true;
}

static bool is_ours(const section *found, const nip__nginx_settings *settings)
{
    size_t length = (size_t)(found->path_end - found->path);
    return strlen(settings->file) == length && memcmp(settings->file, found->path, length) == 0;
}

/* Does it begin as our file does? */
static bool is_like_ours(const section *found, const nip__nginx_settings *settings)
{
    char blank[NIP__NGINX_NAME_MAX + 16], written[NIP__NGINX_NAME_MAX + 32];
    snprintf(blank, sizeof blank, "# nipops %s\n", settings->upstream);
    snprintf(written, sizeof written, "# nipops %s generation ", settings->upstream);
    return nip__text_starts(found->text, blank) || nip__text_starts(found->text, written);
}

/* ---- mirroring ---- */

typedef struct mirrors {
    nip__nginx_word addresses[MIRRORS_MAX];
    size_t count;
    bool more;
} mirrors;

static void add_mirrors(const section *in, mirrors *all)
{
    nip__nginx_statement statement;
    for (const char *at = in->text; nip__nginx_next_statement(&at, in->end, &statement);) {
        const nip__nginx_word *words = statement.words;
        if (statement.count < 2 || !nip__nginx_word_is(&words[0], "mirror") || nip__nginx_word_is(&words[1], "off"))
            continue;
        all->more |= all->count == MIRRORS_MAX;
        if (all->count < MIRRORS_MAX)
            all->addresses[all->count++] = words[1];
    }
}

/* Where a statement stands. */
typedef struct place {
    enum { ANYWHERE, EXACT, PREFIX, NAMED } kind; /* ANYWHERE: a pattern, or a part that is included nobody knows where */
    nip__nginx_word address;
} place;

/* "location [= ~ ~* ^~] ADDRESS", also without a space between the two. */
static place place_of(const nip__nginx_statement *location)
{
    static const struct {
        const char *sign;
        int kind;
    } signs[] = {{"=", EXACT}, {"^~", PREFIX}, {"~*", ANYWHERE}, {"~", ANYWHERE}, {"@", NAMED}};
    place found = {PREFIX, location->words[1]};
    for (size_t i = 0; i < sizeof signs / sizeof signs[0]; i++) {
        size_t length = strlen(signs[i].sign);
        if (found.address.length < length || memcmp(found.address.text, signs[i].sign, length) != 0)
            continue;
        found.kind = signs[i].kind;
        found.address.text += length;
        found.address.length -= length;
        break;
    }
    if (location->count > 2)
        found.address = location->words[2];
    return found;
}

static bool is_mirrored(const place *here, const mirrors *all)
{
    if (here->kind == ANYWHERE || all->more)
        return all->count > 0;
    for (size_t i = 0; i < all->count && here->kind != NAMED; i++) {
        const nip__nginx_word *address = &all->addresses[i];
        bool long_enough =
            here->kind == EXACT ? address->length == here->address.length : address->length >= here->address.length;
        if (long_enough && memcmp(address->text, here->address.text, here->address.length) == 0)
            return true;
    }
    return false;
}

/* Does it send requests where the variable says, or hand the variable on? */
static bool sends_to(const nip__nginx_statement *statement, const char *variable)
{
    static const struct {
        const char *name;
        size_t from, to; /* the words that say where */
    } directives[] = {{"proxy_pass", 1, 2}, {"grpc_pass", 1, 2},  {"fastcgi_pass", 1, 2}, {"uwsgi_pass", 1, 2},
                      {"scgi_pass", 1, 2},  {"set", 2, 3}, {"map", 1, 2}};
    for (size_t i = 0; i < sizeof directives / sizeof directives[0]; i++) {
        if (statement->count < directives[i].to || !nip__nginx_word_is(&statement->words[0], directives[i].name))
            continue;
        if (nip__nginx_word_uses(&statement->words[directives[i].from], variable))
            return true;
    }
    return false;
}

static bool sends_copies(const section *in, const char *variable, const mirrors *all)
{
    place places[DEPTH_MAX] = {{.kind = ANYWHERE}};
    size_t depth = 0;
    nip__nginx_statement statement;
    for (const char *at = in->text; nip__nginx_next_statement(&at, in->end, &statement);) {
        const place *here = &places[depth < DEPTH_MAX ? depth : DEPTH_MAX - 1];
        if (statement.count > 0 && sends_to(&statement, variable) && is_mirrored(here, all))
            return true;
        if (statement.end == '{') {
            bool location = statement.count > 1 && nip__nginx_word_is(&statement.words[0], "location");
            place inside = location ? place_of(&statement) : *here;
            if (++depth < DEPTH_MAX)
                places[depth] = inside;
        } else if (statement.end == '}' && depth > 0) {
            depth--;
        }
    }
    return false;
}

/* Somebody else than our file has to use our mirror: requests are copied to a location that sends them there. */
static bool uses_mirror(const nip__nginx_settings *settings, const char *text)
{
    char variable[NIP__NGINX_NAME_MAX + 16];
    mirrors all = {.count = 0};
    section found;
    bool uses = false;
    snprintf(variable, sizeof variable, "%s_mirror", settings->upstream);
    for (const char *at = text; next_section(&at, &found);)
        add_mirrors(&found, &all);
    for (const char *at = text; !uses && next_section(&at, &found);)
        uses = !is_ours(&found, settings) && sends_copies(&found, variable, &all);
    return uses;
}

/* ---- all of it ---- */

static void keep_path(const char *from, size_t length, char path[NIP__NGINX_PATH_MAX])
{
    snprintf(path, NIP__NGINX_PATH_MAX, "%.*s", (int)(length < NIP__NGINX_PATH_MAX ? length : NIP__NGINX_PATH_MAX - 1), from);
}

nip__nginx_dump nip__nginx_read_dump(const nip__nginx_settings *settings, const char *text)
{
    nip__nginx_dump dump = {0};
    section found;
    for (const char *at = text; next_section(&at, &found);) {
        bool ours = is_ours(&found, settings);
        dump.told = true;
        dump.includes = dump.includes || ours;
        if (!ours && dump.copy[0] == '\0' && is_like_ours(&found, settings))
            keep_path(found.path, (size_t)(found.path_end - found.path), dump.copy);
    }
    dump.mirrors = uses_mirror(settings, text);
    return dump;
}

void nip__nginx_refused_copy(const nip__nginx_settings *settings, const char *said, char copy[NIP__NGINX_PATH_MAX])
{
    const char *path = strstr(said, settings->file);
    if (path == NULL || strstr(said, "duplicate upstream") == NULL)
        return;
    const char *more = path + strlen(settings->file);
    size_t length = strcspn(more, ": \t\r\n");
    if (length > 0 && more[length] == ':')
        keep_path(path, (size_t)(more - path) + length, copy);
}
