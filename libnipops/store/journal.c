/* Journals: appending and reading, the same for every backend. */
#include <string.h>

#include "base/error.h"
#include "doc/json.h"
#include "store/backend.h"

#define KIND_MAX          64
#define READ_LIMIT_MAX    10000
#define READ_BYTES_ENOUGH 16777216 /* a page of records ends after the one that goes beyond this */

/* ---- appending ---- */

static void draw_salt(nip_store *store, unsigned char salt[NIP__SALT_SIZE])
{
    if (store->salts_left == 0) {
        nip__ctx_random(store->ctx, store->salts, sizeof store->salts);
        store->salts_left = sizeof store->salts / NIP__SALT_SIZE;
    }
    store->salts_left--;
    memcpy(salt, store->salts + store->salts_left * NIP__SALT_SIZE, NIP__SALT_SIZE);
}

static int check_expected(const nip__draft *draft, const nip__head *head, nip_error **err)
{
    if (head->sequence < 0 || head->sequence == INT64_MAX)
        return nip__fail(err, NIP_E_CORRUPT, "the newest record of %s has the impossible sequence %lld", draft->subject,
                         (long long)head->sequence);
    if (draft->expected < 0 || draft->expected == head->sequence)
        return 0;
    return nip__fail(err, NIP_E_CONFLICT,
                     "%s stands at record %lld, not at %lld: somebody else wrote; read what came and decide again",
                     draft->subject, (long long)head->sequence, (long long)draft->expected);
}

static int seal_and_insert(nip_store *store, const nip__draft *draft, const nip__head *head, nip__sealed *sealed,
                           nip_error **err)
{
    sealed->row = (nip__row){
        .subject = draft->subject,
        .sequence = head->sequence + 1,
        .epoch = draft->epoch,
        .kind = draft->kind,
        .kind_length = strlen(draft->kind),
        .at = draft->at,
        .payload = draft->payload,
        .payload_length = draft->length,
    };
    draw_salt(store, sealed->salt);
    nip__record_seal(sealed, head->hash);
    return store->backend->insert(store, &sealed->row, err);
}

/* The store's own journal gets the hash of a journal's first record, so that one that was replaced as a whole shows. */
static int record_opening(nip_store *store, const nip__sealed *first, nip_error **err)
{
    char hash[NIP__HASH_TEXT];
    nip__record_hash_text(first->hash, hash);
    nip__buffer payload = NIP__BUFFER(1024);
    nip__writer writer = NIP__WRITER(&payload);
    nip__write_map(&writer, NULL);
    nip__write_text(&writer, "subject", first->row.subject);
    nip__write_text(&writer, "hash", hash);
    nip__write_end_map(&writer);
    nip__draft draft = {NIP__STORE_SUBJECT, -1, 0, "subject.opened", first->row.at, nip__buffer_string(&payload),
                        payload.length};
    nip__sealed sealed;
    int rc = payload.failed ? nip__nomem(err) : nip__append_inside(store, &draft, &sealed, err);
    nip__buffer_clear(&payload);
    return rc;
}

int nip__append_inside(nip_store *store, const nip__draft *draft, nip__sealed *sealed, nip_error **err)
{
    nip__head head;
    int rc = store->backend->head(store, draft->subject, &head, err);
    if (rc == 0)
        rc = check_expected(draft, &head, err);
    if (rc == 0 && draft->epoch != 0)
        rc = nip__lease_check(store, draft->subject, draft->epoch, err);
    if (rc == 0)
        rc = seal_and_insert(store, draft, &head, sealed, err);
    if (rc == 0 && head.sequence == 0 && strcmp(draft->subject, NIP__STORE_SUBJECT) != 0)
        rc = record_opening(store, sealed, err);
    return rc;
}

static int find_sealed(void *data, const nip__row *row, nip_error **err)
{
    (void)err;
    nip__sealed *sealed = data;
    bool same = row->sequence == sealed->row.sequence && row->hash_length == NIP__HASH_SIZE &&
                memcmp(row->hash, sealed->hash, NIP__HASH_SIZE) == 0;
    if (same)
        sealed->row.sequence = 0; /* tells the caller */
    return 1;
}

/* The salt makes the hash unique, so the record itself tells whether it was written. */
static bool stands_written(nip_store *store, const void *what)
{
    nip__sealed wanted = *(const nip__sealed *)what;
    int rc = nip__store_scan(store, wanted.row.subject, wanted.row.sequence - 1, false, find_sealed, &wanted, NULL);
    return rc == 0 && wanted.row.sequence == 0;
}

