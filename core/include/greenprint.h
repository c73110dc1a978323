/*
 * greenprint.h - the public interface of libgreenprint.
 *
 * Greenprint marks what a language model says. A vendor derives a gp_watermark
 * from a gp_key and calls gp_bias() on each row of logits before sampling; an
 * auditor feeds token ids to a gp_verifier and reads off the exact p-value.
 * SPEC.md is the byte-exact standard behind every function here.
 *
 * Conventions that hold throughout, and are not repeated below:
 *
 *   - Functions that can fail return a gp_status. GP_OK is 0. On failure they
 *     leave their output arguments untouched unless said otherwise and, where
 *     the caller passed a non-NULL gp_error, write there what went wrong, where,
 *     and what to do, as one line of UTF-8 fit to be shown to a person.
 *   - Objects are created by gp_X_new / gp_key_* and released by gp_X_free, which
 *     accepts NULL. Every other pointer argument must not be NULL unless marked
 *     "may be NULL"; functions that return a gp_status answer a NULL that must not be
 *     with GP_ERR_ARGUMENT.
 *   - Token ids are uint32_t, any value. Sizes and counts are size_t or uint64_t.
 *   - No function writes to standard output or error, keeps global state of its own, or
 *     calls exit(). Of the environment only GREENPRINT_CPU is read, when objects that
 *     compute are made: see gp_cpu_name(). (OpenSSL reads its configuration.)
 *   - The floating-point environment is the default one: rounding to nearest, subnormal
 *     numbers kept. With flush-to-zero switched on, subnormal logits may become zero.
 *   - Secrets never appear in an error message.
 */
#ifndef GREENPRINT_H
#define GREENPRINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define GP_VERSION_MAJOR 0
#define GP_VERSION_MINOR 1
#define GP_VERSION_PATCH 0
#define GP_VERSION       "0.1.0"

#if defined(__GNUC__) || defined(__clang__)
#define GP_API        __attribute__((visibility("default")))
#define GP_MUST_CHECK __attribute__((warn_unused_result))
#else
#define GP_API
#define GP_MUST_CHECK
#endif

/* The schemes that this library implements (SPEC.md sections 2 and 18). */
#define GP_SCHEME_ID          "greenprint-1"
#define GP_SCHEME_ID_PROVABLE "greenprint-1v"

/* Sizes in bytes unless the name says otherwise. Strings include their final NUL. */
#define GP_MASTER_KEY_SIZE    32
#define GP_COMMITMENT_SIZE    32
#define GP_KEY_ID_STRING_SIZE 17 /* 16 hexadecimal digits and NUL */
#define GP_NONCE_SIZE         12
#define GP_KEY_FILE_SIZE      200
#define GP_ELEMENT_SIZE       32 /* of ristretto255, encoded; a public key is one */
#define GP_PUBLIC_FILE_SIZE   128
#define GP_PASSPHRASE_MAX     1024
#define GP_CONTEXT_WIDTH_MAX  16 /* tokens */
#define GP_GAMMA_LOG2_DEN_MAX 8
#define GP_DELTA_MAX          100.0f
#define GP_ERROR_MESSAGE_SIZE 512

/* ------------------------------------------------------------------ errors */

typedef enum gp_status {
  GP_OK = 0,
  GP_ERR_ARGUMENT = 1,   /* a parameter is NULL, out of range or inconsistent */
  GP_ERR_MEMORY = 2,     /* an allocation failed; nothing was changed unless said otherwise */
  GP_ERR_IO = 3,         /* the operating system refused to open, read or write */
  GP_ERR_EXISTS = 4,     /* the file to be written exists already */
  GP_ERR_FORMAT = 5,     /* a file is damaged or is not what it should be */
  GP_ERR_VERSION = 6,    /* a file of a version or scheme this library lacks */
  GP_ERR_PASSPHRASE = 7, /* wrong passphrase, or none where one is needed */
  GP_ERR_CRYPTO = 8      /* OpenSSL or libsodium failed */
} gp_status;

/* What went wrong. Owned by the caller; needs no initialisation and no release.
 * Written only on failure, always NUL-terminated. */
typedef struct gp_error {
  gp_status status;
  char message[GP_ERROR_MESSAGE_SIZE];
} gp_error;

/* The version of the library that is running, "MAJOR.MINOR.PATCH". Static storage. */
GP_API const char *gp_version(void);

/* A few words for a status, for callers that have no gp_error. Static storage;
 * never NULL, also for values that are no gp_status. */
GP_API const char *gp_status_string(gp_status status);

/* Which instruction set the library's kernels use on this machine: "portable", "avx2", "avx512",
 * "vaes" (AVX-512 with AES on four blocks at a time) or "neon". It is the best that the processor
 * has, unless the environment variable GREENPRINT_CPU, where it is not empty, names one, for
 * tests and bug reports; results are the same with all. Static storage. Thread-safe while nobody
 * changes the environment. Errors: GP_ERR_ARGUMENT where GREENPRINT_CPU names none of these, or
 * one that is not there; whatever would compute with it then fails alike. */
GP_API GP_MUST_CHECK gp_status gp_cpu_name(const char **name, gp_error *error);

/* -------------------------------------------------------------- parameters */

typedef enum gp_seeding {
  GP_SEEDING_HASH = 1, /* the last h tokens in order: the default */
  GP_SEEDING_MIN = 2,  /* the one of them with the smallest keyed value */
  GP_SEEDING_FIXED = 3 /* no context: one list for everything; h must be 0 */
} gp_seeding;

/* What travels with a key (SPEC.md section 2). The green fraction is
 * gamma_num / 2^gamma_log2_den in lowest terms: gamma_num is odd and smaller than
 * the denominator; gamma_log2_den is 1 to 8. */
typedef struct gp_params {
  gp_seeding seeding;
  uint32_t context_width; /* h, tokens: 1 to 16, or 0 with GP_SEEDING_FIXED */
  uint32_t gamma_num;
  uint32_t gamma_log2_den;
} gp_params;

/* The defaults: hash, h = 2, gamma = 1/4. */
GP_API gp_params gp_params_default(void);

/* GP_OK if the parameters are valid, else GP_ERR_ARGUMENT naming the field. */
GP_API GP_MUST_CHECK gp_status gp_params_check(const gp_params *params, gp_error *error);

/* Reads a green fraction, "1/4" or "0.25", into gamma_num and gamma_log2_den in
 * lowest terms. Fractions that are not g/2^k with k up to 8 are refused with the
 * nearest one that is. */
GP_API GP_MUST_CHECK gp_status gp_params_set_gamma(gp_params *params, const char *text,
                                                   gp_error *error);

/* Sets all parameters to those of a profile, by its name:
 *
 *   provenance  hash, h = 2, gamma = 1/4, the default: for saying where a text came from
 *   distill     hash, h = 1, gamma = 1/4: for marks that models inherit which learn from the text
 *
 * docs/distillation.md has what was measured. Leaves *params alone where there is no such
 * profile, or an argument is NULL (GP_ERR_ARGUMENT). */
GP_API GP_MUST_CHECK gp_status gp_params_set_profile(gp_params *params, const char *text,
                                                     gp_error *error);

/* Reads "hash", "min" or "fixed". */
GP_API GP_MUST_CHECK gp_status gp_params_set_seeding(gp_params *params, const char *text,
                                                     gp_error *error);

/* gamma as a number, exact. */
GP_API double gp_params_gamma(const gp_params *params);

/* "hash", "min" or "fixed"; "?" for anything else. Static storage. */
GP_API const char *gp_seeding_name(gp_seeding seeding);

/* -------------------------------------------------------------------- keys */

/* A master key and the parameters it is for. Immutable, so any number of threads
 * may use one; the key bytes live in guarded memory that is wiped when freed, stays out of
 * core files, and is locked as far as RLIMIT_MEMLOCK lets it be. */
typedef struct gp_key gp_key;

/* Makes a key from 32 bytes of the operating system's randomness. */
GP_API GP_MUST_CHECK gp_status gp_key_generate(const gp_params *params, gp_key **key,
                                               gp_error *error);

/* Makes a key from given bytes, which are copied; the caller wipes its own copy.
 * For keys that come out of a key-management system, and for test vectors. The
 * bytes must be uniformly random: never a passphrase. */
GP_API GP_MUST_CHECK gp_status gp_key_from_bytes(const gp_params *params,
                                                 const uint8_t master[GP_MASTER_KEY_SIZE],
                                                 gp_key **key, gp_error *error);

/* Wipes and releases a key. Objects derived from it live on. */
GP_API void gp_key_free(gp_key *key);

/* The parameters of a key. */
GP_API gp_params gp_key_params(const gp_key *key);

/* The public commitment (SPEC.md section 3). It reveals nothing about the key. */
GP_API void gp_key_commitment(const gp_key *key, uint8_t commitment[GP_COMMITMENT_SIZE]);

/* The key id: the first 8 bytes of the commitment in hexadecimal. */
GP_API void gp_key_id(const gp_key *key, char id[GP_KEY_ID_STRING_SIZE]);

/* Provable keys (SPEC.md section 18): keys of the scheme greenprint-1v, whose owner can show what
 * they make of a text without giving them away. All that takes a key takes these too. A context
 * that was not met lately costs them some 100 microseconds, where an ordinary key needs 0.1; see
 * gp_watermark_new(). Otherwise as gp_key_generate() and gp_key_from_bytes(). */
GP_API GP_MUST_CHECK gp_status gp_key_generate_provable(const gp_params *params, gp_key **key,
                                                        gp_error *error);
GP_API GP_MUST_CHECK gp_status
gp_key_from_bytes_provable(const gp_params *params, const uint8_t master[GP_MASTER_KEY_SIZE],
                           gp_key **key, gp_error *error);

/* GP_SCHEME_ID or GP_SCHEME_ID_PROVABLE. Static storage. */
GP_API const char *gp_key_scheme(const gp_key *key);

/* What everybody may know of a provable key. A plain value; its members belong together. */
typedef struct gp_public_key {
  gp_params params;
  uint8_t element[GP_ELEMENT_SIZE]; /* pk of SPEC.md section 18 */
  uint8_t commitment[GP_COMMITMENT_SIZE];
  char id[GP_KEY_ID_STRING_SIZE];
} gp_public_key;

/* The public part of a provable key; GP_ERR_ARGUMENT for an ordinary one, which has none. */
GP_API GP_MUST_CHECK gp_status gp_key_public(const gp_key *key, gp_public_key *public_key,
                                             gp_error *error);

/* Writes and reads public files. A file appears whole or not at all, with mode 0644, and never
 * replaces one (GP_ERR_EXISTS). Reading checks everything, and that the
 * members belong together: GP_ERR_FORMAT, GP_ERR_VERSION, GP_ERR_IO. */
GP_API GP_MUST_CHECK gp_status gp_public_key_save(const gp_public_key *public_key,
                                                  const char *path, gp_error *error);
GP_API GP_MUST_CHECK gp_status gp_public_key_load(const char *path, gp_public_key *public_key,
                                                  gp_error *error);

/* The bytes of a public file. */
GP_API void gp_public_key_encode(const gp_public_key *public_key,
                                 uint8_t file[GP_PUBLIC_FILE_SIZE]);

