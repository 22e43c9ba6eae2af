/* What must be known of a URL before it is used, and how it may be shown. */
#ifndef NIP__URL_H
#define NIP__URL_H

#include <stdbool.h>
#include "base/buffer.h"

/* Appends `url` with user name and password replaced by three asterisks. */
void nip__url_write(nip__buffer *buffer, const char *url);

enum { NIP__HOST_MAX = 256 };

typedef struct nip__url {
    char scheme[16];
    char host[NIP__HOST_MAX]; /* IPv6 without brackets */
    int port;                 /* 0: not named and no default known */
    bool numeric;             /* the host is an IP address */
} nip__url;

/* False when it is not scheme://host[:port]... */
bool nip__url_read(const char *url, nip__url *parts);

/* Appends `url`, which nip__url_read has accepted, with `name` in place of its host. False when `name` cannot be a
 * host's name, or the buffer has failed. */
bool nip__url_rename(nip__buffer *buffer, const char *url, const char *name);

#endif
