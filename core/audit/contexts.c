/*
 * A context is kept as SipHash-2-4 of its ids under a key that everybody knows. The fingerprints
 * of texts written without that key in mind are as good as uniform, so a window that is not in a
 * set of n is taken for one that is with probability n / 2^64, and the place of a fingerprint
 * among n sorted ones is known to within some sqrt(n).
 */
#include "audit/contexts.h"

#include <math.h>
#include <stdlib.h>

#include <sodium.h>

#include "common/bytes.h"

_Static_assert(crypto_shorthash_KEYBYTES == 16 && crypto_shorthash_BYTES == 8, "SipHash-2-4");

uint64_t gp_context_fingerprint(const uint32_t *tokens, uint32_t width) {
  /* Not a secret: SPEC.md section 16. Sixteen bytes without a NUL at their end. */
  static const uint8_t public_key[crypto_shorthash_KEYBYTES] = "greenprint-ctx-1";
  uint8_t message[4 * GP_CONTEXT_WIDTH_MAX];
  uint8_t hash[crypto_shorthash_BYTES];
  for (uint32_t i = 0; i < width; i++) {
    gp_store_le32(message + 4 * (size_t)i, tokens[i]);
  }
  (void)crypto_shorthash(hash, message, 4 * (size_t)width, public_key);
  return gp_load_le64(hash);
}

/* Narrows [*first, *end), outside of which `wanted` is not, to where it is expected, unless the
 * fingerprints there say that it is elsewhere: of n uniform ones, n u +- sqrt(n) / 2 are below a
 * share u of all values. */
static void narrow(const uint64_t *fingerprints, uint64_t wanted, size_t *first, size_t *end) {
  const double n = (double)*end;
  const size_t reach = (size_t)(2 * sqrt(n)) + 1;
  const double expected = n * ldexp((double)wanted, -64);
  const size_t near = expected < n ? (size_t)expected : *end;
  if (near > reach && fingerprints[near - reach] <= wanted) {
    *first = near - reach;
  }
  if (*end - near > reach && fingerprints[near + reach] > wanted) {
    *end = near + reach;
  }
}

bool gp_contexts_have(const gp_contexts *contexts, const uint32_t *tokens) {
  const uint64_t wanted = gp_context_fingerprint(tokens, contexts->info.context_width);
  const uint64_t *fingerprints = contexts->fingerprints;
  size_t first = 0;
  size_t end = (size_t)contexts->info.contexts;
  narrow(fingerprints, wanted, &first, &end);
  while (first < end) {
    const size_t middle = first + (end - first) / 2;
    if (fingerprints[middle] < wanted) {
      first = middle + 1;
    } else if (fingerprints[middle] > wanted) {
      end = middle;
    } else {
      return true;
    }
  }
  return false;
}

void gp_contexts_get_info(const gp_contexts *contexts, gp_contexts_info *info) {
  *info = contexts->info;
}

void gp_contexts_free(gp_contexts *contexts) {
  if (contexts != NULL) {
    free(contexts->fingerprints);
    free(contexts);
  }
}
