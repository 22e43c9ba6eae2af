/* init: what can be found out about an application without running anything, and the document written from it. */
#ifndef CLI_INIT_H
#define CLI_INIT_H

#include "cli.h"

/* Everything is owned, and NULL where nothing was found. A `_from` says where, for the comment beside it. */
typedef struct init_found {
    char *folder; /* whole path */
    char *app, *app_from;
    cJSON *command; /* words, with {port} filled in for the port */
    char *command_from;
    char *health, *health_from; /* a path, "/healthz" */
    char *socket, *backend;     /* of HAProxy */
    char *config;               /* the file that says so */
} init_found;

/* Looks around in `folder`, and in HAProxy's configuration when there is one. */
void init_look(const char *folder, const char *haproxy_config, init_found *found);
/* The document, commented. Owned: free. */
char *init_write(const init_found *found);
void init_free(init_found *found);

#endif
