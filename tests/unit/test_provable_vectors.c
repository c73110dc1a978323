/* Provable keys against testvectors/provable.json, which an independent reference made. */
#include <math.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "blind/message.h"
#include "key/key.h"
#include "key/public_file.h"
#include "support.h"
#include "vrf/input.h"
#include "vrf/vrf.h"

static json_t *vectors;
static char folder[] = "/tmp/greenprint-provable-XXXXXX";
static char path[64];

static gp_key *provable_key_of(const json_t *item) {
  const gp_params params = params_of(item);
  uint8_t master[GP_MASTER_KEY_SIZE];
  unhex(text_of(item, "master_key"), master, sizeof master);
  gp_key *key = NULL;
  assert_ok(gp_key_from_bytes_provable(&params, master, &key, error));
  return key;
}

/* The tenant of a case, a decimal string or null: NULL for none. */
static const uint64_t *tenant_of(const json_t *item, uint64_t *tenant) {
  const json_t *value = json_object_get(item, "tenant");
  if (json_is_null(value)) {
    return NULL;
  }
  assert_true(json_is_string(value));
  *tenant = strtoull(json_string_value(value), NULL, 10);
  return tenant;
}

static void write_file(const char *hex, uint8_t *bytes, size_t size) {
  unhex(hex, bytes, size);
  FILE *file = fopen(path, "wb");
  assert_non_null(file);
  assert_int_equal(fwrite(bytes, 1, size, file), size);
  assert_int_equal(fclose(file), 0);
}

/* Compares a file with what it should be, and removes it. */
static void assert_file_is(const char *hex) {
  uint8_t bytes[512];
  FILE *file = fopen(path, "rb");
  assert_non_null(file);
  const size_t size = fread(bytes, 1, sizeof bytes, file);
  assert_int_equal(fclose(file), 0);
  assert_int_equal(unlink(path), 0);
  assert_hex_equal(bytes, size, hex);
}

/* --------------------------------------------------------------------- keys */

static void check_derived(const gp_key *key, const json_t *item) {
  uint8_t subkey[GP_SUBKEY_SIZE];
  assert_ok(gp_key_derive(key, "order", subkey, sizeof subkey, error));
  assert_hex_equal(subkey, sizeof subkey, text_of(item, "order"));
  assert_ok(gp_key_derive(key, "mask", subkey, sizeof subkey, error));
  assert_hex_equal(subkey, sizeof subkey, text_of(item, "mask"));
  assert_hex_equal(gp_nonces_secret(key->nonces), GP_VRF_SCALAR_SIZE, text_of(item, "sk"));
  uint8_t commitment[GP_COMMITMENT_SIZE];
  gp_key_commitment(key, commitment);
  assert_hex_equal(commitment, sizeof commitment, text_of(item, "commitment"));
  char id[GP_KEY_ID_STRING_SIZE];
  gp_key_id(key, id);
  assert_string_equal(id, text_of(item, "key_id"));
  assert_string_equal(gp_key_scheme(key), GP_SCHEME_ID_PROVABLE);
}

static void check_public(const gp_key *key, const json_t *item) {
  gp_public_key public_key;
  assert_ok(gp_key_public(key, &public_key, error));
  const gp_params params = params_of(item);
  assert_memory_equal(&public_key.params, &params, sizeof params);
  assert_hex_equal(public_key.element, GP_ELEMENT_SIZE, text_of(item, "pk"));
  assert_hex_equal(public_key.commitment, GP_COMMITMENT_SIZE, text_of(item, "commitment"));
  assert_string_equal(public_key.id, text_of(item, "key_id"));
  assert_ok(gp_public_key_save(&public_key, path, error));
  gp_public_key loaded = {0};
  assert_ok(gp_public_key_load(path, &loaded, error));
  assert_memory_equal(&loaded.params, &params, sizeof params);
  assert_memory_equal(loaded.element, public_key.element, GP_ELEMENT_SIZE);
  assert_memory_equal(loaded.commitment, public_key.commitment, GP_COMMITMENT_SIZE);
  assert_string_equal(loaded.id, public_key.id);
  assert_file_is(text_of(item, "public_file"));
}