/* How hard a passphrase is to guess by machine: Argon2id passes and memory. */
typedef enum gp_seal_cost {
  GP_SEAL_INTERACTIVE = 1, /* 2 passes over 64 MiB */
  GP_SEAL_MODERATE = 2,    /* 3 passes over 256 MiB: the command's choice */
  GP_SEAL_SENSITIVE = 3    /* 4 passes over 1 GiB */
} gp_seal_cost;

/* Writes a key file sealed with a passphrase of 1 to GP_PASSPHRASE_MAX bytes; another
 * length is GP_ERR_PASSPHRASE. The file gets mode 0600 and appears whole or not at all; an
 * existing file is never replaced (GP_ERR_EXISTS). */
GP_API GP_MUST_CHECK gp_status gp_key_save_sealed(const gp_key *key, const char *path,
                                                  const char *passphrase,
                                                  size_t passphrase_length, gp_seal_cost cost,
                                                  gp_error *error);

/* The same without a passphrase: whoever can read the file has the key. */
GP_API GP_MUST_CHECK gp_status gp_key_save_unsealed(const gp_key *key, const char *path,
                                                    gp_error *error);

/* Reads a key file. `passphrase` may be NULL (with length 0) for an unsealed file; for a
 * sealed one that is GP_ERR_PASSPHRASE. A passphrase given for an unsealed file is
 * ignored. Takes as long, and as much memory, as the seal's cost says. */
GP_API GP_MUST_CHECK gp_status gp_key_load(const char *path, const char *passphrase,
                                           size_t passphrase_length, gp_key **key,
                                           gp_error *error);

/* What a key file says in the clear. `sealed_*` are 0 for an unsealed file. */
typedef struct gp_key_info {
  gp_params params;
  char scheme[17]; /* such as "greenprint-1" */
  char id[GP_KEY_ID_STRING_SIZE];
  uint8_t commitment[GP_COMMITMENT_SIZE];
  bool sealed;
  uint64_t sealed_passes;
  uint64_t sealed_memory; /* bytes */
} gp_key_info;

/* Reads the clear part of a key file and checks its form and checksum. Needs no
 * passphrase, so for a sealed file it says what the file claims, not more. */
GP_API GP_MUST_CHECK gp_status gp_key_inspect(const char *path, gp_key_info *info,
                                              gp_error *error);

/* --------------------------------------------------------------- embedding */

/* Everything needed to bias logits: derived subkeys, delta, tenant and the tokens
 * to leave alone. Immutable, and independent of the key it was made from; any
 * number of threads may use one at the same time without locking. */
typedef struct gp_watermark gp_watermark;

typedef struct gp_watermark_options {
  float delta;                  /* added to a green token's logit; 0 to GP_DELTA_MAX */
  bool has_tenant;              /* whether `tenant` counts: no tenant is not tenant 0 */
  uint64_t tenant;              /* tenant id, any value */
  const uint32_t *never_biased; /* token ids to leave alone, any order, copied;
                                   may be NULL when n_never_biased is 0 */
  size_t n_never_biased;        /* ids beyond a row's vocabulary are ignored there */
} gp_watermark_options;

/* The defaults: delta = 2, no tenant, every token may be biased. */
GP_API gp_watermark_options gp_watermark_options_default(void);

/* Derives a watermark from a key. `options` may be NULL for the defaults.
 *
 * A provable key remembers the nonces of the contexts that it met last, some 260,000 of them, in
 * guarded memory that grows as they come, to 8 MiB. All that is made of one gp_key shares it. */
GP_API GP_MUST_CHECK gp_status gp_watermark_new(const gp_key *key,
                                                const gp_watermark_options *options,
                                                gp_watermark **watermark, gp_error *error);
GP_API void gp_watermark_free(gp_watermark *watermark);

/* The parameters of the key that the watermark came from. */
GP_API gp_params gp_watermark_params(const gp_watermark *watermark);

/* What a back end that brings AES-128 along needs to do both stages by itself (SPEC.md sections
 * 4 and 5): the round keys [FIPS 197] of the subkeys, and what the watermark adds. As secret as
 * the key: keep it in memory that is locked and wiped. */
#define GP_ROUND_KEYS_SIZE 176
typedef struct gp_device_keys {
  uint8_t mask[GP_ROUND_KEYS_SIZE];    /* of K_mask */
  uint8_t context[GP_ROUND_KEYS_SIZE]; /* of K_context */
  uint8_t order[GP_ROUND_KEYS_SIZE];   /* of K_order; zero unless seeding is min */
  uint8_t tweak[GP_NONCE_SIZE];        /* of the watermark's tenant; zero without one */
  float delta;
} gp_device_keys;

/* Copies them. Rows with a tenant of their own need gp_prepare_rows(), and so do all of a
 * provable key (GP_ERR_ARGUMENT), whose first stage is not AES. Thread-safe. */
GP_API GP_MUST_CHECK gp_status gp_watermark_device_keys(const gp_watermark *watermark,
                                                        gp_device_keys *keys, gp_error *error);

/* Copies what the second stage needs, `mask` and `delta`, and leaves the rest zero: enough for
 * rows that gp_prepare_rows() prepared, with every key. Thread-safe. */
GP_API GP_MUST_CHECK gp_status gp_watermark_mask_keys(const gp_watermark *watermark,
                                                      gp_device_keys *keys, gp_error *error);

typedef enum gp_dtype {
  GP_FLOAT32 = 1,
  GP_FLOAT16 = 2, /* IEEE 754 binary16 */
  GP_BFLOAT16 = 3
} gp_dtype;

/* Remembers the contexts that were marked in one sequence, so that a context that
 * comes again is left unmarked. That keeps repetition loops from feeding
 * themselves; it costs the verifier nothing. Without effect under GP_SEEDING_FIXED, where
 * all positions have one context. One sequence, one thread at a time. */
typedef struct gp_session gp_session;

/* A session with room for `expected_tokens` positions; it grows beyond that by
 * allocating. Within that room gp_bias() allocates nothing. */
GP_API GP_MUST_CHECK gp_status gp_session_new(size_t expected_tokens, gp_session **session,
                                              gp_error *error);
GP_API void gp_session_free(gp_session *session);

/* Forgets everything, for the next sequence; keeps the memory. */
GP_API void gp_session_reset(gp_session *session);

/* The sequence that a row of logits continues, and what is special about the row. All of it
 * zero but `tokens` and `n_tokens`: as the watermark says. */
typedef struct gp_row {
  const uint32_t *tokens; /* the sequence so far, oldest first; only the last h are
                             read, so a pointer to those is enough; may be NULL when
                             n_tokens is 0 */
  size_t n_tokens;
  gp_session *session; /* may be NULL: repeated contexts are marked as well */
  bool off;            /* leave this row alone; its session learns nothing */
  bool has_delta;      /* whether `delta` counts, instead of the watermark's */
  float delta;         /* 0 to GP_DELTA_MAX */
  bool has_tenant;     /* whether `tenant` counts, instead of the watermark's */
  uint64_t tenant;     /* any value */
} gp_row;

/* Biases one row of `vocabulary` logits in place (SPEC.md section 6).
 *
 * A row with fewer than h tokens before it is left alone, and so is one whose
 * context the session has seen. NaN stays NaN, infinities stay themselves, red
 * tokens keep their bits. `logits` must be aligned for its type; a vocabulary of 0 is
 * GP_ERR_ARGUMENT.
 *
 * Allocates nothing once as many threads have been inside at the same time as will
 * be (up to 64; beyond that each call makes its own scratch). Thread-safe on one
 * watermark; each session in one thread at a time.
 * Errors: GP_ERR_ARGUMENT; GP_ERR_MEMORY; GP_ERR_CRYPTO. On failure the row is as it
 * was, except after GP_ERR_CRYPTO, when a part of it may have been biased. */
GP_API GP_MUST_CHECK gp_status gp_bias(const gp_watermark *watermark, gp_dtype dtype,
                                       void *logits, size_t vocabulary, const gp_row *row,
                                       gp_error *error);

/* The same for `n_rows` rows; row i starts `i * stride` elements after `logits`, and
 * `stride` is at least `vocabulary`. rows[i] is what row i continues. Rows count in
 * order, so one session may stand in several of them. After GP_ERR_ARGUMENT, which names
 * the row, nothing has been changed; after another error some rows may be biased, and sessions
 * may know contexts of rows that are not: reset them. */
GP_API GP_MUST_CHECK gp_status gp_bias_batch(const gp_watermark *watermark, gp_dtype dtype,
                                             void *logits, size_t n_rows, size_t vocabulary,
                                             size_t stride, const gp_row *rows, gp_error *error);

/* Threads that wait for batches. Owned by whoever made it; may serve any number of
 * watermarks. Does not survive fork(). */
typedef struct gp_thread_pool gp_thread_pool;

/* Processors that the calling thread may run on (on Linux, its affinity): fewer than there are in
 * many containers and batch systems. 1 to GP_THREADS_MAX. Thread-safe. */
#define GP_THREADS_MAX 1024
GP_API unsigned gp_usable_processors(void);

/* A pool in which `n_threads` work at the same time, the caller's own thread among them, so
 * that n_threads - 1 are started; 1 to GP_THREADS_MAX, or 0 for gp_usable_processors(). They
 * sleep between batches, and take no signals. Errors: GP_ERR_ARGUMENT, GP_ERR_MEMORY (also where
 * the system starts no more threads). */
GP_API GP_MUST_CHECK gp_status gp_thread_pool_new(size_t n_threads, gp_thread_pool **pool,
                                                  gp_error *error);
/* Ends the threads. No batch may be under way. */
GP_API void gp_thread_pool_free(gp_thread_pool *pool);

/* gp_bias_batch() with the rows shared among the threads of a pool; contexts and sessions are
 * still looked at in order, in the caller's thread. Takes no lock. One batch at a time makes
 * use of a pool: where it is busy with another, or NULL, the caller's thread does all of it.
 * The rows must not overlap in memory. */
GP_API GP_MUST_CHECK gp_status gp_bias_batch_parallel(const gp_watermark *watermark,
                                                      gp_thread_pool *pool, gp_dtype dtype,
                                                      void *logits, size_t n_rows,
                                                      size_t vocabulary, size_t stride,
                                                      const gp_row *rows, gp_error *error);

/* For those who add the bias themselves, on a GPU say: what there is to do for a row. */
typedef struct gp_prepared_row {
  uint8_t nonce[GP_NONCE_SIZE]; /* tenant included; zero where nothing is to be done */
  float delta;
  uint32_t biased; /* 1, or 0: leave the row alone */
} gp_prepared_row;

/* Prepares rows: finds their nonces, and lets their sessions see them, as gp_bias_batch() does
 * before it adds anything; `prepared` has room for n_rows. After GP_ERR_ARGUMENT nothing has
 * been changed; after another error `prepared` is undefined, and sessions are to be reset.
 * Thread-safe like gp_bias(). */
GP_API GP_MUST_CHECK gp_status gp_prepare_rows(const gp_watermark *watermark, const gp_row *rows,
                                               size_t n_rows, gp_prepared_row *prepared,
                                               gp_error *error);

/* The never-biased list, ascending, as long as the watermark lives. Returns how many. */
GP_API size_t gp_watermark_never_biased(const gp_watermark *watermark, const uint32_t **ids);

/* The packed green list after `tokens`: bit v % 8 of mask[v / 8] is 1 when token v is
 * green (and not on the never-biased list). `mask` has (vocabulary + 7) / 8 bytes;
 * unused bits are 0. With fewer than h tokens: GP_ERR_ARGUMENT. Thread-safe. */
