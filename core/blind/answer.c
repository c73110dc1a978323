/* The owner of a key, who evaluates what he cannot see through. */
#include <sodium.h>
#include <string.h>

#include "blind/message.h"
#include "common/error.h"
#include "key/key.h"
#include "vrf/vrf.h"

typedef struct answering {
  const uint8_t *secret;
  const uint8_t (*elements)[GP_ELEMENT_SIZE];
  uint8_t (*evaluated)[GP_ELEMENT_SIZE];
} answering;

static gp_status answer_items(void *state, gp_work_queue *queue, gp_error *error) {
  const answering *work = state;
  size_t i = 0;
  gp_status status = GP_OK;
  while (status == GP_OK && gp_work_next(queue, &i)) {
    status = gp_vrf_evaluate(work->secret, work->elements[i], work->evaluated[i], error);
    if (status == GP_ERR_FORMAT) {
      status = gp_fail(error, GP_ERR_FORMAT,
                       "element %zu of the blind request is none of ristretto255, or the identity",
                       i + 1);
    }
  }
  return status;
}
