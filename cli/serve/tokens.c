#include "serve/tokens.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "cli.h"

#define BLANKS "\t "
enum {
  FIELDS = 4
};

static const char name_characters[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";

int token_is_name(const char *text, size_t length) {
  return length > 0 && length < TOKEN_NAME_SIZE && strspn(text, name_characters) >= length;
}

void token_hash(const char *text, uint8_t hash[TOKEN_HASH_SIZE]) {
  (void)crypto_hash_sha256(hash, (const unsigned char *)text, strlen(text));
}

/* Cuts a line into its fields, in place; false when they are not FIELDS. */
static bool cut(char *line, char *fields[FIELDS]) {
  size_t count = 0;
  char *rest = NULL;
  for (char *word = strtok_r(line, BLANKS, &rest); word != NULL;
       word = strtok_r(NULL, BLANKS, &rest)) {
    if (count == FIELDS) {
      return false;
    }
    fields[count++] = word;
  }
  return count == FIELDS;
}

static bool read_hash(const char *text, uint8_t hash[TOKEN_HASH_SIZE]) {
  size_t size = 0;
  const char *end = NULL;
  return sodium_hex2bin(hash, TOKEN_HASH_SIZE, text, strlen(text), NULL, &size, &end) == 0 &&
         size == TOKEN_HASH_SIZE && *end == '\0';
}

/* What is wrong with a line; NULL when it was read. */
static const char *parse(char *line, token *read) {
  char *fields[FIELDS];
  if (!cut(line, fields)) {
    return "a line has four words: NAME SHA256 RATE BUDGET";
  }
  if (!token_is_name(fields[0], strlen(fields[0]))) {
    return "a name is 1 to 64 of A-Z a-z 0-9 . _ -";
  }
  if (!read_hash(fields[1], read->hash)) {
    return "the second word is no SHA-256 in 64 hexadecimal digits";
  }
  if (!cli_parse_number(fields[2], TOKEN_LIMIT, &read->rate) || read->rate == 0) {
    return "the rate is no whole number from 1 to 10^15 (elements a second)";
  }
  if (!cli_parse_number(fields[3], TOKEN_LIMIT, &read->budget)) {
    return "the budget is no whole number from 0 to 10^15 (elements)";
  }
  memcpy(read->name, fields[0], strlen(fields[0]) + 1);
  return NULL;
}

static const char *add(token_list *list, const token *read) {
  for (size_t i = 0; i < list->count; i++) {
    if (strcmp(list->items[i].name, read->name) == 0) {
      return "this name stood in a line before";
    }
    if (memcmp(list->items[i].hash, read->hash, TOKEN_HASH_SIZE) == 0) {
      return "this hash stood in a line before";
    }
  }
  if (list->count == list->capacity) {
    const size_t capacity = 2 * list->capacity + 16;
    token *grown = realloc(list->items, capacity * sizeof *grown);
    if (grown == NULL) {
      return "out of memory";
    }
    list->items = grown;
    list->capacity = capacity;
  }
  list->items[list->count++] = *read;
  return NULL;
}

static const char *read_line(token_list *list, char *line, size_t length) {
  if (strlen(line) != length) {
    return "there is a zero byte";
  }
  line[strcspn(line, "\r\n")] = '\0';
  line += strspn(line, BLANKS);
  if (*line == '\0' || *line == '#') {
    return NULL;
  }
  token read = {0};
  const char *wrong = parse(line, &read);
  return wrong != NULL ? wrong : add(list, &read);
}

int tokens_read(const char *command, const char *path, token_list *list) {
  FILE *file = fopen(path, "re");
  if (file == NULL) {
    return cli_fail(command, "%s: the tokens cannot be read: %s", path, strerror(errno));
  }
  *list = (token_list){0};
  char *line = NULL;
  size_t capacity = 0;
  ssize_t length = 0;
  size_t number = 0;
  const char *wrong = NULL;
  while (wrong == NULL && (length = getline(&line, &capacity, file)) >= 0) {
    number++;
    wrong = read_line(list, line, (size_t)length);
  }
  int status = CLI_OK;
  if (wrong != NULL) {
    status = cli_fail(command, "%s: line %zu: %s", path, number, wrong);
  } else if (ferror(file) != 0) {
    status = cli_fail(command, "%s: the tokens cannot be read: %s", path, strerror(errno));
  } else if (list->count == 0) {
    status = cli_fail(command, "%s: there is no token; make one with greenprint serve new-token",
                      path);
  }
  free(line);
  (void)fclose(file);
  if (status != CLI_OK) {
    tokens_free(list);
  }
  return status;
}

void tokens_free(token_list *list) {
  free(list->items);
  *list = (token_list){0};
}

size_t tokens_find(const token_list *list, const char *presented) {
  uint8_t hash[TOKEN_HASH_SIZE];
  token_hash(presented, hash);
  size_t found = list->count;
  for (size_t i = 0; i < list->count; i++) {
    const size_t same = sodium_memcmp(hash, list->items[i].hash, sizeof hash) == 0;
    found ^= (found ^ i) & (0 - same);
  }
  sodium_memzero(hash, sizeof hash);
  return found;
}
