/* Where the server listens. */
#ifndef CLI_SERVE_LISTEN_H
#define CLI_SERVE_LISTEN_H

#include <stdbool.h>

#define LISTEN_URL_SIZE 96

typedef struct listener {
  int fd;
  bool ipv6;
  char url[LISTEN_URL_SIZE]; /* with the port that it got */
} listener;

/* Listens on ADDR:PORT, with a numeric address, [ADDR] for IPv6, and port 0 for any. Returns an
 * exit status, and has said what is wrong. */
int listen_at(const char *command, const char *text, bool tls, listener *made);

typedef enum listen_reach {
  REACH_NONE,     /* it is no ADDR:PORT */
  REACH_LOOPBACK, /* this machine alone */
  REACH_OTHERS
} listen_reach;

/* Who can reach ADDR:PORT. */
listen_reach listen_look(const char *text);

#endif