static void check_key_file(const gp_key *key, const json_t *item) {
  assert_ok(gp_key_save_unsealed(key, path, error));
  gp_key_info info;
  assert_ok(gp_key_inspect(path, &info, error));
  assert_string_equal(info.scheme, GP_SCHEME_ID_PROVABLE);
  assert_string_equal(info.id, text_of(item, "key_id"));
  gp_key *loaded = NULL;
  assert_ok(gp_key_load(path, NULL, 0, &loaded, error));
  check_derived(loaded, item);
  gp_key_free(loaded);
  assert_file_is(text_of(item, "key_file"));
}

static void keys(void **state) {
  (void)state;
  size_t index;
  json_t *item;
  json_array_foreach(array_of(vectors, "keys"), index, item) {
    gp_key *key = provable_key_of(item);
    check_derived(key, item);
    check_public(key, item);
    check_key_file(key, item);
    gp_key_free(key);
  }
  assert_true(index >= 10);
}

/* ------------------------------------------------------------------- nonces */

/* The steps of a nonce one by one. */
static void check_steps(const gp_key *key, const json_t *item, const uint64_t *tenant) {
  size_t count = 0;
  uint32_t *context = ids_of(array_of(item, "context"), &count);
  uint8_t input[GP_CONTEXT_INPUT_MAX];
  uint8_t element[GP_ELEMENT_SIZE];
  uint8_t evaluated[GP_ELEMENT_SIZE];
  const size_t size = gp_context_input(tenant, context, count, input);
  assert_hex_equal(input, size, text_of(item, "input"));
  assert_ok(gp_vrf_hash_to_group(GP_VRF_VOPRF, input, size, element, error));
  assert_hex_equal(element, sizeof element, text_of(item, "element"));
  assert_ok(gp_vrf_evaluate(gp_nonces_secret(key->nonces), element, evaluated, error));
  assert_hex_equal(evaluated, sizeof evaluated, text_of(item, "evaluated"));
  free(context);
}

static gp_watermark *watermark_of(const gp_key *key, const uint64_t *tenant) {
  gp_watermark_options options = gp_watermark_options_default();
  options.has_tenant = tenant != NULL;
  options.tenant = tenant != NULL ? *tenant : 0;
  gp_watermark *watermark = NULL;
  assert_ok(gp_watermark_new(key, &options, &watermark, error));
  return watermark;
}

static void nonces(void **state) {
  (void)state;
  size_t index;
  json_t *item;
  json_array_foreach(array_of(vectors, "nonces"), index, item) {
    gp_key *key = provable_key_of(item);
    uint64_t id = 0;
    const uint64_t *tenant = tenant_of(item, &id);
    check_steps(key, item, tenant);
    gp_watermark *watermark = watermark_of(key, tenant);
    gp_watermark *nobodys = watermark_of(key, NULL);
    size_t n = 0;
    uint32_t *ids = ids_of(array_of(item, "ids"), &n);
    for (int again = 0; again < 2; again++) { /* the second time out of the cache */
      uint8_t nonce[GP_NONCE_SIZE];
      assert_ok(gp_nonce(watermark, ids, n, nonce, error));
      assert_hex_equal(nonce, sizeof nonce, text_of(item, "nonce"));
    }
    /* The tenant of a row, with another watermark. */
    const gp_row row = {.tokens = ids, .n_tokens = n, .has_tenant = tenant != NULL, .tenant = id};
    gp_prepared_row prepared;
    assert_ok(gp_prepare_rows(nobodys, &row, 1, &prepared, error));
    assert_hex_equal(prepared.nonce, GP_NONCE_SIZE, text_of(item, "nonce"));
    free(ids);
    gp_watermark_free(nobodys);
    gp_watermark_free(watermark);
    gp_key_free(key);
  }
  assert_true(index >= 50);
}

