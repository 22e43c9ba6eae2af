/* Who holds a lease: a process, named so that another process can tell whether it still lives. */
#ifndef NIP__HOST_H
#define NIP__HOST_H

#include <stdbool.h>
#include "doc/json.h"

typedef struct nip__holder {
    char host[40]; /* a digest of the machine-id, which itself is not for showing; without one the host's name */
    char name[72]; /* the host's name, for people */
    char boot[40]; /* changes with every boot of the kernel; "": unknown */
    int64_t pid_namespace; /* inode; process numbers mean something inside it only. 0: unknown */
    int64_t pid;
    int64_t start;  /* clock ticks from boot: tells a process from a later one with its number. 0: unknown */
    nip_time since; /* when it took the lease */
} nip__holder;

/* What can be known of a holder from here. */
typedef enum nip__life { NIP__LIFE_UNKNOWN, NIP__LIFE_GONE, NIP__LIFE_ALIVE, NIP__LIFE_SELF } nip__life;

void nip__holder_self(nip__holder *holder, nip_time since);
/* UNKNOWN unless the holder is of this boot and of this pid namespace. */
nip__life nip__holder_life(const nip__holder *holder);

void nip__holder_write(nip__writer *writer, const char *key, const nip__holder *holder);
bool nip__holder_read(const nip__value *value, nip__holder *holder); /* false: not a holder */

#endif
