/* Instances as processes of this machine: role target.
 *
 * Every instance leads a session of its own, so that it survives us and its whole family can be signalled. It is
 * known by a token in its environment that follows from the action that started it, and by a small file that names
 * pid, start time and boot. The file is the quick way to find it, the token the sure one: it is there from the
 * moment the process is. */
#ifndef NIP__LOCAL_H
#define NIP__LOCAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "base/arena.h"
#include "driver/driver.h"
#include "op/loop.h"

extern const nip__driver_kind nip__driver_local; /* local.c */

enum { NIP__LOCAL_PORTS = 65536 };

typedef struct nip__local_settings {
    const nip__value *command; /* list of texts */
    const nip__value *env;     /* map; may be NULL */
    const char *host, *folder, *log_dir, *artifact_path, *state_dir;
    int port_first, port_last;
    nip_duration stop_grace, start_timeout;
} nip__local_settings;

/* ---- local_process.c: what /proc tells ---- */

typedef struct nip__local_process {
    pid_t pid, parent, session;
    uint64_t start; /* clock ticks since boot: with the boot's id, a process for all time */
    bool dead;      /* a zombie */
} nip__local_process;

/* 1: read, 0: there is none, -1: cannot be known now (errno says why), which must never pass for "none". */
int nip__local_process_read(pid_t pid, nip__local_process *process);
bool nip__local_boot(char *out, size_t size);      /* this boot's id; false: errno says why */
bool nip__local_namespace(char *out, size_t size); /* our pid namespace; likewise */
/* A descriptor of exactly that process; -1: it is gone, -2: cannot be known now (errno says why). */
int nip__local_process_open(pid_t pid, uint64_t start);
/* Does it belong to our user and pid namespace, so that it can be signalled as those that we start? 1: yes, 0: no or gone, -1: not known. */
int nip__local_process_ours(pid_t pid);
/* Takes the exit status of a child of ours that has ended. False: not a child, or not ended. exit_code is -1 when a
 * signal ended it. */
bool nip__local_process_reap(int pidfd, int *exit_code, int *exit_signal);

/* Processes of this user and pid namespace that bear a token of `state_dir`. Arrays live in the arena. */
typedef struct nip__local_bearer {
    nip__local_process process;
    const char *token, *version, *subject;
    int port;
} nip__local_bearer;

typedef struct nip__local_scan {
    nip__local_bearer *bearers;
    size_t count;
} nip__local_scan;

int nip__local_scan_all(nip__arena *arena, const char *state_dir, nip__local_scan *scan, nip_error **err);
/* The processes of an instance: those of the session it leads and those that bear its token. One that was adopted may do neither: it, what
 * descends from it, and what was seen to descend from it before it ended. */
typedef struct nip__local_family {
    pid_t leader;
    uint64_t start;
    const char *token;
    bool adopted;
    const nip__local_process *kin;
    size_t kin_count;
    int count; /* out: how many live */
} nip__local_family;

/* Signals all members of several families in one walk through /proc; signal 0 only counts. Fails when it is not known
 * of every process whether it is a member; those that are known have been signalled then, as far as the walk came. */
int nip__local_signal_families(nip__local_family *families, size_t count, const char *state_dir, int number,
                               nip_error **err);

/* Those of all living processes that descend from this one. Arrays live in the arena. */
int nip__local_descendants(nip__arena *arena, pid_t pid, uint64_t start, const nip__local_process **kin, size_t *count,
                           nip_error **err);

/* ---- local_listen.c: who listens ---- */

enum { NIP__LOCAL_SOCKETS = 64, NIP__LOCAL_HOLDERS = 64 };

/* Listening sockets at an address; those at this very address are preferred to those at all addresses. */
typedef struct nip__local_sockets {
    uint64_t inodes[NIP__LOCAL_SOCKETS];
    size_t count;
    int fit; /* of those found so far */
} nip__local_sockets;

typedef struct nip__local_wanted {
    const char *host;
    int port;
    nip__local_sockets sockets;                     /* out */
    nip__local_process holders[NIP__LOCAL_HOLDERS]; /* out: processes that have one of them open, as far as we may see */
    size_t holder_count;
    bool crowded; /* out: there are more than fit in here */
    bool held;
} nip__local_wanted;

/* Pure: takes in what /proc/net/tcp or tcp6 says of an address. False: the host is no IP address, or there are too many. */
bool nip__local_sockets_read(const char *table, bool v6, const char *host, int port, nip__local_sockets *sockets);
/* Finds the listeners of several addresses in one walk through /proc. */
int nip__local_listeners(nip__local_wanted *wanted, size_t count, nip_error **err);

/* ---- local_adopt.c ---- */

/* Pure: is this command line (words with a NUL each) that of `argv`, or of an interpreter that runs it? */
bool nip__local_runs(const char *text, size_t length, const char *const *argv);

/* ---- local_instance.c: the instances of a subject ---- */

