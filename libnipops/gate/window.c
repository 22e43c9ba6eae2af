/* Time windows: when changes may be made. */
#include "gate/window.h"

#include <string.h>

#include "base/civil.h"
#include "base/error.h"
#include "base/text.h"
#include "base/time.h"
#include "base/zone.h"
#include "doc/json.h"
#include "nipops/gate.h"

enum { DAY = 86400, DAYS_BACK = 2, DAYS_ON = 16, TURNS_MAX = 1000 };

static const nip__field day_item = {.type = NIP__T_ENUM, .choices = nip__weekday_names};
/* Normalized documents stand in plans and release records, where {from: ...} is a reference: hence the other names. */
static const nip__field open_fields[] = {
    {.name = "days",
     .type = NIP__T_LIST,
     .flags = NIP__F_ONE_OR_LIST,
     .min = 1,
     .max = 7,
     .item = &day_item,
     .help = "mon, tue, ...: on which it begins (default: every day)"},
    {.name = "begins", .also = "from", .type = NIP__T_TEXT, .otherwise = "\"00:00\"", .help = "\"09:00\", on the clocks of its zone"},
    {.name = "ends", .also = "to", .type = NIP__T_TEXT, .otherwise = "\"24:00\"", .help = "\"17:00\"; not after from: on the next day"},
    {.name = "zone", .type = NIP__T_TEXT, .max = 100, .otherwise = "UTC", .help = "IANA time zone, Europe/Berlin"},
    {0},
};
static const nip__field freeze_fields[] = {
    {.name = "begins", .also = "from", .type = NIP__T_TEXT, .flags = NIP__F_REQUIRED, .help = "instant, RFC 3339"},
    {.name = "ends", .also = "to", .type = NIP__T_TEXT, .flags = NIP__F_REQUIRED, .help = "instant, RFC 3339"},
    {.name = "why", .type = NIP__T_TEXT, .min = 1, .max = 200, .help = "what people are told"},
    {0},
};
const nip__field nip__open_item = {.type = NIP__T_MAP, .fields = open_fields};
const nip__field nip__freeze_item = {.type = NIP__T_MAP, .fields = freeze_fields};

static const nip__field member_item = {.type = NIP__T_TEXT, .min = 1, .max = 200};
static const nip__field override_fields[] = {
    {.name = "role", .type = NIP__T_TEXT, .flags = NIP__F_REQUIRED, .help = "who may go on although it is closed"},
    {.name = "members", .type = NIP__T_LIST, .flags = NIP__F_REQUIRED, .max = 1000, .item = &member_item, .help = "names in it"},
    {0},
};
const nip__field nip__window_fields[] = {
    {.name = "step", .type = NIP__T_TEXT, .min = 1, .max = 128, .help = "whose answers count"},
    {.name = "windows", .type = NIP__T_LIST, .max = 100, .item = &nip__open_item, .help = "when it is open"},
    {.name = "freeze", .type = NIP__T_LIST, .max = 100, .item = &nip__freeze_item, .help = "when it is not, whatever the windows say"},
    {.name = "override", .type = NIP__T_MAP, .fields = override_fields, .help = "who may go on anyway"},
    {0},
};

/* ---- reading ---- */

static bool has_day(const nip__value *window, int weekday)
{
    const nip__value *days = nip__get(window, "days");
    bool listed = days == NULL;
    for (NIP__EACH(day, days))
        listed |= nip__is(day, NIP__STRING) && nip__text_equal(day->as.string.text, nip__weekday_names[weekday]);
    return listed;
}

/* ---- checking ---- */

static void problem(const nip__value *where, const nip__value *whole, const char *path, const char *file, nip__problems *problems,
                    const char *what)
{
    if (where == NULL || where->line == 0)
        where = whole;
    nip__problems_add(problems, file, (int)where->line, (int)where->column, path, "%s", what);
}

void nip__window_check(const nip__value *window, const char *path, const char *file, nip__problems *problems)
{
    static const char *const ends[] = {"begins", "ends"};
    int seconds[2] = {0, 1};
    for (int i = 0; i < 2; i++) {
        const char *text = nip__get_text(window, ends[i]);
        if (text != NULL && !nip__clock_read(text, &seconds[i]))
            problem(nip__get(window, ends[i]), window, path, file, problems, "must be a time of the day such as \"09:00\", \"24:00\" at most");
    }
    if (seconds[0] == seconds[1])
        problem(nip__get(window, "ends"), window, path, file, problems, "from and to are the same: for the whole day leave both out");
    nip__zone *zone = NULL;
    nip_error *why = NULL;
    const char *name = nip__get_text(window, "zone");
    int rc = name != NULL ? nip__zone_load(name, &zone, &why) : 0;
    if (rc == NIP_E_NOMEM)
        problems->nomem = 1;
    else if (rc < 0 && !nip_error_retryable(why)) /* what cannot be read just now is no fault of the document's */
        problem(nip__get(window, "zone"), window, path, file, problems, nip_error_message(why));
    nip_error_free(why);
    nip__zone_free(zone);
}