GP_API GP_MUST_CHECK gp_status gp_green_mask(const gp_watermark *watermark,
                                             const uint32_t *tokens, size_t n_tokens,
                                             size_t vocabulary, uint8_t *mask, gp_error *error);

/* The same for a nonce, as gp_nonce() and gp_prepare_rows() give them. Thread-safe. */
GP_API GP_MUST_CHECK gp_status gp_green_mask_for(const gp_watermark *watermark,
                                                 const uint8_t nonce[GP_NONCE_SIZE],
                                                 size_t vocabulary, uint8_t *mask,
                                                 gp_error *error);

/* The 12-byte nonce after `tokens` (SPEC.md section 4), tenant included; for checking
 * other implementations. As secret as the green lists are. Thread-safe. */
GP_API GP_MUST_CHECK gp_status gp_nonce(const gp_watermark *watermark, const uint32_t *tokens,
                                        size_t n_tokens, uint8_t nonce[GP_NONCE_SIZE],
                                        gp_error *error);

/* Follows the rows of a generation loop whose framework hands over the ids of all rows at each
 * step, as generate() of transformers does, and says what each row of logits continues: where
 * its padding ends, and by a session which of its contexts were marked before.
 *
 * The generated part begins where the ids of the first call end. A call goes on with the
 * generation of the call before when each of its rows, but for the last id, is the start of one
 * of the earlier rows and reaches at least to the end of the prompt: the next step, reordered
 * or dropped beams, and candidates that were taken back are such calls. Anything else begins a
 * new generation. One thread at a time. */
typedef struct gp_generation gp_generation;

typedef struct gp_generation_options {
  bool has_pad;            /* whether rows are padded on the left by an id of its own ... */
  uint32_t pad;            /* ... this one: at the start of a row it is no context */
  bool mark_repeated;      /* mark contexts too that occurred earlier in the generated part of
                              their row. Calls then do not depend on each other, and of the ids
                              only the last h of a row, and its padding, are read */
  size_t expected_tokens;  /* room for so many generated ids a row; grows beyond by allocating */
  gp_thread_pool *threads; /* shares the rows of gp_generation_bias(); may be NULL; used until
                              the generation is freed */
} gp_generation_options;

/* The defaults: no padding, repeated contexts are left alone, room for 1024 ids. */
GP_API gp_generation_options gp_generation_options_default(void);

/* `watermark` is used until the generation is freed. `options` may be NULL for the defaults. */
GP_API GP_MUST_CHECK gp_status gp_generation_new(const gp_watermark *watermark,
                                                 const gp_generation_options *options,
                                                 gp_generation **generation, gp_error *error);
GP_API void gp_generation_free(gp_generation *generation);

/* The next call begins a new generation, whatever its ids; keeps the memory. */
GP_API void gp_generation_reset(gp_generation *generation);

/* Takes the ids of a step: n_rows rows of `length`, row i starting i * stride elements after
 * `ids`, which may be NULL when there are none. *rows becomes n_rows gp_row for gp_bias_batch()
 * and its relatives; they are the generation's own and hold until the next call with it.
 * Each is to be biased or prepared once before the next call, which takes its context for marked.
 *
 * An id that is negative or above 2^32 - 1 is GP_ERR_ARGUMENT. Reads all ids once to compare
 * them, copies the last column alone where rows kept their places, and allocates nothing after
 * the first call of a generation while it has no more rows than one before and stays within
 * expected_tokens. Other errors: GP_ERR_MEMORY, GP_ERR_CRYPTO. After any, it is as reset. */
GP_API GP_MUST_CHECK gp_status gp_generation_next(gp_generation *generation, const int64_t *ids,
                                                  size_t n_rows, size_t length, size_t stride,
                                                  const gp_row **rows, gp_error *error);

/* A step of a loop: the logits to be sampled from, as for gp_bias_batch(), and the ids that
 * they continue, as for gp_generation_next(). */
typedef struct gp_generation_step {
  void *logits;
  size_t n_rows;
  size_t vocabulary;
  size_t stride;
  const int64_t *ids;
  size_t length;
  size_t ids_stride;
  gp_dtype dtype; /* of the logits */
} gp_generation_step;

/* gp_generation_next() and gp_bias_batch_parallel() in one: biases the logits of a step in place.
 * Errors are those of the two, and after any the generation is as reset. */
GP_API GP_MUST_CHECK gp_status gp_generation_bias(gp_generation *generation,
                                                  const gp_generation_step *step,
                                                  gp_error *error);

/* --------------------------------------------------------------- verifying */

/* Counts green tokens over documents, each (context, token) pair once. One thread at
 * a time; use one verifier for each thread. Memory grows with the distinct pairs. */
typedef struct gp_verifier gp_verifier;

typedef struct gp_verifier_options {
  bool has_tenant; /* as in gp_watermark_options */
  uint64_t tenant;
} gp_verifier_options;

/* Derives a verifier from a key. `options` may be NULL: no tenant. */
GP_API GP_MUST_CHECK gp_status gp_verifier_new(const gp_key *key,
                                               const gp_verifier_options *options,
                                               gp_verifier **verifier, gp_error *error);
GP_API void gp_verifier_free(gp_verifier *verifier);

/* Forgets all documents; keeps the key. */
GP_API void gp_verifier_reset(gp_verifier *verifier);

/* Adds one document of n_tokens ids (`tokens` may be NULL when that is 0). On failure
 * (GP_ERR_MEMORY, GP_ERR_CRYPTO) the verifier is to be reset or freed: a part of
 * the document may have been counted. */
GP_API GP_MUST_CHECK gp_status gp_verifier_add(gp_verifier *verifier, const uint32_t *tokens,
                                               size_t n_tokens, gp_error *error);

/* The counts and the test (SPEC.md sections 7 and 8). */
typedef struct gp_result {
  uint64_t documents;
  uint64_t tokens;
  uint64_t scored;   /* distinct pairs */
  uint64_t repeated; /* positions whose pair had occurred before */
  uint64_t green;    /* distinct pairs that are green */
  double z;          /* 0 when nothing was scored */
  double log10_p;    /* exact binomial tail; 0 when nothing was scored */
} gp_result;

/* The result so far; documents may be added afterwards. Constant time. */
GP_API void gp_verifier_result(const gp_verifier *verifier, gp_result *result);

/* log10 of P(X >= green) for X ~ Bin(n, gamma), gamma = gamma_num / 2^gamma_log2_den,
 * with a relative error of at most 1e-10, in constant time and memory. n is at most
 * 2^44. Formula: SPEC.md section 8. Thread-safe.
 * Errors: GP_ERR_ARGUMENT when green > n, n is too large, or gamma is not in lowest
 * terms. */
GP_API GP_MUST_CHECK gp_status gp_log10_binomial_tail(uint64_t n, uint64_t green,
                                                      uint32_t gamma_num, uint32_t gamma_log2_den,
                                                      double *log10_p, gp_error *error);

/* (green - gamma n) / sqrt(n gamma (1 - gamma)); 0 when n is 0. For display. */
GP_API double gp_z_score(uint64_t n, uint64_t green, double gamma);

/* log10 of the e-value of `green` green coins among n (SPEC.md section 8): the likelihood
 * ratio of a green rate drawn uniformly from (gamma, 1) against gamma. Its expectation under
 * the null hypothesis is 1 at any stopping time, so 1 / (the largest e-value so far) is a
 * p-value for whoever looks after every document (Ville's inequality). Constant time.
 * Thread-safe. Errors: as gp_log10_binomial_tail(). */
GP_API GP_MUST_CHECK gp_status gp_log10_e_value(uint64_t n, uint64_t green, uint32_t gamma_num,
                                                uint32_t gamma_log2_den, double *log10_e,
                                                gp_error *error);

/* What a position of a document shows, counted within that document alone. */
typedef enum gp_colour {
  GP_COLOUR_NONE = 0,  /* fewer than h tokens before it: not scored */
  GP_COLOUR_RED = 1,   /* first occurrence of its coin, red */
  GP_COLOUR_GREEN = 2, /* first occurrence of its coin, green */
  GP_COLOUR_AGAIN_RED = 3,
  GP_COLOUR_AGAIN_GREEN = 4 /* the coin has occurred before in the document: not scored again */
} gp_colour;

/* A part of a document that is greener than chance lets it be. */
typedef struct gp_segment {
  size_t first; /* index of its first token */
  size_t end;   /* index after its last token */
  uint64_t scored;
  uint64_t green;
  double log10_p;           /* exact binomial tail, as if nobody had searched */
  double log10_p_corrected; /* valid for the search over all segments of the document */
} gp_segment;

/* Finds the segments of a document whose corrected p-value is at most alpha, the best first,
 * none overlapping another (SPEC.md section 8). colours[i] is the gp_colour of token i. At
 * most `capacity` segments are written; *n_segments is the number written. Memory and time are
 * linear in n_tokens times the logarithm of it, at most.
 * Errors: GP_ERR_ARGUMENT, GP_ERR_MEMORY. Thread-safe. */
GP_API GP_MUST_CHECK gp_status gp_locate(const uint8_t *colours, size_t n_tokens,
                                         uint32_t gamma_num, uint32_t gamma_log2_den,
                                         double log10_alpha, gp_segment *segments,
                                         size_t capacity, size_t *n_segments, gp_error *error);

/* A weighted sum of coins T = sum r_j (g_j - gamma) and its null distribution (SPEC.md
 * section 8). */
typedef struct gp_weighted_result {
  uint64_t coins;
  double statistic;           /* T */
  double z;                   /* T in units of its standard deviation; 0 without coins */
  double log10_p;             /* Chernoff bound: never below the exact tail; the verdict's */
  double log10_p_saddlepoint; /* Lugannani-Rice: an approximation, for information */
} gp_weighted_result;

/* The test of n coins with weights[j] (finite, any sign, chosen without the key) and green[j]
 * (0 or 1). Time linear in n, some tens of passes; allocates nothing. Thread-safe.
 * Errors: GP_ERR_ARGUMENT. */
GP_API GP_MUST_CHECK gp_status gp_weighted_test(const double *weights, const uint8_t *green,
                                                size_t n, uint32_t gamma_num,
                                                uint32_t gamma_log2_den,
                                                gp_weighted_result *result, gp_error *error);

/* Benjamini-Hochberg: log10_q[i] is the smallest false-discovery rate (as log10) at which
 * hypothesis i with p-value 10^log10_p[i] is rejected [Benjamini and Hochberg 1995]; valid
 * for independent and positively dependent p-values. log10_q may be log10_p. Thread-safe.
 * Errors: GP_ERR_ARGUMENT for a NaN or a log10_p above 0, GP_ERR_MEMORY. */
GP_API GP_MUST_CHECK gp_status gp_benjamini_hochberg(const double *log10_p, size_t n,
                                                     double *log10_q, gp_error *error);

/* ---------------------------------------------------------------- planning */

/* What a test needs (SPEC.md section 8). */
typedef struct gp_plan {
  uint64_t coins;  /* from so many on, every number of coins reaches the power wanted */
  uint64_t green;  /* that many coins are found marked from so many green ones on */
  double power;    /* exact, with that many coins; at least the power wanted */
  uint64_t tokens; /* coins / distinct_share, rounded up; the first h tokens of each document
                      come on top */
} gp_plan;

