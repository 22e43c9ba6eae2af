/* The runner of scenarios in C: what its files share. It uses nothing but <nipops.h> and cJSON. */
#ifndef SCENARIO_RUNNER_H
#define SCENARIO_RUNNER_H

#include <cjson/cJSON.h>
#include <nipops.h>
#include <stdbool.h>
#include <stdio.h>

/* One scenario under way. `plan`, `release` and `observed` are what the latest command left. */
typedef struct runner {
    const cJSON *scenario;
    nip_ctx *ctx;
    nip_store *store;
    nip_drivers *drivers;
    nip_plan *plan;
    char *release;  /* owned; NULL: as the store says */
    char *observed; /* owned; NULL before the first observation */
    nip_time start; /* the scenario's clock */
    int crashes;    /* how many processes died before this one */
} runner;

/* One run being driven: what the scenario says about it, and what was seen of it so far. */
typedef struct drive {
    runner *runner;
    const cJSON *said; /* the command's value: answers, requests, crashes, ... */
    nip_run *run;
    cJSON *intended;  /* payloads of action.intended by action */
    int *rule_counts; /* how often each rule of `answers` would have matched */
    bool *requested;  /* which of `requests` were made */
    int *request_counts;
    int crash; /* index into `crashes` of the next one */
    int crash_count;
    int leave_count;
    bool leaves;  /* the moment to leave the run as it is has come */
    int handed;   /* actions handed out so far */
    int64_t seen; /* sequence of the last record seen */
} drive;

/* print.c */
void print_to(FILE *file);
void print_json(const cJSON *value, const char *skip);
void print_json_text(const char *label, const char *json);
void print_instant(const char *label, nip_time at);
void print_fields(const char *label, const cJSON *map, const char *const *keys);
void print_text(const char *label, const char *text);
void print_block(const char *text);
void print_error(nip_error *err);
void print_record(const char *label, const cJSON *record);
void print_action(const nip_action *action);

/* answers.c */
const char *text_of(const cJSON *map, const char *key);
nip_duration duration_of(const cJSON *map, const char *key);
const cJSON *find_rule(drive *d, const nip_action *action);
char *answer_of(const cJSON *rule);
void die(const char *message, const char *what);

/* moments.c */
void see_record(drive *d, const cJSON *record, nip_time now);
void make_request(drive *d, int index, nip_time now);
void crash_after_action(drive *d);
nip_time next_timed_request(const drive *d, int *index);

/* drive_next.c, drive_operation.c */
void drive_by_next(drive *d, nip_time now);
void drive_by_operation(drive *d, bool host);

/* commands.c, calls.c, report.c */
void run_command(runner *r, const cJSON *command);
nip_doc *load_document(const runner *r, const char *name);
bool has_crashes(const cJSON *said);
void print_requested(const char *json);
void print_status(const char *json);
void print_gate(const char *json);
void report_subject(runner *r, const char *subject);
void call_function(runner *r, const cJSON *said);
int call_histogram(const cJSON *arguments, nip_error **err);

/* service_level.c */
void promises(runner *r, const cJSON *said);
void measure(runner *r, const cJSON *said);
void exclude(runner *r, const cJSON *said);
void show_pages(runner *r, const cJSON *said);
void judge(runner *r, const cJSON *said);
void simulate(runner *r, const cJSON *said);

#endif
