/*
 * One thread of libmicrohttpd's carries bytes; the workers evaluate. A request whose body has
 * arrived is suspended, given to the workers, and resumed with its answer, so that no evaluation
 * keeps anybody's bytes waiting.
 *
 * What is cheap to refuse is refused before a body is read: tokens, types, lengths. Rates are
 * charged before elements are looked at, since that is work; budgets are charged before as well,
 * and given back where nothing was evaluated.
 */
#include "serve/server.h"

#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <microhttpd.h>

#include "cli.h"
#include "serve/clock.h"
#include "serve/metrics.h"
#include "serve/workers.h"

enum {
  CONNECTIONS_MAX = 256,
  CONNECTIONS_OF_ADDRESS_MAX = 128,
  CONNECTION_MEMORY = 16 * 1024, /* for a request's head, and in pieces its body */
  WAITING_MAX = 64,              /* requests; beyond that a client is better off to come back */
  BUSY_SECONDS = 1,
  STOPPING_SECONDS = 10,
  LINE_SIZE = GP_ERROR_MESSAGE_SIZE + 2
};

static const char binary[] = "application/octet-stream";

/* A connection, and by when something has to have happened on it. */
typedef struct connection {
  int fd;
  double deadline;
  struct connection *next;
  struct connection **link; /* what points at this one */
} connection;

struct server {
  server_options options;
  struct MHD_Daemon *daemon;
  workers *workers;
  metrics *metrics;
  uint8_t public_file[GP_PUBLIC_FILE_SIZE];
  gp_public_key public_key;
  atomic_bool stopping;
  atomic_size_t begun;   /* requests that were let in and are not done */
  pthread_mutex_t mutex; /* of the list */
  connection *connections;
  size_t n_connections;
  pthread_t starter;       /* the thread that starts libmicrohttpd */
  char trouble[LINE_SIZE]; /* the first that it says there */
};

typedef enum stage {
  BEGINNING,
  RECEIVING,
  EVALUATING,
  EVALUATED,
  REPLIED
} stage;

typedef struct request {
  evaluation work; /* first, as workers give this back */
  server *server;
  struct MHD_Connection *carrier;
  connection *connection;
  const char *endpoint;
  size_t account;
  double started;
  stage stage;
  uint8_t *body;
  size_t announced;
  size_t received;
  size_t count; /* elements */
  unsigned status;
  const char *reason;
} request;

/* ---------------------------------------------------------------------- connections */

static void set_deadline(server *all, connection *one, double seconds) {
  if (one == NULL) {
    return;
  }
  (void)pthread_mutex_lock(&all->mutex);
  one->deadline = clock_now() + seconds;
  (void)pthread_mutex_unlock(&all->mutex);
}

static void open_connection(server *all, struct MHD_Connection *carrier, void **context) {
  const union MHD_ConnectionInfo *info =
      MHD_get_connection_info(carrier, MHD_CONNECTION_INFO_CONNECTION_FD);
  connection *one = calloc(1, sizeof *one);
  if (one == NULL || info == NULL) {
    free(one);
    return;
  }
  one->fd = info->connect_fd;
  one->deadline = clock_now() + all->options.timeout;
  (void)pthread_mutex_lock(&all->mutex);
  one->next = all->connections;
  one->link = &all->connections;
  if (one->next != NULL) {
    one->next->link = &one->next;
  }
  all->connections = one;
  all->n_connections++;
  (void)pthread_mutex_unlock(&all->mutex);
  *context = one;
}

static void close_connection(server *all, void **context) {
  connection *one = *context;
  if (one == NULL) {
    return;
  }
  (void)pthread_mutex_lock(&all->mutex);
  *one->link = one->next;
  if (one->next != NULL) {
    one->next->link = one->link;
  }
  all->n_connections--;
  (void)pthread_mutex_unlock(&all->mutex);
  free(one);
  *context = NULL;
}

static void on_connection(void *cls, struct MHD_Connection *carrier, void **context,
                          enum MHD_ConnectionNotificationCode what) {
  if (what == MHD_CONNECTION_NOTIFY_STARTED) {
    open_connection(cls, carrier, context);
  } else {
    close_connection(cls, context);
  }
}

