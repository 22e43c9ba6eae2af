/* The kinds of documents, and how one is told from another. */
#include "doc/doc.h"

#include "base/text.h"

enum { KEYS_MAX = 8 };

static const struct {
    const nip__doc_kind *kind;
    const char *keys[KEYS_MAX]; /* top-level keys of its other accepted form: any of them shows the kind */
} kinds[] = {
    {&nip__doc_rollout, {"initial_canary_percentage", "promotion_stages", "thresholds", "strategy", "image_tag", NULL}},
    {&nip__doc_health, {NULL}},
    {&nip__doc_train, {NULL}},
    {&nip__doc_sla, {"service_level_agreements", NULL}},
    {&nip__doc_plan, {NULL}},
};
enum { KIND_COUNT = sizeof kinds / sizeof kinds[0] };

const nip__doc_kind *nip__doc_kind_of(const nip__value *root)
{
    const char *stated = nip__get_text(root, "kind");
    for (int i = 0; i < KIND_COUNT; i++) {
        if (nip__text_equal(stated, kinds[i].kind->name) || nip__get(root, kinds[i].kind->name) != NULL)
            return kinds[i].kind;
    }
    for (int i = 0; i < KIND_COUNT; i++) {
        for (const char *const *key = kinds[i].keys; *key != NULL; key++) {
            if (nip__get(root, *key) != NULL)
                return kinds[i].kind;
        }
    }
    return NULL;
}

const nip__doc_kind *nip__doc_kind_named(const char *name)
{
    for (int i = 0; i < KIND_COUNT; i++) {
        if (nip__text_equal(name, kinds[i].kind->name))
            return kinds[i].kind;
    }
    return NULL;
}

const char *const *nip__doc_kind_names(void)
{
    static const char *const names[] = {"rollout", "train", "health", "sla", "plan", NULL};
    return names;
}
