/*
 * What the tests of blind evaluation need that the command has no option for. Reads standard
 * input, writes standard output.
 *
 *   keys KEYFILE PUBFILE SEEDING WIDTH      makes a provable key
 *   fetch PUBFILE URL TOKENS CA TIMEOUT SIZE   inputs of SIZE bytes to nonces, from a server
 *   nonces KEYFILE SIZE                     the same from the key
 *   request PUBFILE COUNT                   a request with random inputs
 *   answer KEYFILE                          the answer to the request on standard input
 *   bare THREADS SECONDS COUNT              batches evaluated and proved a second, by nobody's
 *                                           request, and group operations a second alone; and
 * what each costs in microseconds of processor time
 *
 * "-" stands for no file of tokens or certificates.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sodium.h>

#include "blind_client.h"
#include "cli.h"
#include "key/key.h"
#include "vrf/vrf.h"

#define INPUT_MAX (64U << 20)

static uint8_t *input;
static size_t input_size;

static void die(const char *what) {
  (void)fprintf(stderr, "blind_fixture: %s\n", what);
  exit(3);
}

static void need(gp_status status, const gp_error *error) {
  if (status != GP_OK) {
    die(error->message);
  }
}

static void read_input(void) {
  input = malloc(INPUT_MAX);
  if (input == NULL) {
    die("out of memory");
  }
  input_size = fread(input, 1, INPUT_MAX, stdin);
}

static void write_output(const void *bytes, size_t size) {
  if (fwrite(bytes, 1, size, stdout) != size || fflush(stdout) != 0) {
    die("standard output cannot be written");
  }
}

static int make_keys(char **argv) {
  gp_error error;
  gp_params params = gp_params_default();
  gp_key *key = NULL;
  gp_public_key public_key;
  need(gp_params_set_seeding(&params, argv[2], &error), &error);
  params.context_width = (uint32_t)strtoul(argv[3], NULL, 10);
  need(gp_key_generate_provable(&params, &key, &error), &error);
  need(gp_key_public(key, &public_key, &error), &error);
  need(gp_key_save_unsealed(key, argv[0], &error), &error);
  need(gp_public_key_save(&public_key, argv[1], &error), &error);
  gp_key_free(key);
  return 0;
}

static const char *optional(const char *text) {
  return strcmp(text, "-") == 0 ? NULL : text;
}

static int fetch(char **argv) {
  gp_error error;
  gp_public_key key;
  need(gp_public_key_load(argv[0], &key, &error), &error);
  read_input();
  const size_t size = strtoul(argv[5], NULL, 10);
  const size_t count = input_size / size;
  uint8_t(*nonces)[GP_NONCE_SIZE] = calloc(count + 1, sizeof *nonces);
  const blind_server server = {.url = argv[1],
                               .token_file = optional(argv[2]),
                               .ca_file = optional(argv[3]),
                               .timeout = (unsigned)strtoul(argv[4], NULL, 10),
                               .quiet = true};
  const int status = blind_fetch("fetch", &server, &key, input, size, count, nonces);
  if (status == CLI_OK) {
    write_output(nonces, count * sizeof *nonces);
  } else if (!sodium_is_zero(nonces[0], count * sizeof *nonces)) {
    die("nonces after a failure");
  }
  free(nonces);
  free(input);
  return status;
}

static gp_key *load_key(const char *path) {
  gp_error error;
  gp_key *key = NULL;
  need(gp_key_load(path, NULL, 0, &key, &error), &error);
  return key;
}

/* By the functions that RFC 9497's vectors were run through, blinding nothing. */
static int compute(char **argv) {
  gp_error error;
  gp_key *key = load_key(argv[0]);
  const uint8_t *secret = gp_nonces_secret(key->nonces);
  const size_t size = strtoul(argv[1], NULL, 10);
  read_input();
  for (size_t at = 0; at + size <= input_size; at += size) {
    uint8_t element[GP_ELEMENT_SIZE];
    uint8_t output[GP_VRF_OUTPUT_SIZE];
    need(gp_vrf_hash_to_group(GP_VRF_VOPRF, input + at, size, element, &error), &error);
    need(gp_vrf_evaluate(secret, element, element, &error), &error);
    need(gp_vrf_output(input + at, size, element, output, &error), &error);
    write_output(output, GP_NONCE_SIZE);
  }
  gp_key_free(key);
  free(input);
  return 0;
}

static int make_request(char **argv) {
  gp_error error;
  gp_public_key key;
  gp_blind_batch *batch = NULL;
  const size_t count = strtoul(argv[1], NULL, 10);
  uint8_t *inputs = malloc(9 * count);
  if (inputs == NULL) {
    die("out of memory");
  }
  randombytes_buf(inputs, 9 * count);
  need(gp_public_key_load(argv[0], &key, &error), &error);
  need(gp_blind_batch_new(&key, inputs, 9, count, NULL, &batch, &error), &error);
  size_t size = 0;
  const uint8_t *request = gp_blind_batch_request(batch, &size);
  write_output(request, size);
  gp_blind_batch_free(batch);
  free(inputs);
  return 0;
}