/* libmicrohttpd knows only idle time: a client that sends a byte now and then could stay. */
void server_tick(server *all) {
  const double now = clock_now();
  (void)pthread_mutex_lock(&all->mutex);
  for (connection *one = all->connections; one != NULL; one = one->next) {
    if (one->deadline < now) {
      (void)shutdown(one->fd, SHUT_RDWR);
    }
  }
  (void)pthread_mutex_unlock(&all->mutex);
}

/* -------------------------------------------------------------------------- replies */

/* Takes `response` over. */
static enum MHD_Result send_response(request *one, unsigned status, const char *type,
                                     struct MHD_Response *response) {
  if (response == NULL) {
    return MHD_NO; /* out of memory: the connection ends */
  }
  (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
  (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
  if (atomic_load(&one->server->stopping)) {
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
  }
  one->status = status;
  one->stage = REPLIED;
  set_deadline(one->server, one->connection, one->server->options.timeout);
  const enum MHD_Result result = MHD_queue_response(one->carrier, status, response);
  MHD_destroy_response(response);
  return result;
}

static enum MHD_Result reply(request *one, const char *type, const void *bytes, size_t size) {
  return send_response(
      one, MHD_HTTP_OK, type,
      MHD_create_response_from_buffer(size, (void *)bytes, MHD_RESPMEM_MUST_COPY));
}

/* A line of text, which has no line breaks yet. `wait` is for Retry-After; 0 for none. */
static enum MHD_Result refuse(request *one, unsigned status, const char *reason, unsigned wait,
                              const char *format, ...) __attribute__((format(printf, 5, 6)));
static enum MHD_Result refuse(request *one, unsigned status, const char *reason, unsigned wait,
                              const char *format, ...) {
  char line[LINE_SIZE];
  va_list arguments;
  va_start(arguments, format);
  (void)vsnprintf(line, sizeof line - 1, format, arguments);
  va_end(arguments);
  const size_t length = strlen(line);
  line[length] = '\n';
  struct MHD_Response *response =
      MHD_create_response_from_buffer(length + 1, line, MHD_RESPMEM_MUST_COPY);
  if (response != NULL && wait > 0) {
    char seconds[16];
    (void)snprintf(seconds, sizeof seconds, "%u", wait);
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_RETRY_AFTER, seconds);
  }
  if (response != NULL && status == MHD_HTTP_UNAUTHORIZED) {
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_WWW_AUTHENTICATE,
                                  "Bearer realm=\"greenprint\"");
  }
  one->reason = reason;
  return send_response(one, status, "text/plain; charset=utf-8", response);
}

/* ------------------------------------------------------------------ what can be had */

static enum MHD_Result get_public(request *one) {
  return reply(one, binary, one->server->public_file, sizeof one->server->public_file);
}

static enum MHD_Result get_limits(request *one) {
  const server *all = one->server;
  char text[256];
  int length = snprintf(text, sizeof text, "{\"key_id\":\"%s\",\"max_elements\":%zu",
                        all->public_key.id, all->options.max_elements);
  if (one->account != NO_ACCOUNT) {
    const account_facts facts = accounts_facts(all->options.accounts, one->account);
    length += snprintf(text + length, sizeof text - (size_t)length,
                       ",\"rate\":%" PRIu64 ",\"budget\":%" PRIu64 ",\"left\":%" PRIu64,
                       facts.rate, facts.budget, facts.left);
  }
  length += snprintf(text + length, sizeof text - (size_t)length, "}\n");
  return reply(one, "application/json", text, (size_t)length);
}

static enum MHD_Result get_health(request *one) {
  return atomic_load(&one->server->stopping)
             ? refuse(one, MHD_HTTP_SERVICE_UNAVAILABLE, "stopping", STOPPING_SECONDS, "stopping")
             : reply(one, "text/plain; charset=utf-8", "ok\n", 3);
}