static int append(nip_store *store, const nip__draft *draft, int patience_ms, int64_t *sequence, nip_error **err)
{
    if (draft->length > NIP__PAYLOAD_MAX)
        return nip__fail(err, NIP_E_LIMIT, "the payload of %s has %zu bytes; %d are the most", draft->kind,
                         draft->length, NIP__PAYLOAD_MAX);
    int rc = nip__store_begin(store, patience_ms, err);
    if (rc < 0)
        return rc;
    nip__sealed sealed;
    rc = nip__append_inside(store, draft, &sealed, err);
    rc = nip__store_finish(store, rc, stands_written, &sealed, err);
    if (rc == 0 && sequence != NULL)
        *sequence = sealed.row.sequence;
    return rc;
}

/* What people ask, answer and exclude is anybody's to say, and what was measured; whatever else the library appends to a subject's journal is its lease holder's. */
static bool is_anybodys(const char *kind)
{
    static const char *const kinds[] = {"request.made", "gate.answered", "queue.entered", "queue.left", "sla.page", "sla.exclusion", NULL};
    for (size_t i = 0; kinds[i] != NULL; i++) {
        if (strcmp(kind, kinds[i]) == 0)
            return true;
    }
    return false;
}

static int check_epoch(int64_t epoch, const char *kind, nip_error **err)
{
    if (epoch != 0 || is_anybodys(kind))
        return 0;
    return nip__fail(err, NIP_E_STATE, "%s is recorded by the holder of the lease only: resume the run to drive it",
                     kind);
}

int nip__store_append(nip_store *store, const char *subject, int64_t expected, int64_t epoch, const char *kind,
                      nip_time at, const char *payload, size_t length, int64_t *sequence, nip_error **err)
{
    NIP_ARG(store != NULL && subject != NULL && kind != NULL && payload != NULL);
    int rc = nip__store_check_subject(subject, err);
    if (rc == 0)
        rc = check_epoch(epoch, kind, err);
    if (rc < 0)
        return rc;
    nip__draft draft = {subject, expected, epoch, kind, at, payload, length};
    return append(store, &draft, NIP__PATIENCE_STEP_MS, sequence, err);
}

/* Two or more words of a-z 0-9 _ with a dot between each; the first character is a letter. */
static bool is_kind(const char *kind)
{
    size_t length = strnlen(kind, KIND_MAX + 1);
    if (length == 0 || length > KIND_MAX || kind[0] < 'a' || kind[0] > 'z' || strchr(kind, '.') == NULL)
        return false;
    for (size_t i = 0; i < length; i++) {
        char c = kind[i];
        bool word = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
        bool dot = c == '.' && kind[i - 1] != '.' && i + 1 < length;
        if (!word && !dot)
            return false;
    }
    return true;
}

/* What runs, requests and the store itself record is believed: nobody else may write such records. */
static bool is_reserved(const char *kind)
{
    static const char *const families[] = {"run.",     "step.",    "action.",  "guard.", "clock.",
                                           "request.", "subject.", "journal.", "gate.",  "notify.",  "queue.", "sla."};
    for (size_t i = 0; i < sizeof families / sizeof families[0]; i++) {
        if (strncmp(kind, families[i], strlen(families[i])) == 0)
            return true;
    }
    return false;
}

static int check_kind(const char *kind, nip_error **err)
{
    if (!is_kind(kind))
        return nip__fail(err, NIP_E_INVALID,
                         "a record's kind is a dotted lower-case name of at most %d characters, such as note.written",
                         KIND_MAX);
    if (is_reserved(kind))
        return nip__fail(err, NIP_E_INVALID,
                         "%s records are written by the library only; choose another kind, such as note.written",
                         kind);
    return 0;
}

static int check_payload(const char *payload, size_t length, nip_error **err)
{
    static const nip__limits limits = {NIP_RECORD_MAX, 64, 100000};
    nip__arena *arena = nip__arena_new();
    if (arena == NULL)
        return nip__nomem(err);
    nip__value *value = NULL;
    int rc = nip__json_read(arena, payload, length, "payload", &limits, &value, err);
    if (rc == 0 && !nip__is(value, NIP__MAP))
        rc =
            nip__fail(err, NIP_E_INVALID, "a record's payload is a JSON object, found %s", nip__kind_name(value->kind));
    nip__arena_free(arena);
    return rc;
}

