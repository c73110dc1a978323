/* The schemes, by their ids (SPEC.md sections 2 and 18). */
#ifndef GP_KEY_SCHEME_H
#define GP_KEY_SCHEME_H

#include "greenprint.h"

/* In files: the id in ASCII, padded with zero bytes. */
#define GP_SCHEME_FIELD_SIZE 16

typedef enum gp_scheme {
  GP_SCHEME_PLAIN = 0,   /* greenprint-1 */
  GP_SCHEME_PROVABLE = 1 /* greenprint-1v */
} gp_scheme;

const char *gp_scheme_id(gp_scheme scheme);

void gp_scheme_encode(gp_scheme scheme, uint8_t field[GP_SCHEME_FIELD_SIZE]);

/* The scheme of a field in a file, whose display name starts the message. Errors: GP_ERR_VERSION
 * for one that this library lacks. */
gp_status gp_scheme_decode(const uint8_t field[GP_SCHEME_FIELD_SIZE], const char *file,
                           gp_scheme *scheme, gp_error *error);

#endif
