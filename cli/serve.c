/* greenprint serve: answers blind evaluations (SPEC.md section 20). */
#include "cli.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include <sodium.h>

#include "keys.h"
#include "serve/clock.h"
#include "serve/pem_file.h"
#include "serve/serve_options.h"
#include "serve/server.h"

static const char name[] = SERVE_COMMAND;

static const char help[] =
    "Usage: greenprint serve -k KEYFILE --listen ADDR:PORT [OPTION...]\n"
    "       greenprint serve new-token NAME --budget N [--rate N]\n"
    "\n"
    "Answers auditors who have a text that you may not see, while they may not see your key:\n"
    "they send blinded contexts over HTTP, and get what a provable key makes of them, with a\n"
    "proof (SPEC.md section 20). Every element that is evaluated gives the green list of one\n"
    "context away; so each token has a budget.\n"
    "\n"
    "  -k, --key FILE           the key file, of a provable key\n"
    "      --passphrase-file F  take its passphrase from F instead of asking\n"
    "      --listen ADDR:PORT   a numeric address; [ADDR]:PORT for IPv6; port 0 for any\n"
    "      --tokens FILE        who may ask: lines NAME SHA256 RATE BUDGET, as new-token\n"
    "                           makes them; without it only this machine may\n"
    "      --state FILE         where it is kept what tokens have spent\n"
    "      --tls-cert FILE      certificates, PEM, the server's own first\n"
    "      --tls-key FILE       the certificate's private key, PEM\n"
    "      --plain-http         no TLS, though others than this machine are listened to\n"
    "      --max-elements N     in one request; 4096 unless given\n"
    "      --timeout SECONDS    for a request to arrive, and for its answer to be taken; 30\n"
    "  -j, --threads N          that evaluate; as many as there are processors\n"
    "      --log FILE|-         JSON lines, to a file or to standard output (the default)\n"
    "  -h, --help               show this help\n"
    "\n"
    "Ends on SIGTERM, SIGINT or SIGHUP, once what was begun is answered; on the second it\n"
    "does not wait.\n"
    "\n"
    "Exit status: 0 ended by a signal, 2 an error.\n";

enum {
  DRAIN_SECONDS = 120,
  TICK_MS = 500,
  DRAIN_TICK_MS = 20
};

/* What stays open while the server runs. */
typedef struct session {
  gp_key *key;
  pem_file cert;
  pem_file tls_key;
  serve_log log;
  accounts *accounts;
  server *server;
} session;

static int open_key(const serve_options *options, gp_key **key) {
  const int status = key_open(name, options->key, options->passphrase_file, key);
  if (status != CLI_OK) {
    return status;
  }
  if (strcmp(gp_key_scheme(*key), GP_SCHEME_ID_PROVABLE) != 0) {
    return cli_fail(name, "%s: this key is of scheme %s; blind evaluation takes a provable one",
                    options->key, gp_key_scheme(*key));
  }
  const gp_params params = gp_key_params(*key);
  if (params.seeding == GP_SEEDING_FIXED) {
    return cli_fail(name,
                    "%s: this key has one green list for everything (seeding fixed): a single "
                    "evaluation would give it away",
                    options->key);
  }
  if (params.seeding == GP_SEEDING_MIN || params.context_width == 1) {
    cli_warn(name,
             "contexts of this key are single tokens: as many evaluations as the vocabulary has "
             "tokens give all green lists away");
  }
  return CLI_OK;
}

static int open_tls(const serve_options *options, session *open) {
  if (options->tls_cert == NULL) {
    return CLI_OK;
  }
  const int status = pem_file_read(name, options->tls_cert, &open->cert);
  return status == CLI_OK ? pem_file_read(name, options->tls_key, &open->tls_key) : status;
}

static int open_accounts(const serve_options *options, session *open) {
  if (options->tokens == NULL) {
    return CLI_OK;
  }
  char id[GP_KEY_ID_STRING_SIZE];
  gp_key_id(open->key, id);
  return accounts_open(name, options->tokens, options->state, id, options->max_elements,
                       &open->accounts);
}

