/* The command nipops: what its files share. It uses the public headers, cJSON for the JSON that they speak, and POSIX. */
#ifndef CLI_H
#define CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include <cjson/cJSON.h>
#include <nipops.h>

/* What the command ends with; `nipops help exit` prints the same. */
enum {
    EXIT_DONE = 0,
    EXIT_RETURNED = 1, /* the change was taken back, or the command failed */
    EXIT_USAGE = 2,    /* bad usage or a bad document: nothing was touched */
    EXIT_REFUSED = 3,  /* preflight, or the state of things, says no: nothing was changed */
    EXIT_BROKEN = 4,   /* somebody must look */
    EXIT_WAITING = 5,  /* left waiting for a person */
    EXIT_HELD = 6,     /* another process drives it */
    EXIT_CANCELLED = 130,
};

/* ---- options.c: the command line ---- */

typedef struct cli_options {
    char **arguments; /* what is no option */
    int count;
    const char *store, *clock, *observed, *out, *plan, *by, *reason, *expect, *run;
    const char *strategy, *image_tag, *namespace_name, *replicas, *health_check_url, *canary_percentage, *when_busy;
    const char *timeout, *interval, *successes, *failures, *status, *format, *haproxy_config, *html;
    const char *period, *as_of, *begin, *end, *indicator, *stream, *revision, *class_name, *objectives, *id, *revokes, *target;
    bool json, all, follow, force, verify, head, detach, dry_run, quiet, watch, help;
} cli_options;

typedef struct cli_option {
    const char *name;  /* without the dashes */
    const char *value; /* what it takes, for people; NULL: a switch */
    size_t offset;     /* in cli_options: a const char *, or a bool for a switch */
    const char *help;
} cli_option;

typedef struct cli_command {
    const char *name;    /* of one word, or of two: "sla report" is of the family "sla" */
    int (*run)(const cli_options *given);
    const char *usage;   /* its arguments */
    const char *summary; /* one line */
    const char *help;    /* paragraphs, may be "" */
    const char *options; /* names, one blank between them */
    int least, most;     /* arguments */
    bool drives;         /* its exit status tells how a run ended: output that cannot be written does not change it */
} cli_command;

/* The option with this name, or NULL. */
const cli_option *options_find(const char *name, size_t length);
/* Is `name` one of the blank-separated `names`? */
bool options_listed(const char *names, const char *name);
/* Reads what stands behind the command's name. 0 or EXIT_USAGE, with the problem on stderr. `given->arguments` is to be freed. */
int options_read(const cli_command *command, int argc, char **argv, cli_options *given);
/* The name among `count` names nearest to `wrong`, or NULL when none is near. */
const char *options_nearest(const char *wrong, const char *(*name_at)(size_t index), size_t count);

/* ---- help.c ---- */

extern const cli_command commands[];
extern const size_t commands_count;
const cli_command *commands_find(const char *name);
/* Several commands whose names begin with the same word. */
typedef struct cli_family {
    const char *name, *summary;
} cli_family;
extern const cli_family families[];
extern const size_t families_count;
const cli_family *families_find(const char *name);
bool families_has(const cli_family *family, const cli_command *command);
/* The command whose name the line begins with, and of how many words it is; NULL: none. */
const cli_command *commands_of_line(int count, char **words, int *used);
/* Which shows among all commands: it is of no family, or the first one of it, whose family is told then. */
bool commands_leads(size_t index, const cli_family **family);
const char *commands_name_at(size_t index);
void help_print_all(FILE *out);
void help_print(FILE *out, const cli_command *command);
void help_print_family(FILE *out, const cli_family *family);
/* Calls `each` for every option of the command. */
void help_each_option(FILE *out, const cli_command *command,
                      void (*each)(FILE *out, const cli_command *command, const cli_option *option));
int command_help(const cli_options *given);

typedef struct cli_exit {
    int status;
    const char *means;
} cli_exit;

extern const cli_exit exit_statuses[];
extern const size_t exit_statuses_count;

