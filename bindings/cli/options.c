/* The command line: one table of options that all commands share. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

#define AT(member) offsetof(cli_options, member)

static const cli_option table[] = {
    {"store", "PATH", AT(store), "where journals are kept (default $XDG_STATE_HOME/nipops/nipops.db)"},
    {"json", NULL, AT(json), "the result as one JSON document on standard output"},
    {"quiet", NULL, AT(quiet), "no progress, only the outcome"},
    {"observed", "FILE", AT(observed),
     "plan from this observed state (or from the one in this plan) and ask no driver"},
    {"out", "FILE", AT(out), "where it is written: a plan as JSON, for rollout --plan; the document of init; metrics"},
    {"plan", "FILE", AT(plan), "run exactly this plan; refused when things stand differently by now"},
    {"dry-run", NULL, AT(dry_run), "print the plan, change nothing"},
    {"detach", NULL, AT(detach), "leave as soon as the run waits for a person and no guard watches"},
    {"strategy", "NAME", AT(strategy), "override: rolling, blue_green, canary or shadow"},
    {"image-tag", "TEXT", AT(image_tag), "override: the artifact to release"},
    {"namespace", "NAME", AT(namespace_name), "override, for targets that have namespaces; others refuse it"},
    {"replicas", "N", AT(replicas), "override: instances"},
    {"health-check-url", "URL", AT(health_check_url), "override: what tells health, \"http://{endpoint}/health\""},
    {"canary-percentage", "N", AT(canary_percentage), "override: share of the canary's first stage, in percent"},
    {"when-busy", "POLICY", AT(when_busy),
     "override: refuse, queue, supersede or restart while another run of the app is not over"},
    {"by", "WHO", AT(by), "who asks (default: the login name)"},
    {"reason", "TEXT", AT(reason), "why; kept in the journal"},
    {"all", NULL, AT(all), "every one of them"},
    {"watch", NULL, AT(watch), "go on until Ctrl-C: a live table on a terminal, else one line a change"},
    {"follow", NULL, AT(follow), "stay, and show what happens until the run is over"},
    {"force", NULL, AT(force), "retire: also what is still kept for a way back; init: write over a file that is there"},
    {"verify", NULL, AT(verify), "check the chain of hashes"},
    {"expect", "FILE", AT(expect), "with --verify: a head that was kept elsewhere, as --head printed it"},
    {"head", NULL, AT(head), "print sequence and hash of the last record, to be kept elsewhere"},
    {"run", "RUN", AT(run), "only this run's records"},
    {"timeout", "LENGTH", AT(timeout), "give up after this long, \"60s\""},
    {"interval", "LENGTH", AT(interval), "time between tries, \"5s\""},
    {"successes", "N", AT(successes), "good answers in a row that count as healthy"},
    {"failures", "N", AT(failures), "with --watch: bad answers in a row that count as unhealthy (default: 3)"},
    {"status", "CODE", AT(status), "HTTP status that counts as healthy (default: 200 to 299)"},
    {"haproxy-config", "FILE", AT(haproxy_config), "where HAProxy is configured (default: /etc/haproxy/haproxy.cfg)"},
    {"period", "PERIOD", AT(period), "2026-03, 2026-W13, 2026-Q1, 2026, 2026-03-29, this-month, last-week, 30d (default: the present one)"},
    {"as-of", "SEQUENCE", AT(as_of), "only what was recorded up to this record: the report as it was then"},
    {"begin", "INSTANT", AT(begin), "2026-03-08T01:00:00Z; with --end"},
    {"end", "INSTANT", AT(end), "the first instant that is not meant any more"},
    {"indicator", "NAME", AT(indicator), "which of the document's indicators"},
    {"stream", "NAME", AT(stream), "the instance or observer, of rows that name none"},
    {"revision", "N", AT(revision), "a higher one corrects what was recorded (default: 0)"},
    {"class", "NAME", AT(class_name), "of the document's classes of exclusions (default: maintenance)"},
    {"objectives", "NAMES", AT(objectives), "only these, with commas between them (default: all)"},
    {"target", "TARGETS", AT(target), "try these: uptime=99.9,errors=0.2; as the document writes them"},
    {"id", "NAME", AT(id), "what to call it; no other exclusion has it"},
    {"revokes", "NAME", AT(revokes), "the exclusion that does not count any more"},
    {"format", "FORMAT", AT(format), "how it is written: json-schema, markdown or man"},
    {"html", "FILE", AT(html), "write one page that needs nothing from elsewhere"},
    {"clock", "CLOCK", AT(clock),
     "\"virtual:2026-01-01T00:00:00Z\": time that passes at once, for trials with the driver sim"},
    {"help", NULL, AT(help), "this text"},
};

enum { OPTIONS = sizeof table / sizeof table[0] };

const cli_option *options_find(const char *name, size_t length)
{
    for (size_t i = 0; i < OPTIONS; i++) {
        if (strlen(table[i].name) == length && strncmp(table[i].name, name, length) == 0)
            return &table[i];
    }
    return NULL;
}

bool options_listed(const char *names, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = names; (at = strstr(at, name)) != NULL; at += length) {
        bool begins = at == names || at[-1] == ' ';
        if (begins && (at[length] == '\0' || at[length] == ' '))
            return true;
    }
    return strcmp(name, "help") == 0;
}

/* Edits that turn one text into the other (Levenshtein), for short names. */
static size_t distance(const char *left, const char *right)
{
    enum { LONGEST = 40 };
    size_t rows = strnlen(left, LONGEST), columns = strnlen(right, LONGEST), row[LONGEST + 1];
    for (size_t j = 0; j <= columns; j++)
        row[j] = j;
    for (size_t i = 1; i <= rows; i++) {
        size_t corner = row[0];
        row[0] = i;
        for (size_t j = 1; j <= columns; j++) {
            size_t swap = corner + (left[i - 1] != right[j - 1]);
            corner = row[j];
            size_t gap = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            row[j] = swap < gap ? swap : gap;
        }
    }
    return row[columns];
}

