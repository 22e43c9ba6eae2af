/* What HAProxy's runtime socket answers: "show servers state" for the administrative state of servers, "show stat"
 * (CSV) for sessions, counters and what the backend is. Columns are found by name, since every version adds some. The
 * text is hostile until it was read. */
#include <stdio.h>
#include <string.h>
#include "base/csv.h"
#include "base/text.h"
#include "driver/haproxy.h"

enum {
    COLUMNS_MAX = 256,
    ADMIN_MAINT = 0x01 | 0x02 | 0x20 |
                  0x40, /* forced, inherited, by resolution, by host name; 0x04 only says how it was configured */
    ADMIN_DRAIN = 0x08 | 0x10,
};

bool nip__haproxy_name(const char *name)
{
    if (name == NULL || name[0] == '\0' || strlen(name) > 255)
        return false;
    return strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.:") == strlen(name);
}

const char *nip__haproxy_read_command(nip__arena *arena, const char *backend)
{
    return nip__arena_printf(arena, "show servers state %s;show stat %s 6 -1", backend,
                             backend); /* 6: the backend and its servers */
}

/* ---- tables: a header line that names the columns, then rows ---- */

struct table {
    char *names[COLUMNS_MAX];
    size_t columns;
    char *fields[COLUMNS_MAX];
    size_t count;
};

static size_t split_words(char *line, char **fields)
{
    size_t count = 0;
    char *rest = line;
    while (count < COLUMNS_MAX && *(rest += strspn(rest, " ")) != '\0') {
        fields[count++] = rest;
        rest += strcspn(rest, " ");
        if (*rest != '\0')
            *rest++ = '\0';
    }
    return count;
}

static size_t split_csv(char *line, char **fields)
{
    size_t count = 0;
    for (char *rest = line; rest != NULL && count < COLUMNS_MAX;)
        fields[count++] = nip__csv_field(&rest);
    return count;
}

static const char *field(const struct table *table, const char *name)
{
    for (size_t i = 0; i < table->columns && i < table->count; i++)
        if (strcmp(table->names[i], name) == 0)
            return table->fields[i];
    return NULL;
}

/* A column that must be a number from 0; an empty one is 0. False: missing, or something else. */
static bool number(const struct table *table, const char *name, int64_t *value)
{
    const char *text = field(table, name);
    int64_t read = 0;
    if (text == NULL || (text[0] != '\0' && (!nip__text_int(text, &read) || read < 0)))
        return false;
    *value = read;
    return true;
}

/* ---- the two replies ---- */

struct reader {
    nip__arena *arena;
    const char *backend, *prefix;
    nip__haproxy_state *state;
    size_t capacity, hint;
    size_t *seen; /* by slot: its row of "show stat" was there */
    struct table table;
    nip__trouble *trouble;
    enum { OUTSIDE, SERVERS, STATISTICS } where;
    bool servers_whole, statistics_whole;
};

static bool is_ours(const struct reader *reader, const char *name)
{
    return reader->prefix == NULL || nip__text_starts(name, reader->prefix);
}

static nip__haproxy_slot *new_slot(struct reader *reader)
{
    nip__haproxy_state *state = reader->state;
    if (state->count == reader->capacity) {
        size_t capacity = reader->capacity == 0 ? 32 : reader->capacity * 2;
        nip__haproxy_slot *slots = nip__arena_alloc(reader->arena, capacity * sizeof *slots);
        if (slots == NULL)
            return NULL;
        if (state->count > 0)
            memcpy(slots, state->slots, state->count * sizeof *slots);
        state->slots = slots;
        reader->capacity = capacity;
    }
    return &state->slots[state->count++];
}

static bool read_server(struct reader *reader)
{
    const struct table *row = &reader->table;
    const char *backend = field(row, "be_name"), *name = field(row, "srv_name"), *address = field(row, "srv_addr");
    int64_t weight, admin, operation, port;
    if (backend == NULL || address == NULL || !nip__haproxy_name(name) || !number(row, "srv_uweight", &weight) ||
        !number(row, "srv_admin_state", &admin) || !number(row, "srv_op_state", &operation) ||
        !number(row, "srv_port", &port) || weight > NIP__WEIGHT_MAX)
        return nip__refuse(reader->trouble, "protocol", false,
                           "a row of HAProxy's `show servers state` cannot be read");
    if (strcmp(backend, reader->backend) != 0 || !is_ours(reader, name))
        return true;
    if (reader->state->count == NIP__ROUTED_MAX)
        return nip__refuse(reader->trouble, "protocol", false, "backend %s has more than %d servers", backend,
                           NIP__ROUTED_MAX);
    nip__haproxy_slot *slot = new_slot(reader);
    if (slot == NULL)
        return nip__refuse(reader->trouble, "no_memory", true, "out of memory");
    slot->name = nip__arena_text(reader->arena, name);
    slot->weight = (int)weight;
    slot->maint = (admin & ADMIN_MAINT) != 0;
    slot->drain = !slot->maint && (admin & ADMIN_DRAIN) != 0;
    slot->down = !slot->maint && operation == 0;
    nip__endpoint_write(address, port, slot->endpoint); /* one without an address stays "" */
    return true;
}

