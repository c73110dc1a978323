/*
 * What a server says is believed only so far: an answer may have the length that its request
 * asks for, redirects are not followed, waiting has an end, and whatever else it is that comes
 * back, gp_blind_evaluate() and gp_prove_blind() take a proof or nothing.
 *
 * What may pass is tried again: 429 and 503, for which Retry-After says when, and failures of the
 * network. A request that is sent again is the same request, so nothing more is learned from it;
 * it may have been paid for twice.
 */
#include "blind_client.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <curl/curl.h>
#include <jansson.h>
#include <sodium.h>

#include "cli.h"
#include "progress.h"

enum {
  TIMEOUT_SECONDS = 120,
  CONNECT_SECONDS = 15,
  TRIES_MAX = 12,       /* of one request that is told to wait */
  FAILURES_MAX = 5,     /* of the network in a row */
  WAIT_MAX = 120,       /* seconds that a server may ask for */
  LIMITS_MAX = 4096,    /* bytes of what it says about itself */
  REFUSAL_MAX = 65536,  /* bytes of a refusal that are waited for; a line of them is shown */
  TOKEN_BYTES_MAX = 512 /* of a token */
};

static const char binary[] = "application/octet-stream";
static const char json[] = "application/json";

typedef struct client {
  const char *command;
  const blind_server *server;
  const gp_public_key *key;
  CURL *curl;
  CURLU *url;
  struct curl_slist *headers;
  char *base;    /* the URL without a slash at its end; set before anything is sent */
  char *token;   /* "Authorization: Bearer TOKEN", sodium_malloc; NULL without one */
  uint64_t done; /* bytes of elements, for the progress line */
  char trouble[CURL_ERROR_SIZE];
  /* The answer that is being received: */
  uint8_t *bytes;
  size_t room;
  size_t size;
  size_t skipped;
  bool too_long;
  char refusal[256]; /* the beginning of what came with another status than 200 */
  size_t refusal_size;
} client;

/* How a request ended. */
typedef struct outcome {
  CURLcode code;
  long status;
  long wait; /* seconds, of Retry-After; 0 for none */
} outcome;

/* As gp_fail() of the library: a macro, so that static analysis sees the status. */
#define fail(error, code, ...)                                                                   \
  ((void)snprintf((error)->message, sizeof(error)->message, __VA_ARGS__),                        \
   (error)->status = (code), (code))

/* ------------------------------------------------------------------------- receiving */

static size_t on_bytes(char *bytes, size_t one, size_t size, void *user) {
  (void)one;
  client *all = user;
  long status = 0;
  (void)curl_easy_getinfo(all->curl, CURLINFO_RESPONSE_CODE, &status);
  if (status != 200) {
    const size_t room = sizeof all->refusal - 1 - all->refusal_size;
    const size_t taken = size < room ? size : room;
    memcpy(all->refusal + all->refusal_size, bytes, taken);
    all->refusal_size += taken;
    all->skipped += size;
    return all->skipped <= REFUSAL_MAX ? size : 0;
  }
  if (size > all->room - all->size) {
    all->too_long = true;
    return 0;
  }
  memcpy(all->bytes + all->size, bytes, size);
  all->size += size;
  return size;
}

/* The first line of what the server said, which cli_fail() makes safe to show. */
static const char *refusal_line(client *all) {
  all->refusal[all->refusal_size] = '\0';
  all->refusal[strcspn(all->refusal, "\r\n")] = '\0';
  return all->refusal[0] != '\0' ? all->refusal : "without a word";
}

static bool has_type(client *all, const char *wanted) {
  char *type = NULL;
  (void)curl_easy_getinfo(all->curl, CURLINFO_CONTENT_TYPE, &type);
  const size_t length = strlen(wanted);
  return type != NULL && strncasecmp(type, wanted, length) == 0 &&
         (type[length] == '\0' || type[length] == ';' || type[length] == ' ');
}

/* ----------------------------------------------------------------------- one request */

