/**
 * nipops/gate.h: gates. A gate is a step at which a run waits until people of a role have approved (person/approve), or until a time
 * window is open (clock/window). The answers of people are records of the run's journal, appended by anybody from any process; whoever drives
 * the run looks for them every 250 ms. What was answered while nothing drove the run counts as soon as it is resumed.
 *
 * Names are claimed, not proven: whoever can write the store can answer as anybody. The journal shows what was claimed.
 */
#ifndef NIPOPS_GATE_H
#define NIPOPS_GATE_H

#include "base.h"
#include "store.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Answers the gate that a run waits at, from any process.
 *
 * @param id        "shop-1", or a subject: its latest run
 * @param decision  "approve" or "reject" (an approval: the first rejection fails its step), "override" (a window: goes on although
 *                  it is closed)
 * @param who       one of the persons that the gate asks; copied
 * @param why       reason; may be NULL, but not for "override"
 * @param at        the present instant
 * @param json      out, owned: nip_free, may be NULL: {"run":"shop-1","step":"approve-50","sequence":17,"driven":true|false,"missing":0}:
 *                  approvals that are still missing; not driven means that nothing will happen until somebody resumes the run
 * @return 0, NIP_E_NOTFOUND (no such run), NIP_E_STATE (the run does not wait at such a gate now, or this person has answered it already),
 *         NIP_E_INVALID (an unknown decision, or a person whom the gate does not ask: the message names those whom it does)
 */
NIP_API int nip_gate_answer(nip_store *store, const char *id, const char *decision, const char *who, const char *why, nip_time at,
                            char **json, nip_error **err);

/**
 * How the gate stands that a run waits at.
 *
 * @param id    "shop-1", or a subject: its latest run
 * @param json  out, owned: nip_free: {"v":1,"run":"shop-1","gate":null} when it waits at none. Else "gate" is "approval", with "step",
 *              "ask", "role", "members", "count", "missing" (approvals), "rejected" and "answers"; or "window", with "step", "windows",
 *              "freeze", "override" (who may: {"role","members"}, or null), and "answers". An answer is
 *              {"decision","who","why","at","sequence"}
 * @return 0, NIP_E_NOTFOUND
 */
NIP_API int nip_gate_read(nip_store *store, const char *id, char **json, nip_error **err);

/**
 * Is a time window open at an instant, and when does it open?
 *
 * @param rules  JSON: {"windows": [{"days":["mon"],"from":"09:00","to":"17:00","zone":"Europe/Berlin"}], "freeze": [{"from","to","why"}]},
 *               as a rollout document has them, or with begins and ends in place of from and to, as plans and gates do; no windows: always, but for freezes
 * @param at     1677 to 2262
 * @param json   out, owned: nip_free: {"v":1,"open":false,"at":"...","opens":"2026-11-30T08:00:00Z","opens_civil":"2026-11-30T09:00+01:00",
 *               "zone":"Europe/Berlin","why":null}: `opens` is `at` when it is open, null when it never does; `why` is the freeze in force
 * @return 0, NIP_E_SYNTAX, NIP_E_INVALID (a time or zone makes no sense), NIP_E_NOTFOUND. Any thread
 *
 * Zones are read from the system's files (/usr/share/zoneinfo); "UTC" needs none.
 */
NIP_API int nip_window_judge(const char *rules, nip_time at, char **json, nip_error **err);

#ifdef __cplusplus
}
#endif

#endif
