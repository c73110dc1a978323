#include "common/error.h"
#include "common/quote.h"
#include "text/tokenizer.h"

gp_status gp_tokenizer_from_gguf(const char *path, gp_tokenizer *made, gp_error *error) {
  (void)made;
  char name[GP_DISPLAY_NAME_SIZE];
  gp_display_name(name, path);
  return gp_fail(error, GP_ERR_FORMAT, "%s: GGUF files are not read yet: give a tokenizer.json",
                 name);
}
