/* What a GGUF file says about its tokenizer, as it says it. */
#ifndef GP_TEXT_GGUF_FIELDS_H
#define GP_TEXT_GGUF_FIELDS_H

#include "greenprint.h"

/* Strings one behind another. All zero is none. */
typedef struct gp_gguf_strings {
  char *bytes;
  size_t used;
  size_t bytes_capacity;
  size_t *ends; /* string i is bytes[ends[i - 1]:ends[i]] */
  size_t count;
  size_t capacity;
} gp_gguf_strings;

const char *gp_gguf_string(const gp_gguf_strings *strings, size_t i, size_t *length);

/* What a token is for, numbered as in tokenizer.ggml.token_type. */
typedef enum gp_gguf_token_type {
  GP_GGUF_TOKEN_UNDEFINED = 0,
  GP_GGUF_TOKEN_NORMAL = 1,
  GP_GGUF_TOKEN_UNKNOWN = 2,
  GP_GGUF_TOKEN_CONTROL = 3,
  GP_GGUF_TOKEN_USER_DEFINED = 4,
  GP_GGUF_TOKEN_UNUSED = 5,
  GP_GGUF_TOKEN_BYTE = 6
} gp_gguf_token_type;

/* The values of the keys "tokenizer.ggml.<name>". All zero to begin with. */
typedef struct gp_gguf_fields {
  gp_gguf_strings model; /* one string, or none */
  gp_gguf_strings pre;   /* one string, or none */
  gp_gguf_strings tokens;
  gp_gguf_strings merges;
  bool has_merges;
  uint8_t *types; /* for each token; NULL without the key */
  size_t n_types;
  double *scores; /* for each token, finite; NULL without the key */
  size_t n_scores;
  char *charsmap;
  size_t charsmap_size;
  bool has_unknown;
  uint32_t unknown;
  bool has_space_prefix;
  bool space_prefix;
  bool remove_extra_spaces;
  bool is_phi3; /* by general.name, the only trace of what its special tokens do */
  uint64_t file_bytes;
  uint8_t sha256[32];
} gp_gguf_fields;

/* Reads a file. Tokens are there, at most GP_ID_MAX, and types and scores as many or none.
 * Messages are reasons without the file's name. */
gp_status gp_gguf_fields_read(const char *path, gp_gguf_fields *fields, gp_error *reason);
void gp_gguf_fields_release(gp_gguf_fields *fields);

/* The type of a token; normal where the file does not say. */
gp_gguf_token_type gp_gguf_type_of(const gp_gguf_fields *fields, size_t token);

#endif