const char *options_nearest(const char *wrong, const char *(*name_at)(size_t index), size_t count)
{
    const char *nearest = NULL;
    size_t best = strlen(wrong) / 2 + 1;
    for (size_t i = 0; i < count; i++) {
        size_t edits = distance(wrong, name_at(i));
        if (edits < best) {
            best = edits;
            nearest = name_at(i);
        }
    }
    return nearest;
}

static const char *option_name_at(size_t index)
{
    return table[index].name;
}

static int unknown_option(const cli_command *command, const char *argument, size_t length)
{
    char *name = format_text("%.*s", (int)length, argument);
    const char *nearest = options_nearest(name, option_name_at, OPTIONS);
    if (nearest != NULL && options_listed(command->options, nearest))
        bad_usage("--%s: no such option of %s; did you mean --%s?", name, command->name, nearest);
    else
        bad_usage("--%s: no such option of %s; see: nipops help %s", name, command->name, command->name);
    free(name);
    return EXIT_USAGE;
}

/* Reads the option at argv[*at]; moves *at on when its value is the next argument. */
static int read_option(const cli_command *command, int argc, char **argv, int *at, cli_options *given)
{
    const char *text = argv[*at] + 2;
    size_t length = strcspn(text, "=");
    const char *value = text[length] == '=' ? text + length + 1 : NULL;
    const cli_option *found = options_find(text, length);
    if (found == NULL || !options_listed(command->options, found->name))
        return unknown_option(command, text, length);
    char *field = (char *)given + found->offset;
    if (found->value == NULL) {
        if (value != NULL)
            return bad_usage("--%s takes no value", found->name);
        *(bool *)(void *)field = true;
        return 0;
    }
    if (value == NULL && *at + 1 < argc)
        value = argv[++*at];
    if (value == NULL || value[0] == '\0')
        return bad_usage("--%s needs a value: --%s %s", found->name, found->name, found->value);
    const char **place = (const char **)(void *)field;
    if (*place != NULL)
        return bad_usage("--%s is given twice: \"%s\" and \"%s\"", found->name, *place, value);
    *place = value;
    return 0;
}

static int check_count(const cli_command *command, const cli_options *given)
{
    if (given->help || (given->count >= command->least && given->count <= command->most))
        return 0;
    if (given->count > command->most)
        return bad_usage("\"%s\" is one argument too many: nipops %s %s", given->arguments[command->most],
                         command->name, command->usage);
    return bad_usage("something is missing: nipops %s %s", command->name, command->usage);
}

/* Known before anything is read, so that what is wrong with the others is told in the form that was asked for. */
static bool wants_json(const cli_command *command, int argc, char **argv)
{
    bool wants = false;
    for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++)
        wants = wants || strcmp(argv[i], "--json") == 0;
    return wants && options_listed(command->options, "json");
}

int options_read(const cli_command *command, int argc, char **argv, cli_options *given)
{
    bool only_arguments = false;
    given->json = wants_json(command, argc, argv);
    given->arguments = need(calloc((size_t)argc + 1, sizeof *given->arguments));
    for (int i = 0; i < argc; i++) {
        if (only_arguments || argv[i][0] != '-' || argv[i][1] == '\0') {
            given->arguments[given->count++] = argv[i];
        } else if (strcmp(argv[i], "--") == 0) {
            only_arguments = true;
        } else if (strcmp(argv[i], "-h") == 0) {
            given->help = true;
        } else if (argv[i][1] != '-') {
            return bad_usage("%s: options are written out, with two dashes; see: nipops help %s", argv[i],
                             command->name);
        } else {
            int status = read_option(command, argc, argv, &i, given);
            if (status != 0)
                return status;
        }
    }
    return check_count(command, given);
}