/* ---- manual.c, completion.c, command_schema.c: what else is written from the tables ---- */

/* `help --format man | markdown`: the command's manual page and reference. */
int manual_print(FILE *out, const cli_options *given);
/* Text of a table inside a manual page: nothing in it is taken for a request. */
void manual_roff(FILE *out, const char *text);
int command_completion(const cli_options *given);
int command_schema(const cli_options *given);
int command_init(const cli_options *given);

/* ---- output.c: what people and programs get to see ---- */

/* Marks inside a line that output_line turns into colours, or into nothing. */
#define BOLD   "\1"
#define GREEN  "\2"
#define RED    "\3"
#define YELLOW "\4"
#define DIM    "\5"
#define PLAIN  "\6"

/* "nipops: " and the message as one line on stderr. */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* complain, then EXIT_USAGE. */
int bad_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Reports an error of the library with all its problems, frees it, and returns the exit status that fits its code. */
int fail(nip_error *err);
/* The same for an error while a document was read: EXIT_USAGE whatever the code. */
int fail_document(nip_error *err);

/* `--option value` stands at this path of the document: a problem there is told as the option's. */
void blame_option(const char *path, const char *option, const char *value);
/* Prints the one JSON document of --json on stdout. */
void print_json(const char *json);
/* The same for a tree, which is freed. */
void print_json_value(cJSON *value);
/* At the very end: with --json and no result, the first problem as {"v":1,"error":{...}} on stdout. */
void output_end(bool json);
/* Writes a file as a whole or not at all; links are followed, a device or a pipe is written into, "-" is standard output. 0 or
 * EXIT_RETURNED, reported: `what` cannot be written. */
int output_write_file(const char *path, const char *text, const char *what, unsigned mode);
/* Reads a whole file of at most `most` bytes; "-" is standard input. NULL: reported. Owned: free. */
char *input_read_file(const char *path, size_t most, size_t *length);
/* Writes one line: marks become colours where `out` is a terminal, control characters of outside text become '?', at most `width`
 * columns (0: all). */
void output_line(FILE *out, const char *line, int width);
bool output_is_terminal(FILE *out);
/* Outside text for a line: what is not to be shown, marks included, becomes '?'. With a `width` it is cut to so many columns or
 * filled up with blanks. Owned: free. */
char *output_cell(const char *text, int width);
/* Columns that it takes on a terminal. */
int output_columns(const char *text);
/* Size of the terminal; 80 by 24 when it does not tell. */
void output_size(int *columns, int *lines);
/* A length of time for people: at most two units, no parts of a second above ten seconds. `text` has room for 32 bytes. */
const char *short_duration(nip_duration duration, char text[32]);
/* A metric's value with its unit, after its name: rates in percent, latencies in ms. `text` has room for 32 bytes. */
const char *metric_text(const char *name, double value, char text[32]);

/* "nipops resume shop-1", as it can be typed: with the --store that was given. Owned: free. */
char *hint(const char *verb, const char *argument);
void hint_store(const char *store);

/* Reading the library's JSON. */
const char *json_text(const cJSON *object, const char *key, const char *otherwise);
double json_number(const cJSON *object, const char *key, double otherwise);
nip_time json_time(const cJSON *object, const char *key);  /* NIP_TIME_NONE when it is not there */
const cJSON *json_at(const cJSON *root, const char *path); /* "plan/drivers"; NULL when it is not there */
char *json_print(const cJSON *value);                      /* "null" for NULL; owned: free; never NULL */
cJSON *json_parse(const char *text);                       /* owned: cJSON_Delete; never NULL */