static enum MHD_Result get_metrics(request *one) {
  server *all = one->server;
  metrics_state state;
  (void)pthread_mutex_lock(&all->mutex);
  state.connections = all->n_connections;
  (void)pthread_mutex_unlock(&all->mutex);
  workers_look(all->workers, &state.waiting, &state.running);
  size_t size = 0;
  char *text = metrics_text(all->metrics, &state, &size);
  const enum MHD_Result result =
      text == NULL ? MHD_NO : reply(one, "text/plain; version=0.0.4; charset=utf-8", text, size);
  free(text);
  return result;
}

static const struct endpoint {
  const char *path;
  const char *name;
  bool post;
  bool open; /* needs no token */
  enum MHD_Result (*get)(request *one);
} endpoints[] = {
    {"/v1/public", "public", false, true, get_public},
    {"/v1/limits", "limits", false, false, get_limits},
    {"/v1/evaluate", "evaluate", true, false, NULL},
    {"/v1/health", "health", false, true, get_health},
    {"/metrics", "metrics", false, false, get_metrics},
};

static const struct endpoint *find_endpoint(const char *path) {
  for (size_t i = 0; i < sizeof endpoints / sizeof endpoints[0]; i++) {
    if (strcmp(endpoints[i].path, path) == 0) {
      return &endpoints[i];
    }
  }
  return NULL;
}

/* ----------------------------------------------------------------- a request's head */

static const char *header_of(const request *one, const char *name) {
  return MHD_lookup_connection_value(one->carrier, MHD_HEADER_KIND, name);
}

static bool know_token(request *one) {
  static const char scheme[] = "Bearer ";
  one->account = NO_ACCOUNT;
  if (one->server->options.accounts == NULL) {
    return true;
  }
  const char *presented = header_of(one, MHD_HTTP_HEADER_AUTHORIZATION);
  if (presented != NULL && strncasecmp(presented, scheme, sizeof scheme - 1) == 0) {
    one->account = accounts_find(one->server->options.accounts, presented + sizeof scheme - 1);
  }
  return one->account != NO_ACCOUNT;
}

static bool is_binary(const char *type) {
  const size_t length = sizeof binary - 1;
  return type != NULL && strncasecmp(type, binary, length) == 0 &&
         (type[length] == '\0' || type[length] == ';' || type[length] == ' ');
}

static enum MHD_Result begin_evaluate(request *one) {
  const size_t most = GP_BLIND_REQUEST_SIZE(one->server->options.max_elements);
  if (atomic_load(&one->server->stopping)) {
    return refuse(one, MHD_HTTP_SERVICE_UNAVAILABLE, "stopping", STOPPING_SECONDS,
                  "the server is stopping");
  }
  if (!is_binary(header_of(one, MHD_HTTP_HEADER_CONTENT_TYPE))) {
    return refuse(one, MHD_HTTP_UNSUPPORTED_MEDIA_TYPE, "type", 0,
                  "the body has to be of type %s", binary);
  }
  const char *announced = header_of(one, MHD_HTTP_HEADER_CONTENT_LENGTH);
  if (announced == NULL || header_of(one, MHD_HTTP_HEADER_TRANSFER_ENCODING) != NULL) {
    return refuse(one, MHD_HTTP_LENGTH_REQUIRED, "length", 0,
                  "the length of the body has to be announced");
  }
  uint64_t length = 0;
  if (!cli_parse_number(announced, UINT64_MAX, &length) || length > most) {
    return refuse(one, MHD_HTTP_CONTENT_TOO_LARGE, "size", 0,
                  "a request has at most %zu bytes, for %zu elements", most,
                  one->server->options.max_elements);
  }
  one->announced = (size_t)length;
  one->stage = RECEIVING;
  return MHD_YES;
}

