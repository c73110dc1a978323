/* Files of model weights, kind 2 of SPEC.md section 14: documents with their ids, and at each
 * position what a suspect held for more or less likely than a reference model did. */
#include "verify/model_weights.h"

#include <inttypes.h>
#include <stdlib.h>

#include "common/array.h"
#include "common/bytes.h"
#include "common/error.h"

#define ID_SIZE 4U

static const gp_weights_kind kind = {2, "model weights"};

struct gp_model_weights {
  gp_weights_file file;
  uint32_t *ids; /* of the document that is being read */
  size_t capacity;
};

/* Ends the document that was being read, if there was one. */
static gp_status end_document(gp_weights_file *file, gp_error *reason) {
  if (file->state != GP_WEIGHTS_INSIDE) {
    return gp_weights_file_expect(file, GP_WEIGHTS_BETWEEN, reason);
  }
  if (file->left > 0) {
    return gp_fail(reason, GP_ERR_ARGUMENT, "not all positions were read");
  }
  const gp_status status = gp_weights_file_take_checksum(file, reason);
  if (status != GP_OK) {
    return status;
  }
  file->info.documents++;
  file->state = GP_WEIGHTS_BETWEEN;
  return GP_OK;
}

/* Takes `count` ids, `done` of the document before them; memory grows as they arrive. */
static gp_status take_some_ids(gp_model_weights *weights, size_t done, size_t count,
                               gp_error *reason) {
  gp_weights_file *file = &weights->file;
  const uint8_t *bytes = NULL;
  const gp_status status = gp_weights_file_take(file, ID_SIZE * count, &bytes, reason);
  if (status != GP_OK) {
    return status;
  }
  uint32_t *ids =
      gp_array_reserve(weights->ids, &weights->capacity, done + count, sizeof *weights->ids);
  if (ids == NULL) {
    return gp_fail_memory(reason, "the ids of a document");
  }
  weights->ids = ids;
  for (size_t i = 0; i < count; i++) {
    const uint32_t id = gp_load_le32(bytes + ID_SIZE * i);
    if (file->info.vocabulary != 0 && id >= file->info.vocabulary) {
      return gp_weights_file_fail_id(id, "is outside the vocabulary", reason);
    }
    ids[done + i] = id;
  }
  return GP_OK;
}

static gp_status begin_document(gp_model_weights *weights, size_t *n_tokens, gp_error *reason) {
  const uint8_t *bytes = NULL;
  gp_status status = gp_weights_file_take(&weights->file, 8, &bytes, reason);
  if (status != GP_OK) {
    return status;
  }
  const uint64_t n = gp_load_le64(bytes);
  if (n > GP_MODEL_WEIGHTS_IDS_MAX) {
    return gp_fail(reason, GP_ERR_FORMAT,
                   "has %" PRIu64 " token ids, more than the %" PRIu32 " that are allowed", n,
                   GP_MODEL_WEIGHTS_IDS_MAX);
  }
  const size_t at_once = GP_WEIGHTS_BUFFER_SIZE / ID_SIZE;
  for (size_t done = 0; done < n && status == GP_OK; done += at_once) {
    const size_t left = (size_t)n - done;
    status = take_some_ids(weights, done, left < at_once ? left : at_once, reason);
  }
  if (status == GP_OK) {
    weights->file.left = n;
    weights->file.state = GP_WEIGHTS_INSIDE;
    *n_tokens = (size_t)n;
  }
  return status;
}

static gp_status next(gp_model_weights *weights, size_t *n_tokens, bool *more, gp_error *reason) {
  gp_weights_tag tag = GP_WEIGHTS_END;
  gp_status status = end_document(&weights->file, reason);
  if (status == GP_OK) {
    status = gp_weights_file_take_tag(&weights->file, &tag, reason);
  }
  if (status != GP_OK) {
    return status;
  }
  *more = tag == GP_WEIGHTS_DOCUMENT;
  return *more ? begin_document(weights, n_tokens, reason)
               : gp_weights_file_take_end(&weights->file, reason);
}

gp_status gp_model_weights_next(gp_model_weights *file, const uint32_t **tokens, size_t *n_tokens,
                                bool *more, gp_error *error) {
  if (file == NULL || tokens == NULL || n_tokens == NULL || more == NULL) {
    return gp_fail_null(error, __func__,
                        file == NULL       ? "file"
                        : tokens == NULL   ? "tokens"
                        : n_tokens == NULL ? "n_tokens"
                                           : "more");
  }
  size_t n = 0;
  bool another = file->file.state != GP_WEIGHTS_ENDED;
  if (another) {
    gp_error reason;
    const gp_status status = next(file, &n, &another, &reason);
    if (status != GP_OK) {
      return another ? gp_weights_file_fail_document(&file->file, status, &reason, error)
                     : gp_weights_file_fail(&file->file, status, &reason, error);
    }
  }
  *tokens = file->ids;
  *n_tokens = n;
  *more = another;
  return GP_OK;
}

static gp_status check_weights(const gp_model_weights_position *position, gp_error *reason) {
  for (size_t i = 0; i < position->count; i++) {
    const float weight = position->weights[i];
    if (!(weight >= -1.0F && weight <= 1.0F) || weight == 0.0F) { /* NaN as well */
      return gp_weights_file_fail_id(position->ids[i], "has no weight from -1 to 1 other than 0",
                                     reason);
    }
  }
  return GP_OK;
}

gp_status gp_model_weights_position_next(gp_model_weights *file,
                                         gp_model_weights_position *position, gp_error *error) {
  if (file == NULL || position == NULL) {
    return gp_fail_null(error, __func__, file == NULL ? "file" : "position");
  }
  gp_error reason;
  gp_status status = gp_weights_file_take_position(&file->file, &position->count, position->ids,
                                                   position->weights, &reason);
  if (status == GP_OK) {
    status = check_weights(position, &reason);
  }
  return status == GP_OK ? GP_OK
                         : gp_weights_file_fail_document(&file->file, status, &reason, error);
}

/* ---------------------------------------------------------- opening, facts */

gp_status gp_model_weights_open_source(gp_byte_source *read, void *source, const char *name,
                                       gp_model_weights **file, gp_error *error) {
  gp_model_weights *made = calloc(1, sizeof *made);
  if (made == NULL) {
    return gp_fail_memory(error, "a reader of model weights");
  }
  const gp_status status = gp_weights_file_start(&made->file, &kind, read, source, name, error);
  if (status != GP_OK) {
    gp_model_weights_free(made);
    return status;
  }
  *file = made;
  return GP_OK;
}

gp_status gp_model_weights_open(const char *path, gp_model_weights **file, gp_error *error) {
  if (path == NULL || file == NULL) {
    return gp_fail_null(error, __func__, path == NULL ? "path" : "file");
  }
  return gp_model_weights_open_source(NULL, NULL, path, file, error);
}

gp_status gp_model_weights_check_new(const gp_model_weights *file, gp_error *error) {
  return file->file.state == GP_WEIGHTS_BETWEEN && file->file.info.documents == 0
             ? GP_OK
             : gp_fail(error, GP_ERR_ARGUMENT,
                       "%s: was read before, in part or to its end: open it again",
                       file->file.name);
}

void gp_model_weights_free(gp_model_weights *file) {
  if (file == NULL) {
    return;
  }
  gp_weights_file_close(&file->file);
  free(file->ids);
  free(file);
}

void gp_model_weights_get_info(const gp_model_weights *file, gp_expectations_info *info) {
  *info = file->file.info;
}
