/* A dependency that is a PostgreSQL server, asked through libpq without waiting for it. First libcurl connects, which tells apart what
 * libpq only tells in words and looks names up, for which libpq would wait; then libpq logs in at the address that was found. */
#include "driver/dependencies.h"

#ifdef NIP__HAVE_LIBPQ

#include <libpq-fe.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "base/text.h"

enum { CONNECTION_MAX = 256 * 1024, STATE_LENGTH = 5 };

/* libpq keeps what a server sends until it has ended: endless text must not fill the memory. */
enum { RECEIVED_MAX = 1 << 20 };

/* What is asked one after the other; `asking` is the one whose answer is awaited. */
typedef enum question { LOGIN, WRITABLE, BEGIN, VERSION, QUESTIONS } question;

typedef struct postgres {
    nip__inquiry *inquiry;
    nip__http *http;
    PGconn *connection;
    nip__watch watch;
    question asking;
    int64_t received;
    PGresult *first; /* of the present question's results */
} postgres;

static void on_ready(void *data, uint32_t events);

static void stop_asking(nip__inquiry *inquiry)
{
    postgres *p = inquiry->state;
    nip__http_stop(p->http);
    nip__watch_stop(&p->watch);
    PQclear(p->first);
    PQfinish(p->connection);
    nip__free(p);
    inquiry->state = NULL;
}

/* ---- what a server refuses with ---- */

static const struct {
    const char *sqlstate, *reason, *before, *after; /* of the user's name, or of the database's */
    bool database;
} refusals[] = {
    {"28P01", "auth_failed", "password refused for user ", "", false},
    {"28000", "not_allowed", "user ", " may not log in: it does not exist, or pg_hba.conf does not let it in from here", false},
    {"42501", "not_allowed", "user ", " may not read that", false},
    {"3D000", "no_database", "there is no database ", "", true},
    {"53300", "too_many", "it has no connection left for user ", "", false},
    {"57P03", "starting", "it is starting up or shutting down: user ", " cannot log in yet", false},
    {"57P01", "reset", "it is shutting down while user ", " asks", false},
    {"57014", "timeout", "the query of user ", " takes too long", false},
    {"25006", "query_failed", "user ", " may only read here", false},
};

static bool refuse(nip__inquiry *inquiry, const char *sqlstate)
{
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        if (strncmp(refusals[i].sqlstate, sqlstate, STATE_LENGTH) == 0) {
            const char *name = refusals[i].database ? inquiry->address.database : inquiry->address.user;
            nip__inquiry_bad(inquiry, refusals[i].reason, "%s%s%s", refusals[i].before, name, refusals[i].after);
            return true;
        }
    }
    return false;
}

/* "...: FATAL:  28P01": where an SQLSTATE begins. NULL: none. */
static const char *find_sqlstate(const char *text)
{
    static const char letters[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    for (const char *at = text; (at = strstr(at, ":  ")) != NULL; at++)
        if (strspn(at + 3, letters) == STATE_LENGTH)
            return at + 3;
    return NULL;
}

/* libpq's words may be of any language: what is told by them is only what they say of TLS. */
static void fail_login(postgres *p)
{
    nip__inquiry *inquiry = p->inquiry;
    const char *text = PQerrorMessage(p->connection), *sqlstate = find_sqlstate(text);
    bool wants_tls = inquiry->address.tls;
    if (PQconnectionNeedsPassword(p->connection))
        nip__inquiry_bad(inquiry, "auth_required", "it wants a password of user %s", inquiry->address.user);
    else if (sqlstate != NULL && !refuse(inquiry, sqlstate))
        nip__inquiry_bad(inquiry, "refused", "it refuses with SQLSTATE %.5s", sqlstate);
    else if (sqlstate == NULL && wants_tls && (strstr(text, "SSL") != NULL || strstr(text, "certificate") != NULL))
        nip__inquiry_bad(inquiry, "tls_failed", "%s", text);
    else if (sqlstate == NULL)
        nip__inquiry_bad(inquiry, "protocol", "it does not answer as a PostgreSQL does");
}

static void fail_query(postgres *p, const PGresult *result)
{
    const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE), *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    nip__inquiry *inquiry = p->inquiry;
    if (sqlstate == NULL && PQstatus(p->connection) == CONNECTION_BAD)
        nip__inquiry_bad(inquiry, "reset", "the connection was closed before an answer came");
    else if (sqlstate == NULL || !refuse(inquiry, sqlstate))
        nip__inquiry_bad(inquiry, "query_failed", "%s", text != NULL ? text : "the query is refused");
}