/* The least number of coins from which on the test finds a mark of this green rate with at
 * least this probability (0 to 1, both exclusive), its p-value being at most 10^log10_alpha.
 * Only params' gamma matters. distinct_share, above 0 and at most 1, is the part of scored
 * positions whose coin had not occurred before. Up to 2^43 coins; milliseconds, a second where
 * the rate is very close to gamma. Thread-safe.
 * Errors: GP_ERR_ARGUMENT. */
GP_API GP_MUST_CHECK gp_status gp_plan_tokens(const gp_params *params, double green_rate,
                                              double log10_alpha, double power,
                                              double distinct_share, gp_plan *plan,
                                              gp_error *error);

/* The green rate to expect of a language model whose next-token distributions, at the
 * temperature it is used with, have a mean entropy of entropy_bits (0 to log2 50000), under a
 * bias of delta as the distribution sees it: delta / temperature. A model of language models
 * (SPEC.md section 8), good to some hundredths; measured rates are better. Some 100 ms.
 * Thread-safe. Errors: GP_ERR_ARGUMENT. */
GP_API GP_MUST_CHECK gp_status gp_plan_green_rate(const gp_params *params, double delta,
                                                  double entropy_bits, double *green_rate,
                                                  gp_error *error);

/* ------------------------------------------------------------------ tokenizers */

/* A tokenizer as its file describes it: a Hugging Face tokenizer.json, or the vocabulary in a
 * GGUF file. Immutable; any number of threads may use one, each through its own encoder. */
typedef struct gp_tokenizer gp_tokenizer;

/* Reads `path`, which is told from its contents. Memory is bounded by a multiple of the file's
 * vocabulary; what the file claims allocates nothing.
 * Errors: GP_ERR_IO, GP_ERR_MEMORY; GP_ERR_FORMAT for a damaged file, and for one that asks
 * for something that is not implemented, naming the field: a wrong tokenization is worse than
 * none. */
GP_API GP_MUST_CHECK gp_status gp_tokenizer_open(const char *path, gp_tokenizer **tokenizer,
                                                 gp_error *error);
GP_API void gp_tokenizer_free(gp_tokenizer *tokenizer);

/* What a tokenizer is. */
typedef struct gp_tokenizer_info {
  char model[32];     /* "byte-level BPE", "SentencePiece BPE", "unigram" */
  size_t vocabulary;  /* the largest id plus 1 */
  uint64_t bytes;     /* of the file */
  uint8_t sha256[32]; /* of the file; of a GGUF file, of its header and key-value pairs */
} gp_tokenizer_info;
GP_API void gp_tokenizer_get_info(const gp_tokenizer *tokenizer, gp_tokenizer_info *info);

/* The working memory of one thread that tokenizes: buffers and a bounded cache of pieces.
 * The tokenizer must outlive it. One thread at a time. */
typedef struct gp_encoder gp_encoder;
GP_API GP_MUST_CHECK gp_status gp_encoder_new(const gp_tokenizer *tokenizer, gp_encoder **encoder,
                                              gp_error *error);
GP_API void gp_encoder_free(gp_encoder *encoder);

/* Tokenizes n_bytes of text, which may hold any byte. What is not UTF-8 is read as U+FFFD, one
 * for each maximal ill-formed part (Unicode 15, section 3.9; as Python's errors="replace").
 * Strings of added and special tokens are recognised in the text; nothing is put before or
 * after it (no beginning-of-sequence token). *tokens has *n_tokens ids, and
 * (*ends)[i] is the offset in `text` of the byte after token i, never decreasing; `ends` may be
 * NULL. Both point into the encoder and hold until the next call. Time is near linear in
 * n_bytes for any text.
 * A character that the vocabulary lacks becomes byte tokens or the unknown token; where a BPE
 * model has neither it is dropped, as by its own library.
 * Errors: GP_ERR_ARGUMENT, also for a text of 4 GiB or more; GP_ERR_MEMORY; GP_ERR_FORMAT for a
 * character that a unigram model without an unknown token lacks, and for a text on which one of
 * the tokenizer's regular expressions backtracks without end. */
GP_API GP_MUST_CHECK gp_status gp_encoder_encode(gp_encoder *encoder, const char *text,
                                                 size_t n_bytes, const uint32_t **tokens,
                                                 const size_t **ends, size_t *n_tokens,
                                                 gp_error *error);

/* ----------------------------------------------------------------------- input */

/* Reads documents from a file, plain or gzipped (SPEC.md section 10). Memory is bounded by
 * the largest line or part, each of which has a limit. One thread at a time. */
typedef struct gp_reader gp_reader;

typedef enum gp_input_format {
  GP_INPUT_TOKENS = 1, /* a document a line, decimal ids separated by blanks */
  GP_INPUT_JSONL = 2,  /* a JSON object a line: ids or text in one of its fields */
  GP_INPUT_TEXT = 3,   /* a document a file; a long one is cut into parts at line ends */
  GP_INPUT_NPY = 4,    /* NumPy array of integers: one dimension is one document, two are a
                          document a row */
  GP_INPUT_U16 = 5,    /* little-endian 16-bit ids: a document a file, long ones in parts */
  GP_INPUT_U32 = 6     /* little-endian 32-bit ids, likewise */
} gp_input_format;

/* "tokens", "jsonl", "text", "npy", "u16" or "u32"; "?" for anything else. Static storage. */
GP_API const char *gp_input_format_name(gp_input_format format);

/* Harmless differences to take out of text before it is tokenized, in this order. */
enum {
  GP_NORMALIZE_NEWLINES = 1, /* CR LF and lone CR become LF */
  GP_NORMALIZE_TRAILING = 2, /* spaces and tabs before LF or the end disappear */
  GP_NORMALIZE_NFC = 4,      /* Unicode normalization form C */
  GP_NORMALIZE_ALL = 7
};

typedef struct gp_reader_options {
  gp_input_format format;
  const char *field;  /* GP_INPUT_JSONL: where the ids or the text are, names and array indices
                         separated by dots ("choices.0.text"); copied; NULL otherwise */
  const char *role;   /* GP_INPUT_JSONL: the field is an array of messages, objects with `role`
                         and `content`, and each message of this role is a document; copied;
                         may be NULL: the field is one document */
  unsigned normalize; /* GP_NORMALIZE_ flags, for text */
} gp_reader_options;

/* Opens `path`; "-" is standard input. */
GP_API GP_MUST_CHECK gp_status gp_reader_open(const char *path, const gp_reader_options *options,
                                              gp_reader **reader, gp_error *error);
GP_API void gp_reader_free(gp_reader *reader);

/* A document: token ids, or text to be tokenized. */
typedef struct gp_document {
  const uint32_t *tokens; /* NULL for text; non-NULL for ids, also when there are none */
  size_t n_tokens;
  const char *text; /* NULL for ids; any bytes, no NUL at its end */
  size_t n_bytes;
  uint64_t line; /* line, array row or part that it came from, from 1 */
} gp_document;

/* The next document, or *more = false at the end. It points into memory of the reader and is
 * valid until the next call.
 * Errors name file, line and reason: GP_ERR_IO, GP_ERR_FORMAT, GP_ERR_MEMORY. After a
 * GP_ERR_FORMAT that concerns one line only (gp_reader_can_go_on()), the next call goes on
 * with the line after it; after any other error, and after the end, the reader can only be
 * freed or asked for its facts. */
GP_API GP_MUST_CHECK gp_status gp_reader_next(gp_reader *reader, gp_document *document,
                                              bool *more, gp_error *error);

/* Whether the last error concerned one line only. */
GP_API bool gp_reader_can_go_on(const gp_reader *reader);

/* Bytes read from the file so far, before decompression: for a progress bar. */
GP_API uint64_t gp_reader_position(const gp_reader *reader);

/* Facts about an input, complete once gp_reader_next() has reported the end. */
typedef struct gp_input_facts {
  uint64_t bytes;     /* read from the file, before decompression */
  uint8_t sha256[32]; /* of those bytes */
  bool gzip;
} gp_input_facts;

/* Errors: GP_ERR_ARGUMENT before the end was reached. */
GP_API GP_MUST_CHECK gp_status gp_reader_facts(const gp_reader *reader, gp_input_facts *facts,
                                               gp_error *error);

/* ----------------------------------------------------------------- weights */

/* What a reference model, one that never saw the key, expected at each position of the
 * documents: a file that greenprint.reference of the Python package writes (SPEC.md section
 * 14), read once from front to back. Memory is bounded by a buffer of 64 KiB; what the file
 * claims allocates nothing. One thread at a time. */
typedef struct gp_expectations gp_expectations;

#define GP_EXPECTATIONS_LABEL_SIZE 201
#define GP_EXPECTATIONS_TOP_MAX    255

typedef struct gp_expectations_info {
  char label[GP_EXPECTATIONS_LABEL_SIZE]; /* what the writer called the reference model */
  uint32_t vocabulary;                    /* every id in the file is below it; 0: not stated */
  uint32_t top_k;                         /* the most expectations at a position */
  uint64_t documents;                     /* read so far */
  uint64_t tokens;                        /* their positions */
  bool complete;                          /* the end was reached and is as it should be */
  gp_input_facts file;                    /* zero until then */
} gp_expectations_info;

/* Opens `path`, plain or gzipped; "-" is standard input. Reads and checks the header.
 * Errors name the file: GP_ERR_IO, GP_ERR_FORMAT, GP_ERR_MEMORY; GP_ERR_VERSION for a version
 * or kind of weights that this library does not read. */
GP_API GP_MUST_CHECK gp_status gp_expectations_open(const char *path, gp_expectations **file,
                                                    gp_error *error);
GP_API void gp_expectations_free(gp_expectations *file);
GP_API void gp_expectations_get_info(const gp_expectations *file, gp_expectations_info *info);

/* Checks that the file ends here: GP_ERR_FORMAT where it holds expectations for further
 * documents, is cut off or is damaged. To be called when all documents were added. */
GP_API GP_MUST_CHECK gp_status gp_expectations_finish(gp_expectations *file, gp_error *error);

/* Weighs coins by what a reference model expected (SPEC.md section 7): the weight of (context,
 * token) is how often the token occurred after the context, minus the reference model's
 * probabilities of it summed over all positions with that context. Memory grows with the
 * distinct coins that occurred or were expected, 33 to 66 bytes each. One thread at a time. */
typedef struct gp_weigher gp_weigher;

typedef struct gp_weigher_counts {
  uint64_t documents;
  uint64_t tokens;
  uint64_t positions; /* with a window: the others are skipped */
  uint64_t occurred;  /* distinct coins that occurred */
  uint64_t expected;  /* distinct coins that were only expected */
} gp_weigher_counts;

/* Derives a weigher from a key. `options` may be NULL: no tenant. */
GP_API GP_MUST_CHECK gp_status gp_weigher_new(const gp_key *key,
                                              const gp_verifier_options *options,
                                              gp_weigher **weigher, gp_error *error);
GP_API void gp_weigher_free(gp_weigher *weigher);

/* Forgets all documents; keeps the key. */
GP_API void gp_weigher_reset(gp_weigher *weigher);

/* Adds one document of n_tokens ids (`tokens` may be NULL when that is 0) with the
 * expectations of the next document in `file`, which have to be those of this very sequence.
 * Errors: GP_ERR_FORMAT where they are not, and where the file is damaged, naming file and
 * document; GP_ERR_IO, GP_ERR_MEMORY, GP_ERR_CRYPTO. After any of these the weigher can only be
 * reset or freed, and the file freed. */
