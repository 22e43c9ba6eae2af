/* What is not looked at when answers are compared: places in JSON, pieces of text. */
#ifndef NIP__COMPARE_RULES_H
#define NIP__COMPARE_RULES_H

#include "base/error.h"
#include "doc/value.h"

enum { NIP__RULES_MAX = 100, NIP__RULE_TEXT_MAX = 400, NIP__PLACE_DEPTH = 64 };

/* Where in a JSON text: keys, and indexes as decimal text. */
typedef struct nip__place_at {
    const char *parts[NIP__PLACE_DEPTH];
    size_t depth;
} nip__place_at;

typedef struct nip__rules nip__rules;

/* From a list of {pointer} and {regex} maps; NULL: no rules. Owned: nip__rules_free. Each problem names the rule's place in `file`. */
int nip__rules_read(const nip__value *list, const char *file, const char *path, nip__rules **rules,
                    nip__problems *problems);
void nip__rules_free(nip__rules *rules);

/* Is this place, or one that it lies in, ignored? A "*" in a rule stands for any one key or index. */
bool nip__rules_ignore(const nip__rules *rules, const nip__place_at *at);

/* Two answers of so many bytes together will be compared: what regular expressions may cost in all their texts is measured by that, and
 * counted anew. It is counted in steps, not in time, so that the same answers always give the same. */
void nip__rules_begin(nip__rules *rules, size_t bytes);

/* Are two texts equal once every piece that a regular expression matches is left out? When that would take too long for one of the
 * expressions, false, and *too_long names the rule, borrowed from the rules: nobody knows. Else *too_long is NULL. */
bool nip__rules_same(nip__rules *rules, const char *a, size_t a_length, const char *b, size_t b_length,
                     const char **too_long);
/* Was memory out since this was last asked? Then what nip__rules_same said counts for nothing. */
bool nip__rules_take_failure(nip__rules *rules);
/* How often an expression would have taken too long. */
int64_t nip__rules_exhausted(const nip__rules *rules);

#endif
