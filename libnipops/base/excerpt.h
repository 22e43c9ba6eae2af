/* Long texts of people, cut: somebody who gives a whole log for a reason must not be refused for it. */
#ifndef NIP__EXCERPT_H
#define NIP__EXCERPT_H

#include "base/buffer.h"

enum { NIP__REASON_MAX = 65536 }; /* bytes of a reason that a record keeps */

/* Puts `text` as it is when it has at most `most` bytes; else whole characters of its beginning and "... (cut: N bytes in all)". NULL puts nothing. */
void nip__excerpt(nip__buffer *out, const char *text, size_t most);

#endif