static void masks(void **state) {
  (void)state;
  size_t index;
  json_t *item;
  json_array_foreach(array_of(vectors, "masks"), index, item) {
    gp_key *key = provable_key_of(item);
    uint64_t id = 0;
    gp_watermark *watermark = watermark_of(key, tenant_of(item, &id));
    size_t n = 0;
    uint32_t *ids = ids_of(array_of(item, "ids"), &n);
    uint8_t nonce[GP_NONCE_SIZE];
    assert_ok(gp_nonce(watermark, ids, n, nonce, error));
    assert_hex_equal(nonce, sizeof nonce, text_of(item, "nonce"));
    uint8_t small[38];
    assert_ok(gp_green_mask(watermark, ids, n, 300, small, error));
    assert_hex_equal(small, sizeof small, text_of(item, "mask_300"));
    uint8_t large[(50257 + 7) / 8];
    uint8_t digest[crypto_hash_sha256_BYTES];
    assert_ok(gp_green_mask(watermark, ids, n, 50257, large, error));
    crypto_hash_sha256(digest, large, sizeof large);
    assert_hex_equal(digest, sizeof digest, text_of(item, "sha256_50257"));
    free(ids);
    gp_watermark_free(watermark);
    gp_key_free(key);
  }
  assert_true(index >= 5);
}

/* The colours of single tokens, which verifiers look at one by one. */
static void colours(void **state) {
  (void)state;
  size_t index;
  json_t *item;
  json_array_foreach(array_of(vectors, "masks"), index, item) {
    gp_key *key = provable_key_of(item);
    gp_verifier_options options = {0};
    options.has_tenant = tenant_of(item, &options.tenant) != NULL;
    gp_verifier *verifier = NULL;
    assert_ok(gp_verifier_new(key, &options, &verifier, error));
    const size_t width = gp_key_params(key).context_width;
    size_t n = 0;
    size_t n_tokens = 0;
    size_t n_colours = 0;
    uint32_t *ids = ids_of(array_of(item, "ids"), &n);
    uint32_t *tokens = ids_of(array_of(item, "tokens"), &n_tokens);
    uint32_t *expected = ids_of(array_of(item, "colours"), &n_colours);
    assert_int_equal(n_tokens, n_colours);
    for (size_t i = 0; i < n_tokens; i++) {
      uint32_t document[GP_CONTEXT_WIDTH_MAX + 1];
      memcpy(document, ids + (n - width), width * sizeof *ids);
      document[width] = tokens[i];
      gp_verifier_reset(verifier);
      assert_ok(gp_verifier_add(verifier, document, width + 1, error));
      gp_result result;
      gp_verifier_result(verifier, &result);
      assert_int_equal(result.scored, 1);
      assert_int_equal(result.green, expected[i]);
    }
    free(expected);
    free(tokens);
    free(ids);
    gp_verifier_free(verifier);
    gp_key_free(key);
  }
}

/* ------------------------------------------------------------------- counts */

static void assert_counts(const gp_result *result, const json_t *item) {
  assert_int_equal(result->documents, number_of(item, "documents"));
  assert_int_equal(result->tokens, number_of(item, "tokens"));
  assert_int_equal(result->scored, number_of(item, "scored"));
  assert_int_equal(result->repeated, number_of(item, "repeated"));
  assert_int_equal(result->green, number_of(item, "green"));
  const double z = strtod(text_of(item, "z"), NULL);
  const double log10_p = strtod(text_of(item, "log10_p"), NULL);
  assert_true(fabs(result->z - z) <= 1e-13 * fmax(fabs(z), 1.0));
  assert_true(fabs(result->log10_p - log10_p) <= 1e-10 * fabs(log10_p));
}

static void verify(const gp_key *key, const json_t *item, const uint64_t *tenant,
                   gp_result *result) {
  const gp_verifier_options options = {tenant != NULL, tenant != NULL ? *tenant : 0};
  gp_verifier *verifier = NULL;
  assert_ok(gp_verifier_new(key, &options, &verifier, error));
  size_t document;
  json_t *tokens;
  json_array_foreach(array_of(item, "texts"), document, tokens) {
    size_t n = 0;
    uint32_t *ids = ids_of(tokens, &n);
    assert_ok(gp_verifier_add(verifier, ids, n, error));
    free(ids);
  }
  gp_verifier_result(verifier, result);
  gp_verifier_free(verifier);
}

