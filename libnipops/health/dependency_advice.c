/* What would mend a dependency, by the reason for which it cannot be used. */
#include "health/dependency.h"

#include "base/text.h"

enum { ANY = -1 };

/* The first row that fits counts: those of one kind stand before those of any. `%` stands for the place of the secret. */
static const struct {
    const char *reason;
    int kind;
    const char *advice;
} advices[] = {
    {"bad_address", ANY, "correct it%"},
    {"no_secret", ANY, "set it for whoever runs the rollout"},
    {"resolve_failed", ANY, "correct the host's name, or let this machine resolve it"},
    {"connection_refused", ANY, "start the server, or correct the host and the port"},
    {"unreachable", ANY, "let this machine reach it: look at routes and firewalls"},
    {"timeout", NIP__DEPENDS_SQLITE, "give schema.query an index, or ask less"},
    {"environment", ANY, "unset it for whoever runs the rollout"},
    {"unsupported", NIP__DEPENDS_POSTGRES, "build the library with libpq"},
    {"unsupported", ANY, "use a libcurl that has gopher, which is how other bytes than HTTP are sent"},
    {"timeout", NIP__DEPENDS_POSTGRES, "see why the server or the query is slow, or raise its timeout"},
    {"timeout", ANY, "see why the server is slow, or raise its timeout"},
    {"reset", ANY, "look into the server's log"},
    {"refused", ANY, "look into the server's log"},
    {"tls_failed", NIP__DEPENDS_POSTGRES,
     "let the server speak TLS, give tls.ca_file the authority that signed its certificate, or correct the host's name"},
    {"tls_failed", ANY, "give tls.ca_file the authority that signed the server's certificate, or correct the host's name"},
    {"protocol", ANY, "correct the address: something else answers there"},
    {"too_large", ANY, "ask for something smaller"},
    {"auth_required", ANY, "give user and password in its address, or the password by `password`"},
    {"auth_failed", ANY, "set the password that the server knows%"},
    {"not_allowed", NIP__DEPENDS_POSTGRES, "create the user, grant it what it needs, or add a line to pg_hba.conf"},
    {"not_allowed", ANY, "grant it to this user"},
    {"unhealthy", ANY, "mend the service, or say in `status` which answers are good"},
    {"starting", ANY, "wait until it is up"},
    {"too_many", ANY, "close connections, or raise the server's limit"},
    {"no_database", ANY, "create the database, or correct its name in the address"},
    {"read_only", ANY, "give the address of the server that takes writes"},
    {"no_file", ANY, "create the database, or correct the path"},
    {"not_a_database", ANY, "correct the path: the file is none of this kind"},
    {"permission", ANY, "let whoever runs the rollout read the file"},
    {"interrupted", ANY, "start the app, or open the database once as its owner, so that the write is finished or taken back"},
    {"busy", NIP__DEPENDS_REDIS, "let it finish, then try again"},
    {"busy", ANY, "let the writer finish, then try again"},
    {"query_failed", ANY, "correct the schema's table, column or query, or run the first migration"},
    {"no_version", NIP__DEPENDS_REDIS, "run the first migration, or correct schema.key"},
    {"no_version", ANY, "run the first migration, or correct where the schema's version is looked for"},
    {"schema_behind", ANY, "run the migration first"},
    {"schema_ahead", ANY, "roll out a version that fits the newer schema, or correct what is expected"},
    {"schema_differs", ANY, "run the migration first, or correct what is expected"},
};

bool nip__advice_knows(const char *reason)
{
    for (size_t i = 0; i < sizeof advices / sizeof advices[0]; i++)
        if (nip__text_equal(advices[i].reason, reason))
            return true;
    return false;
}

static void write_with(nip__buffer *buffer, const char *advice, const char *where)
{
    for (; *advice != '\0'; advice++) {
        if (*advice != '%')
            nip__buffer_char(buffer, *advice);
        else if (where != NULL)
            nip__buffer_printf(buffer, ", in %s", where);
    }
}

void nip__advice_write(nip__buffer *buffer, const char *reason, nip__dependency_kind kind, const char *where)
{
    for (size_t i = 0; i < sizeof advices / sizeof advices[0]; i++) {
        if (nip__text_equal(advices[i].reason, reason) && (advices[i].kind == ANY || advices[i].kind == (int)kind)) {
            write_with(buffer, advices[i].advice, where);
            return;
        }
    }
    nip__buffer_text(buffer, "look into the server's log");
}
