/* What is not looked at when answers are compared. Regular expressions are PCRE2's, which can be given limits: what they match comes from
 * the network, and POSIX's regexec may take time without end. */
#include "compare/rules.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"

/* A limit of PCRE2's own is one of a search, and in a text there may be as many searches as it has bytes. So the steps of all searches are
 * counted: PCRE2 calls back before each item of an expression, and tells how far it has come. */
enum {
    STEPS = 200000,       /* for two answers, and as many more for each byte: */
    STEPS_PER_BYTE = 64,
    STEPS_MAX = 20000000, /* some tenths of a second */
    STEPS_OF_SEARCH = 16, /* that it takes to begin one */
    HEAP_KIB = 8192,      /* of one search */
    NESTING = 20,
    REGEX_TOLD = 60,        /* bytes of an expression that are told */
};

typedef struct pointer_rule {
    char *text; /* parts with NULs between */
    const char *parts[NIP__PLACE_DEPTH];
    size_t depth;
} pointer_rule;

typedef struct expression_rule {
    pcre2_code *code;
    char *name; /* for people */
    bool utf;   /* it reads characters, not bytes */
} expression_rule;

struct nip__rules {
    pointer_rule *pointers[NIP__RULES_MAX];
    size_t pointer_count;
    expression_rule expressions[NIP__RULES_MAX];
    size_t expression_count;
    pcre2_match_context *context;
    pcre2_match_data *match;
    int64_t steps;   /* that may still be taken */
    size_t reached;  /* in the text that is searched */
    int64_t exhausted;
    bool no_memory;  /* since it was last asked */
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
                                     PCRE2_NEVER_UCP | PCRE2_NEVER_BACKSLASH_C | PCRE2_AUTO_CALLOUT, &code, &offset,
                                     context);
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

static char *name_of(const nip__rules *rules, const char *regex)
{
    char shown[REGEX_TOLD + 4], name[REGEX_TOLD + 64];
    snprintf(shown, sizeof shown, "%.*s", REGEX_TOLD, regex);
    shown[nip__text_utf8_prefix(shown, strlen(shown))] = '\0';
    snprintf(name, sizeof name, "rule %zu of ignore (regex %s%s)", rules->pointer_count + rules->expression_count + 1,
             shown, strlen(regex) > strlen(shown) ? "..." : "");
    return nip__strdup(name);
}

/* false: out of memory. Takes over `code`. */
static bool add_expression(nip__rules *made, pcre2_code *code, const char *regex)
{
    uint32_t options = 0;
    expression_rule *rule = &made->expressions[made->expression_count];
    pcre2_pattern_info(code, PCRE2_INFO_ALLOPTIONS, &options);
    *rule = (expression_rule){code, name_of(made, regex), (options & PCRE2_UTF) != 0};
    made->expression_count++;
    return rule->name != NULL;
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
        if (read == NULL || !add_expression(made, read, regex))
            add_problem(problems, rule, file, path, read == NULL ? why : NULL);
    }
}

/* Called by PCRE2 before each item, with the place it has reached. A run of characters is one item, so bytes count as well. */
static int count_steps(pcre2_callout_block *at, void *data)
{
    nip__rules *rules = data;
    if (at->current_position > rules->reached)
        rules->steps -= (int64_t)(at->current_position - rules->reached);
    rules->reached = at->current_position;
    rules->steps--;
    return rules->steps < 0 ? PCRE2_ERROR_MATCHLIMIT : 0;
}

static bool make_context(nip__rules *made)
{
    made->context = pcre2_match_context_create(NULL);
    made->match = pcre2_match_data_create(1, NULL);
    if (made->context == NULL || made->match == NULL)
        return false;
    pcre2_set_heap_limit(made->context, HEAP_KIB);
    pcre2_set_match_limit(made->context, STEPS_MAX);
    pcre2_set_callout(made->context, count_steps, made);
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
    nip__rules_begin(made, 0);
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
    for (size_t i = 0; i < rules->expression_count; i++) {
        pcre2_code_free(rules->expressions[i].code);
        nip__free(rules->expressions[i].name);
    }
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

void nip__rules_begin(nip__rules *rules, size_t bytes)
{
    if (rules != NULL)
        rules->steps = bytes < STEPS_MAX / STEPS_PER_BYTE ? STEPS + STEPS_PER_BYTE * (int64_t)bytes : STEPS_MAX;
}

/* PCRE2's code, below 0: nothing found. What is no UTF-8 holds nothing for an expression that reads characters; that it is UTF-8 needs to
 * be looked at once a text, from its begin. */
static int search(nip__rules *rules, const expression_rule *rule, const char *text, size_t length, size_t at)
{
    rules->steps -= STEPS_OF_SEARCH;
    rules->reached = at;
    if (rules->steps < 0)
        return PCRE2_ERROR_MATCHLIMIT;
    int found = pcre2_match(rule->code, (const unsigned char *)text, length, at,
                            rule->utf && at > 0 ? PCRE2_NO_UTF_CHECK : 0, rules->match, rules->context);
    bool not_utf = found <= PCRE2_ERROR_UTF8_ERR1 && found >= PCRE2_ERROR_UTF8_ERR21;
    return not_utf ? PCRE2_ERROR_NOMATCH : found;
}

/* Where the next search begins: after an empty match, one character on. */
static size_t search_from(const expression_rule *rule, const char *text, size_t length, const size_t *ends)
{
    size_t at = ends[1];
    if (ends[1] > ends[0])
        return at;
    do
        at++;
    while (rule->utf && at < length && ((unsigned char)text[at] & 0xc0) == 0x80);
    return at;
}

/* Appends what of `text` the expression does not match. false: it would take too long, or memory is out. */
static bool cut(nip__rules *rules, const expression_rule *rule, const char *text, size_t length, nip__buffer *out)
{
    size_t at = 0, kept = 0;
    while (at <= length) {
        int found = search(rules, rule, text, length, at);
        if (found == PCRE2_ERROR_NOMATCH)
            break;
        if (found < 0) {
            rules->no_memory |= found == PCRE2_ERROR_NOMEMORY;
            return false;
        }
        const size_t *ends = pcre2_get_ovector_pointer(rules->match);
        if (ends[0] >= kept)
            nip__buffer_put(out, text + kept, ends[0] - kept);
        kept = ends[1] > kept ? ends[1] : kept;
        at = search_from(rule, text, length, ends);
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

static bool cut_one(nip__rules *rules, const expression_rule *rule, cut_text *c)
{
    nip__buffer out = NIP__BUFFER(c->length + 1);
    if (!cut(rules, rule, c->text, c->length, &out)) {
        nip__buffer_clear(&out);
        return false;
    }
    nip__buffer_clear(&c->own);
    c->own = out;
    c->text = nip__buffer_string(&c->own);
    c->length = c->own.length;
    return true;
}

bool nip__rules_same(nip__rules *rules, const char *a, size_t a_length, const char *b, size_t b_length,
                     const char **too_long)
{
    cut_text x = {.text = a, .length = a_length}, y = {.text = b, .length = b_length};
    bool same = a_length == b_length && memcmp(a, b, a_length) == 0;
    *too_long = NULL;
    for (size_t i = 0; rules != NULL && !same && *too_long == NULL && i < rules->expression_count; i++) {
        const expression_rule *rule = &rules->expressions[i];
        if (cut_one(rules, rule, &x) && cut_one(rules, rule, &y))
            same = x.length == y.length && memcmp(x.text, y.text, x.length) == 0;
        else
            *too_long = rule->name;
    }
    if (*too_long != NULL)
        rules->exhausted++;
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