static void run_corpus(const gp_key *key, const json_t *item, const uint64_t *tenant,
                       gp_result *result) {
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  size_t document;
  json_t *tokens;
  json_array_foreach(array_of(item, "texts"), document, tokens) {
    size_t n = 0;
    uint32_t *ids = ids_of(tokens, &n);
    (void)fputs("{\"ids\":[", file);
    for (size_t i = 0; i < n; i++) {
      (void)fprintf(file, "%s%u", i > 0 ? "," : "", (unsigned)ids[i]);
    }
    (void)fputs("]}\n", file);
    free(ids);
  }
  assert_int_equal(fclose(file), 0);
  const gp_corpus_options options = {.keys = &key,
                                     .n_keys = 1,
                                     .tenants = tenant,
                                     .n_tenants = tenant != NULL,
                                     .threads = 2,
                                     .scratch = folder};
  const gp_corpus_input input = {path, {.format = GP_INPUT_JSONL, .field = "ids"}};
  gp_corpus *corpus = NULL;
  assert_ok(gp_corpus_new(&options, &corpus, error));
  assert_ok(gp_corpus_run(corpus, &input, 1, NULL, error));
  gp_corpus_get_result(corpus, 0, result);
  gp_corpus_info info;
  gp_corpus_get_info(corpus, &info);
  assert_string_equal(info.scheme, GP_SCHEME_ID_PROVABLE);
  gp_corpus_free(corpus);
  assert_int_equal(unlink(path), 0);
}

static void counts(void **state) {
  (void)state;
  size_t index;
  json_t *item;
  json_array_foreach(array_of(vectors, "verify"), index, item) {
    gp_key *key = provable_key_of(item);
    uint64_t id = 0;
    const uint64_t *tenant = tenant_of(item, &id);
    const uint64_t five = 5;
    gp_result result;
    verify(key, item, tenant, &result);
    assert_counts(&result, item);
    run_corpus(key, item, tenant, &result);
    assert_counts(&result, item);
    verify(key, item, &five, &result);
    assert_int_equal(result.green, number_of(item, "green_for_tenant_5"));
    gp_key_free(key);
  }
  assert_true(index >= 5);
}

/* ------------------------------------------------------------------- proofs */

/* An array of elements in hexadecimal, to be freed. */
static uint8_t (*elements_of(const json_t *item, const char *name, size_t *count))[32] {
  const json_t *array = array_of(item, name);
  *count = json_array_size(array);
  uint8_t(*elements)[32] = malloc((*count + 1) * sizeof *elements);
  assert_non_null(elements);
  for (size_t i = 0; i < *count; i++) {
    unhex(json_string_value(json_array_get(array, i)), elements[i], 32);
  }
  return elements;
}

typedef const uint8_t (*const_elements)[GP_ELEMENT_SIZE];

/* Puts the pair that an answer's proof is of in the place of all of them. */
static void fold_answer(const gp_key *key, uint8_t (*blinded)[32], uint8_t (*evaluated)[32],
                        size_t count) {
  gp_public_key public_key;
  gp_vrf_pair pair;
  gp_vrf_pair checked;
  assert_ok(gp_key_public(key, &public_key, error));
  assert_ok(gp_blind_fold(&public_key, gp_nonces_secret(key->nonces),
                          (const uint8_t(*)[32])blinded, (const uint8_t(*)[32])evaluated, count,
                          NULL, &pair, error));
  assert_ok(gp_blind_fold(&public_key, NULL, (const uint8_t(*)[32])blinded,
                          (const uint8_t(*)[32])evaluated, count, NULL, &checked, error));
  assert_memory_equal(&pair, &checked, sizeof pair);
  memcpy(blinded[0], pair.element, sizeof pair.element);
  memcpy(evaluated[0], pair.evaluated, sizeof pair.evaluated);
}

