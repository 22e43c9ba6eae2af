/* Looking at PromQL from outside: brackets, quotes, words. */
#include "convert/promql.h"

#include <string.h>

#include "base/text.h"

/* The end of a quoted text that begins at `p`. */
static const char *skip_quotes(const char *p)
{
    char quote = *p++;
    while (*p != '\0' && *p != quote)
        p += *p == '\\' && quote != '`' && p[1] != '\0' ? 2 : 1;
    return *p == '\0' ? p : p + 1;
}

static bool is_quote(char c)
{
    return c == '"' || c == '\'' || c == '`';
}

/* Calls nothing: the position of the only outermost operator, or NULL when there is none, several, or unbalanced brackets. */
static const char *only_operator(const char *query)
{
    const char *found = NULL;
    int depth = 0;
    for (const char *p = query; *p != '\0';) {
        if (is_quote(*p)) {
            p = skip_quotes(p);
            continue;
        }
        depth += strchr("([{", *p) != NULL;
        depth -= strchr(")]}", *p) != NULL;
        if (depth < 0 || (depth == 0 && strchr("+-*/%^<>=", *p) != NULL && found != NULL))
            return NULL;
        if (depth == 0 && strchr("+-*/%^<>=", *p) != NULL)
            found = p;
        p++;
    }
    return depth == 0 ? found : NULL;
}

static const char *trimmed(nip__arena *arena, const char *text, size_t length)
{
    while (length > 0 && nip__text_is_space(*text)) {
        text++;
        length--;
    }
    while (length > 0 && nip__text_is_space(text[length - 1]))
        length--;
    return length > 0 ? nip__arena_copy(arena, text, length) : NULL;
}

bool nip__promql_ratio(nip__arena *arena, const char *query, const char **numerator, const char **denominator)
{
    const char *slash = only_operator(query);
    if (slash == NULL || *slash != '/')
        return false;
    *numerator = trimmed(arena, query, (size_t)(slash - query));
    *denominator = trimmed(arena, slash + 1, strlen(slash + 1));
    return *numerator != NULL && *denominator != NULL;
}

bool nip__promql_quantile(const char *query, double *quantile)
{
    static const char name[] = "histogram_quantile";
    query += strspn(query, " \t\r\n");
    if (!nip__text_starts(query, name) || only_operator(query) != NULL)
        return false;
    query += sizeof name - 1;
    query += strspn(query, " \t\r\n(");
    return nip__text_real_of(query, strspn(query, "0123456789."), quantile);
}

/* ---- counts ---- */

static bool is_word(char c)
{
    return nip__text_is_letter_or_digit(c) || c == '_' || c == ':';
}

/* The length of the word "rate" or "irate" at `p`, a function's name; else 0. */
static size_t rate_at(const char *query, const char *p)
{
    static const char *const names[] = {"rate(", "irate("};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (nip__text_starts(p, names[i]) && (p == query || !is_word(p[-1])))
            return strlen(names[i]);
    }
    return 0;
}

/* A range of one length: "[5m]"; a subquery's "[5m:1m]" is none. */
static size_t range_at(const char *p)
{
    size_t length = *p == '[' ? 1 + strspn(p + 1, "0123456789smhdwy") : 0;
    return length > 1 && p[length] == ']' ? length + 1 : 0;
}

/* Only counts may stand beside rates: a range that is not a rate's would be counted over another time. */
static bool append_part(const char *query, const char **p, char **end, size_t *rates, size_t *ranges)
{
    size_t rate = rate_at(query, *p), range = range_at(*p);
    if (rate > 0) {
        *end = stpcpy(*end, "increase(");
        ++*rates;
        *p += rate;
    } else if (range > 0) {
        *end = stpcpy(*end, "[{window}]");
        ++*ranges;
        *p += range;
    } else {
        const char *after = is_quote(**p) ? skip_quotes(*p) : *p + 1;
        while (*p < after)
            *(*end)++ = *(*p)++;
    }
    return *rates <= 8 && *ranges <= 8;
}

