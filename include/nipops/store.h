/**
 * nipops/store.h: journals. A subject (an app, an incident, a schedule) has one journal, the total order of what happened
 * to it. A record is written before it counts.
 *
 * Records form one hash chain a subject: each holds the SHA-256 of its predecessor and of its own salted payload. That proves
 * the absence of corruption and of careless edits. It does not prove that nobody with write access rewrote everything, or cut
 * the tail: for that, keep the head (nip_journal_head) somewhere else and give it to nip_journal_verify.
 *
 * The store keeps a journal of its own, "@store", which may be read, verified and have its head kept like any other. It says which
 * journals were opened (and with which first record) and purged, so that a journal that vanished or was replaced shows.
 *
 * Several processes may use one store at once; one nip_store is used by one thread at a time.
 */
#ifndef NIPOPS_STORE_H
#define NIPOPS_STORE_H

#include "base.h"
#include "ctx.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct nip_store nip_store;

#define NIP_RECORD_MAX 1048576 /* largest payload in bytes */

/**
 * Opens a store.
 *
 * @param ctx    kept alive
 * @param url    "memory:" (gone when freed) or "sqlite:PATH"; the file is created with mode 0600, network file systems are
 *               refused, since their locks cannot be trusted
 * @param store  out, owned: nip_store_free
 * @return 0, NIP_E_INVALID, NIP_E_STORE, NIP_E_READONLY, NIP_E_FULL, NIP_E_CORRUPT (not a database), NIP_E_VERSION (written by a
 *         newer library)
 */
NIP_API int nip_store_open(nip_ctx *ctx, const char *url, nip_store **store, nip_error **err);
/**
 * As nip_store_open, but changes no record, keeps no writer out and may be used while the store is on a read-only disk.
 * NIP_E_NOTFOUND when there is no store.
 */
NIP_API int nip_store_open_readonly(nip_ctx *ctx, const char *url, nip_store **store, nip_error **err);
NIP_API void nip_store_free(nip_store *store);

/**
 * Appends one record if nobody wrote in between.
 *
 * @param subject   1..128 bytes of A-Z a-z 0-9 . _ - ; begins with a letter or digit
 * @param expected  sequence the journal's head must have; 0: the journal must be empty; -1: whatever it is
 * @param kind      dotted lower-case name, "note.written". Names that begin with run. step. action. guard. clock. request. subject.
 *                  journal. gate. notify. queue. or sla. are refused: such records are believed, and written by the library's own calls only
 * @param at        instant that the record bears
 * @param payload   a JSON object, at most NIP_RECORD_MAX bytes; copied
 * @param sequence  out: the record's own sequence, from 1; may be NULL
 * @return 0, NIP_E_CONFLICT (head is not `expected`), NIP_E_INVALID, NIP_E_SYNTAX or NIP_E_LIMIT (subject, kind or payload breaks a
 *         rule above), NIP_E_BUSY (another process went on writing for 2 s; retryable), NIP_E_STORE, NIP_E_FULL, NIP_E_READONLY
 *
 * Durable when it returns. Decisions of a run are appended by its lease holder only, requests by nip_run_request, answers by nip_gate_answer;
 * this call is for notes.
 */
NIP_API int nip_journal_append(nip_store *store, const char *subject, int64_t expected, const char *kind, nip_time at,
                               const char *payload, int64_t *sequence, nip_error **err);

/**
 * Records after sequence `after`, at most `limit`, as a JSON list of
 * {"sequence":7,"kind":"step.done","at":"2026-...","epoch":2,"hash":"...","payload":{...}}; a purged payload is null.
 * A payload that does not match its hash is null too, and "problem" says so.
 *
 * @param limit  1..10000; fewer records may come at once when they are large
 * @param json   out, owned: nip_free; "[]" when there is nothing more
 */
NIP_API int nip_journal_read(nip_store *store, const char *subject, int64_t after, int64_t limit, char **json,
                             nip_error **err);

/** {"subject":..,"sequence":41,"hash":"<64 hex digits>"}; sequence 0 for an empty journal. Owned: nip_free. */
NIP_API int nip_journal_head(nip_store *store, const char *subject, char **json, nip_error **err);

/**
 * Checks the chain over exactly the stored bytes.
 *
 * @param head  a head kept elsewhere (what nip_journal_head returned), or NULL. With it, a cut tail or a rewritten journal shows
 * @param json  out, owned: {"subject":..,"verdict":"intact"|"broken","records":41,"purged":0,"broken_at":null,"reason":null,
 *              "head":"matches"|"not_given"|"missing"|"differs"}
 * @return 0 also when the verdict is "broken": the check itself worked
 */
NIP_API int nip_journal_verify(nip_store *store, const char *subject, const char *head, char **json, nip_error **err);

/**
 * Removes payload and salt of all records up to and including `through`; hashes stay, nip_journal_verify counts them as purged.
 * The bytes are overwritten on disk. What was read from them is gone for good, the release record of an ended run too.
 *
 * @return 0, NIP_E_STATE when a run that is not over needs one of them
 */
NIP_API int nip_journal_purge(nip_store *store, const char *subject, int64_t through, nip_error **err);

/** All subjects: [{"subject":"shop","sequence":41,"updated":"2026-..."}], by name. Owned: nip_free. */
NIP_API int nip_store_subjects(nip_store *store, char **json, nip_error **err);

/**
 * Who waits for the subject's turn (nip_op_rollout with when_busy), oldest first:
 * [{"sequence":41,"at":"2026-...","version":"1.5.0","policy":"queue"|"supersede"|"restart","who":"ann","holder":{...},"alive":true|null}].
 * Those whose process ended without a word are left out; `alive` is null when that cannot be seen from here (other host). Owned: nip_free.
 */
NIP_API int nip_queue_read(nip_store *store, const char *subject, char **json, nip_error **err);

/**
 * Who drives the subject now: {"holder":{...},"epoch":3,"alive":true|false|null} or null when nobody ever did.
 * `alive` is null when it cannot be known from here (other host). Owned: nip_free.
 */
NIP_API int nip_lease_read(nip_store *store, const char *subject, char **json, nip_error **err);

#ifdef __cplusplus
}
#endif

#endif
