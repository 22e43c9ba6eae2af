/* The table of commands: what there is, what it takes, and what `help` says about it. */
#include "cli.h"

#include <string.h>

#define OVERRIDES " strategy image-tag namespace replicas health-check-url canary-percentage"
#define DRIVING   "json quiet detach dry-run store clock"
#define REQUEST   "by reason json store"

const cli_command commands[] = {
    {"init", command_init, "[FOLDER]", "write a document for the application in a folder, to begin with",
     "Looks at Procfile, package.json, manage.py, pyproject.toml, go.mod, Cargo.toml, Dockerfile, at source files for a health path,\n"
     "and at HAProxy's configuration. Runs nothing. Comments say where each value is from, and what is a guess.\n"
     "Writes rollout.yaml unless --out says otherwise.",
     "out force haproxy-config json", 0, 1, false},
    {"plan", command_plan, "FILE", "what a rollout would do; reads, changes nothing",
     "Asks the drivers how things stand and prints every step, its conditions, its time, and what happens if it fails "
     "there.\n"
     "With --observed it works offline. --out keeps the plan for rollout --plan, which runs exactly it.",
     "observed out json store clock" OVERRIDES, 1, 1, false},
    {"rollout", command_rollout, "FILE | --plan FILE",
     "release a version as a document says, or run a plan made before",
     "Shows what happens until the run is over: a live view on a terminal, else one line an event.\n"
     "Ctrl-C asks the run to go back; a second one leaves it as it is, to be resumed. It survives its terminal "
     "(SIGHUP).\n"
     "--plan is refused when a fresh observation differs from the plan's own.\n"
     "--when-busy says what to do while another run of the app is not over: refuse (as without it), queue (wait for it),\n"
     "supersede (take it back first), restart (the same, for a run of this very version). --by: who waits.",
     DRIVING " plan observed when-busy by" OVERRIDES, 0, 1, true},
    {"adopt", command_adopt, "FILE", "record an application that already runs as released; starts, stops and routes nothing",
     "The document says what runs: version, artifact, replicas, command. The router must send traffic to exactly these\n"
     "instances, and all must be healthy. Afterwards rollout, rollback and ensure work as for what was rolled out.",
     DRIVING " observed" OVERRIDES, 1, 1, true},
    {"resume", command_resume, "[RUN | --all]", "take up runs that were left: killed, cancelled, waiting",
     "Without a name: the one run that is not over.", "all json quiet detach store clock", 0, 1, true},
    {"status", command_status, "[RUN]", "how a run stands: steps, traffic, health, guards, who drives it",
     "RUN is a run (\"shop-4\") or an app: its latest run. Without it: all that are not over, else the newest.\n"
     "--follow stays until the run is over and ends with the run's exit status; with --json it prints one record a "
     "line.\n--html writes a page with pictures: traffic, error rates and latencies with their limits, health, decisions.",
     "follow html json store clock", 0, 1, false},
    {"list", command_list, "[APP]", "all runs, newest first", "", "json store", 0, 1, false},
    {"approve", command_approve, "RUN", "say yes to a run that waits for it", "", REQUEST, 1, 1, false},
    {"reject", command_reject, "RUN", "say no to a run that waits for people of a role: it takes the change back", "",
     REQUEST, 1, 1, false},
    {"override", command_override, "RUN", "let a run go on that waits for a time window", "--reason is needed.", REQUEST, 1, 1, false},
    {"pause", command_pause, "RUN", "hold a run where it is; guards go on", "", REQUEST, 1, 1, false},
    {"promote", command_promote, "RUN", "end the present wait, or a pause", "", REQUEST, 1, 1, false},
    {"abort", command_abort, "RUN", "take the change back; on a broken run: try the failed step back again", "",
     REQUEST, 1, 1, false},
    {"rollback", command_rollback, "APP", "go to the release before this one; at once while it is still held", "",
     DRIVING, 1, 1, true},
    {"ensure", command_ensure, "APP", "make true again what is released: after a reboot, a router's reload, a crash",
     "Does nothing, successfully, when everything stands as it was released: fit for a boot script or a timer.",
     DRIVING, 1, 1, true},
    {"retire", command_retire, "APP", "stop old versions whose time of being held for a way back is over", "",
     DRIVING " force", 1, 1, true},
    {"health", command_health, "FILE | URL...", "wait until targets are healthy, or watch them",
     "URLs: http://, https://, tcp://. Ends with 1 when one did not become healthy in time.\n"
     "--watch goes on until Ctrl-C and ends with 130: a live table on a terminal, the worst targets first; elsewhere one line a change,\n"
     "with --json one record a line. --quiet: lines also on a terminal, and none for targets that are well from the beginning.",
     "timeout interval successes failures status watch json quiet", 1, 10000, false},
    {"journal", command_journal, "SUBJECT", "what happened, record by record",
     "--all shows every record. --verify checks the chain of hashes: it proves that nothing was corrupted or "
     "carelessly edited. That\n"
     "nobody cut the tail or rewrote everything shows only against a head kept elsewhere: --head prints it, --expect "
     "compares.",
     "all run verify expect head json store", 1, 1, false},
    {"metrics", command_metrics, "", "runs, verdicts and releases as Prometheus metrics",
     "--out writes a file for node_exporter's textfile collector: FOLDER/nipops.prom.", "out store", 0, 0, false},
    {"trace", command_trace, "RUN", "a run as OpenTelemetry spans, in OTLP's JSON", "", "store", 1, 1, false},
    {"report", command_report, "RUN", "what a shadow found out: verdict, differences, latencies",
     "RUN is a run's name (shop-4) or an app: its latest run. Made from the journal, also long after the run.",
     "html json store", 1, 1, false},
    {"sla check", command_sla_check, "FILE", "how service levels stand: one line an objective",
     "Ends with 0 when all are met or on track, with 1 when one is breached or at risk, with 4 when one is undetermined.",
     "period as-of json store", 1, 1, false},
    {"sla report", command_sla_report, "FILE", "the report of a period, as Markdown, JSON or a page",
     "Made from the document and its journal: what was collected, imported and excluded. --as-of makes the report as it was\n"
     "when that record was the last one, at the instant of that record.",
     "period as-of html out json store", 1, 1, false},
    {"sla certificate", command_sla_certificate, "FILE", "what became of each millisecond of a period, as JSON",
     "Boundaries in UTC and on the zone's clocks, and what is excluded, covered, missing and still to come: they add up.",
     "period as-of store", 1, 1, false},
    {"sla budget", command_sla_budget, "FILE", "error budgets: what may be bad, what is spent, what is left", "", "period as-of json store", 1, 1, false},
    {"sla simulate", command_sla_simulate, "FILE", "what would have been: other targets, other exclusions, which alerts",
     "On what was recorded, and without recording anything: verdicts with the --target that is tried, without the time from\n"
     "--begin to --end, and which alerts of the document would have fired, when, and with how much budget left. Other alerts\n"
     "are another document.",
     "period as-of target begin end class objectives json store", 1, 1, false},
    {"sla rules", command_sla_rules, "FILE", "rules for Prometheus that alert on burn rates",
     "As YAML for its rule_files: the share of bad things in each window, an alert for each pair of windows, and one where data\n"
     "are absent.",
     "out", 1, 1, false},
    {"sla collect", command_sla_collect, "FILE", "ask Prometheus what was measured, and keep it",
     "From where the journal ends until now, or the whole of --period, or from --begin to --end. Collecting the same again adds\n"
     "nothing. Ends with 1 when slices are missing because of a problem: what is wrong is told, and the next time may get them.",
     "period begin end revision json quiet store", 1, 1, false},
    {"sla import", command_sla_import, "FILE DATA", "add what was measured, from a file",
     "DATA has comma-separated values with a first line of names, or a JSON object a line; \"-\" is standard input. Keys: at, stream,\n"
     "and two of good, bad, total (of events), or up (of time). --begin and --end say what the file is about: then a slice without a row\n"
     "had no events. Importing the same twice adds nothing; what contradicts is refused.",
     "indicator stream begin end revision json store", 2, 2, false},
    {"sla exclude", command_sla_exclude, "FILE", "record that some time does not count, or does after all",
     "From --begin to --end, with --reason; or --revokes an exclusion. Exclusions are only ever added: earlier reports stay\nwhat they were.",
     "begin end class objectives id revokes by reason json store", 1, 1, false},
    {"check", command_check, "FILE", "is this document valid? All problems at once", "",
     "json strategy image-tag namespace replicas health-check-url canary-percentage", 1, 1, false},
    {"convert", command_convert, "FILE", "a manifest of Argo Rollouts or OpenSLO as a document of ours",
     "FILE holds the Rollout and the AnalysisTemplates that it names, or SLOs of openslo/v1 with their SLIs and data sources,\n"
     "separated by lines of ---. Prints the document (--out writes it), and what was guessed, changed and left out, and why.",
     "out force json", 1, 1, false},
    {"schema", command_schema, "[NAME]", "what a document may say: its JSON Schema, for editors",
     "NAME is a kind of document (\"rollout\") or a driver (\"haproxy\"). Without it: all names; with --format markdown or\n"
     "man the whole reference.",
     "format json", 0, 1, false},
    {"completion", command_completion, "bash | zsh | fish", "completion for a shell: eval \"$(nipops completion bash)\"", "",
     "", 1, 1, false},
    {"help", command_help, "[COMMAND | exit]", "this, or a command's options, or the exit statuses",
     "--format markdown and --format man write the whole reference.", "format", 0, 2, false},
};