/* Memory: the command ends when there is none; a run under way stays resumable. */
void *need(void *memory);
char *copy_text(const char *text);
char *format_text(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* ---- paths.c ---- */

char *paths_store_url(const cli_options *given); /* owned: free */
char *paths_state_folder(const char *store_url); /* NULL for a store in memory; owned: free */
int paths_make_folders(const char *path);        /* all folders above `path`; 0 or EXIT_RETURNED, reported */
bool paths_store_exists(const char *store_url, int *status); /* *status: EXIT_RETURNED, reported, when nobody can tell */
const char *paths_person(const cli_options *given); /* --by, or who is logged in */

/* ---- signals.c ---- */

/* From now on: interrupts are counted, SIGTERM is noted, SIGHUP and SIGPIPE do nothing. */
void signals_take(void);
int signals_interrupts(void);
bool signals_terminated(void);
/* For who has taken the whole screen: that the window's size has changed, and that Ctrl-Z was typed, are noted too. */
void signals_take_screen(void);
bool signals_resized(void); /* since it was last asked */
bool signals_stopped(void); /* since it was last asked */

/* ---- world.c: context, store, documents, observation ---- */

typedef struct cli_world {
    const cli_options *given;
    nip_ctx *ctx;
    nip_store *store; /* NULL: there is none yet, and this command makes none */
    char *store_url;
    nip_drivers **kept; /* that a train was planned with */
    size_t kept_count;
} cli_world;

enum { WORLD_BARE, WORLD_READ, WORLD_WRITE }; /* BARE: no store is looked at */
/* 0 or an exit status, reported. Reading where there is no store leaves `store` NULL. */
int world_open(const cli_options *given, int mode, cli_world *world);
void world_close(cli_world *world);
/* Opens for reading a store that must be there. */
int world_open_existing(const cli_options *given, cli_world *world);
/* Release record of `subject`; NULL when nothing was released. Owned: nip_free. */
int world_release(cli_world *world, const char *subject, char **release);
/* Loads a document and applies the overrides of the command line. */
int world_document(const cli_options *given, const char *file, nip_doc **doc);
/* Asks the drivers how things stand. */
int world_observe(cli_world *world, const nip_doc *doc, const char *release, nip_drivers *drivers, char **observed);
/* Drives an operation that can be given up without a trace. */
int world_wait(nip_op *op, nip_error **err);

/* ---- overrides.c: --strategy, --image-tag and the others in place of what a rollout document says ---- */

bool overrides_given(const cli_options *given);
/* 0 or EXIT_USAGE, reported. */
int overrides_apply(const cli_options *given, nip_doc *doc);
/* The rollout's keys: under "rollout", or the document's own, since that key may be left out. */
const cJSON *rollout_of(const cJSON *root);

/* ---- progress.c: how a run stands, folded from its records ---- */

typedef enum step_mark { STEP_TO_DO, STEP_DOING, STEP_DONE, STEP_FAILED } step_mark;

typedef struct cli_step_line {
    const char *id, *title; /* of `plan` */
    step_mark mark;
    nip_time began, ended;
} cli_step_line;

typedef struct cli_pending_action {
    char *id, *role, *verb;
    struct cli_pending_action *next;
} cli_pending_action;

typedef struct cli_progress {
    char *run;
    cJSON *plan;
    const char *title, *state; /* `state` is one of the words of nipops/run.h */
    cli_step_line *steps[2];   /* forward, back */
    size_t count[2];
    int list; /* 0 forward, 1 back */
    size_t current[2];
    int64_t sequence; /* of the last record seen */
    nip_time started, now, ended;
    nip_time wait_until; /* of the current step; NIP_TIME_NONE: does not wait */
    char *asks;          /* what an approval asks; NULL: none */
    char *asked;         /* of whom, "1 of sre (ann, bob)"; NULL: anybody */
    char *window;        /* rules of the time window that is waited for; NULL: none */
    char *gate;          /* id of the action that waits for them; NULL: none */
    char *why;           /* of a pause, a way back or an end */
    char *unmet;         /* last predicate that did not hold, NULL: none */
    bool same_unmet;     /* ... and it is the one of the observation before */
    cJSON *shares;       /* groups of the last route that was read back */
    cJSON *health;       /* groups of the last check */
    cJSON *stands;       /* of a broken run: what was done to what */
    cJSON *guards;       /* id -> last judgement */
    cli_pending_action *pending;
    bool over;
} cli_progress;

void progress_begin(cli_progress *progress, const char *run);
/* Takes one record in. False: it is about another run, or was seen already. */
bool progress_feed(cli_progress *progress, const cJSON *record);
void progress_end(cli_progress *progress);
/* Takes in everything that the journal has beyond what was seen, and calls `each` for it (may be NULL). 0 or an exit status. */
int progress_read(cli_progress *progress, nip_store *store, const char *subject,
                  void (*each)(void *data, const cli_progress *progress, const cJSON *record), void *data);
/* Is a guard in force at the current step? Its title, or NULL. */
const char *progress_guarded(const cli_progress *progress);
/* "opens 2026-11-30T09:00+01:00 (Europe/Berlin)", of a time window's rules. Owned: free. */
char *window_text(const char *rules, nip_time now);
/* "succeeded" and its kin to an exit status. */
int progress_exit_status(const char *state);

/* ---- train.c: several apps in one release train ---- */

typedef struct cli_train_app {
    cli_progress progress; /* of its run */
    char *subject;
    struct cli_train_app *next;
} cli_train_app;

/* What a train's run has begun; empty for other runs. */
typedef struct cli_train {
    cli_train_app *apps;
} cli_train;

bool train_is(const nip_doc *doc);
/* The document and those of its apps; all problems of all files. 0 or EXIT_USAGE, reported. With `given` also what their drivers say
 * of their settings; NULL: planning will ask them. */
int train_check(const nip_doc *doc, const cli_options *given);
int train_plan(cli_world *world, const nip_doc *doc, nip_plan **plan);
/* The apps' plans inside a train's: app: plan. NULL: it is no train's. */
const cJSON *train_plans(const cJSON *plan);
int train_each_plan(const nip_plan *plan, int (*each)(void *data, const nip_plan *app), void *data);
/* Takes in a record of the train's own journal. */
void train_feed(cli_train *train, const cJSON *record);
/* Reads what happened before, of the train and of its apps. */
int train_catch_up(cli_train *train, cli_world *world, cli_progress *progress, const char *subject);
/* Calls `each` for what the apps have done since. */
void train_show(cli_train *train, cli_world *world, void (*each)(void *data, const cli_progress *progress, const cJSON *record), void *data);
void train_end(cli_train *train);

/* ---- lines.c: one line an event ---- */

enum { LINES_DETAIL = 0, LINES_NORMAL = 1, LINES_IMPORTANT = 2 };
/* The record as a line (owned: free) and how much it matters; NULL when `record` is no record. `progress` has taken it in already; it
 * may be NULL. */
char *lines_format(const cJSON *record, const cli_progress *progress, int *matters);
/* Prints it when it matters at least as much as `least`. */
void lines_print(FILE *out, const cJSON *record, const cli_progress *progress, int least);

/* ---- view.c: the live view ---- */

typedef struct cli_view {
    FILE *out;
    int drawn; /* lines that stand on the terminal now */
} cli_view;

/* Draws over what was drawn last. */
void view_draw(cli_view *view, const cli_progress *progress);
/* Removes it, so that lines can be printed above. */
void view_clear(cli_view *view);
/* The same picture once, for `status`. */
void view_print(FILE *out, const cli_progress *progress, int most_steps);
/* Of a broken run: what was done to which part, and what is unknown. */
void view_print_stands(FILE *out, const cli_progress *progress);
/* Who was to be told (on_end) that the run has ended and was not; with the latest run also who was not told of earlier ones. */
void view_print_untold(FILE *out, nip_store *store, const char *subject, const char *run);

/* ---- watch.c, watch_table.c: nipops health --watch ---- */

/* Watches until Ctrl-C, SIGTERM, or until nobody reads. Returns the exit status. */
int watch_targets(cli_world *world, nip_doc *doc);
/* Takes the whole screen, and gives it back; the latter twice is fine. */
void table_open(void);
void table_close(void);
/* Draws a watch's status over the whole screen. */
void table_draw(const cJSON *status);
/* The same once, without taking the screen: what is left when it is over. */
void table_print(const cJSON *status);
/* A failure's message without the target's name, which stands beside it. */
const char *message_beside(const char *message, const char *target);

/* ---- drive.c ---- */

/* One run to drive. `run` and `drivers` are freed by drive_all. */
typedef struct cli_session {
    nip_run *run; /* NULL: `op` makes it, when its turn has come */
    nip_drivers *drivers;
    nip_op *op;
    cli_progress progress; /* of the run; of one that it takes back first; `run` is "" while there is none */
    char *result;          /* JSON, owned by the library */
    int status;            /* exit status so far */
    bool own_result;       /* `result` is ours: free */
    bool own;              /* it drives the run that it is about */
    char *own_run;         /* its id, when `op` made it; NULL: `run`, or not yet */
    bool over, failed, detach_refused;
    cli_train train;
} cli_session;

/* Drives the sessions to their ends, shows what happens, prints the outcomes. Returns the exit status. */
int drive_all(cli_world *world, cli_session *sessions, size_t count);
/* Begins a run of the plan and drives it. `drivers` may have roles bound already; it is freed. */
int drive_plan(cli_world *world, const nip_plan *plan, nip_drivers *drivers);
/* Does a whole rollout: waits for its turn as the document says, observes, plans, and drives the run. `drivers` is freed. */
int drive_rollout(cli_world *world, const nip_doc *doc, nip_drivers *drivers);
/* Exit status that matters more. */
int worse_status(int left, int right);

/* ---- commands ---- */

int command_plan(const cli_options *given);
int command_check(const cli_options *given);
int command_rollout(const cli_options *given);
int command_adopt(const cli_options *given);
int command_rollback(const cli_options *given);
int command_ensure(const cli_options *given);
int command_retire(const cli_options *given);
int command_resume(const cli_options *given);
int command_status(const cli_options *given);
int command_list(const cli_options *given);
int command_approve(const cli_options *given);
int command_reject(const cli_options *given);
int command_override(const cli_options *given);
int command_pause(const cli_options *given);
int command_promote(const cli_options *given);
int command_abort(const cli_options *given);
int command_health(const cli_options *given);
int command_journal(const cli_options *given);
int command_metrics(const cli_options *given);
int command_convert(const cli_options *given);
int command_trace(const cli_options *given);
int command_report(const cli_options *given);
int command_sla_check(const cli_options *given);
int command_sla_report(const cli_options *given);
int command_sla_certificate(const cli_options *given);
int command_sla_collect(const cli_options *given);
int command_sla_budget(const cli_options *given);
int command_sla_simulate(const cli_options *given);
int command_sla_rules(const cli_options *given);
int command_sla_import(const cli_options *given);
int command_sla_exclude(const cli_options *given);

/* nip_rollout_plan, nip_adopt_plan: planners that start from a document. */
typedef int cli_planner(const nip_doc *doc, const char *release, const char *observed, nip_plan **plan, nip_error **err);
/* command_plan.c: is it a rollout document, and valid (else EXIT_USAGE, reported); and its plan, as `plan`, `rollout` and `adopt` make it. `drivers` gets what the document names. */
int rollout_check(const nip_doc *doc, const char *file);
int plan_of_document(cli_world *world, const char *file, cli_planner *make, nip_drivers *drivers, nip_plan **plan);
/* A rollout document or a train. */
int plan_document(const cli_options *given, const char *file, nip_doc **doc);
/* The plan of a document of one app. */
int plan_from(cli_world *world, const nip_doc *doc, cli_planner *make, nip_drivers *drivers, nip_plan **plan);
/* Is it a rollout document, and valid? 0 or EXIT_USAGE, reported. */
int plan_check_rollout(const nip_doc *doc);
/* Are the settings of its drivers valid? 0 or EXIT_USAGE, reported. Drivers of other programs are only warned of. */
int plan_check_drivers(const cli_options *given, const nip_doc *doc);
/* Prints a plan as --json or --out or for people. */
int plan_show(const cli_world *world, const nip_plan *plan);

#endif
