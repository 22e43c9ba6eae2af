/**
 * nipops/base.h: what every other header needs: linkage, version, time, errors.
 *
 * Ownership, in the four words that every comment of these headers uses:
 *   owned            you free it
 *   borrowed until X valid until X happens, then gone
 *   copied           the library took a copy, yours may go
 *   kept alive       the library holds on to it; freeing yours early is fine
 *
 * Errors. A call that can fail returns int: >= 0 is success, < 0 is one of NIP_E_*. Its last parameter is
 * `nip_error **err`; NULL is allowed. It is written only on failure, and then outputs are untouched.
 *
 * Threads. An object is used by one thread at a time; different objects may be used by different threads.
 * What may be called from anywhere says so.
 */
#ifndef NIPOPS_BASE_H
#define NIPOPS_BASE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define NIP_API __attribute__((visibility("default")))
#else
#define NIP_API
#endif

#define NIP_VERSION_MAJOR 0
#define NIP_VERSION_MINOR 1
#define NIP_VERSION_PATCH 0

/** Instant: nanoseconds since 1970-01-01T00:00:00Z, UTC, leap seconds smeared. Years 1677 to 2262. */
typedef int64_t nip_time;
/** Length of time in nanoseconds. */
typedef int64_t nip_duration;

#define NIP_TIME_NONE INT64_MIN /* no instant: "never set" */
#define NIP_TIME_MAX INT64_MAX  /* later than every instant; as a duration: for ever */

#define NIP_MICROSECOND INT64_C(1000)
#define NIP_MILLISECOND INT64_C(1000000)
#define NIP_SECOND INT64_C(1000000000)
#define NIP_MINUTE INT64_C(60000000000)
#define NIP_HOUR INT64_C(3600000000000)

#define NIP_SUBJECT_MAX 128 /* longest name of a subject (an app, an incident, ...) in bytes */

/** Error codes. Few, never renumbered, with gaps a family. */
enum {
    NIP_OK = 0,

    NIP_E_INVALID = -1,     /* an argument broke a rule stated in the header */
    NIP_E_NOMEM = -2,       /* out of memory; nothing was changed */
    NIP_E_NOTFOUND = -3,    /* the named thing does not exist */
    NIP_E_CONFLICT = -4,    /* somebody else wrote first: read again, decide again */
    NIP_E_BUSY = -5,        /* the object is in use by another thread or caller */
    NIP_E_CANCELLED = -6,   /* stopped on request; resumable */
    NIP_E_TIMEOUT = -7,     /* the time given ran out */
    NIP_E_IO = -8,          /* the operating system refused; see nip_error_os_errno */
    NIP_E_LIMIT = -9,       /* larger than a stated limit */
    NIP_E_UNSUPPORTED = -10, /* this build, driver or version cannot do it */
    NIP_E_STATE = -11,      /* not possible in the present state */
    NIP_E_USER = -12,       /* a host's callback failed; comes back unchanged */
    NIP_E_INTERNAL = -13,   /* a defect of the library */

    NIP_E_SYNTAX = -20,   /* not well-formed YAML or JSON */
    NIP_E_DOCUMENT = -21, /* well-formed, but not a valid document of its kind */
    NIP_E_VERSION = -22,  /* a format newer than this library */

    NIP_E_STORE = -30,    /* the store cannot be read or written */
    NIP_E_CORRUPT = -31,  /* stored bytes do not match their hashes */
    NIP_E_HELD = -32,     /* another living process holds the subject */
    NIP_E_FENCED = -33,   /* the lease was taken over: this holder must stop */
    NIP_E_READONLY = -34, /* the store may be read only */
    NIP_E_FULL = -35,     /* no space left for the store */

    NIP_E_DRIVER = -40,  /* an outside system failed or answered nonsense */
    NIP_E_DIFFERS = -41, /* a fresh observation differs from the one a plan was made for */
};

typedef struct nip_error nip_error;

