/* Writing Prometheus' text format. */
#include "report/exposition.h"

#include <math.h>

#include "base/text.h"

static void write_escaped(nip__buffer *buffer, const char *text, bool quotes)
{
    for (const char *p = text; *p != '\0'; p++) {
        if (*p == '\n') {
            nip__buffer_text(buffer, "\\n");
            continue;
        }
        if (*p == '\\' || (quotes && *p == '"'))
            nip__buffer_char(buffer, '\\');
        nip__buffer_char(buffer, *p);
    }
}

void nip__exposition_family(nip__buffer *buffer, const char *name, const char *type, const char *help)
{
    nip__buffer_printf(buffer, "# HELP %s ", name);
    write_escaped(buffer, help, false);
    nip__buffer_printf(buffer, "\n# TYPE %s %s\n", name, type);
}

static void write_number(nip__buffer *buffer, double value)
{
    char text[40];
    if (isnan(value) || isinf(value)) {
        nip__buffer_text(buffer, isnan(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf");
        return;
    }
    nip__text_from_real(value, text);
    nip__buffer_text(buffer, text);
}

void nip__exposition_sample(nip__buffer *buffer, const char *name, const nip__label *labels, double value)
{
    char between = '{';
    nip__buffer_text(buffer, name);
    for (const nip__label *label = labels; label->name != NULL; label++) {
        if (label->value == NULL)
            continue;
        nip__buffer_char(buffer, between);
        nip__buffer_printf(buffer, "%s=\"", label->name);
        write_escaped(buffer, label->value, true);
        nip__buffer_char(buffer, '"');
        between = ',';
    }
    nip__buffer_text(buffer, between == ',' ? "} " : " ");
    write_number(buffer, value);
    nip__buffer_char(buffer, '\n');
}