int nip_journal_append(nip_store *store, const char *subject, int64_t expected, const char *kind, nip_time at,
                       const char *payload, int64_t *sequence, nip_error **err)
{
    NIP_ARG(store != NULL && subject != NULL && kind != NULL && payload != NULL);
    NIP_ARG(expected >= -1 && at != NIP_TIME_NONE && at != NIP_TIME_MAX);
    int rc = nip__store_check_subject(subject, err);
    if (rc == 0)
        rc = check_kind(kind, err);
    if (rc < 0)
        return rc;
    size_t length = strnlen(payload, NIP_RECORD_MAX + 1);
    if (length > NIP_RECORD_MAX)
        return nip__fail(err, NIP_E_LIMIT, "a record's payload has at most %d bytes", NIP_RECORD_MAX);
    rc = check_payload(payload, length, err);
    if (rc < 0)
        return rc;
    nip__draft draft = {subject, expected, 0, kind, at, payload, length};
    return append(store, &draft, NIP__PATIENCE_CALL_MS, sequence, err);
}

/* ---- reading, for the library: what does not match its hashes is refused ---- */

typedef struct reader {
    nip__each_record *each;
    void *data;
    int64_t sequence;                       /* of the record before */
    unsigned char previous[NIP__HASH_SIZE]; /* its hash */
    bool chained;                           /* forwards: the chain is checked too */
} reader;

static int corrupt(const nip__row *row, const char *problem, nip_error **err)
{
    return nip__fail(err, NIP_E_CORRUPT, "record %lld of %s cannot be trusted: %s; nip_journal_verify tells more",
                     (long long)row->sequence, row->subject, problem);
}

static int read_record(void *data, const nip__row *row, nip_error **err)
{
    reader *to = data;
    const char *problem;
    if (to->chained && row->sequence != to->sequence + 1)
        problem = "records before it are missing";
    else
        problem = to->chained ? nip__record_check(row, to->previous) : nip__record_check_payload(row);
    if (problem != NULL)
        return corrupt(row, problem, err);
    if (to->chained) {
        to->sequence = row->sequence;
        memcpy(to->previous, row->hash, NIP__HASH_SIZE);
    }
    nip__record record = {row->sequence, row->epoch, row->kind, row->at, row->payload, row->payload_length};
    return to->each(to->data, &record, err);
}

static int take_previous(void *data, const nip__row *row, nip_error **err)
{
    reader *to = data;
    if (row->hash_length != NIP__HASH_SIZE)
        return corrupt(row, "its hash is damaged", err);
    to->sequence = row->sequence;
    memcpy(to->previous, row->hash, NIP__HASH_SIZE);
    return 1;
}

int nip__store_each(nip_store *store, const char *subject, int64_t after, nip__each_record *each, void *data,
                    nip_error **err)
{
    NIP_ARG(store != NULL && subject != NULL && each != NULL && after >= 0 && after < INT64_MAX);
    reader to = {.each = each, .data = data, .chained = true};
    int rc = after == 0 ? 0 : nip__store_scan(store, subject, after + 1, true, take_previous, &to, err);
    return rc < 0 ? rc : nip__store_scan(store, subject, after, false, read_record, &to, err);
}

int nip__store_each_back(nip_store *store, const char *subject, int64_t before, nip__each_record *each, void *data,
                         nip_error **err)
{
    NIP_ARG(store != NULL && subject != NULL && each != NULL && before >= 0);
    reader to = {.each = each, .data = data};
    return nip__store_scan(store, subject, before == 0 ? INT64_MAX : before, true, read_record, &to, err);
}

int nip__store_head(nip_store *store, const char *subject, int64_t *sequence, nip_error **err)
{
    NIP_ARG(store != NULL && subject != NULL && sequence != NULL);
    nip__head head;
    int rc = store->backend->head(store, subject, &head, err);
    if (rc == 0)
        *sequence = head.sequence;
    return rc;
}

/* ---- reading, for people: everything is shown, and what does not match its hash is said ---- */

typedef struct page {
    nip__writer writer;
    int64_t left;
} page;

static int write_record(void *data, const nip__row *row, nip_error **err)
{
    (void)err;
    page *to = data;
    const char *problem = nip__record_check_payload(row);
    nip__writer *writer = &to->writer;
    nip__write_map(writer, NULL);
    nip__write_int(writer, "sequence", row->sequence);
    nip__write_text(writer, "kind", row->kind);
    nip__write_time(writer, "at", row->at);
    nip__write_int(writer, "epoch", row->epoch);
    char hash[NIP__HASH_TEXT] = "";
    if (row->hash_length == NIP__HASH_SIZE)
        nip__record_hash_text(row->hash, hash);
    nip__write_text(writer, "hash", hash);
    nip__write_raw(writer, "payload", problem == NULL ? row->payload : NULL); /* altered bytes need not even be JSON */
    if (problem != NULL)
        nip__write_text(writer, "problem", problem);
    nip__write_end_map(writer);
    to->left--;
    return to->left == 0 || writer->buffer->length > READ_BYTES_ENOUGH || writer->buffer->failed;
}