typedef struct nip__local_instance {
    const char *id; /* the token */
    const char *version, *artifact, *endpoint, *log;
    int port;
    pid_t pid;
    uint64_t start;
    int64_t log_from; /* where its output begins in the log */
    nip_time started;
    bool running;
    bool has_exit;
    int exit_code, exit_signal;
    bool has_file;
    bool adopted; /* started by somebody else: without token, and perhaps without a session of its own */
} nip__local_instance;

typedef struct nip__local_instances {
    nip__local_instance *list;
    size_t count;
    bool taken
        [NIP__LOCAL_PORTS]; /* ports of running instances, of this subject and of others with the same state folder */
} nip__local_instances;

/* Reads files and processes, and notes in the files what became of ended children of ours. */
int nip__local_instances_read(nip__arena *arena, const nip__local_settings *settings, const char *subject,
                              nip__local_instances *instances, nip_error **err);
int nip__local_instance_write(const nip__local_settings *settings, const char *subject,
                              const nip__local_instance *instance, nip_error **err);
/* Forgets an instance; nothing happens when another one has taken its file meanwhile. */
void nip__local_instance_remove(const nip__local_settings *settings, const char *subject,
                                const nip__local_instance *instance);
nip_time nip__local_started(uint64_t ticks); /* instant of a process's start time */
/* Its last `max` bytes of output. */
void nip__local_instance_tail(const nip__local_instance *instance, size_t max, nip__buffer *text);
nip__value *nip__local_observed(nip__arena *arena, const nip__local_settings *settings,
                                const nip__local_instances *instances);
char *nip__local_log_path(nip__arena *arena, const nip__local_settings *settings, const char *subject, int port);

/* ---- local_ports.c ---- */

bool nip__local_ports_read(const char *text, int *first, int *last); /* "9100-9199", or one port */
bool nip__local_port_free(const char *host, int port); /* could be listened to */
bool nip__local_port_unused(int port);                 /* nobody listens at any IPv4 address */
/* The next port of the range that nobody has; 0: none. Marks it taken. */
int nip__local_port_take(const nip__local_settings *settings, nip__local_instances *instances);
int64_t nip__local_ports_free(const nip__local_settings *settings, const nip__local_instances *instances);
/* Begins or goes on with a connection; *fd is -1 at first. 1: somebody listens, 0: not yet known, -1: nobody. */
int nip__local_port_probe(const char *host, int port, int *fd);
/* The host and port of "127.0.0.1:9100" or "[::1]:9100". False: it is no IP address with a port. */
bool nip__local_endpoint_split(const char *endpoint, char *host, size_t size, int *port);
bool nip__local_endpoint_free(const char *endpoint); /* could be listened to */
char *nip__local_endpoint(nip__arena *arena, const char *host, int port);
bool nip__local_host(const char *host); /* an IP address */

/* ---- local_plan.c: pure ---- */

typedef struct nip__local_version {
    const char *name, *artifact;
    const nip__value *settings;
    int64_t replicas, missing;
} nip__local_version;

typedef struct nip__local_plan {
    nip__local_version *versions;
    size_t version_count;
    const nip__local_instance **stop; /* running ones */
    size_t stop_count;
    const nip__local_instance **forget; /* ended ones of the named versions */
    size_t forget_count;
} nip__local_plan;

/* What is to be started and stopped. False: `*wrong` says what is wrong with the arguments. */
bool nip__local_plan_make(nip__arena *arena, const nip__value *args, const nip__local_instances *instances,
                          nip__local_plan *plan, const char **wrong);
/* "in_force", "not_yet" or "foreign" (then *message says what was found). */
const char *nip__local_settle(nip__arena *arena, const nip__value *args, const nip__value *before,
                              const nip__local_instances *instances, const char **message);
/* target/instances' result, without `stopped`. */
nip__value *nip__local_result(nip__arena *arena, const nip__value *args, const nip__local_instances *instances);
nip__value *nip__local_select(nip__arena *arena, const nip__value *args, const nip__local_instances *instances);

/* ---- local_command.c ---- */

typedef struct nip__local_start {
    const char *token, *version, *artifact, *subject;
    int port;
    const nip__value *settings;  /* of the version; may be NULL */
    const char *endpoint, *id;   /* NULL: {endpoint} and {id} stay as they are */
} nip__local_start;

/* Command line and environment of an instance, NULL-terminated. False: *wrong says why. */
bool nip__local_command(nip__arena *arena, const nip__local_settings *settings, const nip__local_start *start,
                        const char *const **argv, const char *const **env, const char **wrong);
/* The command line alone; NULL: no memory. */
const char *const *nip__local_words(nip__arena *arena, const nip__local_settings *settings,
                                    const nip__local_start *start);
/* `text` with {port} {version} {artifact} {app} {host}, and where they are given {endpoint} {id}, filled in. NULL: no
 * memory. */
char *nip__local_fill(nip__arena *arena, const nip__local_settings *settings, const nip__local_start *start,
                      const char *text);
/* Is there something to start? *detail tells what was looked for. */
bool nip__local_artifact(nip__arena *arena, const nip__local_settings *settings, const nip__local_start *start,
                         const char **detail);

#endif