static void check_proof(const json_t *item, const gp_key *key, const char *from, const char *to,
                        bool of_answer) {
  size_t count = 0;
  uint8_t(*elements)[32] = elements_of(item, from, &count);
  uint8_t(*evaluated)[32] = elements_of(item, to, &count);
  if (of_answer) {
    fold_answer(key, elements, evaluated, count);
    count = 1;
  }
  uint8_t random[GP_VRF_SCALAR_SIZE];
  uint8_t proof[GP_VRF_PROOF_SIZE];
  bool valid = false;
  unhex(text_of(item, "r"), random, sizeof random);
  assert_hex_equal(key->element, GP_ELEMENT_SIZE, text_of(item, "pk"));
  assert_ok(gp_vrf_prove(GP_VRF_VOPRF, gp_nonces_secret(key->nonces), key->element,
                         (const_elements)elements, (const_elements)evaluated, count, random, NULL,
                         proof, error));
  assert_hex_equal(proof, sizeof proof, text_of(item, "proof"));
  assert_ok(gp_vrf_check(GP_VRF_VOPRF, key->element, (const_elements)elements,
                         (const_elements)evaluated, count, proof, NULL, &valid, error));
  assert_true(valid);
  free(elements);
  free(evaluated);
}

static void proofs(void **state) {
  (void)state;
  size_t index;
  json_t *item;
  json_array_foreach(array_of(vectors, "proofs"), index, item) {
    gp_key *key = provable_key_of(item);
    uint64_t id = 0;
    const uint64_t *tenant = tenant_of(item, &id);
    size_t count = 0;
    uint8_t(*elements)[32] = elements_of(item, "elements", &count);
    for (size_t i = 0; i < count; i++) {
      size_t n = 0;
      uint32_t *ids = ids_of(json_array_get(array_of(item, "contexts"), i), &n);
      uint8_t input[GP_CONTEXT_INPUT_MAX];
      uint8_t element[GP_ELEMENT_SIZE];
      const size_t size = gp_context_input(tenant, ids, n, input);
      assert_ok(gp_vrf_hash_to_group(GP_VRF_VOPRF, input, size, element, error));
      assert_memory_equal(element, elements[i], sizeof element);
      free(ids);
    }
    free(elements);
    check_proof(item, key, "elements", "evaluated", false);
    gp_key_free(key);
  }
  assert_true(index >= 4);
}

static void refused_proofs(void **state) {
  (void)state;
  size_t index;
  json_t *item;
  json_array_foreach(array_of(vectors, "refused"), index, item) {
    size_t count = 0;
    size_t n_evaluated = 0;
    uint8_t(*elements)[32] = elements_of(item, "elements", &count);
    uint8_t(*evaluated)[32] = elements_of(item, "evaluated", &n_evaluated);
    assert_int_equal(count, n_evaluated);
    uint8_t public_key[GP_ELEMENT_SIZE];
    uint8_t proof[GP_VRF_PROOF_SIZE];
    bool valid = true;
    unhex(text_of(item, "pk"), public_key, sizeof public_key);
    unhex(text_of(item, "proof"), proof, sizeof proof);
    const gp_status status =
        gp_vrf_check(GP_VRF_VOPRF, public_key, (const_elements)elements,
                     (const_elements)evaluated, count, proof, NULL, &valid, NULL);
    if (valid || (status != GP_OK && status != GP_ERR_FORMAT)) {
      fail_msg("%s: %d, %d", text_of(item, "name"), (int)status, valid);
    }
    free(elements);
    free(evaluated);
  }
  assert_true(index >= 15);
}

