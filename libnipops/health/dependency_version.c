/* Versions of schemas: numbers such as 41, 20261126074500 or 1.10.2, or any text. */
#include "health/dependency.h"

#include <string.h>

#include "base/text.h"

enum { SHOWN_MAX = 100, NUMBER_MAX = 200 };

bool nip__version_is_number(const char *text)
{
    size_t digits = 0;
    for (const char *c = text;; c++) {
        if (*c >= '0' && *c <= '9') {
            digits++;
            continue;
        }
        if (digits == 0 || (*c != '.' && *c != '\0'))
            return false;
        if (*c == '\0')
            return true;
        digits = 0;
    }
}

/* Numbers of any length: without zeros before it, the longer one is the larger. */
static int compare_group(const char *a, size_t a_length, const char *b, size_t b_length)
{
    for (; a_length > 1 && *a == '0'; a++)
        a_length--;
    for (; b_length > 1 && *b == '0'; b++)
        b_length--;
    if (a_length != b_length)
        return a_length < b_length ? -1 : 1;
    return memcmp(a, b, a_length);
}

/* 1.9 < 1.10, 1.2 < 1.2.1, and 1.2 is 1.2.0. */
static int compare(const char *a, const char *b)
{
    while (*a != '\0' || *b != '\0') {
        size_t a_length = strcspn(a, "."), b_length = strcspn(b, ".");
        int order = compare_group(a_length > 0 ? a : "0", a_length > 0 ? a_length : 1, b_length > 0 ? b : "0", b_length > 0 ? b_length : 1);
        if (order != 0)
            return order;
        a += a_length + (a[a_length] == '.');
        b += b_length + (b[b_length] == '.');
    }
    return 0;
}

/* False: it is no number that a document could expect. */
static bool copy_number(char copy[NUMBER_MAX + 1], const char *text, size_t length)
{
    if (length > NUMBER_MAX || memchr(text, '\0', length) != NULL)
        return false;
    memcpy(copy, text, length);
    copy[length] = '\0';
    return nip__version_is_number(copy);
}

int nip__version_compare(const char *a, size_t a_length, const char *b, size_t b_length)
{
    char a_number[NUMBER_MAX + 1], b_number[NUMBER_MAX + 1];
    bool a_is = copy_number(a_number, a, a_length), b_is = copy_number(b_number, b, b_length);
    if (a_is != b_is)
        return a_is ? 1 : -1;
    if (a_is)
        return compare(a_number, b_number);
    int order = memcmp(a, b, a_length < b_length ? a_length : b_length);
    return order != 0 ? order : (a_length > b_length) - (a_length < b_length);
}

static const char *direction(const char *found, const char *wanted)
{
    if (!nip__version_is_number(found) || !nip__version_is_number(wanted))
        return "schema_differs";
    return compare(found, wanted) < 0 ? "schema_behind" : "schema_ahead";
}

const char *nip__version_reason(const nip__value *schema, const char *found, nip__buffer *why)
{
    const char *expect = nip__get_text(schema, "expect"), *least = nip__get_text(schema, "at_least");
    const char *wanted = expect != NULL ? expect : least;
    if (wanted == NULL || strcmp(found, wanted) == 0)
        return NULL;
    const char *reason = direction(found, wanted);
    bool numbers = strcmp(reason, "schema_differs") != 0;
    if (numbers && (compare(found, wanted) == 0 || (expect == NULL && strcmp(reason, "schema_ahead") == 0)))
        return NULL;
    size_t shown = strnlen(found, SHOWN_MAX);
    const char *quote = nip__version_is_number(found) ? "" : "\"";
    nip__buffer_printf(why, "schema version is %s%.*s%s%s, %s%s is expected", quote, (int)nip__text_utf8_prefix(found, shown), found,
                       found[shown] != '\0' ? "..." : "", quote, expect == NULL ? "at least " : "", wanted);
    return reason;
}
