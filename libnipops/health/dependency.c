/* How documents name what an app depends on. */
#include "health/dependency.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "health/document.h"

static const nip__field status_item = {.type = NIP__T_INT, .min = 100, .max = 599};

static const nip__field schema_fields[] = {
    {.name = "expect", .type = NIP__T_TEXT, .flags = NIP__F_NUMBER_TEXT, .min = 1, .max = 200, .help = "the version that it must have"},
    {.name = "at_least",
     .type = NIP__T_TEXT,
     .flags = NIP__F_NUMBER_TEXT,
     .min = 1,
     .max = 200,
     .help = "instead of expect: the least version, a number such as 42 or \"1.10\""},
    {.name = "table", .type = NIP__T_TEXT, .min = 1, .max = 130, .help = "of a database: its greatest version is taken"},
    {.name = "column", .type = NIP__T_TEXT, .min = 1, .max = 63, .help = "of the table (default: version)"},
    {.name = "query", .type = NIP__T_TEXT, .min = 1, .max = 4096, .help = "of a database, instead of table: its first value is taken"},
    {.name = "key", .type = NIP__T_TEXT, .min = 1, .max = 1000, .help = "of Redis: the key that holds the version"},
    {.name = "pointer", .type = NIP__T_TEXT, .min = 1, .max = 1000, .help = "of http(s): JSON pointer into the reply"},
    {0},
};

const nip__field nip__dependency_fields[] = {
    {.name = "url",
     .type = NIP__T_ANY,
     .flags = NIP__F_REQUIRED,
     .help = "tcp://HOST:PORT, http(s)://..., postgres://USER@HOST[:PORT]/DATABASE, redis(s)://HOST[:PORT][/NUMBER] or sqlite:PATH; or {env: NAME} or {file: PATH} where that stands"},
    {.name = "name", .type = NIP__T_TEXT, .min = 1, .max = 100, .help = "what to call it"},
    {.name = "user", .type = NIP__T_TEXT, .min = 1, .max = 200, .help = "who asks, if the address does not say"},
    {.name = "password", .type = NIP__T_SECRET, .help = "of the user"},
    {.name = "timeout", .type = NIP__T_DURATION, .min = 0.001, .max = 50, .otherwise = "5s", .help = "for all that is asked of it"},
    {.name = "schema", .type = NIP__T_MAP, .fields = schema_fields, .help = "the version that its data must have"},
    {.name = "writable", .type = NIP__T_BOOL, .help = "of PostgreSQL and Redis: a replica that only reads will not do"},
    {.name = "status",
     .type = NIP__T_LIST,
     .flags = NIP__F_ONE_OR_LIST,
     .min = 1,
     .max = 100,
     .item = &status_item,
     .help = "of http(s): good statuses (default: 200 to 399)"},
    {.name = "headers", .type = NIP__T_DICT, .max = 100, .item = &nip__header_item, .help = "of http(s): text, {env: NAME} or {file: PATH}"},
    {.name = "tls", .type = NIP__T_MAP, .fields = nip__tls_fields, .help = "certificates"},
    {0},
};

const nip__field nip__dependency_item = {.type = NIP__T_MAP, .fields = nip__dependency_fields};

/* ---- what fits which kind ---- */

enum { TCP = 1 << NIP__DEPENDS_TCP, HTTP = 1 << NIP__DEPENDS_HTTP, SQLITE = 1 << NIP__DEPENDS_SQLITE, REDIS = 1 << NIP__DEPENDS_REDIS, POSTGRES = 1 << NIP__DEPENDS_POSTGRES };

static const struct {
    const char *outer, *key; /* outer NULL: of the dependency itself */
    unsigned kinds;
    const char *problem;
} fits[] = {
    {NULL, "schema", HTTP | SQLITE | REDIS | POSTGRES, "schema cannot be asked of tcp://: only whether it accepts connections"},
    {NULL, "user", HTTP | REDIS | POSTGRES, "user fits http(s)://, postgres:// and redis(s):// only"},
    {NULL, "password", HTTP | REDIS | POSTGRES, "password fits http(s)://, postgres:// and redis(s):// only"},
    {NULL, "status", HTTP, "status fits http(s):// only"},
    {NULL, "headers", HTTP, "headers fit http(s):// only"},
    {NULL, "tls", HTTP | REDIS | POSTGRES, "tls fits https://, postgres:// and rediss:// only"},
    {NULL, "writable", REDIS | POSTGRES, "writable fits postgres:// and redis(s):// only"},
    {"schema", "table", SQLITE | POSTGRES, "schema.table fits postgres:// and sqlite: only"},
    {"schema", "query", SQLITE | POSTGRES, "schema.query fits postgres:// and sqlite: only"},
    {"schema", "key", REDIS, "schema.key fits redis(s):// only"},
    {"schema", "pointer", HTTP, "schema.pointer fits http(s):// only"},
};

static const char *misfit(const nip__value *dependency, nip__dependency_kind kind)
{
    for (size_t i = 0; i < sizeof fits / sizeof fits[0]; i++) {
        const nip__value *owner = fits[i].outer == NULL ? dependency : nip__get(dependency, fits[i].outer);
        if (nip__get(owner, fits[i].key) != NULL && (fits[i].kinds & 1u << kind) == 0)
            return fits[i].problem;
    }
    return NULL;
}

