/* What is not looked at when answers are compared. Regular expressions are PCRE2's, which can be given limits: what they match comes from
 * the network, and POSIX's regexec may take time without end. */
#include "compare/rules.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"

enum {
    STEPS = 20000, /* of one search, and as many more for each byte of text: */
    STEPS_PER_BYTE = 8,
    SEARCHES = 10000, /* in one text */
    HEAP_KIB = 8192,  /* of one search */
    NESTING = 20,
};

typedef struct pointer_rule {
    char *text; /* parts with NULs between */
    const char *parts[NIP__PLACE_DEPTH];
    size_t depth;
} pointer_rule;

struct nip__rules {
    pointer_rule *pointers[NIP__RULES_MAX];
    size_t pointer_count;
    pcre2_code *expressions[NIP__RULES_MAX];
    size_t expression_count;
    pcre2_match_context *context;
    pcre2_match_data *match;
    int64_t exhausted;
    bool no_memory; /* since it was last asked */
};

/* ---- reading ---- */

/* RFC 6901: ~1 is /, ~0 is ~. In place; false: a ~ of another kind. */
static bool unescape(char *text)
{
    char *out = text;
    for (const char *p = text; *p != '\0'; p++) {
        if (*p == '~' && p[1] != '0' && p[1] != '1')
            return false;
        bool escaped = *p == '~';
        *out++ = !escaped ? *p : p[1] == '0' ? '~' : '/';
        p += escaped;
    }
    *out = '\0';
    return true;
}

/* NULL and *problem: not a pointer; NULL and no problem: out of memory. */
static pointer_rule *read_pointer(const char *text, const char **problem)
{
    if (text[0] != '/') {
        *problem = "a pointer must begin with /, as /items/*/price does";
        return NULL;
    }
    pointer_rule *made = nip__calloc(1, sizeof *made);
    if (made == NULL || (made->text = nip__strdup(text)) == NULL) {
        nip__free(made);
        return NULL;
    }
    for (char *part = made->text; part != NULL && *problem == NULL;) {
        char *next = strchr(part + 1, '/');
        if (next != NULL)
            *next = '\0';
        if (made->depth == NIP__PLACE_DEPTH)
            *problem = "a pointer has at most 64 parts";
        else if (!unescape(part + 1))
            *problem = "in a pointer ~ is written ~0, and / inside a key ~1";
        else
            made->parts[made->depth++] = part + 1;
        part = next;
    }
    if (*problem == NULL)
        return made;
    nip__free(made->text);
    nip__free(made);
    return NULL;
}

static pcre2_code *read_expression(const char *text, char *problem, size_t size)
{
    int code = 0;
    size_t offset = 0;
    problem[0] = '\0';
    pcre2_compile_context *context = pcre2_compile_context_create(NULL);
    if (context == NULL)
        return NULL;
    pcre2_set_parens_nest_limit(context, NESTING);
    pcre2_code *made = pcre2_compile((const unsigned char *)text, PCRE2_ZERO_TERMINATED,
                                     PCRE2_NEVER_UCP | PCRE2_NEVER_BACKSLASH_C, &code, &offset, context);
    pcre2_compile_context_free(context);
    if (made == NULL && code != PCRE2_ERROR_NOMEMORY && code != 121 /* "failed to allocate heap memory" */) {
        unsigned char why[128] = "";
        pcre2_get_error_message(code, why, sizeof why);
        snprintf(problem, size, "not a regular expression: %s (at character %zu)", (const char *)why, offset + 1);
    }
    return made;
}

static void add_problem(nip__problems *problems, const nip__value *where, const char *file, const char *path,
                        const char *what)
{
    if (what == NULL || what[0] == '\0')
        problems->nomem = 1;
    else
        nip__problems_add(problems, file, (int)where->line, (int)where->column, path, "%s", what);
}

static void add_rule(nip__rules *made, const nip__value *rule, const char *file, const char *path,
                     nip__problems *problems)
{
    const char *pointer = nip__get_text(rule, "pointer"), *regex = nip__get_text(rule, "regex"), *problem = NULL;
    if ((pointer != NULL) == (regex != NULL)) {
        add_problem(problems, rule, file, path, "a rule has either a pointer or a regex");
    } else if (pointer != NULL) {
        pointer_rule *read = read_pointer(pointer, &problem);
        if (read != NULL)
            made->pointers[made->pointer_count++] = read;
        else
            add_problem(problems, rule, file, path, problem);
    } else {
        char why[256];
        pcre2_code *read = read_expression(regex, why, sizeof why);
        if (read != NULL)
            made->expressions[made->expression_count++] = read;
        else
            add_problem(problems, rule, file, path, why);
    }
}

static bool make_context(nip__rules *made)
{
    made->context = pcre2_match_context_create(NULL);
    made->match = pcre2_match_data_create(1, NULL);
    if (made->context == NULL || made->match == NULL)
        return false;
    pcre2_set_heap_limit(made->context, HEAP_KIB);
    return true;
}

