/* Predicates on results. */
#include "plan/predicate.h"

#include <string.h>

#include "base/text.h"
#include "doc/json.h"

const char *const nip__operator_names[] = {"==", "!=", "<", "<=", ">", ">=", "contains", "lacks", NULL};

bool nip__predicate_is_place(const nip__value *value)
{
    return nip__is(value, NIP__MAP) && nip__get_text(value, "at") != NULL && nip__get(value, "from") == NULL;
}

static const nip__value *place(const nip__value *const *results, size_t count, size_t of, const char *at)
{
    return of < count ? nip__pointer(results[of], at) : NULL;
}

static const nip__value *wanted(const nip__value *value, const nip__value *const *results, size_t count)
{
    if (!nip__predicate_is_place(value))
        return value;
    return place(results, count, (size_t)nip__get_int(value, "of", 0), nip__get_text(value, "at"));
}

static bool contains(const nip__value *list, const nip__value *wanted_item)
{
    for (NIP__EACH(item, list)) {
        if (nip__equal(item, wanted_item))
            return true;
    }
    return false;
}

/* Only numbers with numbers and texts with texts have an order. */
static bool ordered(const nip__value *a, const nip__value *b, int *order)
{
    double x, y;
    if (nip__number(a, &x) && nip__number(b, &y)) {
        if (a->kind == NIP__INT && b->kind == NIP__INT)
            *order = (a->as.integer > b->as.integer) - (a->as.integer < b->as.integer);
        else
            *order = (x > y) - (x < y);
        return true;
    }
    if (nip__is(a, NIP__STRING) && nip__is(b, NIP__STRING)) {
        *order = strcmp(a->as.string.text, b->as.string.text);
        return true;
    }
    return false;
}

bool nip__predicate_holds(const nip__predicate *predicate, const nip__value *value, const nip__value *const *results, size_t count)
{
    const nip__value *found = place(results, count, predicate->of, predicate->at);
    const nip__value *other = wanted(value, results, count);
    if (found == NULL || other == NULL)
        return predicate->op == NIP__NE || predicate->op == NIP__LACKS;
    int order = 0;
    switch (predicate->op) {
    case NIP__EQ:
        return nip__equal(found, other);
    case NIP__NE:
        return !nip__equal(found, other);
    case NIP__CONTAINS:
        return contains(found, other);
    case NIP__LACKS:
        return !contains(found, other);
    case NIP__LT:
        return ordered(found, other, &order) && order < 0;
    case NIP__LE:
        return ordered(found, other, &order) && order <= 0;
    case NIP__GT:
        return ordered(found, other, &order) && order > 0;
    case NIP__GE:
        return ordered(found, other, &order) && order >= 0;
    }
    return false;
}

void nip__predicate_write(nip__buffer *buffer, const nip__predicate *predicate, const nip__value *value,
                          const nip__value *const *results, size_t count)
{
    const nip__value *found = place(results, count, predicate->of, predicate->at);
    const nip__value *other = wanted(value, results, count);
    nip__buffer_text(buffer, predicate->at[0] == '/' ? predicate->at + 1 : predicate->at);
    if (found == NULL) {
        nip__buffer_text(buffer, " is not known");
    } else {
        nip__buffer_text(buffer, " is ");
        nip__json_write(buffer, found);
    }
    nip__buffer_printf(buffer, ", must be %s ", nip__operator_names[predicate->op]);
    nip__json_write(buffer, other);
}
