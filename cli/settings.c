#include "settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json_parts.h"

#define STEP_SIZE 32 /* of a step of normalization */

/* The settings come out of a partial file in a merge: only what is known is taken. */
json_t *settings_object(const char *text) {
  json_t *settings = json_loads(text, 0, NULL);
  json_t *tokenizer = json_object_get(settings, "tokenizer");
  json_t *normalize = json_object_get(settings, "normalize");
  json_t *object =
      json_pack("{s:O, s:O}", "tokenizer", tokenizer != NULL ? tokenizer : json_null(),
                "normalize", normalize != NULL ? normalize : json_null());
  json_decref(settings);
  return object;
}

char *settings_describe(const gp_tokenizer *tokenizer, unsigned normalize) {
  json_t *described = json_null();
  if (tokenizer != NULL) {
    gp_tokenizer_info info;
    gp_tokenizer_get_info(tokenizer, &info);
    char sha256[2 * sizeof info.sha256 + 1];
    json_hex(sha256, sizeof sha256, info.sha256, sizeof info.sha256);
    described = json_pack("{s:s, s:I, s:s}", "model", info.model, "vocabulary",
                          (json_int_t)info.vocabulary, "sha256", sha256);
  }
  json_t *steps = json_array();
  static const struct {
    unsigned flag;
    const char *name;
  } known[] = {{GP_NORMALIZE_NEWLINES, "newlines"},
               {GP_NORMALIZE_TRAILING, "trailing"},
               {GP_NORMALIZE_NFC, "nfc"}};
  bool done = true;
  for (size_t i = 0; i < sizeof known / sizeof known[0] && done; i++) {
    done = (normalize & known[i].flag) == 0 || json_append(steps, json_string(known[i].name));
  }
  json_t *settings = json_pack("{s:o, s:o}", "tokenizer", described, "normalize", steps);
  char *text = done && settings != NULL ? json_dumps(settings, JSON_COMPACT) : NULL;
  json_decref(settings);
  return text;
}

char *settings_tokenizer(const char *described) {
  json_t *settings = json_loads(described, 0, NULL);
  const char *model = NULL;
  const char *sha256 = NULL;
  char *text = NULL;
  if (json_unpack(settings, "{s:{s:s, s:s}}", "tokenizer", "model", &model, "sha256", &sha256) ==
      0) {
    const size_t size = strlen(model) + strlen(sha256) + 16;
    text = malloc(size);
    if (text != NULL) {
      (void)snprintf(text, size, "%s, SHA-256 %.16s\xE2\x80\xA6", model, sha256);
    }
  }
  json_decref(settings);
  return text;
}

char *settings_normalize(const char *described) {
  json_t *settings = json_loads(described, 0, NULL);
  json_t *steps = json_object_get(settings, "normalize");
  char *text = json_array_size(steps) > 0 ? calloc(json_array_size(steps), STEP_SIZE) : NULL;
  for (size_t i = 0; i < json_array_size(steps) && text != NULL; i++) {
    const char *step = json_string_value(json_array_get(steps, i));
    const size_t length = strlen(text);
    (void)snprintf(text + length, STEP_SIZE, "%s%s", i > 0 ? ", " : "",
                   step != NULL ? step : "?");
  }
  json_decref(settings);
  return text;
}