int nip__rules_read(const nip__value *list, const char *file, const char *path, nip__rules **rules,
                    nip__problems *problems)
{
    nip__rules *made = nip__calloc(1, sizeof *made);
    int before = problems->count;
    size_t count = 0;
    if (made == NULL || !make_context(made))
        problems->nomem = 1;
    for (const nip__value *rule = made != NULL ? nip__first(list) : NULL; rule != NULL && count < NIP__RULES_MAX;
         rule = rule->next, count++)
        add_rule(made, rule, file, path, problems);
    if (problems->nomem || problems->count > before) {
        nip__rules_free(made);
        return problems->nomem ? NIP_E_NOMEM : NIP_E_DOCUMENT;
    }
    *rules = made;
    return 0;
}

void nip__rules_free(nip__rules *rules)
{
    if (rules == NULL)
        return;
    for (size_t i = 0; i < rules->pointer_count; i++) {
        nip__free(rules->pointers[i]->text);
        nip__free(rules->pointers[i]);
    }
    for (size_t i = 0; i < rules->expression_count; i++)
        pcre2_code_free(rules->expressions[i]);
    pcre2_match_data_free(rules->match);
    pcre2_match_context_free(rules->context);
    nip__free(rules);
}

/* ---- places ---- */

static bool covers(const pointer_rule *rule, const nip__place_at *at)
{
    if (rule->depth > at->depth)
        return false;
    for (size_t i = 0; i < rule->depth; i++) {
        if (strcmp(rule->parts[i], "*") != 0 && strcmp(rule->parts[i], at->parts[i]) != 0)
            return false;
    }
    return true;
}

bool nip__rules_ignore(const nip__rules *rules, const nip__place_at *at)
{
    for (size_t i = 0; rules != NULL && i < rules->pointer_count; i++) {
        if (covers(rules->pointers[i], at))
            return true;
    }
    return false;
}

/* ---- texts ---- */

/* Appends what of `text` the expression does not match. false: it would take too long, or memory is out. */
static bool cut(nip__rules *rules, const pcre2_code *expression, const char *text, size_t length, nip__buffer *out)
{
    size_t at = 0, kept = 0;
    pcre2_set_match_limit(rules->context, (uint32_t)(STEPS + STEPS_PER_BYTE * length));
    for (int searches = 0; at <= length; searches++) {
        int found = searches == SEARCHES ? PCRE2_ERROR_MATCHLIMIT
                                         : pcre2_match(expression, (const unsigned char *)text, length, at, 0,
                                                       rules->match, rules->context);
        if (found == PCRE2_ERROR_NOMATCH)
            break;
        if (found < 0) {
            rules->no_memory |= found == PCRE2_ERROR_NOMEMORY;
            rules->exhausted += found != PCRE2_ERROR_NOMEMORY;
            return false;
        }
        const size_t *ends = pcre2_get_ovector_pointer(rules->match);
        if (ends[0] >= kept)
            nip__buffer_put(out, text + kept, ends[0] - kept);
        kept = ends[1] > kept ? ends[1] : kept;
        at = ends[1] > ends[0] ? ends[1] : ends[1] + 1; /* an empty match: on by one */
    }
    nip__buffer_put(out, text + kept, length - kept);
    rules->no_memory |= out->failed;
    return !out->failed;
}

typedef struct cut_text {
    const char *text;
    size_t length;
    nip__buffer own; /* what `text` lies in once something was cut */
} cut_text;

static bool cut_one(nip__rules *rules, const pcre2_code *expression, cut_text *c)
{
    nip__buffer out = NIP__BUFFER(c->length + 1);
    if (!cut(rules, expression, c->text, c->length, &out)) {
        nip__buffer_clear(&out);
        return false;
    }
    nip__buffer_clear(&c->own);
    c->own = out;
    c->text = nip__buffer_string(&c->own);
    c->length = c->own.length;
    return true;
}

bool nip__rules_same(nip__rules *rules, const char *a, size_t a_length, const char *b, size_t b_length)
{
    cut_text x = {.text = a, .length = a_length}, y = {.text = b, .length = b_length};
    bool same = a_length == b_length && memcmp(a, b, a_length) == 0;
    for (size_t i = 0; rules != NULL && !same && i < rules->expression_count; i++) {
        if (cut_one(rules, rules->expressions[i], &x) && cut_one(rules, rules->expressions[i], &y))
            same = x.length == y.length && memcmp(x.text, y.text, x.length) == 0;
    }
    nip__buffer_clear(&x.own);
    nip__buffer_clear(&y.own);
    return same;
}

bool nip__rules_take_failure(nip__rules *rules)
{
    bool failed = rules != NULL && rules->no_memory;
    if (rules != NULL)
        rules->no_memory = false;
    return failed;
}

int64_t nip__rules_exhausted(const nip__rules *rules)
{
    return rules != NULL ? rules->exhausted : 0;
}