/* ---- asking ---- */

static bool asks(const nip__inquiry *inquiry, question what)
{
    bool version = nip__get(inquiry->asked, "schema") != NULL;
    const bool all[QUESTIONS] = {
        [LOGIN] = true, [WRITABLE] = nip__get_bool(inquiry->asked, "writable", false), [BEGIN] = version, [VERSION] = version};
    return all[what];
}

/* The document's query is one statement, in a transaction that only reads: nothing can end it and go on. */
static int send_question(postgres *p)
{
    nip__inquiry *inquiry = p->inquiry;
    const nip__value *schema = nip__get(inquiry->asked, "schema");
    const char *query = nip__get_text(schema, "query"), *sql = "SELECT pg_catalog.pg_is_in_recovery()";
    if (p->asking == BEGIN)
        sql = nip__arena_printf(inquiry->arena, "BEGIN READ ONLY; SET LOCAL statement_timeout = %lld",
                                (long long)(inquiry->timeout / NIP_MILLISECOND + 1));
    else if (p->asking == VERSION)
        sql = query != NULL ? query : nip__inquiry_select(inquiry, schema);
    if (sql == NULL)
        return 0;
    if (p->asking == BEGIN)
        return PQsendQuery(p->connection, sql);
    return PQsendQueryParams(p->connection, sql, 0, NULL, NULL, NULL, NULL, 0) == 1 && PQsetSingleRowMode(p->connection) == 1;
}

static void wait_for(postgres *p, uint32_t events)
{
    nip__watch_stop(&p->watch);
    if (nip__watch_set(p->inquiry->loop, &p->watch, PQsocket(p->connection), events, on_ready, p, NULL) < 0)
        nip__inquiry_short(p->inquiry, "no_memory");
}

static void flush(postgres *p)
{
    int left = PQflush(p->connection);
    if (left < 0)
        nip__inquiry_bad(p->inquiry, "reset", "the connection was closed while it was asked");
    else
        wait_for(p, left > 0 ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

static void ask_next(postgres *p)
{
    do
        p->asking++;
    while (p->asking < QUESTIONS && !asks(p->inquiry, p->asking));
    if (p->asking == QUESTIONS)
        nip__inquiry_good(p->inquiry);
    else if (send_question(p) != 1)
        nip__inquiry_short(p->inquiry, "no_memory");
    else
        flush(p);
}

static void judge_version(postgres *p, const PGresult *result)
{
    nip__inquiry *inquiry = p->inquiry;
    if (PQntuples(result) == 0)
        nip__inquiry_bad(inquiry, "no_version", "the query gives no row");
    else if (PQnfields(result) == 0 || PQgetisnull(result, 0, 0))
        nip__inquiry_bad(inquiry, "no_version", "its schema has no version yet");
    else
        nip__inquiry_version(inquiry, PQgetvalue(result, 0, 0), (size_t)PQgetlength(result, 0, 0));
}

/* The first result of a question says enough; of a version, its first row. */
static void judge(postgres *p, const PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);
    bool rows = status == PGRES_TUPLES_OK || status == PGRES_SINGLE_TUPLE;
    if (status == PGRES_FATAL_ERROR || status == PGRES_BAD_RESPONSE)
        fail_query(p, result);
    else if (p->asking == VERSION && rows)
        judge_version(p, result);
    else if (p->asking == VERSION)
        nip__inquiry_bad(p->inquiry, "query_failed", "the query gives no rows: it must be a SELECT");
    else if (p->asking == WRITABLE && rows && PQntuples(result) > 0 && strcmp(PQgetvalue(result, 0, 0), "t") == 0)
        nip__inquiry_bad(p->inquiry, "read_only", "it is a standby that only reads");
    else
        ask_next(p);
}

/* libpq gives such a result again and again until the copy is over, and nothing here copies. */
static bool is_copy(const PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);
    return status == PGRES_COPY_OUT || status == PGRES_COPY_IN || status == PGRES_COPY_BOTH;
}

