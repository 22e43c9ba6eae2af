/* nginx through one generated file that its configuration includes: role router. The pure parts are the state and the
 * text of that file (nginx_text.c), what is made of them (nginx_state.c), and what nginx says of its configuration
 * (nginx_dump.c, nginx_words.c). What touches nginx is nginx_process.c, nginx_ask.c, nginx_keep.c, nginx_write.c and
 * nginx.c.
 *
 * A write is a new generation of the file. It counts once nginx itself answers with it: the file makes a small server
 * that tells generation and state. */
#ifndef NIP__NGINX_H
#define NIP__NGINX_H

#include <stdbool.h>
#include <stdint.h>
#include "base/arena.h"
#include "base/buffer.h"
#include "doc/value.h"
#include "driver/driver.h"
#include "driver/traffic.h"

extern const nip__driver_kind nip__driver_nginx; /* nginx.c */

enum {
    NIP__NGINX_FILE_MAX = 4 * 1024 * 1024,
    NIP__NGINX_REPLY_MAX = 1024,
    NIP__NGINX_TOKEN_MAX = 256, /* "nipops NAME generation N state HEX" */
    NIP__NGINX_NAME_MAX = 64,
    NIP__NGINX_MARK_MAX = 17, /* 16 digits */
    NIP__NGINX_PATH_MAX = 1024,
};

/* How traffic is shared out: by the weights of servers, or by a key of each request. */
typedef enum nip__nginx_by { NIP__NGINX_WEIGHTS, NIP__NGINX_SPLIT } nip__nginx_by;

typedef struct nip__nginx_settings {
    const char *file, *upstream, *status; /* status: "127.0.0.1:9091" */
    const char *conf, *pid;               /* may be NULL */
    const nip__value *nginx, *reload;     /* lists of texts; reload may be NULL: SIGHUP to the master */
    nip__nginx_by by;
    const char *key;
    int64_t max_fails;
    nip_duration fail_timeout, timeout;
} nip__nginx_settings;

/* ---- nginx_state.c ---- */

/* What is routed and mirrored. */
typedef struct nip__nginx_mirror {
    char (*endpoints)[NIP__ENDPOINT_MAX];
    size_t count;        /* 0: off */
    int percent;         /* hundredths, 1 to 10000 */
    const char *version; /* may be NULL */
} nip__nginx_mirror;

typedef struct nip__nginx_state {
    const nip__value *groups, *drain, *mirror; /* as they stand in the file; NULL: none */
    nip__wanted wanted;                        /* groups and drain, read */
    double got[NIP__GROUPS_MAX];               /* percent that each group gets */
    int parts[NIP__GROUPS_MAX];                /* hundredths of a percent, when traffic is split by a key */
    double resolution;
    nip__nginx_mirror mirrored;
} nip__nginx_state;

/* Checks arguments (or what stood in a file) and works out weights. */
bool nip__nginx_state_read(nip__arena *arena, nip__nginx_by by, const nip__value *groups, const nip__value *drain,
                           const nip__value *mirror, nip__nginx_state *state, nip__trouble *trouble);
/* `groups` in the order in which those that are known stand in `earlier`: clients of a key keep their version. */
const nip__value *nip__nginx_ordered(nip__arena *arena, const nip__value *groups, const nip__value *earlier);
/* Does every endpoint get the same share in both? */
bool nip__nginx_same_traffic(const nip__nginx_state *one, const nip__nginx_state *other);
bool nip__nginx_same_mirror(const nip__nginx_state *one, const nip__nginx_state *other);
nip__value *nip__nginx_route_result(nip__arena *arena, const nip__nginx_state *state);
nip__value *nip__nginx_mirror_result(nip__arena *arena, const nip__nginx_state *state);
/* router/observe's endpoints; `old_workers` as nip__nginx_old_workers tells it. */
nip__value *nip__nginx_endpoints(nip__arena *arena, const nip__nginx_state *state, int64_t old_workers);

/* ---- nginx_text.c ---- */

/* A name for an upstream that can begin a variable's name too. */
bool nip__nginx_name(const char *name);
/* A key of split_clients: variables and plain characters, nothing that ends a quoted text. */
bool nip__nginx_key(const char *key);
/* Tells texts of this file from each other, and from those of other files. */
void nip__nginx_mark(const nip__nginx_settings *settings, const char *text, size_t length,
                     char mark[NIP__NGINX_MARK_MAX]);
/* The file's text. `before`: the mark of what stood there last and was in force; "": it is not told. What nginx is to
 * answer once the text is in force goes to `token`. */
void nip__nginx_render(nip__buffer *text, const nip__nginx_settings *settings, const nip__nginx_state *state,
                       int64_t generation, const char *before, char token[NIP__NGINX_TOKEN_MAX]);

typedef enum nip__nginx_found {
    NIP__NGINX_MISSING, /* no file, or an empty one */
    NIP__NGINX_BLANK,   /* ours, before anything was routed */
    NIP__NGINX_OURS,
    NIP__NGINX_EDITED, /* ours, changed by other hands */
    NIP__NGINX_ALIEN,  /* never ours */
} nip__nginx_found;

typedef struct nip__nginx_file {
    nip__nginx_found found;
    int64_t generation;
    nip__nginx_state state;
    char token[NIP__NGINX_TOKEN_MAX]; /* "": none */
    char before[NIP__NGINX_MARK_MAX]; /* as it was rendered */
} nip__nginx_file;

/* What a file's text is. */
void nip__nginx_parse(nip__arena *arena, const nip__nginx_settings *settings, const char *text, size_t length,
                      nip__nginx_file *file);
/* Takes the generation out of an answer of our server; false: it is somebody else's answer. */
bool nip__nginx_read_token(const nip__nginx_settings *settings, const char *text, size_t length, int64_t *generation,
                           char token[NIP__NGINX_TOKEN_MAX]);

/* ---- nginx_dump.c ---- */

/* What `nginx -T` says of a configuration. */
typedef struct nip__nginx_dump {
    bool told;     /* it was there to be read */
    bool includes; /* our file */
    bool mirrors;  /* somebody else than our file sends copies of requests to our mirror */
    char copy[NIP__NGINX_PATH_MAX]; /* another file that begins as ours does; "": none */
} nip__nginx_dump;

nip__nginx_dump nip__nginx_read_dump(const nip__nginx_settings *settings, const char *text);
/* `said`: why nginx refuses its configuration. Is it because of a copy of our file beside it, FILE.bak? */
void nip__nginx_refused_copy(const nip__nginx_settings *settings, const char *said, char copy[NIP__NGINX_PATH_MAX]);

#endif
