/* Who may ask for evaluations: the file of tokens (SPEC.md section 20). */
#ifndef CLI_SERVE_TOKENS_H
#define CLI_SERVE_TOKENS_H

#include <stddef.h>
#include <stdint.h>

#define TOKEN_NAME_SIZE 65 /* with NUL */
#define TOKEN_HASH_SIZE 32
#define TOKEN_SIZE      48                         /* of a new one: "gpt_", 43 characters, NUL */
#define TOKEN_LIMIT     UINT64_C(1000000000000000) /* of rates and budgets */

typedef struct token {
  char name[TOKEN_NAME_SIZE];
  uint8_t hash[TOKEN_HASH_SIZE];
  uint64_t rate;   /* elements a second */
  uint64_t budget; /* elements */
} token;

typedef struct token_list {
  token *items;
  size_t count;
  size_t capacity;
} token_list;

/* Reads the file of tokens; returns an exit status, and has said what is wrong. */
int tokens_read(const char *command, const char *path, token_list *list);

void tokens_free(token_list *list);

/* Whether this may be a name: 1 to 64 of A-Z a-z 0-9 . _ - */
int token_is_name(const char *text, size_t length);

/* The token that was presented, `count` for none. Looks at all of them in constant time. */
size_t tokens_find(const token_list *list, const char *presented);

/* SHA-256 of a token. */
void token_hash(const char *text, uint8_t hash[TOKEN_HASH_SIZE]);

#endif