/* Rows come in the order of the servers, so that the next slot is nearly always the right one. */
static nip__haproxy_slot *slot_named(struct reader *reader, const char *name)
{
    nip__haproxy_state *state = reader->state;
    for (size_t i = 0; i < state->count; i++) {
        size_t index = (reader->hint + i) % state->count;
        if (strcmp(state->slots[index].name, name) == 0) {
            reader->hint = index + 1;
            reader->seen[index] = 1;
            return &state->slots[index];
        }
    }
    return NULL;
}

static bool read_counters(const struct table *row, nip__haproxy_slot *slot)
{
    nip__haproxy_counters *counters = &slot->counters;
    const char *replies = field(row, "hrsp_2xx");
    int64_t current, queued;
    slot->has_counters = replies != NULL && replies[0] != '\0'; /* empty in TCP mode */
    if (!number(row, "scur", &current) || !number(row, "qcur", &queued) || current > INT32_MAX || queued > INT32_MAX)
        return false;
    slot->sessions = current + queued;
    return number(row, "req_tot", &counters->replies) && number(row, "hrsp_5xx", &counters->replies_5xx) &&
           number(row, "econ", &counters->connections) && number(row, "eresp", &counters->responses);
}

static bool read_statistics(struct reader *reader)
{
    const struct table *row = &reader->table;
    const char *backend = field(row, "pxname"), *name = field(row, "svname");
    if (backend == NULL || name == NULL)
        return nip__refuse(reader->trouble, "protocol", false, "a row of HAProxy's `show stat` cannot be read");
    if (strcmp(backend, reader->backend) != 0)
        return true;
    if (strcmp(name, "BACKEND") == 0) {
        const char *algorithm = field(row, "algo"), *mode = field(row, "mode");
        reader->state->algorithm = nip__arena_text(reader->arena, algorithm != NULL ? algorithm : "");
        reader->state->mode = nip__arena_text(reader->arena, mode != NULL ? mode : "");
        return true;
    }
    nip__haproxy_slot *slot = is_ours(reader, name) ? slot_named(reader, name) : NULL;
    if (slot != NULL && !read_counters(row, slot))
        return nip__refuse(reader->trouble, "protocol", false, "HAProxy's `show stat` row of %s cannot be read",
                           slot->name);
    return true;
}

/* Lines outside the tables answer writes: empty when all went well, a text that tells the change of an address, or a
 * refusal. */
static bool read_answer(struct reader *reader, const char *line)
{
    static const char *const harmless[] = {"no need to change", "IP changed from", "port changed from", NULL};
    if (strcmp(line, "Can't find backend.") == 0 || strcmp(line, "No such proxy.") == 0)
        return nip__refuse(reader->trouble, "no_such_backend", false, "HAProxy has no backend named %s",
                           reader->backend);
    for (size_t i = 0; harmless[i] != NULL; i++)
        if (nip__text_starts(line, harmless[i]))
            return true;
    if (reader->state->refusal == NULL && strcmp(line, "1") != 0) /* "1" is the format of `show servers state` */
        reader->state->refusal = nip__arena_text(reader->arena, line);
    return true;
}

static bool end_table(struct reader *reader)
{
    reader->servers_whole = reader->servers_whole || reader->where == SERVERS;
    reader->statistics_whole = reader->statistics_whole || reader->where == STATISTICS;
    reader->where = OUTSIDE;
    return true;
}

static bool begin_servers(struct reader *reader, char *header)
{
    if (reader->servers_whole)
        return nip__refuse(reader->trouble, "protocol", false, "HAProxy answered `show servers state` twice");
    reader->where = SERVERS;
    reader->table.columns = split_words(header, reader->table.names);
    return true;
}

