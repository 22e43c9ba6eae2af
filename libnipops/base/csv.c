/* Comma-separated values. */
#include "base/csv.h"

#include <stdbool.h>
#include <stddef.h>

char *nip__csv_field(char **rest)
{
    char *start = *rest, *from = *rest, *to = *rest;
    bool quoted = *from == '"';
    if (quoted)
        from++;
    while (*from != '\0' && (quoted || *from != ',')) {
        if (quoted && *from == '"' && *++from != '"') {
            quoted = false;
            continue;
        }
        *to++ = *from++;
    }
    *rest = *from == ',' ? from + 1 : NULL;
    *to = '\0';
    return start;
}
