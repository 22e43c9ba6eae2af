/* Pages of HTML that need nothing but themselves. */
#include "doc/html.h"

#include <math.h>
#include <string.h>

#include "base/text.h"

/* ---- text ---- */

static const char *reference_of(char c)
{
    static const struct {
        char c;
        const char *reference;
    } references[] = {{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&quot;"}, {'\'', "&#39;"}};
    for (size_t i = 0; i < sizeof references / sizeof references[0]; i++) {
        if (references[i].c == c)
            return references[i].reference;
    }
    return NULL;
}

/* U+0080 to U+009F. */
static bool is_high_control(const char *p, size_t length)
{
    return length == 2 && (unsigned char)p[0] == 0xc2 && (unsigned char)p[1] < 0xa0;
}

void nip__html_text(nip__buffer *out, const char *text)
{
    size_t left = text != NULL ? strlen(text) : 0;
    for (const char *p = text; left > 0;) {
        size_t length = nip__text_character((const unsigned char *)p, left);
        const char *reference = reference_of(*p);
        bool control = ((unsigned char)*p < ' ' && *p != '\n' && *p != '\t') || *p == 0x7f || is_high_control(p, length);
        if (length == 0)
            nip__buffer_text(out, "\xef\xbf\xbd");
        else if (reference != NULL || control)
            nip__buffer_text(out, control ? "?" : reference);
        else
            nip__buffer_put(out, p, length);
        length = length == 0 ? 1 : length;
        p += length;
        left -= length;
    }
}

void nip__html_element(nip__buffer *out, const char *tag, const char *class_name, const char *text)
{
    nip__buffer_printf(out, "<%s", tag);
    if (class_name != NULL)
        nip__buffer_printf(out, " class=\"%s\"", class_name);
    nip__buffer_text(out, ">");
    nip__html_text(out, text);
    nip__buffer_printf(out, "</%s>", tag);
}

/* ---- the page ---- */

static const char style[] =
    ":root{--ink:#1c2430;--soft:#5b6675;--line:#d9dee5;--back:#fff;--band:#f5f7f9;--good:#17683a;--bad:#a8201a;--doubt:"
    "#8a5a00;"
    "--first:#8a99ad;--second:#2a6fbb}"
    "@media(prefers-color-scheme:dark){:root{--ink:#e6e9ee;--soft:#9aa6b5;--line:#38414d;--back:#171b21;--band:#1f252d;"
    "--good:#5cc98b;"
    "--bad:#ff8a80;--doubt:#f0b454;--first:#6f7f95;--second:#64a8f0}}"
    "body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--back);max-width:62rem;margin:2rem "
    "auto;padding:0 1rem}"
    "h1{font-size:1.5rem;margin:0 0 .5rem}h2{font-size:1.1rem;margin:2rem 0 .5rem}"
    "table{border-collapse:collapse;width:100%}th,td{text-align:left;vertical-align:top;padding:.3rem "
    ".6rem;border-bottom:1px solid "
    "var(--line)}"
    "th{color:var(--soft);font-weight:600}td.number,th.number{text-align:right;font-variant-numeric:tabular-nums}"
    "code,pre{font:13px/1.45 ui-monospace,monospace;white-space:pre-wrap;overflow-wrap:anywhere}"
    ".verdict{border-left:.4rem solid var(--doubt);background:var(--band);padding:.6rem 1rem;font-size:1.1rem}"
    ".verdict.pass{border-color:var(--good)}.verdict.fail{border-color:var(--bad)}"
    ".pass b,b.pass{color:var(--good)}.fail b,b.fail{color:var(--bad)}.soft{color:var(--soft)}td.soft{white-space:nowrap}"
    "dl{display:grid;grid-template-columns:max-content 1fr;gap:.2rem "
    "1rem}dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}"
    "svg text{fill:var(--ink);font:12px system-ui,sans-serif}svg .axis{fill:var(--soft)}svg "
    ".first{fill:var(--first)}svg "
    ".second{fill:var(--second)}svg line{stroke:var(--line)}"
    "svg .line{fill:none;stroke-width:2}svg .line.first{stroke:var(--first)}svg .line.second{stroke:var(--second)}"
    "svg .band rect{fill:var(--doubt);opacity:.25}svg rect.first,svg rect.second{stroke:none}"
    "@media print{body{max-width:none;margin:0}h2{break-after:avoid}svg,table{break-inside:avoid}}"
    "svg line.limit{stroke:var(--bad);stroke-width:2;stroke-dasharray:7 5}";

void nip__html_begin(nip__buffer *out, const char *title)
{
    nip__buffer_text(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                          "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                          "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
                          "'unsafe-inline'\">\n<title>");
    nip__html_text(out, title);
    nip__buffer_printf(out, "</title>\n<style>%s</style>\n</head>\n<body>\n", style);
    nip__html_element(out, "h1", NULL, title);
    nip__buffer_text(out, "\n");
}

void nip__html_end(nip__buffer *out)
{
    nip__buffer_text(out, "</body>\n</html>\n");
}

/* ---- pictures ---- */

void nip__html_number(nip__buffer *out, double number)
{
    char text[40];
    nip__text_from_real(round(number * 10) / 10, text);
    nip__buffer_text(out, text);
}

enum { WIDTH = 900, HEIGHT = 220, LEFT = 10, TOP = 34, BOTTOM = 30 };

static int64_t highest(const nip__bars *bars)
{
    int64_t most = 1;
    for (size_t i = 0; i < bars->buckets; i++) {
        most = bars->counts[0][i] > most ? bars->counts[0][i] : most;
        most = bars->counts[1][i] > most ? bars->counts[1][i] : most;
    }
    return most;
}

static void put_bar(nip__buffer *out, const nip__bars *bars, size_t row, size_t bucket, int64_t most)
{
    double step = (double)(WIDTH - 2 * LEFT) / (double)bars->buckets;
    double room = HEIGHT - TOP - BOTTOM, height = room * (double)bars->counts[row][bucket] / (double)most;
    if (bars->counts[row][bucket] == 0)
        return;
    if (height < 1)
        height = 1; /* what is there is seen */
    const struct {
        const char *name;
        double value;
    } attributes[] = {{"x", LEFT + step * ((double)bucket + 0.1 + 0.4 * (double)row)},
                      {"y", HEIGHT - BOTTOM - height},
                      {"width", step * 0.4},
                      {"height", height}};
    nip__buffer_printf(out, "<rect class=\"%s\"", row == 0 ? "first" : "second");
    for (size_t i = 0; i < sizeof attributes / sizeof attributes[0]; i++) {
        nip__buffer_printf(out, " %s=\"", attributes[i].name);
        nip__html_number(out, attributes[i].value);
        nip__buffer_char(out, '"');
    }
    nip__buffer_text(out, "><title>");
    nip__html_text(out, bars->names[row]);
    nip__buffer_printf(out, ": %lld</title></rect>", (long long)bars->counts[row][bucket]);
}

void nip__html_legend(nip__buffer *out, int row, const char *name)
{
    nip__buffer_printf(out, "<rect class=\"%s\" x=\"%d\" y=\"6\" width=\"12\" height=\"12\"/><text x=\"%d\" y=\"16\">",
                       row == 0 ? "first" : "second", LEFT + row * WIDTH / 3, LEFT + 18 + row * WIDTH / 3);
    nip__html_text(out, name);
    nip__buffer_text(out, "</text>");
}

void nip__html_begin_picture(nip__buffer *out, const char *title, int width, int height)
{
    nip__buffer_printf(out, "<svg role=\"img\" viewBox=\"0 0 %d %d\" width=\"100%%\"><title>", width, height);
    nip__html_text(out, title);
    nip__buffer_text(out, "</title>");
}

void nip__html_bars(nip__buffer *out, const nip__bars *bars)
{
    double step = (double)(WIDTH - 2 * LEFT) / (double)(bars->buckets > 0 ? bars->buckets : 1);
    int64_t most = highest(bars);
    nip__html_begin_picture(out, bars->title, WIDTH, HEIGHT);
    nip__html_legend(out, 0, bars->names[0]);
    nip__html_legend(out, 1, bars->names[1]);
    for (size_t i = 0; i < bars->buckets; i++) {
        put_bar(out, bars, 0, i, most);
        put_bar(out, bars, 1, i, most);
        nip__buffer_text(out, "<text class=\"axis\" text-anchor=\"middle\" x=\"");
        nip__html_number(out, LEFT + step * ((double)i + 0.5));
        nip__buffer_printf(out, "\" y=\"%d\">", HEIGHT - BOTTOM / 2 + 6);
        nip__html_text(out, bars->labels[i]);
        nip__buffer_text(out, "</text>");
    }
    nip__buffer_printf(out, "<line x1=\"%d\" x2=\"%d\" y1=\"%d\" y2=\"%d\"/></svg>\n", LEFT, WIDTH - LEFT,
                       HEIGHT - BOTTOM, HEIGHT - BOTTOM);
}