static int make_answer(char **argv) {
  gp_error error;
  gp_key *key = load_key(argv[0]);
  gp_blind_request info;
  read_input();
  need(gp_blind_request_read(input, input_size, &info, &error), &error);
  uint8_t *answer = malloc(GP_BLIND_ANSWER_SIZE(info.count));
  need(gp_blind_answer(key, input, input_size, NULL, answer, &error), &error);
  write_output(answer, GP_BLIND_ANSWER_SIZE(info.count));
  free(answer);
  free(input);
  gp_key_free(key);
  return 0;
}

/* ---------------------------------------------------------------- bare operations */

typedef struct bench {
  const gp_key *key;
  const uint8_t *request;
  size_t size;
  size_t count;
  double seconds;
  bool bare;
  double rate; /* elements a second */
  double cost; /* processor seconds an element */
} bench;

static double read_clock(clockid_t clock) {
  struct timespec time;
  (void)clock_gettime(clock, &time);
  return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static double now(void) {
  return read_clock(CLOCK_MONOTONIC);
}

static void *run_bench(void *argument) {
  bench *one = argument;
  gp_error error;
  uint8_t *answer = malloc(GP_BLIND_ANSWER_SIZE(one->count));
  const uint8_t *secret = gp_nonces_secret(one->key->nonces);
  const double start = now();
  const double worked = read_clock(CLOCK_THREAD_CPUTIME_ID);
  size_t done = 0;
  while (now() - start < one->seconds) {
    if (one->bare) {
      for (size_t i = 0; i < one->count; i++) {
        const uint8_t *element = one->request + GP_BLIND_HEADER_SIZE + i * GP_ELEMENT_SIZE;
        if (crypto_scalarmult_ristretto255(answer, secret, element) != 0) {
          die("not an element");
        }
      }
    } else {
      need(gp_blind_answer(one->key, one->request, one->size, NULL, answer, &error), &error);
    }
    done += one->count;
  }
  one->rate = (double)done / (now() - start);
  one->cost = (read_clock(CLOCK_THREAD_CPUTIME_ID) - worked) / (double)done;
  free(answer);
  return NULL;
}

/* All threads' elements a second, and what one cost on average. */
static bench run_threads(const bench *what, unsigned threads) {
  enum {
    THREADS_MAX = 64
  };
  pthread_t started[THREADS_MAX];
  bench all[THREADS_MAX];
  bench sum = {0};
  if (threads > THREADS_MAX) {
    die("too many threads");
  }
  for (unsigned i = 0; i < threads; i++) {
    all[i] = *what;
    if (pthread_create(&started[i], NULL, run_bench, &all[i]) != 0) {
      die("no thread");
    }
  }
  for (unsigned i = 0; i < threads; i++) {
    (void)pthread_join(started[i], NULL);
    sum.rate += all[i].rate;
    sum.cost += all[i].cost / threads;
  }
  return sum;
}

static int measure(char **argv) {
  gp_error error;
  const gp_params params = gp_params_default();
  gp_key *key = NULL;
  gp_public_key public_key;
  gp_blind_batch *batch = NULL;
  const unsigned threads = (unsigned)strtoul(argv[0], NULL, 10);
  const size_t count = strtoul(argv[2], NULL, 10);
  uint8_t *inputs = calloc(count, 9);
  need(gp_key_generate_provable(&params, &key, &error), &error);
  need(gp_key_public(key, &public_key, &error), &error);
  randombytes_buf(inputs, 9 * count);
  need(gp_blind_batch_new(&public_key, inputs, 9, count, NULL, &batch, &error), &error);
  bench what = {.key = key, .count = count, .seconds = strtod(argv[1], NULL)};
  what.request = gp_blind_batch_request(batch, &what.size);
  const bench answers = run_threads(&what, threads);
  what.bare = true;
  const bench bare = run_threads(&what, threads);
  (void)printf("{\"answers\": %.1f, \"answer_us\": %.1f, \"multiplications\": %.1f, "
               "\"multiplication_us\": %.1f}\n",
               answers.rate, 1e6 * answers.cost, bare.rate, 1e6 * bare.cost);
  gp_blind_batch_free(batch);
  gp_key_free(key);
  free(inputs);
  return 0;
}

int main(int argc, char **argv) {
  static const struct {
    const char *name;
    int arguments;
    int (*run)(char **argv);
  } known[] = {{"keys", 4, make_keys},       {"fetch", 6, fetch},        {"nonces", 2, compute},
               {"request", 2, make_request}, {"answer", 1, make_answer}, {"bare", 3, measure}};
  if (sodium_init() < 0) {
    die("libsodium cannot be initialised");
  }
  for (size_t i = 0; argc > 1 && i < sizeof known / sizeof known[0]; i++) {
    if (strcmp(argv[1], known[i].name) == 0 && argc == known[i].arguments + 2) {
      return known[i].run(argv + 2);
    }
  }
  die("unknown command or arguments");
  return 3;
}