static void check_freeze(const nip__value *freeze, const char *file, nip__problems *problems)
{
    static const char path[] = "/rollout/freeze";
    nip_time from = nip__get_time(freeze, "begins", NIP_TIME_NONE), to = nip__get_time(freeze, "ends", NIP_TIME_NONE);
    bool stated = nip__get_text(freeze, "begins") != NULL && nip__get_text(freeze, "ends") != NULL;
    if (stated && (from == NIP_TIME_NONE || to == NIP_TIME_NONE))
        problem(freeze, freeze, path, file, problems, "from and to must be instants such as 2026-12-20T00:00:00Z");
    else if (stated && from >= to)
        problem(freeze, freeze, path, file, problems, "from must be before to");
}

void nip__windows_check(const nip__value *windows, const nip__value *freeze, const char *file, nip__problems *problems)
{
    for (NIP__EACH(window, windows))
        nip__window_check(window, "/rollout/windows", file, problems);
    for (NIP__EACH(one, freeze))
        check_freeze(one, file, problems);
}

/* ---- judging ---- */

/* The window's openings around an instant: is it in one, else when does the next one begin? */
typedef struct search {
    nip_time at, opens; /* opens: the earliest so far, `at` when one is open */
    const char *zone;
    int32_t offset;
} search;

static nip_time instant_of(int64_t seconds)
{
    return nip__time_add(0, seconds > INT64_MAX / NIP_SECOND ? NIP_TIME_MAX : seconds * NIP_SECOND);
}

static void look_at_day(search *s, const nip__zone *zone, const char *name, int64_t day, int from, int to)
{
    int64_t begins, ends;
    nip__zone_stretch(zone, day, from, to, &begins, &ends);
    nip_time first = instant_of(begins), end = instant_of(ends);
    if (end <= first || end <= s->at)
        return;
    nip_time opens = first > s->at ? first : s->at;
    if (opens >= s->opens)
        return;
    s->opens = opens;
    s->zone = name;
    s->offset = nip__zone_at(zone, nip__floor_divide(opens, NIP_SECOND)).offset;
}

static int look_at_window(search *s, const nip__value *window, nip_error **err)
{
    nip__zone *zone = NULL;
    const char *name = nip__get_text(window, "zone");
    int from = 0, to = DAY;
    nip__clock_read(nip__get_text(window, "begins"), &from);
    nip__clock_read(nip__get_text(window, "ends"), &to);
    int rc = nip__zone_load(name != NULL ? name : "UTC", &zone, err);
    if (rc < 0)
        return rc;
    int64_t seconds = nip__floor_divide(s->at, NIP_SECOND);
    int64_t today = nip__floor_divide(seconds + nip__zone_at(zone, seconds).offset, DAY);
    for (int64_t day = today - DAYS_BACK; day <= today + DAYS_ON; day++) {
        if (has_day(window, nip__civil_weekday(day)))
            look_at_day(s, zone, name != NULL ? name : "UTC", day, from, to);
    }
    nip__zone_free(zone);
    return 0;
}

static const nip__value *freeze_at(const nip__value *freeze, nip_time at)
{
    for (NIP__EACH(one, freeze)) {
        if (at >= nip__get_time(one, "begins", NIP_TIME_MAX) && at < nip__get_time(one, "ends", NIP_TIME_NONE))
            return one;
    }
    return NULL;
}

static int search_windows(search *s, const nip__value *windows, nip_error **err)
{
    int rc = 0;
    s->opens = NIP_TIME_MAX;
    for (NIP__EACH(window, windows)) {
        rc = look_at_window(s, window, err);
        if (rc < 0)
            return rc;
    }
    if (nip__count(windows) == 0)
        s->opens = s->at;
    return 0;
}

/* From one obstacle to the next: the end of a freeze, the beginning of a window. */
int nip__window_judge(const nip__value *windows, const nip__value *freeze, nip_time at, nip__opening *opening, nip_error **err)
{
    search s = {.at = at, .zone = "UTC"};
    const nip__value *frozen = freeze_at(freeze, at), *then;
    for (int turn = 0; turn < TURNS_MAX; turn++) {
        then = freeze_at(freeze, s.at);
        if (then != NULL) {
            s.at = nip__get_time(then, "ends", NIP_TIME_MAX);
            continue;
        }
        int rc = search_windows(&s, windows, err);
        if (rc < 0)
            return rc;
        if (s.opens == s.at || s.opens == NIP_TIME_MAX)
            break;
        s.at = s.opens;
    }
    *opening = (nip__opening){.open = s.opens == at, .opens = s.opens == s.at ? s.opens : NIP_TIME_MAX, .zone = s.zone, .offset = s.offset};
    opening->why = frozen == NULL ? NULL : nip__get_text(frozen, "why") != NULL ? nip__get_text(frozen, "why") : "a freeze";
    return 0;
}