static enum MHD_Result begin(request *one, const char *path, const char *method) {
  const struct endpoint *endpoint = find_endpoint(path);
  if (endpoint == NULL) {
    return refuse(one, MHD_HTTP_NOT_FOUND, "path", 0, "there is nothing at this path");
  }
  one->endpoint = endpoint->name;
  if (strcmp(method, endpoint->post ? MHD_HTTP_METHOD_POST : MHD_HTTP_METHOD_GET) != 0) {
    return refuse(one, MHD_HTTP_METHOD_NOT_ALLOWED, "method", 0, "%s takes %s only",
                  endpoint->path, endpoint->post ? "POST" : "GET");
  }
  if (!endpoint->open && !know_token(one)) {
    return refuse(one, MHD_HTTP_UNAUTHORIZED, "token", 0,
                  "this needs a token that the server knows");
  }
  return endpoint->post ? begin_evaluate(one) : endpoint->get(one);
}

/* ----------------------------------------------------------------- a request's body */

static enum MHD_Result receive(request *one, const char *bytes, size_t *size) {
  const size_t got = *size;
  *size = 0;
  if (one->stage == REPLIED) {
    return MHD_YES; /* was refused: not read */
  }
  if (one->body == NULL) {
    one->body = malloc(one->announced);
  }
  if (one->body == NULL || got > one->announced - one->received) {
    return MHD_NO;
  }
  memcpy(one->body + one->received, bytes, got);
  one->received += got;
  return MHD_YES;
}

/* In a worker's thread. `one` may be gone as soon as the connection goes on. */
static void evaluated(evaluation *work) {
  request *one = (request *)work;
  struct MHD_Connection *carrier = one->carrier;
  one->stage = EVALUATED;
  MHD_resume_connection(carrier);
}

static enum MHD_Result hand_over(request *one) {
  server *all = one->server;
  one->work.request = one->body;
  one->work.request_size = one->received;
  one->work.done = evaluated;
  one->work.answer = malloc(GP_BLIND_ANSWER_SIZE(one->count));
  one->stage = EVALUATING;
  set_deadline(all, one->connection, INFINITY);
  MHD_suspend_connection(one->carrier);
  if (one->work.answer == NULL || !workers_add(all->workers, &one->work)) {
    one->work.status = GP_ERR_MEMORY; /* no room */
    one->stage = EVALUATED;
    MHD_resume_connection(one->carrier);
  }
  return MHD_YES;
}

/* Has the token pay for it. */
static enum MHD_Result pay(request *one) {
  unsigned wait = 0;
  gp_error error;
  if (one->account == NO_ACCOUNT) {
    return hand_over(one);
  }
  switch (
      accounts_spend(one->server->options.accounts, one->account, one->count, &wait, &error)) {
  case SPENT:
    return hand_over(one);
  case OVER_BUDGET:
    return refuse(one, MHD_HTTP_FORBIDDEN, "budget", 0,
                  "the token's budget has %" PRIu64 " elements left, the request has %zu",
                  accounts_facts(one->server->options.accounts, one->account).left, one->count);
  case OVER_RATE:
    return refuse(one, MHD_HTTP_TOO_MANY_REQUESTS, "rate", wait,
                  "faster than the token's %" PRIu64 " elements a second",
                  accounts_facts(one->server->options.accounts, one->account).rate);
  case NOT_WRITTEN:
  default:
    serve_log_event(one->server->options.log, "state", "error", error.message);
    return refuse(one, MHD_HTTP_SERVICE_UNAVAILABLE, "state", STOPPING_SECONDS,
                  "the server cannot note what is spent");
  }
}

static enum MHD_Result look_at_body(request *one) {
  static const uint8_t nothing[1];
  gp_error error;
  gp_blind_request info;
  if (gp_blind_request_read(one->body != NULL ? one->body : nothing, one->received, &info,
                            &error) != GP_OK) {
    return refuse(one, MHD_HTTP_BAD_REQUEST, "format", 0, "%s", error.message);
  }
  one->count = info.count;
  if (strcmp(info.key_id, one->server->public_key.id) != 0) {
    return refuse(one, MHD_HTTP_CONFLICT, "key", 0,
                  "the request asks for key %s, the server has key %s", info.key_id,
                  one->server->public_key.id);
  }
  return pay(one);
}