const size_t commands_count = sizeof commands / sizeof commands[0];

const cli_family families[] = {
    {"sla", "service levels: what was promised, what was measured, and what became of it"},
};
const size_t families_count = sizeof families / sizeof families[0];

const cli_family *families_find(const char *name)
{
    for (size_t i = 0; i < families_count; i++) {
        if (strcmp(families[i].name, name) == 0)
            return &families[i];
    }
    return NULL;
}

bool families_has(const cli_family *family, const cli_command *command)
{
    size_t length = strlen(family->name);
    return strncmp(command->name, family->name, length) == 0 && command->name[length] == ' ';
}

const cli_command *commands_find(const char *name)
{
    for (size_t i = 0; i < commands_count; i++) {
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    }
    return NULL;
}

const cli_command *commands_of_line(int count, char **words, int *used)
{
    char name[64];
    *used = count > 1 && families_find(words[0]) != NULL ? 2 : 1;
    snprintf(name, sizeof name, *used == 2 ? "%s %s" : "%s", words[0], count > 1 ? words[1] : "");
    return commands_find(name);
}

bool commands_leads(size_t index, const cli_family **family)
{
    *family = NULL;
    for (size_t i = 0; i < families_count; i++) {
        if (families_has(&families[i], &commands[index]))
            *family = &families[i];
    }
    return *family == NULL || index == 0 || !families_has(*family, &commands[index - 1]);
}

const char *commands_name_at(size_t index)
{
    return commands[index].name;
}