static void refuse_copy(postgres *p)
{
    if (p->asking == VERSION)
        nip__inquiry_bad(p->inquiry, "query_failed", "the query gives no rows: it must be a SELECT");
    else
        nip__inquiry_bad(p->inquiry, "protocol", "it does not answer as a PostgreSQL does");
}

/* All results of a question are taken before the next one is asked; a version's first row ends the inquiry. */
static void take_results(postgres *p)
{
    while (PQisBusy(p->connection) == 0) {
        PGresult *result = PQgetResult(p->connection);
        if (result == NULL) {
            PGresult *first = p->first;
            p->first = NULL;
            if (first == NULL)
                nip__inquiry_bad(p->inquiry, "protocol", "it does not answer as a PostgreSQL does");
            else
                judge(p, first);
            PQclear(first);
            return;
        }
        if (is_copy(result)) {
            PQclear(result);
            refuse_copy(p);
            return;
        }
        if (p->first == NULL || PQresultStatus(result) == PGRES_FATAL_ERROR) {
            PGresult *older = p->first;
            p->first = result;
            result = older;
        }
        PQclear(result);
        if (p->asking == VERSION && PQresultStatus(p->first) == PGRES_SINGLE_TUPLE) {
            PGresult *first = p->first;
            p->first = NULL;
            judge_version(p, first);
            PQclear(first);
            return;
        }
    }
    flush(p);
}

/* ---- logging in ---- */

static void ignore_notice(void *unused, const PGresult *result)
{
    (void)unused;
    (void)result;
}

static void poll_login(postgres *p)
{
    nip__watch_stop(&p->watch); /* libpq may close the socket and open another one */
    switch (PQconnectPoll(p->connection)) {
    case PGRES_POLLING_OK:
        PQsetnonblocking(p->connection, 1);
        ask_next(p);
        return;
    case PGRES_POLLING_READING:
        wait_for(p, EPOLLIN);
        return;
    case PGRES_POLLING_WRITING:
        wait_for(p, EPOLLOUT);
        return;
    default:
        fail_login(p);
    }
}

static bool is_too_much(postgres *p)
{
    int pending = 0;
    if (ioctl(PQsocket(p->connection), FIONREAD, &pending) == 0)
        p->received += pending;
    return p->received > RECEIVED_MAX;
}

static void on_ready(void *data, uint32_t events)
{
    postgres *p = data;
    (void)events; /* errors show in the calls */
    if (is_too_much(p))
        nip__inquiry_bad(p->inquiry, "too_large", "it sends more than 1 MiB");
    else if (p->asking == LOGIN)
        poll_login(p);
    else if (PQconsumeInput(p->connection) == 0)
        nip__inquiry_bad(p->inquiry, "reset", "the connection was closed before an answer came");
    else
        take_results(p);
}

/* ---- how to connect ---- */

typedef struct setting {
    const char *keyword, *value;
} setting;

static void put_setting(nip__buffer *text, const char *keyword, const char *value)
{
    nip__buffer_printf(text, "%s='", keyword);
    for (const char *c = value; *c != '\0'; c++) {
        if (*c == '\'' || *c == '\\')
            nip__buffer_char(text, '\\');
        nip__buffer_char(text, *c);
    }
    nip__buffer_text(text, "' ");
}

static const char *find_setting(const setting *settings, const char *keyword)
{
    for (; settings->keyword != NULL; settings++)
        if (strcmp(settings->keyword, keyword) == 0)
            return settings->value != NULL ? settings->value : "";
    return NULL;
}

