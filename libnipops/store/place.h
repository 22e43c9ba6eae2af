/* Where a store's file lies: what must hold of the place before SQLite may touch it. */
#ifndef NIP__PLACE_H
#define NIP__PLACE_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include "nipops/base.h"

typedef struct nip__place {
    char path[PATH_MAX];   /* of the file; never one that SQLite would read as a special name or URI */
    char folder[PATH_MAX]; /* its folder, symbolic links resolved */
    bool writable;         /* files may be made in the folder */
} nip__place;

/* Creates folder (mode 0700) and file (0600) where missing, and refuses network file systems. */
int nip__place_prepare(const char *path, nip__place *place, nip_error **err);
/* The same for a file that is only read: creates nothing; NIP_E_NOTFOUND. */
int nip__place_find(const char *path, nip__place *place, nip_error **err);

/* Name of a file system (statfs f_type) whose locks cannot be trusted; NULL: it may be used. */
const char *nip__place_network(uint32_t type);
/* NIP_E_* for an errno of opening or writing a store's file. */
int nip__place_code(int os_errno);

#endif
