/* The train document: several apps that are released together. */
#ifndef NIP__TRAIN_DOCUMENT_H
#define NIP__TRAIN_DOCUMENT_H

#include "doc/doc.h"

#define NIP__TRAIN_BARRIER "barrier" /* id of the step of an app's plan at which it waits for the others */

extern const nip__field nip__train_fields[]; /* top-level key included */

#endif
