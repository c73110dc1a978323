#include "io/text.h"

#include "common/error.h"

#include <stdlib.h>
#include <string.h>

#define INITIAL_CAPACITY 4096U

void gp_text_release(gp_text *text) {
  free(text->data);
  *text = (gp_text){0};
}

gp_status gp_text_reserve(gp_text *text, size_t more, gp_error *reason) {
  if (text->data != NULL && text->capacity - text->count >= more) {
    return GP_OK;
  }
  size_t capacity = text->capacity > 0 ? text->capacity : INITIAL_CAPACITY;
  while (capacity - text->count < more && capacity <= SIZE_MAX / 2) {
    capacity *= 2;
  }
  char *grown = capacity - text->count >= more ? realloc(text->data, capacity) : NULL;
  if (grown == NULL) {
    return gp_fail_memory(reason, "a long text");
  }
  text->data = grown;
  text->capacity = capacity;
  return GP_OK;
}

gp_status gp_text_append(gp_text *text, const char *bytes, size_t length, gp_error *reason) {
  const gp_status status = gp_text_reserve(text, length, reason);
  if (status != GP_OK) {
    return status;
  }
  if (length > 0) {
    memcpy(text->data + text->count, bytes, length);
    text->count += length;
  }
  return GP_OK;
}
