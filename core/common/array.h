/* Growing an array. */
#ifndef GP_COMMON_ARRAY_H
#define GP_COMMON_ARRAY_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/* Returns `items`, or its copy elsewhere, with room for `needed` items of `size` bytes, at
 * least doubling; NULL, with `items` left as it is, when out of memory. */
static inline void *gp_array_reserve(void *items, size_t *capacity, size_t needed, size_t size) {
  if (needed <= *capacity && items != NULL) {
    return items;
  }
  size_t wanted = *capacity <= SIZE_MAX / 2 ? 2 * *capacity : SIZE_MAX;
  wanted = wanted > needed ? wanted : needed;
  wanted = wanted > 16 ? wanted : 16;
  if (wanted > SIZE_MAX / size) {
    return NULL;
  }
  void *grown = realloc(items, wanted * size);
  if (grown != NULL) {
    *capacity = wanted;
  }
  return grown;
}

#endif