/* `body` is NULL for GET. */
static outcome send_once(client *all, const char *path, const uint8_t *body, size_t size) {
  outcome result = {.code = CURLE_OUT_OF_MEMORY};
  const size_t url_size = strlen(all->base) + strlen(path) + 1;
  char *url = malloc(url_size);
  if (url == NULL) {
    return result;
  }
  (void)snprintf(url, url_size, "%s%s", all->base, path);
  all->size = 0;
  all->skipped = 0;
  all->refusal_size = 0;
  all->too_long = false;
  all->trouble[0] = '\0';
  (void)curl_easy_setopt(all->curl, CURLOPT_URL, url);
  if (body != NULL) {
    (void)curl_easy_setopt(all->curl, CURLOPT_POST, 1L);
    (void)curl_easy_setopt(all->curl, CURLOPT_POSTFIELDS, body);
    (void)curl_easy_setopt(all->curl, CURLOPT_POSTFIELDSIZE, (long)size);
  } else {
    (void)curl_easy_setopt(all->curl, CURLOPT_HTTPGET, 1L);
  }
  result.code = curl_easy_perform(all->curl);
  (void)curl_easy_getinfo(all->curl, CURLINFO_RESPONSE_CODE, &result.status);
  curl_off_t wait = 0;
  if (curl_easy_getinfo(all->curl, CURLINFO_RETRY_AFTER, &wait) == CURLE_OK && wait > 0) {
    result.wait = wait <= WAIT_MAX ? (long)wait : WAIT_MAX + 1L;
  }
  free(url);
  return result;
}

static bool may_pass(CURLcode code) {
  switch (code) {
  case CURLE_COULDNT_RESOLVE_HOST:
  case CURLE_COULDNT_CONNECT:
  case CURLE_PARTIAL_FILE:
  case CURLE_GOT_NOTHING:
  case CURLE_SEND_ERROR:
  case CURLE_RECV_ERROR:
    return true;
  default:
    return false;
  }
}

/* Waits for so many seconds, or, where that is 0, longer with every try; not all clients at the
 * same moment. */
static void wait_for(long seconds, unsigned tries) {
  double time = seconds > 0 ? (double)seconds : 0.125 * (double)(1U << (tries < 7 ? tries : 7U));
  time += 0.25 * time * (double)randombytes_uniform(1000) / 1000;
  struct timespec left = {(time_t)time, (long)((time - (double)(time_t)time) * 1e9)};
  while (nanosleep(&left, &left) != 0 && errno == EINTR) {
  }
}

static gp_status fail_code(const client *all, CURLcode code, gp_error *error) {
  const char *why = all->trouble[0] != '\0' ? all->trouble : curl_easy_strerror(code);
  if (code == CURLE_PEER_FAILED_VERIFICATION) {
    return fail(error, GP_ERR_IO, "%s: the server's certificate is not to be trusted: %s",
                all->base, why);
  }
  if (code == CURLE_OPERATION_TIMEDOUT) {
    return fail(error, GP_ERR_IO, "%s: the server takes too long: %s", all->base, why);
  }
  return fail(error, GP_ERR_IO, "%s: %s", all->base, why);
}

static gp_status judge(client *all, const outcome *result, const char *type, gp_error *error) {
  if (all->too_long) {
    return fail(error, GP_ERR_FORMAT, "%s: the answer is longer than its %zu bytes", all->base,
                all->room);
  }
  if (result->code != CURLE_OK && result->code != CURLE_WRITE_ERROR) {
    return fail_code(all, result->code, error);
  }
  if (result->status >= 300 && result->status < 400) {
    return fail(error, GP_ERR_IO,
                "%s: the server sends us elsewhere (status %ld), and redirects are not followed",
                all->base, result->status);
  }
  if (result->status != 200) {
    return fail(error, GP_ERR_IO, "%s: the server refuses (status %ld): %s", all->base,
                result->status, refusal_line(all));
  }
  if (!has_type(all, type)) {
    return fail(error, GP_ERR_FORMAT, "%s: the answer is not of type %s", all->base, type);
  }
  return GP_OK;
}