/** The error's code, NIP_E_*; 0 for NULL. Any thread. */
NIP_API int nip_error_code(const nip_error *error);
/** The code's name, "NIP_E_CONFLICT"; "NIP_OK" for NULL. Static. */
NIP_API const char *nip_error_name(const nip_error *error);
/** One line: what was wrong, where, and what would be right. Borrowed until nip_error_free; "" for NULL. */
NIP_API const char *nip_error_message(const nip_error *error);
/** 1 when the same call may succeed later without any change, else 0. */
NIP_API int nip_error_retryable(const nip_error *error);
/** File a document error is about; NULL when none. Borrowed until nip_error_free. */
NIP_API const char *nip_error_file(const nip_error *error);
/** Path inside the document, "/rollout/canary/stages/0/share"; NULL when none. Borrowed until nip_error_free. */
NIP_API const char *nip_error_path(const nip_error *error);
/** Line, from 1; 0 when none. */
NIP_API int nip_error_line(const nip_error *error);
/** Column in characters, from 1; 0 when none. */
NIP_API int nip_error_column(const nip_error *error);
/** HTTP status of the reply that failed; 0 when none. */
NIP_API int nip_error_http_status(const nip_error *error);
/** errno of the call that failed; 0 when none. */
NIP_API int nip_error_os_errno(const nip_error *error);
/** What led to this error; NULL when none. Borrowed until nip_error_free of the outer one. */
NIP_API const nip_error *nip_error_cause(const nip_error *error);
/** Number of problems found at once (documents report all of them); 1 for a plain error, 0 for NULL. */
NIP_API int nip_error_count(const nip_error *error);
/** Problem `index`, 0 <= index < count; problem 0 of a plain error is itself. NULL out of range. Borrowed. */
NIP_API const nip_error *nip_error_at(const nip_error *error, int index);
/** The whole as JSON, owned: nip_free. NULL when out of memory. */
NIP_API char *nip_error_to_json(const nip_error *error);
/** Gives it up. NULL is fine, and so is the static out-of-memory error. */
NIP_API void nip_error_free(nip_error *error);

/** Name of a code ("NIP_E_HELD"); "NIP_E_UNKNOWN" for others. Static, any thread. */
NIP_API const char *nip_code_name(int code);

/** Frees text that a call returned as owned. NULL is fine. Any thread. */
NIP_API void nip_free(void *memory);

/** "0.1.0" of the library at run time. Static, any thread. */
NIP_API const char *nip_version(void);

/**
 * Value of a constant of these headers by name, for languages that cannot read macros and enums.
 *
 * @param name   "NIP_E_CONFLICT", "NIP_SECOND", ...
 * @param value  out: its value
 * @return 0, or NIP_E_NOTFOUND. Any thread.
 */
NIP_API int nip_constant(const char *name, int64_t *value, nip_error **err);

/**
 * Reads an RFC 3339 instant: "2026-11-23T05:49:30Z", fractions to 9 digits, offsets "+01:00".
 *
 * @return 0, or NIP_E_INVALID. Any thread.
 */
NIP_API int nip_time_parse(const char *text, nip_time *time, nip_error **err);
/** Writes `time` as RFC 3339 UTC with as many digits of a second as it needs (0, 3, 6 or 9). Owned; NULL: no memory. */
NIP_API char *nip_time_format(nip_time time);
/**
 * Reads a length of time: one or more of number+unit, largest unit first: "90s", "1h30m", "250ms", "1.5s", "0s".
 * Units: ns us ms s m h d w. A bare number other than 0 is refused, since its unit would be a guess.
 *
 * @return 0, or NIP_E_INVALID. Any thread.
 */
NIP_API int nip_duration_parse(const char *text, nip_duration *duration, nip_error **err);
/** Writes a length of time as nip_duration_parse reads it, "1h30m". Owned; NULL: no memory. */
NIP_API char *nip_duration_format(nip_duration duration);

#ifdef __cplusplus
}
#endif

#endif
