/* check/dependencies: can the app use what it needs from elsewhere? All are asked at the same time; each failure says what would
 * mend it, and nothing that is said holds a secret. */
#include "driver/dependencies.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/print.h"
#include "base/text.h"
#include "base/time.h"
#include "op/secret.h"

enum { TOLD = 3 }; /* problems that a step's failure names */
enum { DETAIL_MAX = 600, ADVICE_MAX = 400, SECRET_MAX = 64 * 1024, VERSION_MAX = 200 };

struct nip__inquiries {
    nip__checker *checker;
    nip_action *action;
    nip__arena *arena;
    nip__inquiry *list;
    size_t count, left;
    const char *shortage; /* what this side lacked; NULL: nothing */
    nip__inquiries *later;
};

/* ---- jobs ---- */

static void unlink_job(nip__inquiries *job)
{
    nip__inquiries **at = &job->checker->inquiries;
    while (*at != job)
        at = &(*at)->later;
    *at = job->later;
}

static void stop(nip__inquiry *inquiry)
{
    void (*stopping)(nip__inquiry *) = inquiry->stop;
    nip__timer_stop(&inquiry->begin);
    nip__timer_stop(&inquiry->late);
    inquiry->stop = NULL;
    if (stopping != NULL)
        stopping(inquiry);
}

static void free_job(nip__inquiries *job)
{
    for (size_t i = 0; i < job->count; i++)
        stop(&job->list[i]);
    nip__arena_free(job->arena);
    nip__free(job);
}

void nip__dependencies_cancel(nip__checker *checker, const nip_action *action)
{
    nip__inquiries *job = checker->inquiries;
    while (job != NULL) {
        nip__inquiries *later = job->later;
        if (action == NULL || job->action == action) {
            unlink_job(job);
            free_job(job);
        }
        job = later;
    }
}

/* ---- the result ---- */

static void put_dependency(nip__arena *arena, nip__value *dependencies, const nip__inquiry *inquiry)
{
    nip__value *made = nip__push(dependencies, nip__map(arena));
    nip__put_text(arena, made, "name", nip__get_text(inquiry->asked, "name"));
    nip__put_text(arena, made, "url", inquiry->address.label);
    nip__put_bool(arena, made, "ok", inquiry->reason == NULL);
    nip__put_text(arena, made, "version", inquiry->version);
    nip__put_text(arena, made, "reason", inquiry->reason);
    nip__put_text(arena, made, "detail", inquiry->detail);
    nip__put_text(arena, made, "advice", inquiry->advice);
}

static nip__value *make_result(nip__inquiries *job)
{
    nip__arena *arena = job->arena;
    nip__value *result = nip__map(arena), *dependencies = nip__list(arena), *problems = nip__list(arena);
    for (size_t i = 0; i < job->count; i++) {
        const nip__inquiry *inquiry = &job->list[i];
        put_dependency(arena, dependencies, inquiry);
        if (inquiry->reason != NULL)
            nip__push_text(arena, problems, nip__arena_printf(arena, "%s: %s: %s", inquiry->name, inquiry->detail, inquiry->advice));
    }
    nip__put_bool(arena, result, "ok", nip__count(problems) == 0);
    nip__put_int(arena, result, "total", (int64_t)job->count);
    nip__put(arena, result, "dependencies", dependencies);
    nip__put(arena, result, "problems", problems);
    if (nip__count(problems) > TOLD)
        nip__put(arena, result, "detail",
                 nip__string(arena, nip__arena_printf(arena, "%zu more cannot be used: the journal tells which", nip__count(problems) - TOLD)));
    return result;
}

static void complete(nip__inquiries *job)
{
    unlink_job(job);
    nip__value *result = make_result(job);
    if (nip__arena_failed(job->arena))
        job->shortage = "no_memory";
    if (job->shortage == NULL)
        nip__action_done(job->action, result);
    else
        nip__action_failed(job->action, job->shortage, 1, NULL, "%s: nothing can be asked from here at the moment",
                           strcmp(job->shortage, "no_memory") == 0 ? "out of memory" : "no descriptor or local port is left");
    free_job(job);
}

/* ---- ends ---- */

static void end(nip__inquiry *inquiry)
{
    nip__inquiries *job = inquiry->job;
    inquiry->ended = true;
    stop(inquiry);
    if (--job->left == 0)
        complete(job);
}

void nip__inquiry_good(nip__inquiry *inquiry)
{
    end(inquiry);
}

