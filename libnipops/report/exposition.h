/* Prometheus' text exposition format, version 0.0.4: families of samples with labels.
 * https://prometheus.io/docs/instrumenting/exposition_formats/ */
#ifndef NIP__EXPOSITION_H
#define NIP__EXPOSITION_H

#include "base/buffer.h"

typedef struct nip__label {
    const char *name, *value; /* value NULL: the label is left out */
} nip__label;

/* # HELP and # TYPE. */
void nip__exposition_family(nip__buffer *buffer, const char *name, const char *type, const char *help);
/* One sample; `labels` ends with a NULL name. */
void nip__exposition_sample(nip__buffer *buffer, const char *name, const nip__label *labels, double value);

#endif
