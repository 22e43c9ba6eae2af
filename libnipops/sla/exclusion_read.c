/* Exclusions: what their records may say. */
#include "base/text.h"
#include "base/time.h"
#include "sla/exclusion.h"

enum { NAMES_MAX = 1000, VERSION = 1 };

static const nip__field objective_item = {.type = NIP__T_TEXT, .min = 1, .max = 128};
const nip__field nip__exclusion_fields[] = {
    {.name = "v", .type = NIP__T_INT, .flags = NIP__F_REQUIRED, .min = VERSION, .max = VERSION, .help = "1"},
    {.name = "id", .type = NIP__T_TEXT, .flags = NIP__F_REQUIRED, .min = 1, .max = 128, .help = "its name; none other has it"},
    {.name = "class", .type = NIP__T_TEXT, .min = 1, .max = 64, .help = "maintenance, ...: one of the agreement's"},
    {.name = "begin", .type = NIP__T_TEXT, .help = "instant, RFC 3339"},
    {.name = "end", .type = NIP__T_TEXT, .help = "instant, RFC 3339"},
    {.name = "recurrence", .type = NIP__T_MAP, .fields = nip__recurrence_fields, .help = "instead: when it comes again"},
    {.name = "objectives", .type = NIP__T_LIST, .min = 1, .max = NAMES_MAX, .item = &objective_item, .help = "those that it is about (default: all)"},
    {.name = "who", .type = NIP__T_TEXT, .flags = NIP__F_REQUIRED, .min = 1, .max = 200, .help = "who says so"},
    {.name = "why", .type = NIP__T_TEXT, .flags = NIP__F_REQUIRED, .min = 1, .max = 1000, .help = "what people are told"},
    {.name = "revokes", .type = NIP__T_TEXT, .min = 1, .max = 128, .help = "id of the exclusion that counts no more"},
    {0},
};

static void check_stretch(const nip__value *value, const char *file, nip__problems *problems)
{
    nip_time begin = nip__get_time(value, "begin", NIP_TIME_NONE), end = nip__get_time(value, "end", NIP_TIME_NONE);
    const char *wrong = NULL;
    if (begin == NIP_TIME_NONE || end == NIP_TIME_NONE)
        wrong = "begin and end must be instants such as 2026-03-08T01:00:00Z";
    else if (begin % NIP_MILLISECOND != 0 || end % NIP_MILLISECOND != 0)
        wrong = "begin and end must be whole milliseconds";
    else if (begin >= end)
        wrong = "begin must be before end";
    if (wrong != NULL)
        nip__problems_add(problems, file, (int)value->line, (int)value->column, "/begin", "%s", wrong);
}

static void check(const nip__value *value, const char *file, nip__problems *problems)
{
    const nip__value *recurrence = nip__get(value, "recurrence");
    bool stretch = nip__get(value, "begin") != NULL || nip__get(value, "end") != NULL;
    bool excludes = stretch || recurrence != NULL || nip__get(value, "class") != NULL || nip__get(value, "objectives") != NULL;
    int line = (int)value->line, column = (int)value->column;
    if (excludes && (nip__get(value, "class") == NULL || stretch == (recurrence != NULL)))
        nip__problems_add(problems, file, line, column, "", "an exclusion needs a class, and either begin and end or a recurrence");
    else if (!excludes && nip__get(value, "revokes") == NULL)
        nip__problems_add(problems, file, line, column, "", "it neither excludes anything (class, begin, end) nor revokes an exclusion");
    else if (stretch)
        check_stretch(value, file, problems);
    else if (recurrence != NULL)
        nip__recurrence_check(recurrence, "/recurrence", file, problems);
    if (nip__text_equal(nip__get_text(value, "revokes"), nip__get_text(value, "id")))
        nip__problems_add(problems, file, line, column, "/revokes", "an exclusion cannot revoke itself");
}

int nip__exclusion_check(nip__arena *arena, const nip__value *value, const char *file, nip__value **normalized, nip_error **err)
{
    nip__problems problems = {0};
    nip__value *made = NULL;
    if (!nip__is(value, NIP__MAP))
        nip__problems_add(&problems, file, 0, 0, "", "an exclusion must be a map");
    else
        made = nip__schema_apply(arena, nip__exclusion_fields, value, file, "", &problems);
    if (made != NULL && problems.count == 0)
        check(made, file, &problems);
    int rc = nip__problems_finish(&problems, NIP_E_INVALID, err);
    if (rc == 0 && (made == NULL || nip__arena_failed(arena)))
        rc = nip__nomem(err);
    if (rc == 0)
        *normalized = made;
    return rc;
}
