/* What came of collecting, for people and as JSON. */
#include "op/collect_inside.h"

#include "base/error.h"
#include "base/time.h"
#include "doc/json.h"

enum { RESULT_MAX = 64 << 20 };

/* ---- what the server does not have any more ---- */

/* The first slice that any stream knows; the end: none does. */
static int64_t first_known(const nip__collect *self, const nip__collected *item)
{
    size_t first = 0, count = nip__state_tracks(self->state, item->indicator->definition, &first);
    int64_t least = item->final;
    for (size_t i = first; i < first + count; i++) {
        const nip__track *track = &self->state->tracks[i];
        if (track->count > 0 && track->items[0].index < least)
            least = track->items[0].index;
    }
    return least;
}

static void put_instant(nip__buffer *text, nip__ms at)
{
    nip__time_write(text, nip__ms_time(at));
}

void nip__collect_tell_retention(nip__collect *self, nip__collected *item)
{
    nip__ms kept_since = nip__ms_of(self->began) - self->retention.kept_ms, begin = item->first * item->indicator->slice_ms;
    nip__ms known = first_known(self, item) * item->indicator->slice_ms;
    if (self->retention.kept_ms == 0 || begin >= kept_since || begin >= known)
        return;
    known = known < kept_since ? known : kept_since; /* what is missing behind that was not there, or was not seen */
    nip__buffer text = NIP__BUFFER(256);
    nip__buffer_printf(&text, "the server keeps %s: ", self->retention.text);
    put_instant(&text, begin);
    nip__buffer_text(&text, " to ");
    put_instant(&text, known);
    nip__buffer_text(&text, " is missing");
    if (text.failed)
        nip__arena_fail(self->arena);
    nip__sampled_tell(&item->sum, "%s", nip__buffer_string(&text));
    nip__buffer_clear(&text);
}

/* ---- JSON ---- */

static void write_texts(nip__writer *w, const char *key, const nip__told *told)
{
    nip__write_list(w, key);
    for (size_t i = 0; i < told->count && i < NIP__TOLD_MAX; i++)
        nip__write_text(w, NULL, told->texts[i]);
    nip__write_end_list(w);
}

static void write_numbers(nip__writer *w, const nip__sampled *sum)
{
    const struct {
        const char *key;
        int64_t number;
    } all[] = {
        {"known", sum->known},   {"missing", sum->missing}, {"samples", sum->samples},   {"series", sum->series}, {"resets", sum->resets},
        {"births", sum->births}, {"gaps", sum->gaps},       {"unplaced", sum->unplaced}, {"hidden", sum->hidden}, {"absent", sum->absent},
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        nip__write_int(w, all[i].key, all[i].number);
}

static void write_item(nip__writer *w, const nip__collected *item)
{
    static const char *const kinds[] = {
        [NIP__INDICATOR_TIME] = "time", [NIP__INDICATOR_EVENTS] = "events", [NIP__INDICATOR_LATENCY] = "latency"};
    int64_t slice = item->indicator->slice_ms;
    nip__write_map(w, NULL);
    nip__write_text(w, "name", item->indicator->name);
    nip__write_text(w, "kind", kinds[item->indicator->kind]);
    nip__write_time(w, "begin", nip__ms_time(item->first * slice));
    nip__write_time(w, "end", nip__ms_time(item->end * slice));
    nip__write_int(w, "waiting", item->end - item->final);
    nip__write_int(w, "left", item->final - item->next);
    write_numbers(w, &item->sum);
    write_texts(w, "problems", &item->sum.problems);
    write_texts(w, "warnings", &item->sum.remarks);
    nip__write_end_map(w);
}

static void write_sums(nip__writer *w, const nip__collect *self)
{
    int64_t known = 0, missing = 0, waiting = 0;
    for (size_t i = 0; i < self->count; i++) {
        known += self->items[i].sum.known;
        missing += self->items[i].sum.missing;
        waiting += self->items[i].end - self->items[i].final;
    }
    nip__write_int(w, "known", known);
    nip__write_int(w, "missing", missing);
    nip__write_int(w, "waiting", waiting);
}

int nip__collect_write(nip__collect *self, char **json, nip_error **err)
{
    nip__buffer text = NIP__BUFFER(RESULT_MAX);
    nip__writer w = NIP__WRITER(&text);
    nip__write_map(&w, NULL);
    nip__write_int(&w, "v", 1);
    nip__write_text(&w, "sla", self->contract->name);
    nip__write_time(&w, "at", self->began);
    nip__write_time(&w, "begin", nip__ms_time(self->begin));
    nip__write_time(&w, "end", nip__ms_time(self->end));
    write_sums(&w, self);
    nip__write_map(&w, "server");
    nip__write_text(&w, "retention", self->retention.kept_ms > 0 ? self->retention.text : NULL);
    nip__write_end_map(&w);
    nip__write_list(&w, "indicators");
    for (size_t i = 0; i < self->count; i++)
        write_item(&w, &self->items[i]);
    nip__write_end_list(&w);
    nip__write_end_map(&w);
    char *taken = nip__buffer_take(&text);
    nip__buffer_clear(&text);
    if (taken == NULL)
        return nip__nomem(err);
    *json = taken;
    return 0;
}
