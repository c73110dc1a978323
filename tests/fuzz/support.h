/* What the fuzzers share. Each fuzzer is one file with one parser; libFuzzer calls it with
 * inputs that it makes from the seeds, and any finding ends the process. */
#ifndef GP_FUZZ_SUPPORT_H
#define GP_FUZZ_SUPPORT_H

#include "greenprint.h"

/* libFuzzer's interface. */
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);

/* A file with these bytes, in memory only; the path holds until the next call. */
const char *gp_fuzz_file(const uint8_t *data, size_t size);

/* Ends the process, as a finding, unless `holds`. */
void gp_fuzz_require(bool holds, const char *what);

/* A failure has to come with its own status and a message of printable text. */
void gp_fuzz_check_failure(gp_status status, const gp_error *error);

/* Reads every byte, so that AddressSanitizer sees the whole of it. */
void gp_fuzz_touch(const void *bytes, size_t size);

/* Reads a file to its end or its first error that ends it, and checks what gp_reader
 * promises. `size` is the file's. Returns the number of documents. */
size_t gp_fuzz_read(const char *path, size_t size, const gp_reader_options *options);

/* Opens a tokenizer of tests/fuzz/seeds; ends the process where it does not open. */
gp_tokenizer *gp_fuzz_seed_tokenizer(const char *name);

/* Encodes text twice, the second time out of the encoder's cache, and checks what gp_encoder
 * promises. */
void gp_fuzz_encode(gp_encoder *encoder, const gp_tokenizer *tokenizer, const char *text,
                    size_t size);

/* Encodes text with two encoders of one tokenizer, which have to agree whatever is in their
 * caches. */
void gp_fuzz_encode_same(gp_encoder *one, gp_encoder *other, const char *text, size_t size);

/* Opens a file of a tokenizer; one that opens encodes words in several scripts and the first
 * bytes of its own file. */
void gp_fuzz_tokenizer_file(const uint8_t *data, size_t size);

#endif
