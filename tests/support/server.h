/* A tiny HTTP server of canned replies for unit tests: one thread, an ephemeral port of 127.0.0.1, one request
 * a connection. Connections that say nothing hold nobody up; an answer that hangs holds up all. It allocates nothing: tests count that. */
#ifndef NIP_TEST_SERVER_H
#define NIP_TEST_SERVER_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the answer to one request is. Given the raw request (NUL-terminated), writes the raw reply's bytes with server_send. */
typedef struct test_server test_server;
typedef void (*server_answer)(test_server *server, int fd, const char *request);

struct test_server {
    int port;
    int listener, stopper[2];
    pthread_t thread;
    struct server_connection *connections;
    server_answer answer;
    void *data;
    char last_request[16384]; /* read it after the reply has arrived */
    int requests;
};

void server_start(test_server *server, server_answer answer, void *data);
void server_stop(test_server *server);

void server_send(int fd, const char *bytes, size_t length);
void server_text(int fd, const char *raw);                                      /* exactly these bytes */
void server_reply(int fd, int status, const char *headers, const char *body);   /* with the right length; headers end each with CRLF */
/* Blocks until the other side closes: a peer that never answers. */
void server_hang(int fd);
/* Closes with a reset instead of a FIN. */
void server_reset(int fd);
/* A port of 127.0.0.1 on which nobody listens. */
int server_unused_port(void);
/* A descriptor that listens, for peers that only connect. */
int server_listener(int *port);

#endif
