/* What the readers of files of weights share (SPEC.md section 14): the bytes with their
 * checksums, the header, the entries of a position, the end. Messages are reasons without a
 * place: each reader adds its own. */
#ifndef GP_VERIFY_WEIGHTS_FILE_H
#define GP_VERIFY_WEIGHTS_FILE_H

#include <openssl/evp.h>

#include "common/quote.h"
#include "greenprint.h"
#include "io/input.h"

#define GP_DIGEST_SIZE         32
#define GP_WEIGHTS_BUFFER_SIZE 65536U

/* Where the bytes come from: up to `capacity` of them; *count is 0 only at the end. Messages
 * are reasons without a place. */
typedef gp_status gp_byte_source(void *source, uint8_t *out, size_t capacity, size_t *count,
                                 gp_error *reason);

typedef enum gp_weights_tag {
  GP_WEIGHTS_DOCUMENT = 'D',
  GP_WEIGHTS_END = 'E'
} gp_weights_tag;

typedef enum gp_weights_state {
  GP_WEIGHTS_BETWEEN, /* documents */
  GP_WEIGHTS_INSIDE,  /* a document */
  GP_WEIGHTS_ENDED,
  GP_WEIGHTS_FAILED
} gp_weights_state;

/* A kind of weights, and what they are called in messages. */
typedef struct gp_weights_kind {
  uint8_t number;
  const char *noun;
} gp_weights_kind;

/* A file that is being read; readers have it as their first member. */
typedef struct gp_weights_file {
  const gp_weights_kind *kind;
  gp_byte_source *read;
  void *source;
  gp_input *input; /* the source, where it was opened here */
  EVP_MD_CTX *digest;
  EVP_MD_CTX *digest_so_far; /* a copy that can be finished */
  gp_weights_state state;
  uint64_t left; /* positions of the document that were not read yet */
  gp_expectations_info info;
  char name[GP_DISPLAY_NAME_SIZE];
  size_t hashed; /* buffer[hashed:begin] was used, but is not in the digest yet */
  size_t begin;  /* buffer[begin:end] was not used yet */
  size_t end;
  uint8_t buffer[GP_WEIGHTS_BUFFER_SIZE];
} gp_weights_file;

/* Begins to read: opens `name` where `read` is NULL, and takes the header. `file` is zeroed
 * memory; gp_weights_file_close() releases what is in it, whether this succeeded or not. */
gp_status gp_weights_file_start(gp_weights_file *file, const gp_weights_kind *kind,
                                gp_byte_source *read, void *source, const char *name,
                                gp_error *error);
void gp_weights_file_close(gp_weights_file *file);

/* Fails unless the file is in this state, and says which it is in instead. */
gp_status gp_weights_file_expect(const gp_weights_file *file, gp_weights_state wanted,
                                 gp_error *reason);

/* Makes `size` bytes available, at most GP_WEIGHTS_BUFFER_SIZE, and *bytes point to them; they
 * count as used, and stay until the next call. */
gp_status gp_weights_file_take(gp_weights_file *file, size_t size, const uint8_t **bytes,
                               gp_error *reason);
gp_status gp_weights_file_take_checksum(gp_weights_file *file, gp_error *reason);

/* The tag of the next section, a document or the end; anything else is damage. */
gp_status gp_weights_file_take_tag(gp_weights_file *file, gp_weights_tag *tag, gp_error *reason);

/* The next position of a document: its ids, ascending and within the vocabulary, and the
 * numbers beside them, of which nothing is known. Both have room for GP_EXPECTATIONS_TOP_MAX. */
gp_status gp_weights_file_take_position(gp_weights_file *file, size_t *count, uint32_t *ids,
                                        float *values, gp_error *reason);

/* What is said of an id whose number is out of range, and the like. */
gp_status gp_weights_file_fail_id(uint32_t id, const char *what, gp_error *reason);

/* What is behind the end's tag: its counts, its checksum, and nothing more. */
gp_status gp_weights_file_take_end(gp_weights_file *file, gp_error *reason);

/* Puts the place before a reason, which is the document being read, or just the file; nothing
 * can be read any more. Both return `status`. */
gp_status gp_weights_file_fail_document(gp_weights_file *file, gp_status status,
                                        const gp_error *reason, gp_error *error);
gp_status gp_weights_file_fail(gp_weights_file *file, gp_status status, const gp_error *reason,
                               gp_error *error);

#endif
