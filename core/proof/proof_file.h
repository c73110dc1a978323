/* Proofs as files: the header and what stands behind it (SPEC.md section 19). */
#ifndef GP_PROOF_PROOF_FILE_H
#define GP_PROOF_PROOF_FILE_H

#include <stdio.h>

#include "proof/proof_text.h"
#include "vrf/vrf.h"

#define GP_PROOF_HEADER_SIZE 168

/* Contexts of one DLEQ proof. RFC 9497 numbers them with 16 bits. */
#define GP_PROOF_BATCH 32768

static inline uint64_t gp_proof_batches(uint64_t contexts) {
  return (contexts + GP_PROOF_BATCH - 1) / GP_PROOF_BATCH;
}

/* How many sizes a proof of a text could have, this one being no proof of all its contexts. */
uint32_t gp_proof_sizes(uint64_t contexts);

/* Bytes of a file that says this of itself. */
uint64_t gp_proof_size(const gp_proof_info *info);

void gp_proof_encode_header(const gp_proof_info *info, uint8_t header[GP_PROOF_HEADER_SIZE]);

/* A proof that is being read, whose size is what its header says. */
typedef struct gp_proof_reader {
  FILE *file;
  EVP_MD_CTX *digest; /* of what was read */
  const char *name;   /* for messages */
  gp_proof_info info;
} gp_proof_reader;

/* Opens a proof, whose display name is the caller's, and reads its header. */
gp_status gp_proof_open(const char *path, const char *name, gp_proof_reader *reader,
                        gp_error *error);

/* The next `size` bytes. */
gp_status gp_proof_read(gp_proof_reader *reader, uint8_t *bytes, size_t size, gp_error *error);

/* The checksum, behind which the file has to end; fills in file_sha256. */
gp_status gp_proof_finish(gp_proof_reader *reader, gp_error *error);

void gp_proof_close(gp_proof_reader *reader);

#endif
