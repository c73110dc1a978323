/* Expectations files, kind 1 of SPEC.md section 14: what a reference model expected, document
 * by document of a text that is read beside them. */
#include "verify/expectations.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "common/error.h"

#define DOCUMENT_HEAD_SIZE (GP_DIGEST_SIZE + 8)
#define SUM_MAX            1.001 /* probabilities are rounded to float32, and some models' add up badly */

static const gp_weights_kind kind = {1, "expectations"};

struct gp_expectations {
  gp_weights_file file;
};

/* -------------------------------------------------------------- documents */

static gp_status begin(gp_weights_file *file, const uint8_t sha256[GP_DIGEST_SIZE],
                       uint64_t n_tokens, gp_error *reason) {
  gp_weights_tag tag = GP_WEIGHTS_END;
  gp_status status = gp_weights_file_expect(file, GP_WEIGHTS_BETWEEN, reason);
  if (status == GP_OK) {
    status = gp_weights_file_take_tag(file, &tag, reason);
  }
  if (status == GP_OK && tag == GP_WEIGHTS_END) {
    status = gp_fail(reason, GP_ERR_FORMAT,
                     "the file has no expectations for it: it was written for fewer documents");
  }
  const uint8_t *bytes = NULL;
  if (status == GP_OK) {
    status = gp_weights_file_take(file, DOCUMENT_HEAD_SIZE, &bytes, reason);
  }
  if (status != GP_OK) {
    return status;
  }
  const uint64_t n_expected = gp_load_le64(bytes + GP_DIGEST_SIZE);
  if (n_expected != n_tokens) {
    return gp_fail(reason, GP_ERR_FORMAT,
                   "was written for %" PRIu64 " tokens, but the text has %" PRIu64
                   ": the file belongs to another text, order or tokenizer",
                   n_expected, n_tokens);
  }
  if (memcmp(bytes, sha256, GP_DIGEST_SIZE) != 0) {
    return gp_fail(reason, GP_ERR_FORMAT,
                   "was written for other token ids than those of the text: the file belongs to "
                   "another text, order or tokenizer");
  }
  file->left = n_tokens;
  file->state = GP_WEIGHTS_INSIDE;
  return GP_OK;
}

gp_status gp_expectations_begin(gp_expectations *file, const uint8_t sha256[GP_DIGEST_SIZE],
                                uint64_t n_tokens, gp_error *error) {
  gp_error reason;
  const gp_status status = begin(&file->file, sha256, n_tokens, &reason);
  return status == GP_OK ? GP_OK
                         : gp_weights_file_fail_document(&file->file, status, &reason, error);
}

static gp_status check_probabilities(const gp_position *position, gp_error *reason) {
  double sum = 0.0;
  for (size_t i = 0; i < position->count; i++) {
    const double probability = (double)position->probabilities[i];
    if (!(probability > 0.0 && probability <= SUM_MAX)) { /* NaN as well */
      return gp_weights_file_fail_id(position->ids[i], "has no probability above 0 and up to 1",
                                     reason);
    }
    sum += probability;
  }
  if (sum > SUM_MAX) {
    return gp_fail(reason, GP_ERR_FORMAT, "probabilities add up to %g: the file is damaged", sum);
  }
  return GP_OK;
}

gp_status gp_expectations_position(gp_expectations *file, gp_position *position,
                                   gp_error *error) {
  gp_error reason;
  gp_status status = gp_weights_file_take_position(&file->file, &position->count, position->ids,
                                                   position->probabilities, &reason);
  if (status == GP_OK) {
    status = check_probabilities(position, &reason);
  }
  return status == GP_OK ? GP_OK
                         : gp_weights_file_fail_document(&file->file, status, &reason, error);
}

static gp_status end(gp_weights_file *file, gp_error *reason) {
  gp_status status = gp_weights_file_expect(file, GP_WEIGHTS_INSIDE, reason);
  if (status == GP_OK && file->left > 0) {
    status = gp_fail(reason, GP_ERR_ARGUMENT, "not all positions were read");
  }
  if (status == GP_OK) {
    status = gp_weights_file_take_checksum(file, reason);
  }
  if (status == GP_OK) {
    file->info.documents++;
    file->state = GP_WEIGHTS_BETWEEN;
  }
  return status;
}

gp_status gp_expectations_end(gp_expectations *file, gp_error *error) {
  gp_error reason;
  const gp_status status = end(&file->file, &reason);
  return status == GP_OK ? GP_OK
                         : gp_weights_file_fail_document(&file->file, status, &reason, error);
}

static gp_status finish(gp_weights_file *file, gp_error *reason) {
  gp_weights_tag tag = GP_WEIGHTS_END;
  gp_status status = gp_weights_file_expect(file, GP_WEIGHTS_BETWEEN, reason);
  if (status == GP_OK) {
    status = gp_weights_file_take_tag(file, &tag, reason);
  }
  if (status == GP_OK && tag == GP_WEIGHTS_DOCUMENT) {
    status = gp_fail(reason, GP_ERR_FORMAT,
                     "holds expectations for more documents than the %" PRIu64 " of the text",
                     file->info.documents);
  }
  return status == GP_OK ? gp_weights_file_take_end(file, reason) : status;
}

gp_status gp_expectations_finish(gp_expectations *file, gp_error *error) {
  if (file == NULL) {
    return gp_fail_null(error, __func__, "file");
  }
  if (file->file.state == GP_WEIGHTS_ENDED) {
    return GP_OK;
  }
  gp_error reason;
  const gp_status status = finish(&file->file, &reason);
  return status == GP_OK ? GP_OK : gp_weights_file_fail(&file->file, status, &reason, error);
}

/* ---------------------------------------------------------- opening, facts */

gp_status gp_expectations_open_source(gp_byte_source *read, void *source, const char *name,
                                      gp_expectations **file, gp_error *error) {
  gp_expectations *made = calloc(1, sizeof *made);
  if (made == NULL) {
    return gp_fail_memory(error, "a reader of expectations");
  }
  const gp_status status = gp_weights_file_start(&made->file, &kind, read, source, name, error);
  if (status != GP_OK) {
    gp_expectations_free(made);
    return status;
  }
  *file = made;
  return GP_OK;
}

gp_status gp_expectations_open(const char *path, gp_expectations **file, gp_error *error) {
  if (path == NULL || file == NULL) {
    return gp_fail_null(error, __func__, path == NULL ? "path" : "file");
  }
  return gp_expectations_open_source(NULL, NULL, path, file, error);
}

void gp_expectations_free(gp_expectations *file) {
  if (file == NULL) {
    return;
  }
  gp_weights_file_close(&file->file);
  free(file);
}

void gp_expectations_get_info(const gp_expectations *file, gp_expectations_info *info) {
  *info = file->file.info;
}