/* Every setting that the environment could give is given here, if only empty: what is asked is what the document says. */
static void write_settings(nip__buffer *text, const setting *settings, const PQconninfoOption *options)
{
    for (; options->keyword != NULL; options++) {
        const char *value = find_setting(settings, options->keyword);
        if (value == NULL && options->envvar != NULL && strcmp(options->keyword, "service") != 0)
            value = options->compiled != NULL ? options->compiled : "";
        if (value != NULL)
            put_setting(text, options->keyword, value);
    }
}

static char *make_settings(const nip__inquiry *inquiry, const char *address)
{
    const nip__address *to = &inquiry->address;
    const nip__value *tls = nip__get(inquiry->asked, "tls");
    const char *ca_file = nip__get_text(tls, "ca_file"), *name = nip__get_text(tls, "server_name");
    char port[16] = "";
    snprintf(port, sizeof port, "%d", to->port);
    const setting settings[] = {
        {"host", to->folder != NULL ? to->folder : name != NULL ? name : to->host},
        {"hostaddr", address},
        {"port", port},
        {"user", to->user},
        {"password", to->password},
        {"dbname", to->database},
        {"sslmode", to->tls_mode},
        {"sslrootcert", ca_file},
        {"sslcert", nip__get_text(tls, "cert_file")},
        {"sslkey", nip__get_text(tls, "key_file")},
        {"passfile", "/dev/null/none"}, /* where no file can be */
        {"gssencmode", "disable"},
        {"client_encoding", "UTF8"},
        {"application_name", "nipops"},
        {0},
    };
    PQconninfoOption *options = PQconninfoParse("", NULL);
    nip__buffer text = NIP__BUFFER(CONNECTION_MAX);
    if (options != NULL)
        write_settings(&text, settings, options);
    char *made = options == NULL ? NULL : nip__buffer_take(&text);
    nip__buffer_clear(&text);
    PQconninfoFree(options);
    return made;
}

/* `address`: where the host's name leads; NULL for a unix socket. */
static void log_in(postgres *p, const char *address)
{
    char *settings = make_settings(p->inquiry, address);
    if (settings != NULL) {
        p->connection = PQconnectStart(settings);
        explicit_bzero(settings, strlen(settings));
        nip__free(settings);
    }
    if (p->connection == NULL) {
        nip__inquiry_short(p->inquiry, "no_memory");
        return;
    }
    PQsetNoticeReceiver(p->connection, ignore_notice, NULL);
    PQsetErrorVerbosity(p->connection, PQERRORS_SQLSTATE);
    if (PQstatus(p->connection) == CONNECTION_BAD && p->inquiry->address.folder != NULL)
        nip__inquiry_bad(p->inquiry, "connection_refused", "nobody listens in %s", p->inquiry->address.folder);
    else if (PQstatus(p->connection) == CONNECTION_BAD)
        fail_login(p);
    else
        wait_for(p, EPOLLOUT);
}

static void on_connected(void *data, const nip__http_reply *reply)
{
    nip__inquiry *inquiry = data;
    postgres *p = inquiry->state;
    p->http = NULL;
    if (reply->reason != NULL)
        nip__inquiry_failed(inquiry, reply);
    else
        log_in(p, reply->address);
}

void nip__inquire_postgres(nip__inquiry *inquiry)
{
    if (getenv("PGSERVICE") != NULL) {
        nip__inquiry_bad(inquiry, "environment", "PGSERVICE is set, and libpq would take settings from elsewhere");
        return;
    }
    postgres *made = nip__calloc(1, sizeof *made);
    if (made == NULL) {
        nip__inquiry_short(inquiry, "no_memory");
        return;
    }
    made->inquiry = inquiry;
    inquiry->state = made;
    inquiry->stop = stop_asking;
    if (inquiry->address.folder != NULL)
        log_in(made, NULL);
    else
        nip__inquiry_connect(inquiry, &made->http, on_connected);
}

#else /* documents that name it are refused before */

void nip__inquire_postgres(nip__inquiry *inquiry)
{
    nip__inquiry_bad(inquiry, "unsupported", "this library was built without libpq");
}

#endif
