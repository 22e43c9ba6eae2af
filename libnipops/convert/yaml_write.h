/* A tree as YAML for people: maps in block style, everything else as JSON, which YAML reads as it is. */
#ifndef NIP__YAML_WRITE_H
#define NIP__YAML_WRITE_H

#include "doc/value.h"

void nip__yaml_write(nip__buffer *buffer, const nip__value *map, int indent);

#endif
