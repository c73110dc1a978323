/* The HTTP side of greenprint serve (SPEC.md section 20). */
#ifndef CLI_SERVE_SERVER_H
#define CLI_SERVE_SERVER_H

#include "greenprint.h"
#include "serve/accounts.h"
#include "serve/listen.h"
#include "serve/log.h"

typedef struct server_options {
  const gp_key *key;  /* provable; outlives the server, as does all that is pointed to */
  accounts *accounts; /* NULL: whoever comes may ask */
  const serve_log *log;
  listener listener;
  const char *tls_cert; /* PEM; NULL for plain HTTP */
  const char *tls_key;
  size_t max_elements; /* of a request */
  unsigned threads;
  unsigned timeout; /* seconds for a request to arrive, and for its answer to be taken */
} server_options;

typedef struct server server;

/* Starts to answer. Takes the listener over. Returns an exit status, and has said what is wrong.
 */
int server_start(const char *command, const server_options *options, server **made);

/* Cuts off whoever has taken too long. To be called about once a second. */
void server_tick(server *all);

/* Refuses what comes from now on. */
void server_quiesce(server *all);

/* Whether all that was begun is answered. */
bool server_is_idle(server *all);

/* Ends; what is being evaluated is evaluated to the end. NULL is ignored. */
void server_free(server *all);

#endif