void nip__inquiry_short(nip__inquiry *inquiry, const char *reason)
{
    inquiry->job->shortage = reason;
    end(inquiry);
}

/* Servers quote what they were sent, and some of it was secret. */
static void mask_one(nip__buffer *text, const char *secret)
{
    nip__buffer masked = NIP__BUFFER(8 * DETAIL_MAX);
    const char *at = nip__buffer_string(text), *found;
    if (secret == NULL || secret[0] == '\0' || strstr(at, secret) == NULL)
        return;
    for (; (found = strstr(at, secret)) != NULL; at = found + strlen(secret)) {
        nip__buffer_put(&masked, at, (size_t)(found - at));
        nip__buffer_text(&masked, "***");
    }
    nip__buffer_text(&masked, at);
    masked.failed &= !masked.full; /* the beginning is enough */
    nip__buffer_clear(text);
    *text = masked;
}

static void mask(const nip__inquiry *inquiry, nip__buffer *text)
{
    mask_one(text, inquiry->address.password);
    mask_one(text, inquiry->secret);
    for (NIP__EACH(header, nip__get(inquiry->asked, "headers"))) {
        for (const char *const *line = inquiry->headers; line != NULL && *line != NULL; line++)
            if (nip__text_starts(*line, header->key) && nip__text_starts(*line + strlen(header->key), ": "))
                mask_one(text, *line + strlen(header->key) + 2);
    }
}

/* One line of text, whatever the peer sent. */
static const char *keep(nip__inquiry *inquiry, nip__buffer *text)
{
    for (size_t i = 0; i < text->length; i++)
        if ((unsigned char)text->data[i] < ' ' || text->data[i] == 0x7f)
            text->data[i] = ' ';
    mask(inquiry, text);
    const char *kept = NULL;
    if (text->failed && !text->full)
        nip__arena_fail(inquiry->arena);
    else
        kept = nip__arena_copy(inquiry->arena, nip__buffer_string(text),
                               nip__text_utf8_prefix(nip__buffer_string(text), strnlen(nip__buffer_string(text), DETAIL_MAX)));
    nip__buffer_clear(text);
    return kept;
}

static void end_badly(nip__inquiry *inquiry, const char *reason, nip__buffer *detail)
{
    nip__buffer advice = NIP__BUFFER(ADVICE_MAX);
    nip__advice_write(&advice, reason, inquiry->address.kind, inquiry->where);
    inquiry->reason = reason;
    inquiry->detail = keep(inquiry, detail);
    if (advice.failed)
        nip__arena_fail(inquiry->arena);
    inquiry->advice = nip__arena_text(inquiry->arena, nip__buffer_string(&advice)); /* ours: nothing to mask */
    nip__buffer_clear(&advice);
    end(inquiry);
}

void nip__inquiry_bad(nip__inquiry *inquiry, const char *reason, const char *format, ...)
{
    char text[4 * DETAIL_MAX];
    va_list arguments;
    va_start(arguments, format);
    nip__vprint(text, sizeof text, format, arguments);
    va_end(arguments);
    nip__buffer detail = NIP__BUFFER(4 * DETAIL_MAX + 1);
    nip__buffer_text(&detail, text);
    end_badly(inquiry, reason, &detail);
}

/* Judged as it came, since it may hold a short password by chance; told as it is masked. */
void nip__inquiry_version(nip__inquiry *inquiry, const char *text, size_t length)
{
    nip__buffer found = NIP__BUFFER(VERSION_MAX + 1), why = NIP__BUFFER(4 * DETAIL_MAX);
    nip__buffer_put(&found, text, nip__text_utf8_prefix(text, strnlen(text, length < VERSION_MAX ? length : VERSION_MAX)));
    const nip__value *schema = nip__get(inquiry->asked, "schema");
    const char *reason = nip__version_reason(schema, nip__buffer_string(&found), &why);
    inquiry->version = keep(inquiry, &found);
    if (reason != NULL && inquiry->version != NULL) {
        nip__buffer_reset(&why);
        nip__version_reason(schema, inquiry->version, &why);
    }
    if (reason != NULL) {
        end_badly(inquiry, reason, &why);
        return;
    }
    nip__buffer_clear(&why);
    end(inquiry);
}

/* The names, which the document's check has let through, are quoted. The greatest of numbers in texts is not the last one of the
 * alphabet: SQLite is told by a collation, PostgreSQL by the groups of digits. */