const char *nip__dependency_problem(const nip__value *dependency, nip__dependency_kind kind)
{
    const nip__value *schema = nip__get(dependency, "schema");
    const char *problem = misfit(dependency, kind);
#ifndef NIP__HAVE_LIBPQ
    if (kind == NIP__DEPENDS_POSTGRES)
        return "names a PostgreSQL server, but this library was built without libpq and cannot ask one: build the library with libpq (-Dlibpq=enabled)";
#endif
    if (problem == NULL && kind == NIP__DEPENDS_HTTP && schema != NULL && nip__get(schema, "pointer") == NULL)
        problem = "schema of http(s):// needs pointer, where in the reply its version stands, for example /schema";
    if (problem == NULL && kind == NIP__DEPENDS_REDIS && schema != NULL && nip__get(schema, "key") == NULL)
        problem = "schema of redis(s):// needs key, which holds its version";
    if (problem == NULL && kind == NIP__DEPENDS_POSTGRES && schema != NULL && nip__get(schema, "table") == NULL &&
        nip__get(schema, "query") == NULL)
        problem = "schema of postgres:// needs table or query, where its version stands";
    return problem;
}

/* ---- what fits none ---- */

static bool is_reference(const nip__value *value)
{
    const nip__value *only = nip__first(value);
    return nip__is(value, NIP__MAP) && nip__count(value) == 1 && nip__is(only, NIP__STRING) && only->as.string.length > 0 &&
           (nip__text_equal(only->key, "env") || nip__text_equal(only->key, "file"));
}

/* TABLE or SCHEMA.TABLE: what is quoted into a query is a name and nothing else. */
static bool is_name(const char *text, bool dotted)
{
    size_t length = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_");
    if (length == 0)
        return false;
    return text[length] == '\0' || (dotted && text[length] == '.' && is_name(text + length + 1, false));
}

static const char *schema_problem(const nip__value *schema)
{
    const char *table = nip__get_text(schema, "table"), *column = nip__get_text(schema, "column");
    const char *least = nip__get_text(schema, "at_least"), *pointer = nip__get_text(schema, "pointer");
    if ((nip__get(schema, "expect") != NULL) == (least != NULL))
        return "schema must have exactly one of expect and at_least";
    if (least != NULL && !nip__version_is_number(least))
        return "schema.at_least must be a number such as 42 or \"1.10\"";
    if (table != NULL && nip__get(schema, "query") != NULL)
        return "schema must have one of table and query, not both";
    if (column != NULL && table == NULL)
        return "schema.column needs table";
    if (table != NULL && !is_name(table, true))
        return "schema.table must be TABLE or SCHEMA.TABLE, of A-Z a-z 0-9 and _";
    if (column != NULL && !is_name(column, false))
        return "schema.column must be of A-Z a-z 0-9 and _";
    return pointer != NULL && pointer[0] != '/' ? "schema.pointer must be a JSON pointer such as /schema" : NULL;
}

static const char *address_problem(nip__arena *arena, const nip__value *dependency, const char *url)
{
    nip__address address;
    const char *problem = nip__address_read(arena, url, &address);
    if (problem != NULL || nip__arena_failed(arena))
        return problem;
    if (address.password != NULL)
        return "holds a password, which does not stand in a document: put the whole address in an environment variable and write url: "
               "{env: NAME}, or leave the password out and add password: {env: NAME}";
    if (address.kind == NIP__DEPENDS_POSTGRES && address.user == NULL && nip__get(dependency, "user") == NULL)
        return "must name a user: postgres://USER@HOST[:PORT]/DATABASE";
    return nip__dependency_problem(dependency, address.kind);
}

static const char *find_problem(nip__arena *arena, const nip__value *dependency)
{
    const nip__value *url = nip__get(dependency, "url"), *schema = nip__get(dependency, "schema");
    const char *problem = NULL;
    for (NIP__EACH(header, nip__get(dependency, "headers")))
        if (!nip__is(header, NIP__STRING) && !is_reference(header))
            problem = "headers must be text, {env: NAME} or {file: PATH}";
    if (problem == NULL && schema != NULL)
        problem = schema_problem(schema);
    if (problem == NULL && nip__is(url, NIP__STRING))
        problem = address_problem(arena, dependency, url->as.string.text);
    else if (problem == NULL && url != NULL && !is_reference(url))
        problem = "must be text, {env: NAME} or {file: PATH}";
    return problem;
}

void nip__dependencies_check(const nip__value *dependencies, const char *path, const char *file, nip__problems *problems)
{
    nip__arena *arena = nip__arena_new();
    int index = 0;
    for (NIP__EACH(dependency, dependencies)) {
        char place[200];
        const char *problem = find_problem(arena, dependency);
        const nip__value *url = nip__get(dependency, "url");
        const nip__value *where = nip__is(url, NIP__STRING) && url->line > 0 ? url : dependency;
        snprintf(place, sizeof place, "%s/%d", path, index++);
        if (problem != NULL)
            nip__problems_add(problems, file, (int)where->line, (int)where->column, place, "%s", problem);
    }
    if (nip__arena_failed(arena))
        problems->nomem = 1;
    nip__arena_free(arena);
}
