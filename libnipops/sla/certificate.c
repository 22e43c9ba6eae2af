/* Certificates of periods. */
#include "sla/certificate.h"

#include "base/error.h"
#include "base/time.h"

/* ---- where it lies ---- */

static void write_local(nip__writer *writer, const char *key, nip__ms at, int32_t offset)
{
    nip__buffer text = NIP__BUFFER(64);
    nip__time_write_local(&text, nip__ms_time(at), offset);
    if (text.failed)
        writer->buffer->failed = true;
    nip__write_text(writer, key, nip__buffer_string(&text));
    nip__buffer_clear(&text);
}

static void write_boundary(nip__writer *writer, const char *key, const nip__boundary *boundary, bool rolling)
{
    static const char *const forms[] = {"shown_once", "left_out", "shown_twice"};
    nip__write_map(writer, key);
    nip__write_time(writer, "utc", nip__ms_time(boundary->at));
    write_local(writer, "local", boundary->at, boundary->offset);
    nip__write_text(writer, "midnight", rolling ? NULL : forms[boundary->form]);
    nip__write_end_map(writer);
}

static void write_change(nip__writer *writer, const nip__offset_change *change)
{
    nip__write_map(writer, NULL);
    nip__write_time(writer, "utc", nip__ms_time(change->at));
    write_local(writer, "before", change->at, change->before);
    write_local(writer, "after", change->at, change->after);
    nip__write_end_map(writer);
}

static void write_changes(nip__writer *writer, const nip__certified_period *where)
{
    nip__offset_change change = {.at = where->period->begin.at};
    int64_t count = 0;
    nip__write_list(writer, "offset_changes");
    for (; nip__period_change(where->zone, where->period, change.at, &change); count++) {
        if (count < NIP__CERTIFICATE_CHANGES_MAX)
            write_change(writer, &change);
    }
    nip__write_end_list(writer);
    nip__write_int(writer, "offset_change_count", count);
}

static int64_t length_of(const nip__period *period)
{
    return period->end.at - period->begin.at;
}

void nip__certificate_write_period(nip__writer *writer, const char *key, const nip__certified_period *where)
{
    const nip__period *period = where->period;
    bool rolling = period->kind == NIP__PERIOD_ROLLING;
    nip__write_map(writer, key);
    nip__write_text(writer, "label", period->label);
    nip__write_text(writer, "kind", nip__period_kind_name(period->kind));
    nip__write_text(writer, "zone", where->zone_name);
    nip__write_text(writer, "tzdata", where->tzdata);
    write_boundary(writer, "begin", &period->begin, rolling);
    write_boundary(writer, "end", &period->end, rolling);
    nip__write_bool(writer, "open", period->end.at > where->now);
    nip__write_duration(writer, "length", length_of(period) * NIP_MILLISECOND);
    nip__write_int(writer, "length_ms", length_of(period));
    write_changes(writer, where);
    nip__write_end_map(writer);
}

/* ---- what became of it ---- */

static int check(const nip__certificate *c, nip_error **err)
{
    const nip__sla_figures *f = c->figures;
    bool none_below = f->excluded >= 0 && f->covered >= 0 && f->missing >= 0 && f->ahead >= 0 && c->outside_hours_ms >= 0;
    __int128 sum = (__int128)f->excluded + f->covered + f->missing + f->ahead;
    if (none_below && sum == length_of(c->where.period) && c->outside_hours_ms <= f->excluded)
        return 0;
    return nip__fail(err, NIP_E_INTERNAL, "%s has %lld ms, but excluded %lld (outside of service hours %lld), covered %lld, missing %lld, ahead %lld",
                     c->where.period->label, (long long)length_of(c->where.period), (long long)f->excluded, (long long)c->outside_hours_ms,
                     (long long)f->covered, (long long)f->missing, (long long)f->ahead);
}

static void write_class(nip__writer *writer, const nip__exclusion_class *of)
{
    nip__write_map(writer, NULL);
    nip__write_text(writer, "class", of->name);
    if (of->max_ms >= 0)
        nip__write_int(writer, "max_ms", of->max_ms);
    else
        nip__write_null(writer, "max_ms");
    nip__write_int(writer, "asked_ms", of->asked_ms);
    nip__write_int(writer, "counted_ms", of->counted_ms);
    nip__write_end_map(writer);
}

int nip__certificate_write(nip__writer *writer, const char *key, const nip__certificate *certificate, nip_error **err)
{
    const nip__sla_figures *f = certificate->figures;
    int rc = check(certificate, err);
    if (rc < 0)
        return rc;
    nip__write_map(writer, key);
    nip__write_int(writer, "v", 1);
    nip__write_text(writer, "objective", certificate->objective);
    nip__write_text(writer, "definition", certificate->definition);
    nip__write_int(writer, "as_of", certificate->as_of);
    nip__certificate_write_period(writer, "period", &certificate->where);
    nip__write_int(writer, "excluded_ms", f->excluded);
    nip__write_int(writer, "covered_ms", f->covered);
    nip__write_int(writer, "missing_ms", f->missing);
    nip__write_int(writer, "ahead_ms", f->ahead);
    nip__write_int(writer, "outside_hours_ms", certificate->outside_hours_ms);
    nip__write_list(writer, "exclusions");
    for (size_t i = 0; i < certificate->class_count; i++)
        write_class(writer, &certificate->classes[i]);
    nip__write_end_list(writer);
    nip__write_end_map(writer);
    return 0;
}