GP_API GP_MUST_CHECK gp_status gp_weigher_add(gp_weigher *weigher, const uint32_t *tokens,
                                              size_t n_tokens, gp_expectations *file,
                                              gp_error *error);

GP_API void gp_weigher_get_counts(const gp_weigher *weigher, gp_weigher_counts *counts);

/* The test of the coins so far; documents may be added afterwards. Coins of weight 0 are left
 * out. The same documents in the same order give the same bits. Needs 9 bytes a coin while it
 * runs. Errors: GP_ERR_ARGUMENT after a failed gp_weigher_add(); GP_ERR_MEMORY, GP_ERR_CRYPTO. */
GP_API GP_MUST_CHECK gp_status gp_weigher_result(gp_weigher *weigher, gp_weighted_result *result,
                                                 gp_error *error);

/* --------------------------------------------------------------------- corpora */

/* A run over many inputs: reads, tokenizes and scores them with several threads, each coin
 * once over everything, and keeps the evidence in the order of the documents. What it
 * reports does not depend on the number of threads, on the memory it may use, or on how the
 * inputs were divided among partial runs that are merged. One thread at a time may call its
 * functions; the threads of a run are its own. */
typedef struct gp_corpus gp_corpus;

/* A document as it stands alone. Everything is valid during the call only. */
typedef struct gp_corpus_document {
  size_t input;  /* index of its input */
  uint64_t line; /* as in gp_document */
  gp_result alone;
  const uint32_t *tokens; /* these are NULL in a merge, which has no tokens */
  const uint8_t *colours; /* gp_colour of each token */
  size_t n_tokens;
  const char *text; /* NULL where the input held ids */
  size_t n_bytes;
  const size_t *ends; /* offset in `text` after each token; NULL without text */
} gp_corpus_document;

typedef struct gp_corpus_options {
  const gp_key *const *keys; /* every key with every tenant is a candidate; the keys may be
                                freed afterwards; NULL and 0 for a merge */
  size_t n_keys;
  const uint64_t *tenants; /* may be NULL when n_tenants is 0: without a tenant */
  size_t n_tenants;
  const gp_tokenizer *tokenizer; /* for text; may be NULL; must outlive the corpus */
  unsigned threads;              /* 1 to 1024; 0 is 1 */
  uint64_t max_memory;           /* bytes for the table of coins, beyond which it goes to disk;
                                    0: no limit; at least GP_CORPUS_MEMORY_MIN */
  const char *scratch;           /* folder for that; NULL: /var/tmp */
  bool skip_bad;                 /* leave out lines that cannot be read instead of failing */
  const char *settings;          /* a line of UTF-8, at most 65,535 bytes, that stands for how
                                    the inputs are read; stored in a partial file, and equal in
                                    all that are merged; NULL is "" */
  bool partial_documents;        /* whether a partial file says what each document has by itself;
                                    needs on_document */
  /* Called in document order, one call at a time, from any thread of a run; may be NULL. A
   * status other than GP_OK ends the run. Asking for documents costs time for each. */
  gp_status (*on_document)(void *user, const gp_corpus_document *document, gp_error *error);
  void (*on_bad)(void *user, const char *message); /* a line that was left out */
  void (*on_progress)(void *user, uint64_t bytes, uint64_t tokens);
  void *user;
} gp_corpus_options;

#define GP_CORPUS_MEMORY_MIN ((uint64_t)1 << 20) /* bytes */

/* Derives everything from the keys. `options` is copied, what it points to is not unless said
 * otherwise. Errors: GP_ERR_ARGUMENT, GP_ERR_MEMORY, GP_ERR_CRYPTO. */
GP_API GP_MUST_CHECK gp_status gp_corpus_new(const gp_corpus_options *options, gp_corpus **corpus,
                                             gp_error *error);
GP_API void gp_corpus_free(gp_corpus *corpus);

/* One input of a run: a file and how to read it. */
typedef struct gp_corpus_input {
  const char *path;
  gp_reader_options options;
} gp_corpus_input;

/* Reads all inputs in their order and counts. With `partial` (may be NULL) also writes a
 * partial file of that name (SPEC.md section 12), for one candidate; it appears whole or not
 * at all and never replaces a file. Once for each corpus. On failure, the corpus can only be
 * freed. Errors name file and line; that of the first input in order is reported. */
GP_API GP_MUST_CHECK gp_status gp_corpus_run(gp_corpus *corpus, const gp_corpus_input *inputs,
                                             size_t n_inputs, const char *partial,
                                             gp_error *error);

/* The same from partial files, for a corpus without keys. Their key, tenant, settings and
 * whether they hold documents have to agree: GP_ERR_ARGUMENT names the file that differs. */
GP_API GP_MUST_CHECK gp_status gp_corpus_merge(gp_corpus *corpus, const char *const *paths,
                                               size_t n_paths, const char *partial,
                                               gp_error *error);

/* What was tested: after a merge, what the partial files say. The strings live as long as the
 * corpus. */
typedef struct gp_corpus_info {
  const char *scheme; /* GP_SCHEME_ID or GP_SCHEME_ID_PROVABLE, of the first key */
  gp_params params;   /* of the first key */
  char key_id[GP_KEY_ID_STRING_SIZE];
  uint8_t commitment[GP_COMMITMENT_SIZE];
  bool has_tenant; /* of the only tenant, if there is one */
  uint64_t tenant;
  size_t n_candidates; /* keys times tenants (at least 1) */
  size_t n_inputs;
  bool documents; /* whether documents are reported one by one */
  const char *settings;
} gp_corpus_info;
GP_API void gp_corpus_get_info(const gp_corpus *corpus, gp_corpus_info *info);

/* Facts about input i, which is less than n_inputs, after the run. */
typedef struct gp_corpus_input_facts {
  const char *name; /* as it was given; lives as long as the corpus */
  gp_input_format format;
  gp_input_facts file;
  uint64_t documents;
  uint64_t tokens;
  uint64_t bad; /* lines left out */
} gp_corpus_input_facts;
GP_API void gp_corpus_get_input(const gp_corpus *corpus, size_t i, gp_corpus_input_facts *facts);

/* The result of candidate i (key i / tenants, tenant i % tenants), not corrected for the
 * number of candidates. */
GP_API void gp_corpus_get_result(const gp_corpus *corpus, size_t i, gp_result *result);

/* The evidence as it grew (SPEC.md section 8), for one candidate. */
typedef struct gp_corpus_evidence {
  double log10_e;         /* after the last document */
  double log10_e_largest; /* after any document; 0 at the start */
  uint64_t at_document;   /* after which it was the largest, from 1; 0: before all */
  double log10_p_anytime; /* min(0, -log10_e_largest) */
} gp_corpus_evidence;
GP_API void gp_corpus_get_evidence(const gp_corpus *corpus, gp_corpus_evidence *evidence);

/* The counts after some of the documents, evenly spaced, for a curve: at most
 * GP_CORPUS_CURVE_MAX points. Returns their number. */
#define GP_CORPUS_CURVE_MAX 1024
typedef struct gp_corpus_point {
  uint64_t documents;
  uint64_t scored;
  uint64_t green;
  double log10_e;
} gp_corpus_point;
GP_API size_t gp_corpus_get_curve(const gp_corpus *corpus, const gp_corpus_point **points);

/* --------------------------------------------------------------- served contexts */

/* A set of contexts, such as all that an owner served: windows of h token ids, each kept as a
 * 64-bit fingerprint (SPEC.md section 16). Needs no key. A context that is not in the set is
 * taken for one that is with probability n / 2^64. Immutable once loaded: thread-safe. */
typedef struct gp_contexts gp_contexts;

typedef struct gp_contexts_info {
  uint32_t context_width; /* h, tokens */
  uint64_t contexts;      /* distinct ones, n */
  uint64_t documents;     /* that they were taken from */
  uint64_t tokens;
  gp_input_facts file; /* zero where it was not loaded from a file */
} gp_contexts_info;

/* Collects contexts in bounded memory: 8 bytes for each distinct one, for a moment (and in a
 * merge) up to twice that, and buffers of up to 384 MiB. After GP_ERR_MEMORY it can only be
 * freed, after another error it is as it was. One thread at a time. */
typedef struct gp_contexts_builder gp_contexts_builder;

/* context_width is 1 to GP_CONTEXT_WIDTH_MAX. */
GP_API GP_MUST_CHECK gp_status gp_contexts_builder_new(uint32_t context_width,
                                                       gp_contexts_builder **builder,
                                                       gp_error *error);
GP_API void gp_contexts_builder_free(gp_contexts_builder *builder);

/* Adds every window of h ids of one document, the last one included: that the document ends there
 * was decided in the light of that context as well. */
GP_API GP_MUST_CHECK gp_status gp_contexts_builder_add(gp_contexts_builder *builder,
                                                       const uint32_t *tokens, size_t n_tokens,
                                                       gp_error *error);

/* Adds everything from a file of gp_contexts_builder_save(); of the same width, or
 * GP_ERR_ARGUMENT. */
GP_API GP_MUST_CHECK gp_status gp_contexts_builder_merge(gp_contexts_builder *builder,
                                                         const char *path, gp_error *error);

/* Writes the set; the file appears whole or not at all and never replaces one. What was added
 * in whatever order and parts gives the same bytes. */
GP_API GP_MUST_CHECK gp_status gp_contexts_builder_save(gp_contexts_builder *builder,
                                                        const char *path, gp_error *error);

/* Reads such a file whole, which has to be a regular one and not compressed. Needs 8 bytes a
 * context; what the file claims allocates nothing that it does not fill. Errors name the file:
 * GP_ERR_IO, GP_ERR_FORMAT, GP_ERR_MEMORY; GP_ERR_VERSION for a version or a size of
 * fingerprints that this library does not read. */
GP_API GP_MUST_CHECK gp_status gp_contexts_load(const char *path, gp_contexts **contexts,
                                                gp_error *error);
GP_API void gp_contexts_free(gp_contexts *contexts);
GP_API void gp_contexts_get_info(const gp_contexts *contexts, gp_contexts_info *info);

/* Whether the window tokens[0] to tokens[h - 1] is in the set. */
GP_API bool gp_contexts_have(const gp_contexts *contexts, const uint32_t *tokens);

/* ------------------------------------------------------------------ model weights */

/* What an open model holds for likely, beyond a reference model: a file that
 * greenprint.audit of the Python package writes (SPEC.md section 14, kind 2), read once from
 * front to back. It says nothing about a key, a scheme or a context width. Memory is bounded by
 * the longest document, 64 MiB, and what a file claims allocates nothing. One thread at a time.
 */
typedef struct gp_model_weights gp_model_weights;

/* As gp_expectations_open(). */
GP_API GP_MUST_CHECK gp_status gp_model_weights_open(const char *path, gp_model_weights **file,
                                                     gp_error *error);
GP_API void gp_model_weights_free(gp_model_weights *file);

/* What is held at one position of a document: `count` different ids, ascending, and their
 * weights, from -1 to 1 and not 0. */
typedef struct gp_model_weights_position {
  size_t count;
  uint32_t ids[GP_EXPECTATIONS_TOP_MAX];
  float weights[GP_EXPECTATIONS_TOP_MAX];
} gp_model_weights_position;