/* ---- for people ---- */

const char *nip__opening_civil(nip__arena *arena, const nip__opening *opening)
{
    int64_t local = nip__floor_divide(opening->opens, NIP_SECOND) + opening->offset, year;
    int month, day, minutes = opening->offset / 60, size = minutes < 0 ? -minutes : minutes;
    int64_t days = nip__floor_divide(local, DAY);
    int of_day = (int)(local - days * DAY);
    nip__civil_date(days, &year, &month, &day);
    return nip__arena_printf(arena, "%04d-%02d-%02dT%02d:%02d%c%02d:%02d", (int)year, month, day, of_day / 3600, of_day / 60 % 60,
                             minutes < 0 ? '-' : '+', size / 60, size % 60);
}

/* NULL once memory was out: whoever makes the text asks the arena. */
static const char *append(nip__arena *arena, const char *text, const char *between, const char *more)
{
    if (text == NULL || more == NULL)
        return NULL;
    return nip__arena_printf(arena, "%s%s%s", text, text[0] == '\0' ? "" : between, more);
}

static const char *days_text(nip__arena *arena, const nip__value *days)
{
    const char *text = "";
    for (NIP__EACH(day, days))
        text = append(arena, text, ",", day->as.string.text);
    return days == NULL ? "every day" : text;
}

const char *nip__windows_text(nip__arena *arena, const nip__value *windows, const nip__value *freeze)
{
    const char *text = "";
    size_t told = 0;
    for (NIP__EACH(window, windows)) {
        if (told++ < 2)
            text = append(arena, text, " or ",
                          nip__arena_printf(arena, "%s %s-%s %s", days_text(arena, nip__get(window, "days")), nip__get_text(window, "begins"),
                                            nip__get_text(window, "ends"), nip__get_text(window, "zone")));
    }
    if (told > 2)
        text = append(arena, text, " or ", nip__arena_printf(arena, "%zu more", told - 2));
    if (nip__count(freeze) > 0)
        text = append(arena, text, ", ", "outside of freezes");
    return text != NULL ? text : "";
}

static int judge_text(nip__arena *arena, const char *rules, nip_time at, nip__buffer *text, nip_error **err)
{
    nip__value *root = NULL;
    nip__opening opening;
    nip__problems problems = {0};
    int rc = nip__json_read(arena, rules, strlen(rules), "windows", &nip__document_limits, &root, err);
    if (rc < 0)
        return rc;
    nip__value *normalized = nip__schema_apply(arena, nip__window_fields, root, "windows", "", &problems);
    nip__windows_check(nip__get(normalized, "windows"), nip__get(normalized, "freeze"), "windows", &problems);
    rc = nip__problems_finish(&problems, NIP_E_INVALID, err);
    if (rc == 0 && normalized == NULL)
        rc = nip__nomem(err);
    if (rc == 0)
        rc = nip__window_judge(nip__get(normalized, "windows"), nip__get(normalized, "freeze"), at, &opening, err);
    if (rc < 0)
        return rc;
    bool ever = opening.opens != NIP_TIME_MAX;
    nip__writer w = NIP__WRITER(text);
    nip__write_map(&w, NULL);
    nip__write_int(&w, "v", 1);
    nip__write_bool(&w, "open", opening.open);
    nip__write_time(&w, "at", at);
    nip__write_time(&w, "opens", opening.opens);
    nip__write_text(&w, "opens_civil", ever ? nip__opening_civil(arena, &opening) : NULL);
    nip__write_text(&w, "zone", opening.zone);
    nip__write_text(&w, "why", opening.why);
    nip__write_end_map(&w);
    return nip__arena_failed(arena) ? nip__nomem(err) : 0;
}

int nip_window_judge(const char *rules, nip_time at, char **json, nip_error **err)
{
    NIP_ARG(rules != NULL && json != NULL && at != NIP_TIME_NONE && at != NIP_TIME_MAX);
    nip__arena *arena = nip__arena_new();
    nip__buffer text = NIP__BUFFER(65536);
    int rc = arena == NULL ? nip__nomem(err) : judge_text(arena, rules, at, &text, err);
    char *taken = rc == 0 ? nip__buffer_take(&text) : NULL;
    nip__buffer_clear(&text);
    nip__arena_free(arena);
    if (rc == 0 && taken == NULL)
        return nip__nomem(err);
    if (rc == 0)
        *json = taken;
    return rc;
}
