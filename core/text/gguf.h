/* The metadata of a GGUF file (version 2 or 3, little-endian): the header and the key-value
 * pairs before the tensors, read as a stream. Format: ggml, docs/gguf.md. */
#ifndef GP_TEXT_GGUF_H
#define GP_TEXT_GGUF_H

#include "greenprint.h"

#define GP_GGUF_KEYS_MAX   4096U   /* key-value pairs in a file: real ones have some dozens */
#define GP_GGUF_KEY_MAX    65535U  /* bytes of a key, by the format */
#define GP_GGUF_STRING_MAX 1048576 /* bytes of a string that is read rather than skipped */

/* Types of values, numbered as in the file. */
typedef enum gp_gguf_type {
  GP_GGUF_UINT8 = 0,
  GP_GGUF_INT8 = 1,
  GP_GGUF_UINT16 = 2,
  GP_GGUF_INT16 = 3,
  GP_GGUF_UINT32 = 4,
  GP_GGUF_INT32 = 5,
  GP_GGUF_FLOAT32 = 6,
  GP_GGUF_BOOL = 7,
  GP_GGUF_STRING = 8,
  GP_GGUF_ARRAY = 9,
  GP_GGUF_UINT64 = 10,
  GP_GGUF_INT64 = 11,
  GP_GGUF_FLOAT64 = 12
} gp_gguf_type;

/* "an array of", "uint32" and the like, for messages. Static storage. */
const char *gp_gguf_type_name(gp_gguf_type type);

typedef struct gp_gguf gp_gguf;

/* Opens a file and reads its header. Messages of all functions here are reasons without the
 * file's name. Errors: GP_ERR_IO, GP_ERR_MEMORY, GP_ERR_CRYPTO; GP_ERR_FORMAT. */
gp_status gp_gguf_open(const char *path, gp_gguf **gguf, gp_error *reason);
void gp_gguf_free(gp_gguf *gguf);

/* A key and what is known of its value before it is read. */
typedef struct gp_gguf_item {
  const char *key; /* NUL-terminated, without another NUL; valid until the next item */
  bool is_array;
  gp_gguf_type type; /* of the value, or of the elements of an array; never GP_GGUF_ARRAY */
  uint64_t count;    /* elements; 1 for what is no array. They fit into the file. */
} gp_gguf_item;

/* Goes to the next key; what was not read of the value before is skipped, and stored nowhere.
 * *more is false at the end of the metadata, where the whole of it has been checked. */
gp_status gp_gguf_next(gp_gguf *gguf, gp_gguf_item *item, bool *more, gp_error *reason);

/* Read the value, or the next element of the array. The caller asks for as many elements as
 * there are, and for a string where the type is GP_GGUF_STRING. A string may hold any bytes,
 * and is valid until the next call; one of more than GP_GGUF_STRING_MAX bytes is refused. */
gp_status gp_gguf_read_string(gp_gguf *gguf, const char **bytes, size_t *length,
                              gp_error *reason);
/* For the integers and GP_GGUF_BOOL; a uint64 beyond INT64_MAX is refused. */
gp_status gp_gguf_read_integer(gp_gguf *gguf, int64_t *number, gp_error *reason);
/* For GP_GGUF_FLOAT32 and GP_GGUF_FLOAT64. */
gp_status gp_gguf_read_real(gp_gguf *gguf, double *number, gp_error *reason);

/* After the end: the size of the whole file, and the SHA-256 of the header and the key-value
 * pairs (bytes 0 to where the first tensor is described). */
gp_status gp_gguf_facts(gp_gguf *gguf, uint64_t *bytes, uint8_t sha256[32], gp_error *reason);

#endif