/* The next document's ids, which stay until the next call of this (`tokens` may be NULL where
 * there are none), or *more = false at the end, when the whole file is as it should be. After it
 * comes gp_model_weights_position_next() for each of the ids in order: position i is about token
 * i, given what stands before it. What was read is to be trusted once this was called again.
 * Errors name the file and the document: GP_ERR_FORMAT, GP_ERR_IO, GP_ERR_MEMORY, GP_ERR_CRYPTO;
 * after one the file can only be freed. */
GP_API GP_MUST_CHECK gp_status gp_model_weights_next(gp_model_weights *file,
                                                     const uint32_t **tokens, size_t *n_tokens,
                                                     bool *more, gp_error *error);
GP_API GP_MUST_CHECK gp_status gp_model_weights_position_next(gp_model_weights *file,
                                                              gp_model_weights_position *position,
                                                              gp_error *error);

/* As gp_expectations_get_info(). */
GP_API void gp_model_weights_get_info(const gp_model_weights *file, gp_expectations_info *info);

/* ----------------------------------------------------------------- audit of a model */

/* The evidence that a model's answers, or its distributions, are: coins with weights, collected
 * without any key, to be tested under any number of them (SPEC.md section 17). Every coin, a
 * (context, token) pair, enters once, with a weight that no key has a say in:
 *
 *   distinct   1 where the pair occurred, however often
 *   root       the square root of how often it occurred
 *   reference  how often it occurred, minus what a reference model expected
 *   open       the sum of its weights in files of model weights
 *   open-root  the square root of that, with its sign
 *
 * Positions whose context occurs in their own row's prompt are left out; with h = 0, where all
 * have one context, those whose token does. One thread at a time may add; tests are thread-safe
 * once nothing more is added. */
typedef struct gp_audit gp_audit;

typedef enum gp_audit_statistic {
  GP_AUDIT_DISTINCT = 1,
  GP_AUDIT_ROOT = 2,
  GP_AUDIT_REFERENCE = 3,
  GP_AUDIT_OPEN = 4,
  GP_AUDIT_OPEN_ROOT = 5
} gp_audit_statistic;

/* The name that the list above has for it; "?" for anything else. Static storage. */
GP_API const char *gp_audit_statistic_name(gp_audit_statistic statistic);

/* The parameters of the keys that it will be tested with. */
GP_API GP_MUST_CHECK gp_status gp_audit_new(const gp_params *params, gp_audit **audit,
                                            gp_error *error);
GP_API void gp_audit_free(gp_audit *audit);

/* Adds one answer, and the prompt it answers (NULL and 0 for none), which is not scored and
 * gives no context to the answer. `expectations` may be NULL; where it is not, the next document
 * of it has to be this answer, and all answers must have theirs. Memory grows with the
 * distinct coins, 36 to 72 bytes each, and contexts, 16 + 4 h bytes to twice as much. After
 * an error the audit can only be freed. */
GP_API GP_MUST_CHECK gp_status gp_audit_add(gp_audit *audit, const uint32_t *prompt,
                                            size_t n_prompt, const uint32_t *tokens,
                                            size_t n_tokens, gp_expectations *expectations,
                                            gp_error *error);

/* Adds a whole file of model weights, of which nothing was read before, to an audit without
 * answers: else GP_ERR_ARGUMENT, and the audit is as it was. After any other error it can only be
 * freed. */
GP_API GP_MUST_CHECK gp_status gp_audit_add_model(gp_audit *audit, gp_model_weights *file,
                                                  gp_error *error);

/* Notes which contexts are among those served, so that they can be tested by themselves as well.
 * Anything added afterwards undoes it. Only with GP_SEEDING_HASH: else contexts are no windows
 * (GP_ERR_ARGUMENT). The set has to be of whole sequences, prompts with their answers (SPEC.md
 * section 17). It may be freed afterwards. */
GP_API GP_MUST_CHECK gp_status gp_audit_set_served(gp_audit *audit, const gp_contexts *served,
                                                   gp_error *error);

typedef struct gp_audit_counts {
  uint64_t documents;
  uint64_t tokens;
  uint64_t positions; /* with a context */
  uint64_t in_prompt; /* of these, left out: their context occurs in the prompt */
  uint64_t contexts;  /* distinct ones that are tested */
  uint64_t coins;     /* distinct pairs that occurred, or have weights */
  uint64_t expected;  /* further pairs that were only expected */
  bool has_served;
  uint64_t served_contexts; /* of the contexts, those in the served set */
  uint64_t served_coins;    /* of the coins, theirs */
} gp_audit_counts;
GP_API void gp_audit_get_counts(const gp_audit *audit, gp_audit_counts *counts);

/* A test of one statistic, prepared for many keys: the weights in the order of their coins, and
 * the null distribution of their sum. The audit must outlive it, and nothing may be added
 * meanwhile. Immutable: thread-safe. */
typedef struct gp_audit_test gp_audit_test;

/* `served_only`: only coins whose context is in the served set. Which contexts were served
 * depends on the key, so the p-value is then that of an e-value (SPEC.md section 17).
 * Some 16 bytes a coin. Errors: GP_ERR_ARGUMENT where there is nothing to make the statistic of,
 * or no served set; GP_ERR_MEMORY. */
GP_API GP_MUST_CHECK gp_status gp_audit_test_new(const gp_audit *audit,
                                                 gp_audit_statistic statistic, bool served_only,
                                                 gp_audit_test **test, gp_error *error);
GP_API void gp_audit_test_free(gp_audit_test *test);

typedef struct gp_audit_result {
  uint64_t coins;   /* of a weight other than 0 */
  uint64_t green;   /* of these */
  double statistic; /* T */
  double z;         /* in units of its standard deviation; 0 without coins */
  double log10_p;   /* the verdict's. distinct: exact binomial tail; otherwise the Chernoff
                       bound; served_only: min(0, -log10_e) */
  double log10_p_saddlepoint; /* Lugannani-Rice: an approximation, for information; NaN for
                                 served_only, and without coins */
  double log10_e;             /* e-value: E[10^log10_e] <= 1 under the null hypothesis */
} gp_audit_result;

/* Tests a key, with a tenant or none (`options` may be NULL). The key's parameters have to be
 * those of the audit. Errors: GP_ERR_ARGUMENT, GP_ERR_MEMORY, GP_ERR_CRYPTO. */
GP_API GP_MUST_CHECK gp_status gp_audit_test_key(const gp_audit_test *test, const gp_key *key,
                                                 const gp_verifier_options *options,
                                                 gp_audit_result *result, gp_error *error);

/* The same for many keys, for controls and tracing: the Chernoff bound is taken at one of a
 * fixed set of places instead of the best, never below the exact tail; the saddle-point value
 * is not computed and NaN. `threads` is 1 to 1024; results do not depend on it. */
typedef struct gp_audit_candidate {
  const gp_key *key;
  gp_verifier_options options;
} gp_audit_candidate;
GP_API GP_MUST_CHECK gp_status gp_audit_test_many(const gp_audit_test *test,
                                                  const gp_audit_candidate *candidates, size_t n,
                                                  unsigned threads, gp_audit_result *results,
                                                  gp_error *error);

/* A key that nobody ever used, for control `index` of an audit of the key with this commitment:
 * anybody can make it again (SPEC.md section 17). */
GP_API GP_MUST_CHECK gp_status gp_audit_control_key(const gp_params *params,
                                                    const uint8_t commitment[GP_COMMITMENT_SIZE],
                                                    uint32_t index, gp_key **key,
                                                    gp_error *error);

/* Holm: log10_adjusted[i] is the smallest family-wise error rate (as log10) at which hypothesis
 * i is rejected, under any dependence [Holm 1979]. Otherwise as gp_benjamini_hochberg(). */
GP_API GP_MUST_CHECK gp_status gp_holm(const double *log10_p, size_t n, double *log10_adjusted,
                                       gp_error *error);

/* ---------------------------------------------------------------- blind evaluation */

/* Nonces of contexts that the key's owner does not get to see, for somebody who does not get to
 * see the key (SPEC.md section 20): the client hides each input behind a random factor, the owner
 * evaluates what he is shown and proves that it was done with his key, and the client takes the
 * factor out again. All of it works on messages; who carries them is the caller's business. */

#define GP_BLIND_HEADER_SIZE         24
#define GP_BLIND_PROOF_SIZE          64
#define GP_BLIND_COUNT_MAX           65535 /* elements of a message */
#define GP_BLIND_INPUT_MAX           65535 /* bytes of an input */
#define GP_BLIND_REQUEST_SIZE(count) (GP_BLIND_HEADER_SIZE + (size_t)(count)*GP_ELEMENT_SIZE)
#define GP_BLIND_ANSWER_SIZE(count)  (GP_BLIND_REQUEST_SIZE(count) + GP_BLIND_PROOF_SIZE)

/* The client's side of one request: inputs, their blinds in guarded memory, and the request. Made
 * for one request to one server; it may be sent again, and is used up by a good answer. One
 * thread at a time. */
typedef struct gp_blind_batch gp_blind_batch;

/* `inputs` are `count` of 1 to GP_BLIND_COUNT_MAX inputs of `input_size` bytes each, one after
 * the other (SPEC.md section 18 says what they are for a context), which are copied. `pool` may
 * be NULL; some 150 microseconds an input are shared out among its threads. */
GP_API GP_MUST_CHECK gp_status gp_blind_batch_new(const gp_public_key *key, const uint8_t *inputs,
                                                  size_t input_size, size_t count,
                                                  gp_thread_pool *pool, gp_blind_batch **batch,
                                                  gp_error *error);

/* Wipes and releases. */
GP_API void gp_blind_batch_free(gp_blind_batch *batch);

/* The request to send, GP_BLIND_REQUEST_SIZE(count) bytes; lives as long as the batch. It says
 * how many inputs there are and which key is asked for, and nothing else. */
GP_API const uint8_t *gp_blind_batch_request(const gp_blind_batch *batch, size_t *size);

/* Checks the answer, whoever it came from, and writes the nonces of the inputs in their order.
 * GP_ERR_FORMAT says what is wrong with it: another length, magic, count or key, a bad element,
 * or a proof that does not hold; then nothing was written, and another answer may be tried.
 * GP_ERR_VERSION for a version that this library lacks. */
GP_API GP_MUST_CHECK gp_status gp_blind_batch_finish(gp_blind_batch *batch, const uint8_t *answer,
                                                     size_t answer_size, gp_thread_pool *pool,
                                                     uint8_t (*nonces)[GP_NONCE_SIZE],
                                                     gp_error *error);

/* Carries a request to the owner and his answer back: at most `capacity` bytes, or it fails. The
 * answer to any failure is its status, with a message, which whoever called then returns. */
typedef gp_status gp_blind_transport(void *user, const uint8_t *request, size_t request_size,
                                     uint8_t *answer, size_t capacity, size_t *answer_size,
                                     gp_error *error);

/* The nonces of any number of inputs, in requests of at most `per_request` (1 to
 * GP_BLIND_COUNT_MAX) each, one after the other. After an error nothing in `nonces` counts, and
 * is zero. */
GP_API GP_MUST_CHECK gp_status gp_blind_evaluate(const gp_public_key *key, const uint8_t *inputs,
                                                 size_t input_size, size_t count,
                                                 size_t per_request, gp_thread_pool *pool,
                                                 gp_blind_transport *transport, void *user,
                                                 uint8_t (*nonces)[GP_NONCE_SIZE],
                                                 gp_error *error);