static int start(const serve_options *options, session *open) {
  server_options settings = {.key = open->key,
                             .accounts = open->accounts,
                             .log = &open->log,
                             .tls_cert = open->cert.text,
                             .tls_key = open->tls_key.text,
                             .max_elements = options->max_elements,
                             .threads =
                                 options->threads > 0 ? options->threads : gp_usable_processors(),
                             .timeout = options->timeout};
  int status = listen_at(name, options->listen, options->tls_cert != NULL, &settings.listener);
  if (status != CLI_OK) {
    return status;
  }
  status = server_start(name, &settings, &open->server);
  if (status != CLI_OK) {
    return status;
  }
  /* On standard output in any case: whoever started the server wants to know the port. */
  const serve_log out = {.fd = 1};
  serve_log_event(&out, "listening", "url", settings.listener.url);
  if (open->log.fd != out.fd) {
    serve_log_event(&open->log, "listening", "url", settings.listener.url);
  }
  return CLI_OK;
}

/* All but the key. */
static int open_all(const serve_options *options, session *open) {
  int status = open_tls(options, open);
  if (status == CLI_OK) {
    status = serve_log_open(name, options->log, &open->log);
  }
  if (status == CLI_OK) {
    status = open_accounts(options, open);
  }
  return status;
}

/* Waits for a signal to end, for so long; false where none came. */
static bool wait_for_end(const sigset_t *ends, long milliseconds) {
  const struct timespec time = {milliseconds / 1000, milliseconds % 1000 * 1000000};
  return sigtimedwait(ends, NULL, &time) > 0;
}

/* Until a signal, and then until what was begun is answered. */
static void run(session *open, const sigset_t *ends) {
  while (!wait_for_end(ends, TICK_MS)) {
    server_tick(open->server);
  }
  serve_log_event(&open->log, "stopping", NULL, NULL);
  server_quiesce(open->server);
  const double until = clock_now() + DRAIN_SECONDS;
  while (!server_is_idle(open->server) && clock_now() < until &&
         !wait_for_end(ends, DRAIN_TICK_MS)) {
    server_tick(open->server);
  }
}

static int close_all(session *open, int status) {
  gp_error error;
  server_free(open->server);
  if (accounts_close(open->accounts, &error) != GP_OK) {
    status = cli_fail(name, "%s", error.message);
  }
  if (open->server != NULL) {
    serve_log_event(&open->log, "stopped", NULL, NULL);
  }
  serve_log_close(&open->log);
  pem_file_free(&open->tls_key);
  pem_file_free(&open->cert);
  gp_key_free(open->key);
  return status;
}

int cli_serve(int argc, char **argv) {
  if (argc > 1 && strcmp(argv[1], "new-token") == 0) {
    return serve_new_token(argc - 1, argv + 1);
  }
  serve_options options;
  int status = serve_read_options(argc, argv, &options);
  if (status != CLI_OK) {
    return status;
  }
  if (options.help) {
    (void)fputs(help, stdout);
    return cli_flush(name);
  }
  /* The passphrase is asked for before signals wait for the loop. */
  session open = {.log = {.fd = -1}};
  status = open_key(&options, &open.key);
  sigset_t ends;
  (void)sigemptyset(&ends);
  (void)sigaddset(&ends, SIGTERM);
  (void)sigaddset(&ends, SIGINT);
  (void)sigaddset(&ends, SIGHUP);
  /* For all threads that start now, and to the end: one signal more, once all is written, is to
   * change nothing. */
  (void)signal(SIGPIPE, SIG_IGN);
  if (status == CLI_OK) { /* which may wait, and can be ended */
    status = open_all(&options, &open);
  }
  (void)pthread_sigmask(SIG_BLOCK, &ends, NULL);
  if (status == CLI_OK) {
    status = start(&options, &open);
  }
  if (status == CLI_OK) {
    run(&open, &ends);
  }
  status = close_all(&open, status);
  return status;
}