static enum MHD_Result answer(request *one) {
  if (one->work.status == GP_OK) {
    uint8_t *bytes = one->work.answer;
    one->work.answer = NULL;
    return send_response(one, MHD_HTTP_OK, binary,
                         MHD_create_response_from_buffer(GP_BLIND_ANSWER_SIZE(one->count), bytes,
                                                         MHD_RESPMEM_MUST_FREE));
  }
  if (one->account != NO_ACCOUNT) {
    accounts_refund(one->server->options.accounts, one->account, one->count);
  }
  if (one->work.status == GP_ERR_FORMAT) {
    return refuse(one, MHD_HTTP_BAD_REQUEST, "element", 0, "%s", one->work.error.message);
  }
  if (one->work.status == GP_ERR_MEMORY) {
    return refuse(one, MHD_HTTP_SERVICE_UNAVAILABLE, "busy", BUSY_SECONDS, "the server is busy");
  }
  return refuse(one, MHD_HTTP_INTERNAL_SERVER_ERROR, "failed", 0, "the evaluation failed");
}

/* ------------------------------------------------------------------ a request's life */

static request *new_request(server *all, struct MHD_Connection *carrier) {
  request *one = calloc(1, sizeof *one);
  if (one == NULL) {
    return NULL;
  }
  const union MHD_ConnectionInfo *info =
      MHD_get_connection_info(carrier, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
  one->server = all;
  one->carrier = carrier;
  one->connection = info != NULL ? info->socket_context : NULL;
  one->endpoint = "none";
  one->account = NO_ACCOUNT;
  one->started = clock_now();
  (void)atomic_fetch_add(&all->begun, 1);
  return one;
}

/* A reply in the first call leaves the body unread and ends the connection. Where there is none,
 * the connection may go on: such requests begin with the second call. */
static bool has_body(const request *one) {
  const char *length = header_of(one, MHD_HTTP_HEADER_CONTENT_LENGTH);
  return (length != NULL && strcmp(length, "0") != 0) ||
         header_of(one, MHD_HTTP_HEADER_TRANSFER_ENCODING) != NULL;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *carrier, const char *path,
                                  const char *method, const char *version, const char *bytes,
                                  size_t *size, void **context) {
  (void)version;
  request *one = *context;
  if (one == NULL) {
    one = new_request(cls, carrier);
    *context = one;
    if (one == NULL) {
      return MHD_NO;
    }
    return has_body(one) ? begin(one, path, method) : MHD_YES;
  }
  if (*size > 0) {
    return receive(one, bytes, size);
  }
  enum MHD_Result result = MHD_YES;
  switch (one->stage) {
  case BEGINNING:
    result = begin(one, path, method);
    return one->stage == RECEIVING ? look_at_body(one) : result;
  case RECEIVING:
    return look_at_body(one);
  case EVALUATED:
    return answer(one);
  default:
    return MHD_YES;
  }
}

static void on_completed(void *cls, struct MHD_Connection *carrier, void **context,
                         enum MHD_RequestTerminationCode how) {
  (void)carrier;
  server *all = cls;
  request *one = *context;
  if (one == NULL) {
    return;
  }
  const double seconds = clock_now() - one->started;
  const bool good = one->status == MHD_HTTP_OK;
  const log_request line = {.endpoint = one->endpoint,
                            .token = one->account != NO_ACCOUNT
                                         ? accounts_name(all->options.accounts, one->account)
                                         : NULL,
                            .elements = one->count,
                            .status = one->status,
                            .reason = one->reason,
                            .seconds = seconds,
                            .cut = how != MHD_REQUEST_TERMINATED_COMPLETED_OK};
  serve_log_request(all->options.log, &line);
  metrics_count(all->metrics, one->endpoint, one->status, one->reason, good ? one->count : 0,
                seconds);
  set_deadline(all, one->connection, all->options.timeout);
  free(one->body);
  free(one->work.answer);
  free(one);
  *context = NULL;
  (void)atomic_fetch_sub(&all->begun, 1);
}

/* ------------------------------------------------------------------------ the server */

/* What libmicrohttpd says in its own threads is about single clients. */
static void note_trouble(void *cls, const char *format, va_list arguments)
    __attribute__((format(printf, 2, 0)));
static void note_trouble(void *cls, const char *format, va_list arguments) {
  server *all = cls;
  if (pthread_equal(pthread_self(), all->starter) != 0 && all->trouble[0] == '\0') {
    (void)vsnprintf(all->trouble, sizeof all->trouble, format, arguments);
    all->trouble[strcspn(all->trouble, "\r\n")] = '\0';
  }
}

static bool start_daemon(server *all) {
  const server_options *options = &all->options;
  unsigned flags = (unsigned)MHD_USE_AUTO_INTERNAL_THREAD | (unsigned)MHD_ALLOW_SUSPEND_RESUME |
                   (unsigned)MHD_USE_ERROR_LOG;
  flags |= options->listener.ipv6 ? (unsigned)MHD_USE_IPv6 : 0U;
  const struct MHD_OptionItem tls[] = {
      {MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)options->tls_cert},
      {MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)options->tls_key},
      {MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)"NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"},
      {MHD_OPTION_END, 0, NULL}};
  const struct MHD_OptionItem none[] = {{MHD_OPTION_END, 0, NULL}};
  if (options->tls_cert != NULL) {
    flags |= (unsigned)MHD_USE_TLS;
  }
  all->daemon = MHD_start_daemon(
      flags, 0, NULL, NULL, on_request, all, MHD_OPTION_EXTERNAL_LOGGER, note_trouble, all,
      MHD_OPTION_LISTEN_SOCKET, options->listener.fd, MHD_OPTION_CONNECTION_LIMIT,
      (unsigned)CONNECTIONS_MAX, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
      (unsigned)CONNECTIONS_OF_ADDRESS_MAX, MHD_OPTION_CONNECTION_TIMEOUT, options->timeout,
      MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY, MHD_OPTION_NOTIFY_COMPLETED,
      on_completed, all, MHD_OPTION_NOTIFY_CONNECTION, on_connection, all,
      MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_ARRAY, options->tls_cert != NULL ? tls : none,
      MHD_OPTION_END);
  return all->daemon != NULL;
}