const char *nip__promql_counts(nip__arena *arena, const char *query)
{
    enum { GROWTH = 16 * 16 }; /* eight names and eight ranges, each at most so many bytes longer */
    char *counts = nip__arena_alloc(arena, strlen(query) + GROWTH), *end = counts;
    size_t rates = 0, ranges = 0;
    if (counts == NULL)
        return NULL;
    for (const char *p = query; *p != '\0';) {
        if (!append_part(query, &p, &end, &rates, &ranges))
            return NULL;
    }
    *end = '\0';
    return rates > 0 && rates == ranges ? counts : NULL;
}

/* ---- selectors ---- */

static void trim_end(nip__buffer *text)
{
    while (text->length > 0 && nip__text_is_space(text->data[text->length - 1]))
        text->data[--text->length] = '\0';
}

void nip__promql_bare(nip__buffer *out, const char *query)
{
    nip__buffer bare = NIP__BUFFER(out->max);
    for (const char *p = query; *p != '\0';) {
        const char *after = is_quote(*p) ? skip_quotes(p) : p + 1;
        if (*p == '#')
            p += strcspn(p, "\n");
        else if (nip__text_is_space(*p) && bare.length == 0)
            p = after;
        else {
            nip__buffer_put(&bare, p, (size_t)(after - p));
            p = after;
        }
    }
    trim_end(&bare);
    nip__buffer_put(out, nip__buffer_string(&bare), bare.length);
    out->failed |= bare.failed;
    nip__buffer_clear(&bare);
}

bool nip__promql_selects(const char *bare)
{
    const char *p = bare;
    while (is_word(*p))
        p++;
    bool named = p > bare;
    while (nip__text_is_space(*p))
        p++;
    if (*p != '{')
        return named && *p == '\0';
    while (*p != '\0' && *p != '}')
        p = is_quote(*p) ? skip_quotes(p) : p + 1;
    return *p == '}' && p[1] == '\0';
}

void nip__promql_narrow(nip__buffer *out, const char *bare, const char *matcher)
{
    nip__buffer open = NIP__BUFFER(out->max);
    size_t length = strlen(bare);
    bool braces = length > 0 && bare[length - 1] == '}';
    nip__buffer_put(&open, bare, braces ? length - 1 : length);
    trim_end(&open);
    if (braces && open.length > 0 && open.data[open.length - 1] == ',')
        open.data[--open.length] = '\0';
    trim_end(&open);
    bool first = braces && open.length > 0 && open.data[open.length - 1] == '{';
    nip__buffer_text(out, nip__buffer_string(&open));
    nip__buffer_text(out, !braces ? "{" : first ? "" : ",");
    nip__buffer_text(out, matcher);
    nip__buffer_char(out, '}');
    out->failed |= open.failed;
    nip__buffer_clear(&open);
}

/* ---- conditions ---- */

static const char *skip_blanks(const char *p)
{
    return p + strspn(p, " \t\r\n");
}

bool nip__promql_read_condition(const char *condition, nip__promql_condition *read)
{
    static const char *const subjects[] = {"result[0]", "result"};
    const char *p = skip_blanks(condition), *after = NULL;
    for (size_t i = 0; i < sizeof subjects / sizeof subjects[0] && after == NULL; i++)
        after = nip__text_starts(p, subjects[i]) ? p + strlen(subjects[i]) : NULL;
    if (after == NULL)
        return false;
    p = skip_blanks(after);
    if (*p != '<' && *p != '>')
        return false;
    read->below = *p++ == '<';
    p = skip_blanks(*p == '=' ? p + 1 : p);
    size_t digits = strspn(p, "0123456789.");
    return nip__text_real_of(p, digits, &read->number) && *skip_blanks(p + digits) == '\0';
}