/* What an owner answers to somebody who does not show the contexts. */
static void blind(void **state) {
  (void)state;
  size_t index;
  json_t *item;
  json_array_foreach(array_of(vectors, "blind"), index, item) {
    gp_key *key = provable_key_of(item);
    uint64_t id = 0;
    const uint64_t *tenant = tenant_of(item, &id);
    check_proof(item, key, "blinded", "evaluated", true);
    size_t count = 0;
    uint8_t(*blinds)[32] = elements_of(item, "blinds", &count);
    uint8_t(*blinded)[32] = elements_of(item, "blinded", &count);
    uint8_t(*evaluated)[32] = elements_of(item, "evaluated", &count);
    for (size_t i = 0; i < count; i++) {
      size_t n = 0;
      uint32_t *ids = ids_of(json_array_get(array_of(item, "contexts"), i), &n);
      uint8_t input[GP_CONTEXT_INPUT_MAX];
      uint8_t blind_used[GP_VRF_SCALAR_SIZE];
      uint8_t element[GP_ELEMENT_SIZE];
      uint8_t output[GP_VRF_OUTPUT_SIZE];
      const size_t size = gp_context_input(tenant, ids, n, input);
      assert_ok(gp_vrf_blind(GP_VRF_VOPRF, input, size, blinds[i], blind_used, element, error));
      assert_memory_equal(element, blinded[i], sizeof element);
      assert_ok(gp_vrf_unblind(blinds[i], evaluated[i], error));
      assert_ok(gp_vrf_output(input, size, evaluated[i], output, error));
      assert_hex_equal(output, GP_NONCE_SIZE,
                       json_string_value(json_array_get(array_of(item, "nonces"), i)));
      free(ids);
    }
    free(blinds);
    free(blinded);
    free(evaluated);
    gp_key_free(key);
  }
  assert_true(index >= 2);
}

/* -------------------------------------------------------------------- files */

typedef struct answer {
  const char *check;
  gp_status status;
  const char *part; /* of the message */
} answer;

static void assert_answer(const answer *answers, size_t count, const json_t *item,
                          const gp_error *given) {
  for (size_t i = 0; i < count; i++) {
    if (strcmp(answers[i].check, text_of(item, "check")) == 0) {
      if (given->status != answers[i].status || strstr(given->message, answers[i].part) == NULL) {
        fail_msg("%s: %d, %s", text_of(item, "name"), (int)given->status, given->message);
      }
      return;
    }
  }
  fail_msg("no answer to check '%s'", text_of(item, "check"));
}

static void malformed_public_files(void **state) {
  (void)state;
  static const answer answers[] = {
      {"length", GP_ERR_FORMAT, "ublic file"},
      {"magic", GP_ERR_FORMAT, "not a Greenprint public file"},
      {"version", GP_ERR_VERSION, "public file version"},
      {"checksum", GP_ERR_FORMAT, "the checksum does not match"},
      {"zero", GP_ERR_FORMAT, "has to be zero"},
      {"params", GP_ERR_FORMAT, "bad parameters: "},
      {"pk", GP_ERR_FORMAT, "the public key is not an element"},
      {"commitment", GP_ERR_FORMAT, "the commitment does not belong"},
  };
  size_t index;
  json_t *item;
  json_array_foreach(array_of(vectors, "public_malformed"), index, item) {
    const char *hex = text_of(item, "file");
    uint8_t bytes[512];
    write_file(hex, bytes, strlen(hex) / 2);
    gp_public_key read = {.params.context_width = 77};
    gp_error error = {0};
    const gp_status status = gp_public_key_load(path, &read, &error);
    assert_int_equal(status, error.status);
    assert_int_equal(read.params.context_width, 77); /* untouched */
    if (strcmp(text_of(item, "check"), "scheme") ==
        0) { /* one that is there, and one that is not */
      const bool known = strstr(error.message, "have no public file") != NULL;
      assert_int_equal(error.status, known ? GP_ERR_FORMAT : GP_ERR_VERSION);
      assert_non_null(strstr(error.message, "scheme "));
    } else {
      assert_answer(answers, sizeof answers / sizeof *answers, item, &error);
    }
    assert_int_equal(unlink(path), 0);
  }
  assert_true(index >= 30);
}

static void malformed_key_files(void **state) {
  (void)state;
  static const answer answers[] = {
      {"seal", GP_ERR_PASSPHRASE, "wrong passphrase, or"},
      {"commitment", GP_ERR_FORMAT, "does not belong to the commitment"},
  };
  size_t index;
  json_t *item;
  json_array_foreach(array_of(vectors, "key_malformed"), index, item) {
    const char *hex = text_of(item, "file");
    uint8_t bytes[512];
    write_file(hex, bytes, strlen(hex) / 2);
    const char *given = json_string_value(json_object_get(item, "passphrase"));
    char passphrase[64];
    const size_t length = given != NULL ? strlen(given) / 2 : 0;
    unhex(given != NULL ? given : "", (uint8_t *)passphrase, length);
    gp_key *key = NULL;
    gp_error error = {0};
    const gp_status status =
        gp_key_load(path, given != NULL ? passphrase : NULL, length, &key, &error);
    assert_int_equal(status, error.status);
    assert_null(key);
    assert_answer(answers, sizeof answers / sizeof *answers, item, &error);
    assert_int_equal(unlink(path), 0);
  }
  assert_true(index >= 6);
}

