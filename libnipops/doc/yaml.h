/* YAML in, through libyaml's events: its document loader is quadratic in anchors. JSON is read as YAML's subset by nip__json_read. */
#ifndef NIP__YAML_H
#define NIP__YAML_H

#include "doc/json.h"

/* Rules and limits: nipops/doc.h. Positions are those of the text; an alias's values bear the position of the alias. */
int nip__yaml_read(nip__arena *arena, const char *text, size_t length, const char *name, const nip__limits *limits,
                   nip__value **value, nip_error **err);
/* One scalar by the same rules ("6" is an integer, "true" a boolean, "1.4.0" a string). */
nip__value *nip__yaml_scalar(nip__arena *arena, const char *text);

#endif