/* Sends a request until there is an answer of status 200, which is then in all->bytes. */
static gp_status ask(client *all, const char *path, const uint8_t *body, size_t size,
                     const char *type, gp_error *error) {
  unsigned failures = 0;
  for (unsigned tries = 1;; tries++) {
    const outcome result = send_once(all, path, body, size);
    const bool told = result.code == CURLE_OK && (result.status == 429 || result.status == 503);
    failures = may_pass(result.code) && !all->too_long ? failures + 1 : 0;
    if ((!told && failures == 0) || failures == FAILURES_MAX || tries == TRIES_MAX ||
        result.wait > WAIT_MAX) {
      return judge(all, &result, type, error);
    }
    wait_for(told ? result.wait : 0, tries);
  }
}

/* ------------------------------------------------------------------- whom we talk to */

/* A name may begin with 127 and be anybody's. */
static bool is_loopback(const char *host) {
  struct in_addr address;
  return strcmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0 ||
         (inet_pton(AF_INET, host, &address) == 1 && ntohl(address.s_addr) >> 24 == 127);
}

static bool has_part(CURLU *url, CURLUPart part) {
  char *text = NULL;
  const bool has = curl_url_get(url, part, &text, 0) == CURLUE_OK;
  curl_free(text);
  return has;
}

/* Without a slash at its end, to which paths are appended. */
static int read_url(client *all) {
  const char *given = all->server->url;
  char *scheme = NULL;
  char *host = NULL;
  int status = CLI_OK;
  all->url = curl_url();
  if (all->url == NULL || curl_url_set(all->url, CURLUPART_URL, given, 0) != CURLUE_OK ||
      curl_url_get(all->url, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
      curl_url_get(all->url, CURLUPART_HOST, &host, 0) != CURLUE_OK ||
      (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0)) {
    status = cli_fail(all->command, "%s: not a URL of http or https", given);
  } else if (has_part(all->url, CURLUPART_USER) || has_part(all->url, CURLUPART_PASSWORD) ||
             has_part(all->url, CURLUPART_QUERY) || has_part(all->url, CURLUPART_FRAGMENT)) {
    status =
        cli_fail(all->command, "the server's URL has to be without user, query and fragment");
  } else if (all->server->token_file != NULL && strcmp(scheme, "http") == 0 &&
             !is_loopback(host)) {
    status = cli_fail(all->command, "%s: the token would travel in the clear: use https", given);
  } else if ((all->base = strdup(given)) == NULL) {
    status = cli_fail(all->command, "out of memory: the server's URL");
  } else {
    size_t length = strlen(all->base);
    while (length > 0 && all->base[length - 1] == '/') {
      all->base[--length] = '\0';
    }
    /* What does not leave the machine, or must not be seen, goes through no proxy. */
    if (strcmp(scheme, "http") == 0) {
      (void)curl_easy_setopt(all->curl, CURLOPT_PROXY, "");
    }
  }
  curl_free(scheme);
  curl_free(host);
  return status;
}

static ssize_t read_some(const char *path, char *out, size_t room) {
  const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
  size_t size = 0;
  ssize_t got = fd < 0 ? -1 : 1;
  while (got > 0 && size < room) {
    got = read(fd, out + size, room - size);
    if (got < 0 && errno == EINTR) {
      got = 1;
    } else if (got > 0) {
      size += (size_t)got;
    }
  }
  const int number = errno;
  if (fd >= 0) {
    (void)close(fd);
  }
  errno = number;
  return got < 0 ? -1 : (ssize_t)size;
}

static void warn_if_readable(const char *command, const char *path) {
  struct stat facts;
  if (stat(path, &facts) == 0 && S_ISREG(facts.st_mode) &&
      (facts.st_mode & (S_IRGRP | S_IROTH)) != 0) {
    cli_warn(command, "%s: others can read this token (mode %04o); chmod 600 it", path,
             (unsigned)facts.st_mode & 07777U);
  }
}

static int read_token(client *all) {
  static const char header[] = "Authorization: Bearer ";
  const char *path = all->server->token_file;
  if (path == NULL) {
    return CLI_OK;
  }
  all->token = sodium_malloc(sizeof header + TOKEN_BYTES_MAX);
  if (all->token == NULL) {
    return cli_fail(all->command, "out of memory: no locked memory for a token");
  }
  memcpy(all->token, header, sizeof header);
  char *text = all->token + sizeof header - 1;
  const ssize_t size = read_some(path, text, TOKEN_BYTES_MAX);
  if (size < 0) {
    return cli_fail(all->command, "%s: the token cannot be read: %s", path, strerror(errno));
  }
  text[size < TOKEN_BYTES_MAX ? size : TOKEN_BYTES_MAX - 1] = '\0';
  const size_t length = strcspn(text, "\r\n");
  const bool last = strspn(text + length, "\r\n") == (size_t)size - length;
  text[length] = '\0';
  for (size_t i = 0; i < length; i++) {
    if (text[i] <= ' ' || text[i] > '~') {
      return cli_fail(all->command, "%s: a token is one line without blanks", path);
    }
  }
  if (length == 0 || !last || size == TOKEN_BYTES_MAX) {
    return cli_fail(all->command, "%s: there is no token in one line", path);
  }
  warn_if_readable(all->command, path);
  return CLI_OK;
}

static bool add_header(client *all, const char *header) {
  struct curl_slist *longer = curl_slist_append(all->headers, header);
  if (longer == NULL) {
    return false;
  }
  all->headers = longer;
  return true;
}

static int set_up_curl(client *all) {
  if (!add_header(all, "Content-Type: application/octet-stream") || !add_header(all, "Expect:") ||
      (all->token != NULL && !add_header(all, all->token))) {
    return cli_fail(all->command, "out of memory: a request");
  }
  const unsigned timeout = all->server->timeout > 0 ? all->server->timeout : TIMEOUT_SECONDS;
  CURL *curl = all->curl;
  CURLcode bad = curl_easy_setopt(curl, CURLOPT_HTTPHEADER, all->headers);
  bad |= curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
  bad |= curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
  bad |= curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
  bad |= curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
  bad |= curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
  bad |= curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_SECONDS);
  bad |= curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)timeout);
  bad |= curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  bad |= curl_easy_setopt(curl, CURLOPT_USERAGENT, "greenprint/" GP_VERSION);
  bad |= curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_bytes);
  bad |= curl_easy_setopt(curl, CURLOPT_WRITEDATA, all);
  bad |= curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, all->trouble);
  if (all->server->ca_file != NULL) {
    bad |= curl_easy_setopt(curl, CURLOPT_CAINFO, all->server->ca_file);
    bad |= curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
  }
  return bad == CURLE_OK ? CLI_OK : cli_fail(all->command, "libcurl cannot be set up");
}

