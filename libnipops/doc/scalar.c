/* Plain scalars by the JSON schema's rules; everything else is text. */
#include "doc/scalar.h"

#include <string.h>

#include "base/text.h"

/* Behind -?(0|[1-9][0-9]*); NULL: no such number. */
static const char *skip_whole(const char *p)
{
    p += *p == '-';
    if (*p < '0' || *p > '9')
        return NULL;
    if (*p == '0')
        return p + 1;
    while (*p >= '0' && *p <= '9')
        p++;
    return p;
}

bool nip__scalar_is_int(const char *text)
{
    const char *end = skip_whole(text);
    return end != NULL && *end == '\0';
}

bool nip__scalar_is_real(const char *text)
{
    const char *end = skip_whole(text);
    double real;
    return end != NULL && strspn(end, ".eE") > 0 && nip__text_real(text, &real);
}

static void resolve_number(nip__value *value, const char *text)
{
    bool whole = nip__scalar_is_int(text);
    if (whole && nip__text_int(text, &value->as.integer))
        value->kind = NIP__INT;
    else if ((whole || nip__scalar_is_real(text)) && nip__text_real(text, &value->as.real))
        value->kind = NIP__REAL;
}

void nip__scalar_resolve(nip__value *value, const char *text, size_t length)
{
    bool is_true = length == 4 && memcmp(text, "true", 4) == 0;
    value->kind = NIP__STRING;
    if (length == 0 || (length == 1 && text[0] == '~') || (length == 4 && memcmp(text, "null", 4) == 0)) {
        value->kind = NIP__NULL;
    } else if (is_true || (length == 5 && memcmp(text, "false", 5) == 0)) {
        value->kind = NIP__BOOL;
        value->as.boolean = is_true;
    } else if (text[0] == '-' || (text[0] >= '0' && text[0] <= '9')) {
        resolve_number(value, text);
    }
}