/* What a request says before its elements. */
typedef struct gp_blind_request {
  size_t count;
  char key_id[GP_KEY_ID_STRING_SIZE]; /* of the key that is asked for */
} gp_blind_request;

/* The owner's side. Reads a request's header and checks that its length is right; the elements
 * are not looked at. GP_ERR_FORMAT, GP_ERR_VERSION. */
GP_API GP_MUST_CHECK gp_status gp_blind_request_read(const uint8_t *request, size_t request_size,
                                                     gp_blind_request *info, gp_error *error);

/* Evaluates a request with a provable key and writes the answer, GP_BLIND_ANSWER_SIZE(count)
 * bytes. Every element is checked: GP_ERR_FORMAT names the first that is none, or is the
 * identity. GP_ERR_ARGUMENT for an ordinary key, and for a request that asks for another key.
 * After an error nothing in `answer` counts, and is zero. Thread-safe. */
GP_API GP_MUST_CHECK gp_status gp_blind_answer(const gp_key *key, const uint8_t *request,
                                               size_t request_size, gp_thread_pool *pool,
                                               uint8_t *answer, gp_error *error);
/* ------------------------------------------------------------------ proofs */

/* A text as proofs see it (SPEC.md section 19): a digest of its documents, and their distinct
 * contexts in the order in which they came. Takes 16 + 4 h bytes for each of these, to twice as
 * much. One thread at a time; read by any number. */
typedef struct gp_proof_text gp_proof_text;

/* For proofs with this key. */
GP_API GP_MUST_CHECK gp_status gp_proof_text_new(const gp_public_key *public_key,
                                                 gp_proof_text **text, gp_error *error);
GP_API void gp_proof_text_free(gp_proof_text *text);

/* Adds one document. After an error the text can only be freed. */
GP_API GP_MUST_CHECK gp_status gp_proof_text_add(gp_proof_text *text, const uint32_t *tokens,
                                                 size_t n_tokens, gp_error *error);

/* How many distinct contexts there are. */
GP_API size_t gp_proof_text_contexts(const gp_proof_text *text);

/* The inputs of all contexts (SPEC.md section 18), for a tenant or none (`tenant` may be NULL),
 * one after the other: for gp_blind_evaluate(). All have the size that is returned; `inputs` has
 * room for gp_proof_text_contexts() of them, or is NULL to ask for the size. */
GP_API size_t gp_proof_text_inputs(const gp_proof_text *text, const gp_verifier_options *tenant,
                                   uint8_t *inputs);

/* A key that scores this text, and knows no other context, by nonces that were proved: of its
 * contexts, in their order, for that tenant or none. The nonces are copied. Like the keys of
 * gp_proof_check(). */
GP_API GP_MUST_CHECK gp_status gp_proof_text_key(const gp_proof_text *text,
                                                 const gp_verifier_options *tenant,
                                                 const uint8_t (*nonces)[GP_NONCE_SIZE],
                                                 gp_key **key, gp_error *error);

#define GP_PROOF_SAMPLE_MIN 1024 /* contexts */

typedef struct gp_proof_options {
  bool has_tenant; /* whose marks are to be proved; ignored in checking */
  uint64_t tenant;
  uint64_t sample;                 /* contexts, a power of two from GP_PROOF_SAMPLE_MIN on; a text
                                      that has no more, or 0: all. Ignored in checking */
  const uint8_t *tokenizer_sha256; /* of the tokenizer's file, 32 bytes; NULL without one */
  gp_thread_pool *threads;         /* may be NULL */
  /* Called by the calling thread every now and then; may be NULL. */
  void (*on_progress)(void *user, uint64_t done, uint64_t total);
  void *user;
} gp_proof_options;

/* What a proof says of itself. */
typedef struct gp_proof_info {
  gp_public_key public_key;
  bool has_tenant;
  uint64_t tenant;
  uint8_t text_sha256[32];
  uint8_t tokenizer_sha256[32]; /* zero without a tokenizer */
  uint64_t documents;
  uint64_t tokens;
  uint64_t contexts;  /* distinct ones of the text */
  uint64_t proved;    /* of these */
  uint32_t sizes;     /* by how much a p-value is to be multiplied for the choice of the sample's
                         size; 1 where all contexts are proved */
  bool blind;         /* evaluated by an owner who did not see the text: gp_prove_blind() */
  uint64_t file_size; /* bytes */
  uint8_t file_sha256[32];
} gp_proof_info;

/* Writes a proof of what the key makes of a text: 32 bytes a context, 64 for every 32,768, and
 * 200. The file appears whole or not at all, with mode 0644, and never replaces one. `options`
 * may be NULL, and so may `info`. Takes some 0.3 ms a context, and 64 bytes. Errors:
 * GP_ERR_ARGUMENT for an ordinary key or the text of another one, GP_ERR_EXISTS, GP_ERR_IO,
 * GP_ERR_MEMORY, GP_ERR_CRYPTO. */
GP_API GP_MUST_CHECK gp_status gp_prove(const gp_key *key, const gp_proof_text *text,
                                        const gp_proof_options *options, const char *path,
                                        gp_proof_info *info, gp_error *error);

/* The same without the key (SPEC.md section 20): its owner evaluates blinded elements in requests
 * of at most `per_request` (1 to GP_BLIND_COUNT_MAX), which `transport` carries, and learns
 * nothing of the text but how many contexts are proved. The file says that it was made blindly,
 * has 32 bytes more for every 32,768 contexts, and shows the same as the owner's own. Blinds are
 * drawn afresh, kept in guarded memory and wiped. Every answer is checked; after an error nothing
 * was written, but what was evaluated is spent. Takes some 0.35 ms a context, besides the owner's
 * part. Errors: also whatever `transport` answers, and GP_ERR_FORMAT for an answer that is not
 * what the key makes of the request. */
GP_API GP_MUST_CHECK gp_status gp_prove_blind(const gp_public_key *public_key,
                                              const gp_proof_text *text,
                                              const gp_proof_options *options, size_t per_request,
                                              gp_blind_transport *transport, void *user,
                                              const char *path, gp_proof_info *info,
                                              gp_error *error);

/* How many elements that has evaluated, for a sample of so many contexts, or 0 for all: one for
 * each, and one for every 32,768. */
GP_API uint64_t gp_prove_blind_elements(const gp_proof_text *text, uint64_t sample);

/* Reads a proof's header, its form and its checksum, and checks nothing else: it says what the
 * file claims, not more. */
GP_API GP_MUST_CHECK gp_status gp_proof_inspect(const char *path, gp_proof_info *info,
                                                gp_error *error);

/* Checks a proof, with no secret: that it is of this key, of this text and no other, and that
 * every nonce in it is what the key makes of its context (SPEC.md section 19). Then `key` is one
 * that scores this very text, for the proof's tenant (its p-value is to be multiplied by
 * info->sizes), and knows no other context: gp_key_free() it. Allocates in proportion to the
 * text, whatever the file claims. Errors: GP_ERR_FORMAT, which says what does not hold;
 * GP_ERR_VERSION, GP_ERR_IO, GP_ERR_MEMORY, GP_ERR_CRYPTO, GP_ERR_ARGUMENT for the text of
 * another key. */
GP_API GP_MUST_CHECK gp_status gp_proof_check(const char *path, const gp_public_key *public_key,
                                              const gp_proof_text *text,
                                              const gp_proof_options *options,
                                              gp_proof_info *info, gp_key **key, gp_error *error);

/* ------------------------------------------------------------ tables of nonces */

/* A provable key whose contexts have one id (hash with h = 1, min with any h) has one nonce for
 * each id of a vocabulary, and with GP_SEEDING_FIXED a single one. A table of them (SPEC.md
 * section 22) makes such a key as fast as an ordinary one. */
#define GP_NONCE_TABLE_MAX 16777216 /* ids */

typedef struct gp_nonce_table_options {
  bool has_tenant; /* whose nonces: no tenant is not tenant 0 */
  uint64_t tenant;
  gp_thread_pool *threads; /* may be NULL */
  /* Called by the calling thread every now and then; may be NULL. */
  void (*on_progress)(void *user, uint64_t done, uint64_t total);
  void *user;
} gp_nonce_table_options;

/* What a table says in the clear. */
typedef struct gp_nonce_table_info {
  gp_params params;
  char id[GP_KEY_ID_STRING_SIZE];
  uint8_t commitment[GP_COMMITMENT_SIZE];
  bool has_tenant;
  uint64_t tenant;
  uint64_t count; /* nonces: of the ids below, or 1 with GP_SEEDING_FIXED */
  uint64_t file_size;
} gp_nonce_table_info;

/* Computes the nonces of all ids below `vocabulary`, 1 to GP_NONCE_TABLE_MAX, some 100
 * microseconds each, and writes them to a file, 12 bytes each, sealed under the key: it says
 * nothing to whoever has not the key. The file appears whole or not at all, with mode 0600, and
 * never replaces one. `options` and `info` may be NULL. Errors: GP_ERR_ARGUMENT, for an ordinary
 * key too and one whose contexts have several ids; GP_ERR_EXISTS, GP_ERR_IO, GP_ERR_MEMORY,
 * GP_ERR_CRYPTO. */
GP_API GP_MUST_CHECK gp_status gp_nonce_table_make(const gp_key *key, uint64_t vocabulary,
                                                   const gp_nonce_table_options *options,
                                                   const char *path, gp_nonce_table_info *info,
                                                   gp_error *error);

/* Reads the clear part of a table, and checks its form and checksum: what the file claims. */
GP_API GP_MUST_CHECK gp_status gp_nonce_table_inspect(const char *path, gp_nonce_table_info *info,
                                                      gp_error *error);

/* Has a key, and all that was or will be made of it, look up nonces in a table, which is read
 * into guarded memory; ids and tenants that it lacks are computed as before, and results are the
 * same. A key takes one table. Thread-safe. Allocates in proportion to the file. Errors:
 * GP_ERR_ARGUMENT for the table of another key, or a second one; GP_ERR_FORMAT, where it was
 * tampered with, too; GP_ERR_VERSION, GP_ERR_IO, GP_ERR_MEMORY, GP_ERR_CRYPTO. */
GP_API GP_MUST_CHECK gp_status gp_key_use_table(gp_key *key, const char *path, gp_error *error);

/* ----------------------------------------------------------- committed keys */

/* All keys that an owner has, as the leaves of one Merkle tree (SPEC.md section 21), so that how
 * many keys could have been tried is fixed before there is a dispute. Its root, 32 bytes, is what
 * gets published and timestamped. Holds no secrets. One thread at a time may add; everything else
 * is thread-safe once nothing more is added. */
typedef struct gp_key_set gp_key_set;

#define GP_ROOT_SIZE          32
#define GP_KEY_SET_MAX        1048576 /* keys */
#define GP_INCLUSION_PATH_MAX 20      /* what so many keys need */

/* What is committed to of one key. A plain value. */
typedef struct gp_committed_key {
  char scheme[17]; /* such as "greenprint-1" */
  gp_params params;
  uint8_t commitment[GP_COMMITMENT_SIZE];
  char id[GP_KEY_ID_STRING_SIZE];
} gp_committed_key;

/* Reads what a key file, sealed or not, or a public file says in the clear. Needs no passphrase,
 * so for a sealed file it is what the file claims. The file has to be a regular one. Errors are
 * those of gp_key_inspect() and gp_public_key_load(). */