static bool begin_statistics(struct reader *reader, char *header)
{
    if (!reader->servers_whole || reader->seen != NULL)
        return nip__refuse(reader->trouble, "protocol", false, "HAProxy answered `show stat` out of turn");
    reader->seen = nip__arena_alloc(reader->arena, (reader->state->count + 1) * sizeof *reader->seen);
    if (reader->seen == NULL)
        return nip__refuse(reader->trouble, "no_memory", true, "out of memory");
    reader->where = STATISTICS;
    reader->table.columns = split_csv(header, reader->table.names);
    return true;
}

static bool read_line(struct reader *reader, char *line)
{
    if (line[0] == '\0')
        return end_table(reader);
    if (reader->where == OUTSIDE && nip__text_starts(line, "# be_id "))
        return begin_servers(reader, line + 2);
    if (reader->where == OUTSIDE && nip__text_starts(line, "# pxname,"))
        return begin_statistics(reader, line + 2);
    if (reader->where == OUTSIDE)
        return read_answer(reader, line);
    reader->table.count = (reader->where == SERVERS ? split_words : split_csv)(line, reader->table.fields);
    return reader->where == SERVERS ? read_server(reader) : read_statistics(reader);
}

static bool is_whole(struct reader *reader)
{
    bool whole = reader->servers_whole && reader->statistics_whole;
    for (size_t i = 0; whole && i < reader->state->count; i++)
        whole = reader->seen[i] != 0;
    if (!whole && reader->state->refusal != NULL)
        return nip__refuse(reader->trouble, "protocol", false, "HAProxy answered: %.200s", reader->state->refusal);
    return whole || nip__refuse(reader->trouble, "protocol", true, "HAProxy's reply was cut short");
}

bool nip__haproxy_read_state(nip__arena *arena, const char *text, size_t length, const char *backend,
                             const char *prefix, nip__haproxy_state *state, nip__trouble *trouble)
{
    nip__haproxy_state read = {.algorithm = "", .mode = ""};
    struct reader *reader = nip__arena_alloc(arena, sizeof *reader);
    char *copy = nip__arena_copy(arena, text, length);
    if (reader == NULL || copy == NULL)
        return nip__refuse(trouble, "no_memory", true, "out of memory");
    if (memchr(text, '\0', length) != NULL)
        return nip__refuse(trouble, "protocol", false, "HAProxy's reply holds a NUL");
    reader->arena = arena;
    reader->backend = backend;
    reader->prefix = prefix;
    reader->state = &read;
    reader->trouble = trouble;
    for (char *line = copy, *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
        *end = '\0';
        if (!read_line(reader, line))
            return false;
    }
    if (!is_whole(reader))
        return false;
    if (nip__arena_failed(arena))
        return nip__refuse(trouble, "no_memory", true, "out of memory");
    *state = read;
    return true;
}

/* ---- questions about a state ---- */

int nip__haproxy_effective(const nip__haproxy_slot *slot)
{
    return slot->maint || slot->drain ? 0 : slot->weight;
}

int64_t nip__haproxy_total(const nip__haproxy_state *state)
{
    int64_t total = 0;
    for (size_t i = 0; i < state->count; i++)
        total += nip__haproxy_effective(&state->slots[i]);
    return total;
}

nip__haproxy_slot *nip__haproxy_find(const nip__haproxy_state *state, const char *endpoint)
{
    nip__haproxy_slot *found = NULL;
    for (size_t i = 0; i < state->count; i++) {
        nip__haproxy_slot *slot = &state->slots[i];
        if (strcmp(slot->endpoint, endpoint) == 0 && (found == NULL || (found->maint && !slot->maint)))
            found = slot;
    }
    return found;
}

bool nip__haproxy_blank(const nip__haproxy_state *state, const nip__haproxy_slot *slot)
{
    if (slot->endpoint[0] == '\0')
        return true;
    for (size_t i = 0; i < state->count; i++)
        if (&state->slots[i] != slot && strcmp(state->slots[i].endpoint, slot->endpoint) == 0)
            return true;
    return false;
}

bool nip__haproxy_free(const nip__haproxy_state *state, const nip__haproxy_slot *slot)
{
    return slot->sessions == 0 && (slot->maint || slot->drain || nip__haproxy_blank(state, slot));
}

bool nip__haproxy_wiped(const nip__haproxy_state *state)
{
    for (size_t i = 0; i < state->count; i++)
        if (!(state->count == 1 ? state->slots[i].maint : nip__haproxy_blank(state, &state->slots[i])))
            return false;
    return state->count > 0;
}
