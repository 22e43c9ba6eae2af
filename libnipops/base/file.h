/* Whole files. The only part of base that touches the world. */
#ifndef NIP__FILE_H
#define NIP__FILE_H

#include <stddef.h>
#include "nipops/base.h"
#include "base/buffer.h"

/* Appends a file's bytes to `buffer`; larger than `max` bytes: NIP_E_LIMIT. "-" is standard input. */
int nip__file_read(const char *path, size_t max, nip__buffer *buffer, nip_error **err);
/* Replaces a file in one durable move (temporary file, fsync, rename, fsync of the folder), mode 0600. */
int nip__file_write(const char *path, const char *data, size_t length, nip_error **err);
/* Where a path leads whose last part may be a symbolic link, also one to nothing; owned. */
int nip__file_target(const char *path, char **target, nip_error **err);
/* The same for a file that others read: it keeps its permissions, and its owner where that is allowed. A symbolic link stays one:
 * what it leads to is replaced. */
int nip__file_rewrite(const char *path, const char *data, size_t length, nip_error **err);
/* Removes a file, or what the link leads to; one that is not there is removed already. */
int nip__file_remove(const char *path, nip_error **err);
/* Appends the last `max` bytes of a file, from the beginning of a line where possible. A missing file appends nothing. */
int nip__file_tail(const char *path, size_t max, nip__buffer *buffer);
/* Creates a folder and its parents with mode 0700. */
int nip__file_make_folder(const char *path, nip_error **err);

#endif
