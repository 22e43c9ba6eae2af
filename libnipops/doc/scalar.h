/* What a plain YAML scalar stands for. */
#ifndef NIP__SCALAR_H
#define NIP__SCALAR_H

#include "doc/value.h"

/* Sets kind and content of `value` except for text, whose kind is set only: the caller holds the text. `text` ends
 * with a NUL. */
void nip__scalar_resolve(nip__value *value, const char *text, size_t length);
/* -?(0|[1-9][0-9]*) */
bool nip__scalar_is_int(const char *text);
/* The same with a fraction or an exponent. */
bool nip__scalar_is_real(const char *text);

#endif