int server_start(const char *command, const server_options *options, server **made) {
  server *all = calloc(1, sizeof *all);
  if (all == NULL) {
    (void)close(options->listener.fd);
    return cli_fail(command, "out of memory: the server");
  }
  gp_error error;
  all->options = *options;
  all->starter = pthread_self();
  (void)pthread_mutex_init(&all->mutex, NULL);
  all->metrics = metrics_new();
  int status = CLI_OK;
  if (all->metrics == NULL) {
    status = cli_fail(command, "out of memory: the server");
  } else if (gp_key_public(options->key, &all->public_key, &error) != GP_OK ||
             workers_new(options->key, options->threads, WAITING_MAX, &all->workers, &error) !=
                 GP_OK) {
    status = cli_fail(command, "%s", error.message);
  } else {
    gp_public_key_encode(&all->public_key, all->public_file);
    if (!start_daemon(all)) {
      status = cli_fail(command, "the server cannot start: %s",
                        all->trouble[0] != '\0' ? all->trouble : "libmicrohttpd says not why");
    }
  }
  if (status != CLI_OK) {
    server_free(all);
    return status;
  }
  *made = all;
  return CLI_OK;
}

void server_quiesce(server *all) {
  if (!atomic_exchange(&all->stopping, true)) {
    (void)MHD_quiesce_daemon(all->daemon); /* the socket is ours to close */
    (void)close(all->options.listener.fd);
    all->options.listener.fd = -1;
  }
}

bool server_is_idle(server *all) {
  return atomic_load(&all->begun) == 0;
}

void server_free(server *all) {
  if (all == NULL) {
    return;
  }
  workers_free(all->workers); /* first, as requests that are suspended have to go on */
  if (all->daemon != NULL) {
    MHD_stop_daemon(all->daemon);
  }
  if (all->daemon == NULL && all->options.listener.fd >= 0) {
    (void)close(all->options.listener.fd);
  }
  metrics_free(all->metrics);
  (void)pthread_mutex_destroy(&all->mutex);
  free(all);
}