static int open_client(client *all) {
  if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK ||
      (all->curl = curl_easy_init()) == NULL) {
    return cli_fail(all->command, "libcurl cannot be initialised");
  }
  int status = read_url(all);
  if (status == CLI_OK) {
    status = read_token(all);
  }
  return status == CLI_OK ? set_up_curl(all) : status;
}

static void close_client(client *all) {
  if (all->curl != NULL) {
    curl_easy_cleanup(all->curl);
  }
  for (struct curl_slist *one = all->headers; one != NULL; one = one->next) {
    sodium_memzero(one->data, strlen(one->data)); /* the token is among them */
  }
  curl_slist_free_all(all->headers);
  curl_url_cleanup(all->url);
  sodium_free(all->token);
  free(all->base);
  curl_global_cleanup();
}

/* --------------------------------------------------------------------- what it limits */

/* *per_request elements may stand in a request; fails where `count` cannot be had. */
static gp_status read_limits(client *all, uint64_t count, size_t *per_request, gp_error *error) {
  json_t *limits = json_loadb((const char *)all->bytes, all->size, JSON_REJECT_DUPLICATES, NULL);
  const char *id = json_string_value(json_object_get(limits, "key_id"));
  const json_int_t most = json_integer_value(json_object_get(limits, "max_elements"));
  const json_t *left = json_object_get(limits, "left");
  gp_status status = GP_OK;
  if (id == NULL || most < 1) {
    status = fail(error, GP_ERR_FORMAT, "%s: this does not answer as greenprint serve does",
                  all->base);
  } else if (strcmp(id, all->key->id) != 0) {
    status = fail(error, GP_ERR_FORMAT, "%s: the server has key %.32s, not key %s", all->base, id,
                  all->key->id);
  } else if (left != NULL &&
             (json_integer_value(left) < 0 || (uint64_t)json_integer_value(left) < count)) {
    status = fail(error, GP_ERR_IO,
                  "%s: the token's budget has %" JSON_INTEGER_FORMAT
                  " elements left; this takes %" PRIu64,
                  all->base, json_integer_value(left), count);
  } else {
    *per_request = most < GP_BLIND_COUNT_MAX ? (size_t)most : GP_BLIND_COUNT_MAX;
  }
  json_decref(limits);
  return status;
}