GP_API GP_MUST_CHECK gp_status gp_committed_key_load(const char *path, gp_committed_key *key,
                                                     gp_error *error);

/* An empty set. */
GP_API GP_MUST_CHECK gp_status gp_key_set_new(gp_key_set **set, gp_error *error);
GP_API void gp_key_set_free(gp_key_set *set);

/* Adds a key. One that is there already is GP_ERR_ARGUMENT, unless it came with another set: then
 * nothing is to be done. The set is as it was after an error. */
GP_API GP_MUST_CHECK gp_status gp_key_set_add(gp_key_set *set, const gp_committed_key *key,
                                              gp_error *error);

/* Adds all keys of a file: a key file, a public file, or a file of gp_key_set_save(), of which
 * those that are there already are passed over. */
GP_API GP_MUST_CHECK gp_status gp_key_set_add_file(gp_key_set *set, const char *path,
                                                   gp_error *error);

/* How many keys there are. */
GP_API size_t gp_key_set_size(const gp_key_set *set);

/* Key i in ascending order of the commitments; GP_ERR_ARGUMENT beyond the last. */
GP_API GP_MUST_CHECK gp_status gp_key_set_get(const gp_key_set *set, size_t i,
                                              gp_committed_key *key, gp_error *error);

/* The number of the key whose commitment begins with these bytes, 1 to GP_COMMITMENT_SIZE (8 are
 * a key id); GP_ERR_ARGUMENT where it is none, or several. */
GP_API GP_MUST_CHECK gp_status gp_key_set_find(const gp_key_set *set, const uint8_t *commitment,
                                               size_t size, size_t *i, gp_error *error);

/* The root of the tree; GP_ERR_ARGUMENT for an empty set. Takes 32 bytes a key for a moment. */
GP_API GP_MUST_CHECK gp_status gp_key_set_root(const gp_key_set *set, uint8_t root[GP_ROOT_SIZE],
                                               gp_error *error);

/* Writes the set, which must not be empty, with mode 0644; the file appears whole or not at all
 * and never replaces one. The same keys give the same bytes, in whatever order they were added.
 */
GP_API GP_MUST_CHECK gp_status gp_key_set_save(const gp_key_set *set, const char *path,
                                               gp_error *error);

/* Reads such a file, and computes its root again. Errors name the file: GP_ERR_IO, GP_ERR_FORMAT,
 * GP_ERR_VERSION, GP_ERR_MEMORY; what it claims allocates nothing. */
GP_API GP_MUST_CHECK gp_status gp_key_set_load(const char *path, gp_key_set **set,
                                               gp_error *error);

/* That one key is among those of a tree, which can be checked without the others. A plain value,
 * whose members belong together where gp_key_set_prove() or gp_inclusion_load() made it. */
typedef struct gp_inclusion {
  gp_committed_key key;
  uint64_t index;     /* of the key, in ascending order of the commitments */
  uint64_t tree_size; /* how many keys were committed to */
  size_t path_length;
  uint8_t path[GP_INCLUSION_PATH_MAX][GP_ROOT_SIZE];
  uint8_t root[GP_ROOT_SIZE];
} gp_inclusion;

/* The proof for key i; GP_ERR_ARGUMENT beyond the last. */
GP_API GP_MUST_CHECK gp_status gp_key_set_prove(const gp_key_set *set, size_t i,
                                                gp_inclusion *inclusion, gp_error *error);

/* Whether the path leads from the key to the root: GP_ERR_ARGUMENT where it does not. That the
 * root is the one that was published is for the caller to compare. */
GP_API GP_MUST_CHECK gp_status gp_inclusion_check(const gp_inclusion *inclusion, gp_error *error);

/* Writes and reads proofs, as the other two do sets. Reading checks what gp_inclusion_check()
 * does; then it is GP_ERR_FORMAT. */
GP_API GP_MUST_CHECK gp_status gp_inclusion_save(const gp_inclusion *inclusion, const char *path,
                                                 gp_error *error);
GP_API GP_MUST_CHECK gp_status gp_inclusion_load(const char *path, gp_inclusion *inclusion,
                                                 gp_error *error);

/* Reads a set or a proof, whichever it is, as the two functions for them do. *set is NULL after a
 * proof; `inclusion` is not touched by a set. */
GP_API GP_MUST_CHECK gp_status gp_committed_load(const char *path, gp_key_set **set,
                                                 gp_inclusion *inclusion, gp_error *error);

/* ---------------------------------------------------------------- signatures */

/* Ed25519 signatures of files in the formats of minisign (SPEC.md section 21): the program
 * verifies what is signed here, and the other way round. A signing key has nothing to do with a
 * gp_key. Immutable; the secret lives in memory as a gp_key's does. */
typedef struct gp_signing_key gp_signing_key;

#define GP_SIGNER_ID_SIZE      17   /* 16 hexadecimal digits and NUL */
#define GP_TRUSTED_COMMENT_MAX 1023 /* bytes, of what is signed here */

/* The public half. A plain value. */
typedef struct gp_signer {
  uint8_t number[8]; /* random: tells keys apart, and nothing else */
  uint8_t key[32];
  char id[GP_SIGNER_ID_SIZE]; /* the number as minisign writes it */
} gp_signer;

/* A new key pair. */
GP_API GP_MUST_CHECK gp_status gp_signing_key_generate(gp_signing_key **key, gp_error *error);
GP_API void gp_signing_key_free(gp_signing_key *key);
GP_API void gp_signing_key_signer(const gp_signing_key *key, gp_signer *signer);

/* Writes the secret half, sealed by scrypt as minisign does it, with mode 0600. The costs are 16
 * MiB, 128 MiB, and for GP_SEAL_SENSITIVE minisign's own, 1 GiB. Otherwise as
 * gp_key_save_sealed() and gp_key_save_unsealed(). */
GP_API GP_MUST_CHECK gp_status gp_signing_key_save_sealed(const gp_signing_key *key,
                                                          const char *path,
                                                          const char *passphrase,
                                                          size_t passphrase_length,
                                                          gp_seal_cost cost, gp_error *error);
GP_API GP_MUST_CHECK gp_status gp_signing_key_save_unsealed(const gp_signing_key *key,
                                                            const char *path, gp_error *error);

/* Reads what these, or minisign, wrote; otherwise as gp_key_load(). The cost that a file claims
 * is at most minisign's own. A file whose seal does not open is GP_ERR_PASSPHRASE. */
GP_API GP_MUST_CHECK gp_status gp_signing_key_load(const char *path, const char *passphrase,
                                                   size_t passphrase_length, gp_signing_key **key,
                                                   gp_error *error);

/* Writes and reads the public half, with mode 0644. */
GP_API GP_MUST_CHECK gp_status gp_signer_save(const gp_signer *signer, const char *path,
                                              gp_error *error);
GP_API GP_MUST_CHECK gp_status gp_signer_load(const char *path, gp_signer *signer,
                                              gp_error *error);

/* Signs a file of any size, which is hashed first (minisign's algorithm "ED"), and writes the
 * signature to `signature`, with mode 0644; an existing file is never replaced. The trusted
 * comment, a line of at most GP_TRUSTED_COMMENT_MAX bytes without control characters but tabs, is
 * signed with it. */
GP_API GP_MUST_CHECK gp_status gp_sign_file(const gp_signing_key *key, const char *path,
                                            const char *trusted_comment, const char *signature,
                                            gp_error *error);

/* What a signature that holds says. */
typedef struct gp_signature_facts {
  bool hashed;                /* false: minisign's old algorithm, "Ed" */
  char trusted_comment[8192]; /* any bytes but LF; to be shown with care */
} gp_signature_facts;

/* Whether the signature of a file, and of its trusted comment, holds under this signer's key:
 * GP_ERR_FORMAT where it does not, where it is another's, or where it is no signature. With the
 * old algorithm the file is read into memory, up to 1 GiB. */
GP_API GP_MUST_CHECK gp_status gp_signature_verify(const char *path, const char *signature,
                                                   const gp_signer *signer,
                                                   gp_signature_facts *facts, gp_error *error);

/* ---------------------------------------------------------------- timestamps */

/* That a file was there at some time, by the word of a timestamping authority [RFC 3161] (SPEC.md
 * section 21). A request goes to the authority by whatever way it takes; its response is kept
 * beside the file. Needs no key. */
typedef enum gp_timestamp_hash {
  GP_TIMESTAMP_SHA256 = 1,
  GP_TIMESTAMP_SHA512 = 2
} gp_timestamp_hash;

/* Writes the request (.tsq) for a file: its hash, a random nonce, and that the authority's
 * certificate is wanted. The authority learns nothing but the hash. */
GP_API GP_MUST_CHECK gp_status gp_timestamp_request(const char *path, gp_timestamp_hash hash,
                                                    const char *request, gp_error *error);

/* Keeps an authority's response (.tsr) to a request for this file in a file of ours (.gpt), after
 * a look whether it grants a stamp of this file, and, where `request` is not NULL, whether it
 * answers that request. Who signed it is for gp_timestamp_verify(). GP_ERR_FORMAT where it is
 * something else; the authority's own words where it refused. */
GP_API GP_MUST_CHECK gp_status gp_timestamp_attach(const char *path, const char *response,
                                                   const char *request, const char *stamp,
                                                   gp_error *error);

/* How a stamp is judged. */
typedef struct gp_timestamp_options {
  const char *authorities; /* PEM: the certificates that are trusted */
  const char *untrusted;   /* PEM: certificates between those and the authority's; may be NULL */
  const char *revoked;     /* PEM: revocation lists, of every issuer in the chain; NULL: none are
                              asked */
  const char *policy;      /* the policy that the stamp has to be of, as an OID; NULL: any */
  bool at_stamp_time;      /* judge the chain as of the time that the stamp says, not as of now:
                              for stamps whose authority's certificate has expired. It excludes
                              revocation lists, in which expired certificates are not kept */
} gp_timestamp_options;

/* What a stamp that holds says. Strings are one line of UTF-8 and cut where they are too long. */
typedef struct gp_timestamp_facts {
  int64_t seconds;     /* since 1970-01-01T00:00:00Z, leap seconds not counted, rounded down */
  char time[32];       /* the same as "2026-11-23T13:05:19Z" */
  char serial[64];     /* of the stamp, in hexadecimal */
  char policy[128];    /* OID */
  char authority[256]; /* the name in the certificate that signed, as in RFC 2253 */
  gp_timestamp_hash hash;
  bool has_accuracy; /* whether the authority states how far off its clock may be */
  uint64_t accuracy; /* microseconds */
} gp_timestamp_facts;

/* Whether a stamp holds: it is for this file's bytes, of the policy, and signed by a certificate
 * for timestamping that leads to a trusted one. All certificates have to be valid now, or at the
 * stamp's time (see the options); the one that signed also at the stamp's time, which must not
 * lie in the future. Hashes and keys of less than 112 bits of security are refused. GP_ERR_FORMAT
 * where it does not hold; GP_ERR_ARGUMENT for a policy that is no OID; GP_ERR_IO, GP_ERR_MEMORY.
 */
GP_API GP_MUST_CHECK gp_status gp_timestamp_verify(const char *path, const char *stamp,
                                                   const gp_timestamp_options *options,
                                                   gp_timestamp_facts *facts, gp_error *error);

#ifdef __cplusplus
}
#endif

#endif
