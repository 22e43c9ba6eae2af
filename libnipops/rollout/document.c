/* The rollout document as a kind. */
#include "rollout/document.h"

const nip__doc_kind nip__doc_rollout = {
    .name = "rollout",
    .fields = nip__rollout_document_fields,
    .check = nip__rollout_check,
    .adapt = nip__rollout_adapt,
};