static gp_status ask_limits(client *all, uint64_t count, size_t *per_request, gp_error *error) {
  uint8_t bytes[LIMITS_MAX];
  all->bytes = bytes;
  all->room = sizeof bytes;
  gp_status status = ask(all, "/v1/limits", NULL, 0, json, error);
  if (status == GP_OK) {
    status = read_limits(all, count, per_request, error);
  }
  all->bytes = NULL;
  return status;
}

/* --------------------------------------------------------------------------- evaluating */

static gp_status carry(void *user, const uint8_t *request, size_t request_size, uint8_t *answer,
                       size_t capacity, size_t *answer_size, gp_error *error) {
  client *all = user;
  all->bytes = answer;
  all->room = capacity;
  const gp_status status = ask(all, "/v1/evaluate", request, request_size, binary, error);
  *answer_size = all->size;
  all->bytes = NULL;
  all->done += request_size - GP_BLIND_HEADER_SIZE;
  progress_update(all->done, 0);
  return status;
}

/* What is asked for: nonces of inputs, or a proof of a text. */
typedef struct task {
  uint64_t count; /* elements to be evaluated */
  const uint8_t *inputs;
  size_t input_size;
  uint8_t (*nonces)[GP_NONCE_SIZE];
  const gp_proof_text *text; /* NULL: inputs */
  const gp_proof_options *options;
  const char *path;
  gp_proof_info *info;
} task;

static gp_status evaluate(client *all, const task *what, size_t per_request, gp_thread_pool *pool,
                          gp_error *error) {
  if (what->text == NULL) {
    return gp_blind_evaluate(all->key, what->inputs, what->input_size, (size_t)what->count,
                             per_request, pool, carry, all, what->nonces, error);
  }
  gp_proof_options options = *what->options;
  options.threads = pool;
  options.on_progress = NULL;
  return gp_prove_blind(all->key, what->text, &options, per_request, carry, all, what->path,
                        what->info, error);
}

static gp_status do_task(client *all, const task *what, gp_error *error) {
  size_t per_request = 0;
  gp_thread_pool *pool = NULL;
  gp_status status = ask_limits(all, what->count, &per_request, error);
  if (status == GP_OK) {
    status = gp_thread_pool_new(all->server->threads, &pool, error);
  }
  if (status == GP_OK) {
    progress_start(what->count * GP_ELEMENT_SIZE, all->server->quiet);
    status = evaluate(all, what, per_request, pool, error);
    progress_end();
  }
  gp_thread_pool_free(pool);
  return status;
}

static int ask_for(const char *command, const blind_server *server, const gp_public_key *key,
                   const task *what) {
  client all = {.command = command, .server = server, .key = key};
  int status = open_client(&all);
  gp_error error;
  if (status == CLI_OK && all.base != NULL && do_task(&all, what, &error) != GP_OK) {
    status = cli_fail(command, "%s", error.message);
  }
  close_client(&all);
  return status;
}

int blind_fetch(const char *command, const blind_server *server, const gp_public_key *key,
                const uint8_t *inputs, size_t input_size, size_t count,
                uint8_t (*nonces)[GP_NONCE_SIZE]) {
  const task what = {
      .count = count, .inputs = inputs, .input_size = input_size, .nonces = nonces};
  sodium_memzero(nonces, count * sizeof *nonces);
  return ask_for(command, server, key, &what);
}

int blind_prove(const char *command, const blind_server *server, const gp_public_key *key,
                const gp_proof_text *text, const gp_proof_options *options, const char *path,
                gp_proof_info *info) {
  const task what = {.count = gp_prove_blind_elements(text, options->sample),
                     .text = text,
                     .options = options,
                     .path = path,
                     .info = info};
  return ask_for(command, server, key, &what);
}
