/* A strict reader of files of model weights (SPEC.md section 14, kind 2). */
#ifndef GP_VERIFY_MODEL_WEIGHTS_H
#define GP_VERIFY_MODEL_WEIGHTS_H

#include "verify/weights_file.h"

/* The most ids in a document. */
#define GP_MODEL_WEIGHTS_IDS_MAX (UINT32_C(1) << 24)

/* gp_model_weights_open() over any source, which stays the caller's and has to outlive the
 * reader. `name` is for messages. */
gp_status gp_model_weights_open_source(gp_byte_source *read, void *source, const char *name,
                                       gp_model_weights **file, gp_error *error);

/* GP_OK where nothing but the header was read, else GP_ERR_ARGUMENT. */
gp_status gp_model_weights_check_new(const gp_model_weights *file, gp_error *error);

#endif
