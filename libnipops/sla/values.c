/* Numbers and comparisons of an sla document. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "sla/document.h"

enum { NUMBER_TEXT = 32 };

static const char *text_of(const nip__value *value, char made[NUMBER_TEXT])
{
    double number;
    if (nip__is(value, NIP__STRING))
        return value->as.string.text;
    if (!nip__number(value, &number))
        return NULL;
    nip__text_from_real(number, made);
    return made;
}

bool nip__sla_percentage(const nip__value *value, nip__ratio *ratio)
{
    char made[NUMBER_TEXT];
    const char *text = text_of(value, made);
    return text != NULL && nip__ratio_read(text, ratio);
}

bool nip__sla_decimal(const nip__value *value, nip__decimal *decimal)
{
    char made[NUMBER_TEXT];
    const char *text = text_of(value, made);
    return text != NULL && nip__decimal_read(text, decimal);
}

/* In the order of nip__comparison. */
const char *const nip__sla_comparisons[] = {">=", ">", "<=", "<", "==", "!=", NULL};

bool nip__sla_comparison(const char *text, int *comparison, double *number)
{
    size_t longest = 0;
    for (int i = 0; nip__sla_comparisons[i] != NULL; i++) {
        size_t length = strlen(nip__sla_comparisons[i]);
        if (nip__text_starts(text, nip__sla_comparisons[i]) && length > longest) {
            *comparison = i;
            longest = length;
        }
    }
    text += longest;
    while (*text == ' ')
        text++;
    return longest > 0 && nip__text_real(text, number);
}