static int set_up(void **state) {
  (void)state;
  vectors = load_vectors("provable.json");
  if (mkdtemp(folder) == NULL) {
    return -1;
  }
  (void)snprintf(path, sizeof path, "%s/file", folder);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  json_decref(vectors);
  return rmdir(folder);
}

/* ------------------------------------------------------------------ proof files */

static gp_proof_text *text_of_case(const gp_public_key *public_key, const json_t *item) {
  gp_proof_text *text = NULL;
  assert_ok(gp_proof_text_new(public_key, &text, error));
  size_t document;
  json_t *tokens;
  json_array_foreach(array_of(item, "texts"), document, tokens) {
    size_t n = 0;
    uint32_t *ids = ids_of(tokens, &n);
    assert_ok(gp_proof_text_add(text, ids, n, error));
    free(ids);
  }
  return text;
}

static void check_proof_file(const json_t *item) {
  uint64_t number = 0;
  const uint64_t *tenant = tenant_of(item, &number);
  const char *hex = text_of(item, "file");
  const json_t *tokenizer = json_object_get(item, "tokenizer_sha256");
  uint8_t digest[32];
  gp_proof_options options = {0};
  if (!json_is_null(tokenizer)) {
    unhex(json_string_value(tokenizer), digest, sizeof digest);
    options.tokenizer_sha256 = digest;
  }
  uint8_t *bytes = malloc(strlen(hex) / 2);
  assert_non_null(bytes);
  write_file(hex, bytes, strlen(hex) / 2);
  free(bytes);
  gp_key *key = provable_key_of(item);
  gp_public_key public_key;
  assert_ok(gp_key_public(key, &public_key, error));
  gp_proof_text *text = text_of_case(&public_key, item);
  gp_proof_info info;
  gp_key *scoring = NULL;
  assert_ok(gp_proof_check(path, &public_key, text, &options, &info, &scoring, error));
  assert_int_equal(unlink(path), 0);
  assert_hex_equal(info.text_sha256, sizeof info.text_sha256, text_of(item, "text_sha256"));
  assert_int_equal(info.contexts, number_of(item, "contexts"));
  assert_int_equal(info.proved, number_of(item, "proved"));
  assert_int_equal(info.sizes, number_of(item, "sizes"));
  assert_int_equal(info.blind, json_object_get(item, "blind") != NULL);
  gp_result result;
  verify(scoring, item, tenant, &result);
  assert_int_equal(result.scored, number_of(item, "scored"));
  assert_int_equal(result.repeated, number_of(item, "repeated"));
  assert_int_equal(result.green, number_of(item, "green"));
  gp_key_free(scoring);
  gp_proof_text_free(text);
  gp_key_free(key);
}

/* Written by the reference, of all contexts and of a sample, the owner's own and blindly. */
static void proof_files(void **state) {
  (void)state;
  json_t *all = load_vectors("proofs.json");
  size_t index;
  json_t *item;
  json_array_foreach(array_of(all, "proofs"), index, item) {
    check_proof_file(item);
  }
  assert_int_equal(index, 13);
  json_decref(all);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(keys),
      cmocka_unit_test(nonces),
      cmocka_unit_test(masks),
      cmocka_unit_test(colours),
      cmocka_unit_test(counts),
      cmocka_unit_test(proofs),
      cmocka_unit_test(refused_proofs),
      cmocka_unit_test(blind),
      cmocka_unit_test(malformed_public_files),
      cmocka_unit_test(malformed_key_files),
      cmocka_unit_test(proof_files),
  };
  return cmocka_run_group_tests_name("provable_vectors", tests, set_up, tear_down);
}