int nip_journal_read(nip_store *store, const char *subject, int64_t after, int64_t limit, char **json, nip_error **err)
{
    NIP_ARG(store != NULL && subject != NULL && json != NULL && after >= 0);
    NIP_ARG(limit >= 1 && limit <= READ_LIMIT_MAX);
    int rc = nip__store_check_name(subject, err);
    if (rc < 0)
        return rc;
    nip__buffer buffer = NIP__BUFFER((size_t)READ_BYTES_ENOUGH + NIP__PAYLOAD_MAX + 65536);
    page to = {.writer = NIP__WRITER(&buffer), .left = limit};
    nip__write_list(&to.writer, NULL);
    rc = nip__store_scan(store, subject, after, false, write_record, &to, err);
    nip__write_end_list(&to.writer);
    return nip__store_answer(rc, &buffer, json, err);
}

int nip_journal_head(nip_store *store, const char *subject, char **json, nip_error **err)
{
    NIP_ARG(store != NULL && subject != NULL && json != NULL);
    nip__head head;
    int rc = nip__store_check_name(subject, err);
    if (rc == 0)
        rc = store->backend->head(store, subject, &head, err);
    if (rc < 0)
        return rc;
    char hash[NIP__HASH_TEXT];
    nip__record_hash_text(head.hash, hash);
    nip__buffer buffer = NIP__BUFFER(1024);
    nip__writer writer = NIP__WRITER(&buffer);
    nip__write_map(&writer, NULL);
    nip__write_text(&writer, "subject", subject);
    nip__write_int(&writer, "sequence", head.sequence);
    nip__write_text(&writer, "hash", head.sequence == 0 ? NULL : hash);
    nip__write_end_map(&writer);
    return nip__store_answer(0, &buffer, json, err);
}

/* ---- subjects ---- */

typedef int each_head(void *data, const char *subject, const nip__head *head);

static int visit_heads(nip_store *store, each_head *each, void *data, nip_error **err)
{
    char subject[NIP_SUBJECT_MAX + 1] = "", next[NIP_SUBJECT_MAX + 1];
    int rc;
    while ((rc = store->backend->next_subject(store, subject, next, err)) == 1) {
        memcpy(subject, next, sizeof subject);
        if (strcmp(subject, NIP__STORE_SUBJECT) == 0)
            continue;
        nip__head head;
        rc = store->backend->head(store, subject, &head, err);
        if (rc == 0)
            rc = each(data, subject, &head);
        if (rc != 0)
            break;
    }
    return rc < 0 ? rc : 0;
}

typedef struct subject_visitor {
    int (*each)(void *data, const char *subject, int64_t sequence);
    void *data;
} subject_visitor;

static int pass_subject(void *data, const char *subject, const nip__head *head)
{
    subject_visitor *to = data;
    return to->each(to->data, subject, head->sequence);
}

int nip__store_each_subject(nip_store *store, int (*each)(void *data, const char *subject, int64_t sequence),
                            void *data, nip_error **err)
{
    NIP_ARG(store != NULL && each != NULL);
    subject_visitor to = {each, data};
    return visit_heads(store, pass_subject, &to, err);
}

static int write_subject(void *data, const char *subject, const nip__head *head)
{
    nip__writer *writer = data;
    nip__write_map(writer, NULL);
    nip__write_text(writer, "subject", subject);
    nip__write_int(writer, "sequence", head->sequence);
    nip__write_time(writer, "updated", head->at);
    nip__write_end_map(writer);
    return writer->buffer->failed;
}

int nip_store_subjects(nip_store *store, char **json, nip_error **err)
{
    NIP_ARG(store != NULL && json != NULL);
    nip__buffer buffer = NIP__BUFFER(NIP__PAYLOAD_MAX);
    nip__writer writer = NIP__WRITER(&buffer);
    nip__write_list(&writer, NULL);
    int rc = visit_heads(store, write_subject, &writer, err);
    nip__write_end_list(&writer);
    return nip__store_answer(rc, &buffer, json, err);
}
