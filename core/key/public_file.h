/* Public files as bytes. */
#ifndef GP_KEY_PUBLIC_FILE_H
#define GP_KEY_PUBLIC_FILE_H

#include "greenprint.h"

/* The bytes of a public file, whose display name starts messages. Errors: GP_ERR_FORMAT,
 * GP_ERR_VERSION. sodium_init() was called. */
gp_status gp_public_key_decode(const char *name, const uint8_t *file, size_t size,
                               gp_public_key *public_key, gp_error *error);

#endif