const char *nip__inquiry_select(nip__inquiry *inquiry, const nip__value *schema)
{
    const char *table = nip__get_text(schema, "table"), *column = nip__get_text(schema, "column");
    const char *dot = strchr(table, '.');
    int before = dot != NULL ? (int)(dot - table) : 0;
    column = nip__arena_printf(inquiry->arena, "\"%s\"", column != NULL ? column : "version");
    table = nip__arena_printf(inquiry->arena, "%s%.*s%s\"%s\"", dot != NULL ? "\"" : "", before, table, dot != NULL ? "\"." : "",
                              dot != NULL ? dot + 1 : table);
    if (column == NULL || table == NULL)
        return NULL;
    if (inquiry->address.kind == NIP__DEPENDS_SQLITE)
        return nip__arena_printf(inquiry->arena, "SELECT MAX(%s COLLATE " NIP__VERSIONS ") FROM %s", column, table);
    return nip__arena_printf(inquiry->arena,
                             "SELECT (SELECT %s FROM %s WHERE %s IS NOT NULL ORDER BY CASE WHEN pg_catalog.pg_typeof(%s)::text IN "
                             "('text', 'character varying', 'character') AND %s::text ~ '^[0-9]+([.][0-9]+)*$' "
                             "THEN pg_catalog.string_to_array(%s::text, '.')::numeric[] END DESC NULLS LAST, %s DESC LIMIT 1)",
                             column, table, column, column, column, column, column);
}

static void on_late(void *data)
{
    nip__inquiry *inquiry = data;
    nip__buffer detail = NIP__BUFFER(DETAIL_MAX);
    nip__buffer_text(&detail, "no answer within ");
    nip__duration_write_short(&detail, inquiry->timeout);
    end_badly(inquiry, "timeout", &detail);
}

/* ---- the beginning ---- */

static const char *name_place(nip__arena *arena, const nip__value *reference)
{
    const char *variable = nip__get_text(reference, "env"), *path = nip__get_text(reference, "file");
    return variable != NULL ? variable : path != NULL ? nip__arena_printf(arena, "the file %s", path) : NULL;
}

/* Reads a secret into the arena. False: the inquiry has ended. */
static bool read_secret(nip__inquiry *inquiry, const nip__value *value, const char *what, const char **text)
{
    nip__buffer read = NIP__BUFFER(SECRET_MAX);
    nip_error *err = NULL;
    int rc = nip__secret_read(value, what, &read, &err);
    *text = rc == 0 ? nip__arena_text(inquiry->arena, nip__buffer_string(&read)) : NULL;
    if (read.data != NULL)
        explicit_bzero(read.data, read.capacity);
    if (rc == 0 && (read.failed || *text == NULL))
        rc = NIP_E_NOMEM;
    nip__buffer_clear(&read);
    if (rc == NIP_E_NOMEM)
        nip__inquiry_short(inquiry, "no_memory");
    else if (rc < 0)
        nip__inquiry_bad(inquiry, "no_secret", "%s", nip_error_message(err));
    nip_error_free(err);
    return rc == 0;
}

static bool read_headers(nip__inquiry *inquiry)
{
    nip_error *err = NULL;
    int rc = nip__secret_headers(inquiry->arena, nip__get(inquiry->asked, "headers"), &inquiry->headers, &err);
    if (rc == NIP_E_NOMEM)
        nip__inquiry_short(inquiry, "no_memory");
    else if (rc < 0)
        nip__inquiry_bad(inquiry, "no_secret", "%s", nip_error_message(err));
    for (NIP__EACH(header, rc == 0 ? nip__get(inquiry->asked, "headers") : NULL))
        if (inquiry->where == NULL)
            inquiry->where = name_place(inquiry->arena, header);
    nip_error_free(err);
    return rc == 0;
}

static void set_name(nip__inquiry *inquiry)
{
    const char *given = nip__get_text(inquiry->asked, "name"), *shown = inquiry->address.label;
    if (shown == NULL)
        shown = inquiry->where != NULL ? nip__arena_printf(inquiry->arena, "the address in %s", inquiry->where) : "its address";
    inquiry->name = given != NULL ? nip__arena_printf(inquiry->arena, "%s (%s)", given, shown) : shown;
}

