#define _GNU_SOURCE /* struct addrinfo in all C libraries */

#include "serve/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cli.h"

#define BACKLOG   128
#define HOST_SIZE 64
#define PORT_SIZE 8

/* Cuts "ADDR:PORT" or "[ADDR]:PORT". */
static bool cut(const char *text, char host[HOST_SIZE], char port[PORT_SIZE]) {
  const bool bracket = text[0] == '[';
  const char *start = bracket ? text + 1 : text;
  const char *end = bracket ? strchr(start, ']') : strrchr(start, ':');
  if (end == NULL || end == start || (size_t)(end - start) >= HOST_SIZE) {
    return false;
  }
  const char *colon = bracket ? end + 1 : end;
  uint64_t number = 0;
  if (*colon != ':' || strlen(colon + 1) >= PORT_SIZE ||
      !cli_parse_number(colon + 1, UINT16_MAX, &number)) {
    return false;
  }
  (void)snprintf(host, HOST_SIZE, "%.*s", (int)(end - start), start);
  (void)snprintf(port, PORT_SIZE, "%s", colon + 1);
  return true;
}

/* The address, to be freed; NULL for none. */
static struct addrinfo *find(const char *text) {
  char host[HOST_SIZE];
  char port[PORT_SIZE];
  const struct addrinfo hints = {.ai_family = AF_UNSPEC,
                                 .ai_socktype = SOCK_STREAM,
                                 .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE};
  struct addrinfo *found = NULL;
  return cut(text, host, port) && getaddrinfo(host, port, &hints, &found) == 0 ? found : NULL;
}

static bool is_loopback(const struct sockaddr *address) {
  if (address->sa_family == AF_INET) {
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)address;
    return ntohl(v4->sin_addr.s_addr) >> 24 == 127;
  }
  const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)address;
  return IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr) != 0;
}

listen_reach listen_look(const char *text) {
  struct addrinfo *found = find(text);
  if (found == NULL) {
    return REACH_NONE;
  }
  const listen_reach reach = is_loopback(found->ai_addr) ? REACH_LOOPBACK : REACH_OTHERS;
  freeaddrinfo(found);
  return reach;
}

static bool describe(listener *made, bool tls) {
  struct sockaddr_storage address;
  socklen_t size = sizeof address;
  char host[HOST_SIZE];
  char port[PORT_SIZE];
  if (getsockname(made->fd, (struct sockaddr *)&address, &size) != 0 ||
      getnameinfo((struct sockaddr *)&address, size, host, sizeof host, port, sizeof port,
                  NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
    return false;
  }
  (void)snprintf(made->url, sizeof made->url, made->ipv6 ? "http%s://[%s]:%s" : "http%s://%s:%s",
                 tls ? "s" : "", host, port);
  return true;
}

static bool open_socket(const struct addrinfo *where, listener *made) {
  made->fd = socket(where->ai_family, SOCK_STREAM, 0);
  if (made->fd < 0) {
    return false;
  }
  const int on = 1;
  (void)fcntl(made->fd, F_SETFD, FD_CLOEXEC);
  (void)setsockopt(made->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (made->ipv6) {
    (void)setsockopt(made->fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  }
  return bind(made->fd, where->ai_addr, where->ai_addrlen) == 0 && listen(made->fd, BACKLOG) == 0;
}

int listen_at(const char *command, const char *text, bool tls, listener *made) {
  struct addrinfo *where = find(text);
  if (where == NULL) {
    return cli_fail(command, "--listen %s: the address cannot be found", text);
  }
  made->ipv6 = where->ai_family == AF_INET6;
  const bool listening = open_socket(where, made) && describe(made, tls);
  const int number = errno;
  freeaddrinfo(where);
  if (listening) {
    return CLI_OK;
  }
  if (made->fd >= 0) {
    (void)close(made->fd);
    made->fd = -1;
  }
  return cli_fail(command, "--listen %s: %s", text, strerror(number));
}
