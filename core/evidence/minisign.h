/* The text files of minisign: a comment that nobody vouches for, and base64, by lines. */
#ifndef GP_EVIDENCE_MINISIGN_H
#define GP_EVIDENCE_MINISIGN_H

#include "greenprint.h"

#define GP_UNTRUSTED "untrusted comment: "
#define GP_TRUSTED   "trusted comment: "

#define GP_SIGNATURE_SIZE 64
#define GP_NUMBER_SIZE    8
#define GP_SIGNED_SIZE                                                                           \
  (2 + GP_NUMBER_SIZE + GP_SIGNATURE_SIZE) /* algorithm, number, signature                       \
                                            */

struct gp_signing_key {
  uint8_t number[GP_NUMBER_SIZE];
  uint8_t *secret; /* seed and public key, as libsodium has them; sodium_malloc */
};

/* A line without its end. */
typedef struct gp_line {
  const char *text;
  size_t length;
} gp_line;

/* Cuts bytes into exactly `count` lines, each ended by LF or CR LF, which the last may lack.
 * False where they are more or fewer, or hold NUL. */
bool gp_minisign_lines(const char *bytes, size_t size, gp_line *lines, size_t count);

/* Whether a line begins with this; what follows is then left of it. */
bool gp_minisign_prefix(gp_line *line, const char *prefix);

/* Decodes a line of base64 that has to hold exactly `size` bytes. */
bool gp_minisign_decode(const gp_line *line, uint8_t *out, size_t size);

/* The number as minisign writes it. */
void gp_signer_id(const uint8_t number[GP_NUMBER_SIZE], char id[GP_SIGNER_ID_SIZE]);

#endif
