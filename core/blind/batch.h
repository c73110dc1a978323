/* The inside of a gp_blind_batch, and of what asks for its elements. */
#ifndef GP_BLIND_BATCH_H
#define GP_BLIND_BATCH_H

#include "vrf/vrf.h"

struct gp_blind_batch {
  gp_public_key key;
  size_t count;
  size_t input_size;
  uint8_t *inputs;                       /* NULL: elements were blinded, whatever they are of */
  uint8_t (*blinds)[GP_VRF_SCALAR_SIZE]; /* sodium_malloc */
  uint8_t *request;                      /* GP_BLIND_REQUEST_SIZE(count) bytes */
};

/* A batch of 1 to GP_BLIND_COUNT_MAX elements instead of inputs. */
gp_status gp_blind_batch_of_elements(const gp_public_key *key,
                                     const uint8_t (*elements)[GP_ELEMENT_SIZE], size_t count,
                                     gp_thread_pool *pool, gp_blind_batch **batch,
                                     gp_error *error);

/* As gp_blind_batch_finish(), for the evaluated elements with their blinds taken out. */
gp_status gp_blind_batch_elements(const gp_blind_batch *batch, const uint8_t *answer,
                                  size_t answer_size, gp_thread_pool *pool,
                                  uint8_t (*evaluated)[GP_ELEMENT_SIZE], gp_error *error);

/* Who is asked, and how: as for gp_blind_evaluate(). */
typedef struct gp_blind_asking {
  const gp_public_key *key;
  size_t per_request;
  gp_thread_pool *pool;
  gp_blind_transport *transport;
  void *user;
} gp_blind_asking;

/* Refuses a number of elements that no request has. */
gp_status gp_blind_check_per_request(size_t per_request, gp_error *error);

/* What the key makes of any number of elements. */
gp_status gp_blind_ask_elements(const gp_blind_asking *asking,
                                const uint8_t (*elements)[GP_ELEMENT_SIZE], size_t count,
                                uint8_t (*evaluated)[GP_ELEMENT_SIZE], gp_error *error);

/* A proof for one element, with the blind that it was made under: it is one (RFC 9497's, of a
 * single pair) for blind * element and blind times what the key makes of it. */
gp_status gp_blind_ask_proof(const gp_blind_asking *asking,
                             const uint8_t element[GP_ELEMENT_SIZE],
                             uint8_t blind[GP_VRF_SCALAR_SIZE], uint8_t proof[GP_VRF_PROOF_SIZE],
                             gp_error *error);

#endif
