/* What the commands of the family sla share. */
#ifndef SLA_H
#define SLA_H

#include "cli.h"

/* A document of service levels, and where its journal is. */
typedef struct sla_place {
    cli_world world;
    nip_doc *doc;
} sla_place;

/* 0 or an exit status, reported. To be closed in any case. */
int sla_open(const cli_options *given, int mode, sla_place *place);
void sla_close(sla_place *place);
/* A valid document of this kind. 0 or EXIT_USAGE, reported. */
int sla_load(const char *file, nip_doc **doc);

/* Values of options. 0 or EXIT_USAGE, reported; an instant that was not given stays what it is. */
int sla_number(const char *option, const char *text, int64_t *number);
int sla_instant(const char *option, const char *text, nip_time *at);

typedef int cli_sla_ask(nip_store *store, const nip_doc *doc, const char *period, nip_time now, int64_t as_of, char **json, nip_error **err);
/* As of a record (--as-of) everything is as it was at its instant. */
int sla_ask(const sla_place *place, cli_sla_ask *what, char **json);

/* The exclusion that the options describe, as JSON. Owned: free. */
char *sla_exclusion_text(const cli_options *given, const char *id);
/* One line an objective; the exit status that fits the worst of them. */
int sla_print_objective(const cJSON *objective, const char *period);
int sla_worse_verdict(int left, int right);

#endif
