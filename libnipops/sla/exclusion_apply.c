/* What exclusions leave out of a period. */
#include "base/text.h"
#include "sla/exclusion.h"

/* All that counts of one class, or of any (NULL), as if there were no limit. */
static int add_class(const nip__exclusions *list, const nip__exclusion_question *q, const char *name, nip__spans *out)
{
    int rc = 0;
    for (size_t i = 0; i < list->count && rc == 0; i++) {
        const nip__exclusion *one = &list->items[i];
        bool asked = name == NULL || nip__text_equal(one->class_name, name);
        if (asked && nip__exclusion_counts(one, q->objective, q->as_of))
            rc = nip__exclusion_add_spans(one, q->begin, q->end, out);
    }
    return rc;
}

/* The first `most` ms of a set. */
static void cut(nip__spans *set, int64_t most)
{
    size_t kept = 0;
    for (; kept < set->count && most > 0; kept++) {
        nip__span *span = &set->items[kept];
        if (span->end - span->begin > most)
            span->end = span->begin + most;
        most -= span->end - span->begin;
    }
    set->count = kept;
}

static int apply_class(const nip__exclusions *list, const nip__exclusion_question *q, nip__exclusion_class *of, nip__spans *out)
{
    nip__spans own = {0};
    int rc = add_class(list, q, of->name, &own);
    int64_t asked = nip__spans_length(&own);
    if (of->max_ms >= 0)
        cut(&own, of->max_ms);
    if (rc == 0)
        rc = nip__spans_union(out, &own, out);
    of->asked_ms = asked;
    of->counted_ms = nip__spans_length(&own);
    nip__spans_clear(&own);
    return rc;
}

int nip__exclusions_apply(const nip__exclusions *list, const nip__exclusion_question *question, nip__spans *out)
{
    nip__spans made = {0};
    int rc = question->classes == NULL ? add_class(list, question, NULL, &made) : 0;
    for (size_t i = 0; question->classes != NULL && i < question->class_count && rc == 0; i++)
        rc = apply_class(list, question, &question->classes[i], &made);
    if (rc < 0) {
        nip__spans_clear(&made);
        return rc;
    }
    nip__spans_clear(out);
    *out = made;
    return 0;
}
