/* The messages of a blind evaluation (SPEC.md section 20): a header, elements, and in an answer a
 * proof of them. */
#ifndef GP_BLIND_MESSAGE_H
#define GP_BLIND_MESSAGE_H

#include "vrf/vrf.h"

typedef enum gp_blind_kind {
  GP_BLIND_REQUEST,
  GP_BLIND_ANSWER
} gp_blind_kind;

/* What stands in a header. */
typedef struct gp_blind_header {
  size_t count;
  char key_id[GP_KEY_ID_STRING_SIZE];
} gp_blind_header;

/* Writes GP_BLIND_HEADER_SIZE bytes for a key with this commitment. */
void gp_blind_header_write(gp_blind_kind kind, size_t count,
                           const uint8_t commitment[GP_COMMITMENT_SIZE], uint8_t *out);

/* Reads a message's header and checks it against the message's size. */
gp_status gp_blind_header_read(gp_blind_kind kind, const uint8_t *message, size_t size,
                               gp_blind_header *header, gp_error *error);

/* The one pair that stands for all that are asked for and answered, of which the answer's proof
 * is; with the secret, which is NULL in checking, in half the time. One pair alone is folded as
 * well: or its proof would do for a file, which is to say that it was evaluated blindly. */
gp_status gp_blind_fold(const gp_public_key *key, const uint8_t *secret,
                        const uint8_t (*asked)[GP_ELEMENT_SIZE],
                        const uint8_t (*evaluated)[GP_ELEMENT_SIZE], size_t count,
                        gp_thread_pool *pool, gp_vrf_pair *folded, gp_error *error);

/* The elements of a message. */
static inline const uint8_t (*gp_blind_elements(const uint8_t *message))[GP_ELEMENT_SIZE] {
  return (const uint8_t(*)[GP_ELEMENT_SIZE])(message + GP_BLIND_HEADER_SIZE);
}

#endif
