/* The `shadow:` part of a rollout document, and what of it the driver is given. */
#ifndef NIP__COMPARE_DOCUMENT_H
#define NIP__COMPARE_DOCUMENT_H

#include "doc/doc.h"

extern const nip__field nip__recording_fields[]; /* arguments of check/requests */
extern const nip__field nip__replay_fields[];    /* arguments of check/compare */
extern const nip__field nip__shadow_compare_fields[], nip__shadow_limit_fields[], nip__shadow_header_fields[];
extern const nip__field nip__method_item;

/* Keys of a shadow part that both verbs take, and those that only comparing does; end with NULL. */
extern const char *const nip__recording_keys[], *const nip__replay_keys[];

/* What a schema cannot say of `part`: any map with these keys. `path` is its own pointer. */
void nip__compare_check_part(const nip__value *part, const char *path, const char *file, nip__problems *problems);

/* The keys as they stand in both places. */
#define NIP__RECORDING_KEYS                                                                                            \
    {.name = "requests",                                                                                               \
     .type = NIP__T_TEXT,                                                                                              \
     .flags = NIP__F_REQUIRED,                                                                                         \
     .min = 1,                                                                                                         \
     .max = 4096,                                                                                                      \
     .help = "file of recorded requests: HAR, or JSON lines {method, url, headers, body}"},                            \
        {.name = "sha256",                                                                                             \
         .type = NIP__T_TEXT,                                                                                          \
         .min = 64,                                                                                                    \
         .max = 64,                                                                                                    \
         .help = "what the file's SHA-256 must be, 64 hex digits"},                                                    \
        {.name = "methods",                                                                                            \
         .type = NIP__T_LIST,                                                                                          \
         .flags = NIP__F_ONE_OR_LIST,                                                                                  \
         .min = 1,                                                                                                     \
         .max = 20,                                                                                                    \
         .item = &nip__method_item,                                                                                    \
         .otherwise = "[GET, HEAD, OPTIONS]",                                                                          \
         .help = "requests of other methods are not sent: they may change things"},                                    \
        {.name = "max_requests",                                                                                       \
         .type = NIP__T_INT,                                                                                           \
         .min = 1,                                                                                                     \
         .max = 100000,                                                                                                \
         .otherwise = "10000",                                                                                         \
         .help = "more are not sent"},                                                                                 \
    {                                                                                                                  \
        .name = "headers", .type = NIP__T_MAP, .fields = nip__shadow_header_fields, .otherwise = "{}",                 \
        .help = "of the requests that are sent"                                                                        \
    }

#define NIP__REPLAY_KEYS                                                                                               \
    {.name = "base",                                                                                                   \
     .type = NIP__T_TEXT,                                                                                              \
     .min = 1,                                                                                                         \
     .max = 1000,                                                                                                      \
     .otherwise = "\"http://{endpoint}\"",                                                                             \
     .help = "what a recorded path is appended to"},                                                                   \
        {.name = "tls", .type = NIP__T_MAP, .fields = nip__tls_fields, .help = "certificates"},                        \
        {.name = "rate",                                                                                               \
         .type = NIP__T_NUMBER,                                                                                        \
         .min = 0.01,                                                                                                  \
         .max = 1000,                                                                                                  \
         .otherwise = "20",                                                                                            \
         .help = "most recorded requests a second; each is sent to both versions"},                                    \
        {.name = "concurrency",                                                                                        \
         .type = NIP__T_INT,                                                                                           \
         .min = 1,                                                                                                     \
         .max = 100,                                                                                                   \
         .otherwise = "4",                                                                                             \
         .help = "most recorded requests under way"},                                                                  \
        {.name = "timeout",                                                                                            \
         .type = NIP__T_DURATION,                                                                                      \
         .min = 0.001,                                                                                                 \
         .max = 3600,                                                                                                  \
         .otherwise = "10s",                                                                                           \
         .help = "of one answer"},                                                                                     \
        {.name = "within",                                                                                             \
         .type = NIP__T_DURATION,                                                                                      \
         .min = 1,                                                                                                     \
         .max = 86400,                                                                                                 \
         .otherwise = "15m",                                                                                           \
         .help = "of the whole; what was not sent by then is not compared"},                                           \
        {.name = "max_body",                                                                                           \
         .type = NIP__T_BYTES,                                                                                         \
         .min = 1,                                                                                                     \
         .max = 16777216,                                                                                              \
         .otherwise = "1MiB",                                                                                          \
         .help = "larger answers are none"},                                                                           \
        {.name = "baseline",                                                                                           \
         .type = NIP__T_BOOL,                                                                                          \
         .otherwise = "true",                                                                                          \
         .help = "the old version is asked twice, so that what it answers differently by itself does not count"},      \
        {.name = "compare",                                                                                            \
         .type = NIP__T_MAP,                                                                                           \
         .fields = nip__shadow_compare_fields,                                                                         \
         .otherwise = "{}",                                                                                            \
         .help = "what of the answers is compared"},                                                                   \
        {.name = "limits",                                                                                             \
         .type = NIP__T_MAP,                                                                                           \
         .fields = nip__shadow_limit_fields,                                                                           \
         .otherwise = "{}",                                                                                            \
         .help = "what passes"},                                                                                       \
    {                                                                                                                  \
        .name = "examples", .type = NIP__T_INT, .min = 0, .max = 20, .otherwise = "3",                                 \
        .help = "kept of each place that differs"                                                                      \
    }

#endif
