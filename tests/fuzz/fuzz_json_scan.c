/* The short cut through JSON lines against jansson: what it takes, jansson has to read as the
 * same documents. The first byte chooses the field and the role. */
#include "support.h"

#include "io/json_lines.h"
#include "io/json_scan.h"

#include <stdlib.h>
#include <string.h>

static const gp_reader_options choices[] = {
    {.format = GP_INPUT_JSONL, .field = "tokens"},
    {.format = GP_INPUT_JSONL, .field = "text"},
    {.format = GP_INPUT_JSONL, .field = "text", .normalize = GP_NORMALIZE_ALL},
    {.format = GP_INPUT_JSONL, .field = "a.0.b"},
    {.format = GP_INPUT_JSONL, .field = "messages", .role = "assistant"},
};

static gp_documents scanned;
static gp_documents loaded;

int LLVMFuzzerInitialize(int *argc, char ***argv) {
  (void)argc;
  (void)argv;
  gp_error reason;
  gp_fuzz_require(gp_documents_new(&scanned, &reason) == GP_OK, "documents");
  gp_fuzz_require(gp_documents_new(&loaded, &reason) == GP_OK, "documents");
  return 0;
}

static bool same_bytes(const void *one, const void *other, size_t size) {
  return size == 0 || memcmp(one, other, size) == 0;
}

static void check_same(void) {
  gp_fuzz_require(scanned.is_text == loaded.is_text, "the same kind of documents");
  gp_fuzz_require(scanned.tokens.count == loaded.tokens.count, "as many ids");
  gp_fuzz_require(same_bytes(scanned.tokens.ids, loaded.tokens.ids,
                             loaded.tokens.count * sizeof *loaded.tokens.ids),
                  "the same ids");
  gp_fuzz_require(scanned.n_spans == loaded.n_spans, "as many texts");
  for (size_t i = 0; i < loaded.n_spans; i++) {
    const gp_span *one = &scanned.spans[i];
    const gp_span *other = &loaded.spans[i];
    gp_fuzz_require(one->length == other->length &&
                        same_bytes(scanned.text.data + one->begin,
                                   loaded.text.data + other->begin, other->length),
                    "the same text");
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0) {
    return 0;
  }
  const gp_reader_options *options = &choices[data[0] % (sizeof choices / sizeof *choices)];
  const size_t length = size - 1;
  char *line = malloc(length > 0 ? length : 1); /* so that no read beyond its end is missed */
  gp_fuzz_require(line != NULL, "memory for a line");
  memcpy(line, data + 1, length);

  gp_error reason;
  bool done = false;
  gp_documents_clear(&scanned);
  gp_documents_clear(&loaded);
  gp_fuzz_require(gp_json_scan(line, length, options, &scanned, &done, &reason) == GP_OK,
                  "the short cut fails only without memory");
  if (done) {
    gp_fuzz_require(gp_json_line_load(line, length, options, &loaded, &reason) == GP_OK,
                    "the short cut takes no line that jansson refuses");
    check_same();
  }
  free(line);
  return 0;
}
