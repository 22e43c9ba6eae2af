/* What to leave out of a comparison: JSON pointers for places, regular expressions for pieces of other text. */
#include "compare/advice.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

enum { CONTEXT_MAX = 24, PATTERN_MAX = 200, RULES_TOLD = 5, POINTER_MAX = 250 };

/* ---- patterns ---- */

/* Such a byte ends a piece: a time, a number, a token of HTML or of a query lies between two of them. */
static bool is_border(unsigned char byte)
{
    return byte <= ' ' || byte == 0x7f || strchr("\"'<>,;&", byte) != NULL;
}

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

static bool is_letter(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
}

static size_t piece_begin(const nip__difference *d)
{
    size_t at = 0;
    while (at < d->old_length && at < d->fresh_length && d->old_text[at] == d->fresh_text[at])
        at++;
    while (at > 0 && !is_border((unsigned char)d->old_text[at - 1]))
        at--;
    return at;
}

/* Of the same line, and of plain characters only: a pattern is shown, and pasted into a document. */
static size_t context_begin(const char *text, size_t piece)
{
    size_t at = piece;
    while (at > 0 && piece - at < CONTEXT_MAX && text[at - 1] >= ' ' && text[at - 1] < 0x7f)
        at--;
    return at;
}

/* Numbers before the piece may be others the next time. */
static bool write_context(nip__buffer *out, const char *text, size_t from, size_t to)
{
    bool telling = false;
    for (size_t i = from; i < to; i++) {
        if (is_digit(text[i])) {
            while (i + 1 < to && is_digit(text[i + 1]))
                i++;
            nip__buffer_text(out, "[0-9]+");
            continue;
        }
        if (strchr("\\^$.[]|()?*+{}#", text[i]) != NULL)
            nip__buffer_char(out, '\\');
        nip__buffer_char(out, text[i]);
        telling |= is_letter(text[i]);
    }
    return telling;
}

const char *nip__advice_pattern(nip__arena *arena, const nip__difference *d)
{
    nip__buffer out = NIP__BUFFER(PATTERN_MAX);
    size_t piece = piece_begin(d);
    bool telling = write_context(&out, d->old_text, context_begin(d->old_text, piece), piece);
    nip__buffer_text(&out, "[^\\s\"'<>,;&]+");
    const char *made = telling && !out.failed ? nip__arena_text(arena, nip__buffer_string(&out)) : NULL;
    if (out.failed && !out.full)
        nip__arena_fail(arena);
    nip__buffer_clear(&out);
    return made;
}

/* ---- rules ---- */

static nip__value *rule_of(nip__arena *arena, const nip__field_count *field)
{
    nip__value *rule = nip__map(arena);
    const char *pointer = nip__text_starts(field->name, "body /") ? field->name + strlen("body ") : NULL;
    if (pointer != NULL && strlen(pointer) <= POINTER_MAX) /* a longer one may have been cut */
        nip__put_text(arena, rule, "pointer", pointer);
    else if (field->pattern != NULL)
        nip__put_text(arena, rule, "regex", field->pattern);
    else
        return NULL;
    return rule;
}

static const nip__field_count *next_hider(const nip__field_counts *counts, const bool *told)
{
    const nip__field_count *best = NULL;
    for (size_t i = 0; i < counts->count; i++) {
        const nip__field_count *field = &counts->list[i];
        if (!told[i] && field->hides > 0 && (best == NULL || field->hides > best->hides))
            best = field;
    }
    return best;
}

nip__value *nip__advice_rules(nip__arena *arena, const nip__field_counts *counts)
{
    bool told[NIP__FIELDS_KEPT + 1] = {false};
    nip__value *list = nip__list(arena);
    const nip__field_count *field = next_hider(counts, told);
    for (; field != NULL && nip__count(list) < RULES_TOLD; field = next_hider(counts, told)) {
        nip__value *rule = rule_of(arena, field);
        told[field - counts->list] = true;
        if (rule != NULL)
            nip__push(list, rule);
    }
    return list;
}