/* The path of a web address that stands elsewhere may be all that lets one in. */
static void hide_path(nip__inquiry *inquiry)
{
    nip__address *address = &inquiry->address;
    if (inquiry->secret == NULL || address->kind != NIP__DEPENDS_HTTP || address->label == NULL)
        return;
    size_t authority = strlen(address->label) - strcspn(address->path, "?#"); /* the path is its end */
    address->label = nip__arena_copy(inquiry->arena, address->label, authority);
}

/* An address that stands elsewhere shows only now what it is. */
static bool read_address(nip__inquiry *inquiry)
{
    const nip__value *url = nip__get(inquiry->asked, "url");
    const char *text = NULL;
    inquiry->where = name_place(inquiry->arena, url);
    set_name(inquiry);
    if (!read_secret(inquiry, url, "the address", &text))
        return false;
    inquiry->secret = nip__is(url, NIP__STRING) ? NULL : text;
    const char *problem = nip__address_read(inquiry->arena, text, &inquiry->address);
    if (problem == NULL && !nip__arena_failed(inquiry->arena))
        problem = nip__dependency_problem(inquiry->asked, inquiry->address.kind);
    hide_path(inquiry);
    if (nip__arena_failed(inquiry->arena)) {
        nip__inquiry_short(inquiry, "no_memory");
        return false;
    }
    set_name(inquiry);
    if (problem != NULL)
        nip__inquiry_bad(inquiry, "bad_address", "it %s", problem);
    return problem == NULL;
}

static bool read_credentials(nip__inquiry *inquiry)
{
    const nip__value *password = nip__get(inquiry->asked, "password");
    const char *user = nip__get_text(inquiry->asked, "user");
    if (user != NULL)
        inquiry->address.user = user;
    if (password != NULL && !read_secret(inquiry, password, "the password", &inquiry->address.password))
        return false;
    if (password != NULL)
        inquiry->where = name_place(inquiry->arena, password);
    if (inquiry->address.kind == NIP__DEPENDS_POSTGRES && inquiry->address.user == NULL) {
        nip__inquiry_bad(inquiry, "bad_address", "it must name a user: postgres://USER@HOST[:PORT]/DATABASE");
        return false;
    }
    return true;
}

static void on_begin(void *data)
{
    static void (*const kinds[])(nip__inquiry *) = {
        [NIP__DEPENDS_TCP] = nip__inquire_tcp, [NIP__DEPENDS_HTTP] = nip__inquire_http, [NIP__DEPENDS_SQLITE] = nip__inquire_sqlite,
        [NIP__DEPENDS_REDIS] = nip__inquire_redis,
        [NIP__DEPENDS_POSTGRES] = nip__inquire_postgres};
    nip__inquiry *inquiry = data;
    if (read_address(inquiry) && read_credentials(inquiry) && read_headers(inquiry))
        kinds[inquiry->address.kind](inquiry);
}

static int prepare(nip__inquiries *job, const nip__value *asked, nip_error **err)
{
    nip__inquiry *added = &job->list[job->count++];
    *added = (nip__inquiry){.job = job, .loop = job->checker->loop, .arena = job->arena, .asked = asked};
    added->timeout = nip__get_duration(asked, "timeout", 5 * NIP_SECOND);
    int rc = nip__timer_set_real(added->loop, &added->late, added->timeout, on_late, added, err);
    return rc < 0 ? rc : nip__timer_set_real(added->loop, &added->begin, 0, on_begin, added, err);
}

int nip__dependencies_begin(nip__checker *checker, nip_action *action, const nip__value *args, nip__arena *arena, nip_error **err)
{
    const nip__value *dependencies = nip__get(args, "dependencies");
    nip__inquiries *job = nip__calloc(1, sizeof *job);
    if (job == NULL)
        return nip__nomem(err);
    *job = (nip__inquiries){.checker = checker, .action = action, .arena = arena, .left = nip__count(dependencies)};
    job->list = nip__arena_alloc(arena, (job->left + 1) * sizeof *job->list);
    int rc = job->list == NULL ? nip__nomem(err) : 0;
    for (NIP__EACH(asked, rc == 0 ? dependencies : NULL))
        if (rc == 0)
            rc = prepare(job, asked, err);
    if (rc < 0) {
        for (size_t i = 0; i < job->count; i++)
            stop(&job->list[i]);
        nip__free(job); /* the arena stays the caller's */
        return rc;
    }
    job->later = checker->inquiries;
    checker->inquiries = job;
    if (job->left == 0)
        complete(job);
    return 0;
}
