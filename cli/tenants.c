#include "tenants.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

#define LINE_SIZE 32

static int fail_many(const char *command) {
  return cli_fail(command, "--tenants: more than %zu tenants", TENANTS_MAX);
}

/* "FIRST-LAST"; *is_range tells whether the text has that form at all. */
static int read_range(const char *command, const char *text, tenant_list *tenants,
                      bool *is_range) {
  char first_text[LINE_SIZE];
  uint64_t first = 0;
  uint64_t last = 0;
  const char *dash = strchr(text, '-');
  *is_range = false;
  if (dash == NULL || (size_t)(dash - text) >= sizeof first_text) {
    return CLI_OK;
  }
  memcpy(first_text, text, (size_t)(dash - text));
  first_text[dash - text] = '\0';
  if (!cli_parse_number(first_text, UINT64_MAX, &first) ||
      !cli_parse_number(dash + 1, UINT64_MAX, &last)) {
    return CLI_OK;
  }
  *is_range = true;
  if (last < first) {
    return cli_fail(command, "--tenants %s: the range ends before it begins", text);
  }
  if (last - first >= TENANTS_MAX) {
    return fail_many(command);
  }
  tenants->count = (size_t)(last - first) + 1;
  tenants->ids = calloc(tenants->count, sizeof *tenants->ids);
  if (tenants->ids == NULL) {
    return cli_fail(command, "out of memory: --tenants");
  }
  for (size_t i = 0; i < tenants->count; i++) {
    tenants->ids[i] = first + i;
  }
  return CLI_OK;
}

static int add(const char *command, tenant_list *tenants, size_t *capacity, uint64_t id) {
  if (tenants->count == TENANTS_MAX) {
    return fail_many(command);
  }
  if (tenants->count == *capacity) {
    const size_t wanted = *capacity > 0 ? 2 * *capacity : 64;
    uint64_t *grown = realloc(tenants->ids, wanted * sizeof *grown);
    if (grown == NULL) {
      return cli_fail(command, "out of memory: --tenants");
    }
    tenants->ids = grown;
    *capacity = wanted;
  }
  tenants->ids[tenants->count++] = id;
  return CLI_OK;
}

static int read_lines(const char *command, const char *path, FILE *file, tenant_list *tenants) {
  char line[LINE_SIZE];
  size_t capacity = 0;
  for (uint64_t number = 1; fgets(line, sizeof line, file) != NULL; number++) {
    line[strcspn(line, "\r\n")] = '\0';
    uint64_t id = 0;
    if (!cli_parse_number(line, UINT64_MAX, &id)) {
      return cli_fail(command,
                      "%s:%" PRIu64 ": not a tenant id, a whole number from 0 to %" PRIu64, path,
                      number, UINT64_MAX);
    }
    const int status = add(command, tenants, &capacity, id);
    if (status != CLI_OK) {
      return status;
    }
  }
  return ferror(file) ? cli_fail(command, "%s: cannot be read: %s", path, strerror(errno))
                      : CLI_OK;
}

static int compare(const void *a, const void *b) {
  const uint64_t x = *(const uint64_t *)a;
  const uint64_t y = *(const uint64_t *)b;
  return x < y ? -1 : x > y;
}

/* One that were tried twice would count twice. */
static int check_twice(const char *command, const char *path, const tenant_list *tenants) {
  qsort(tenants->ids, tenants->count, sizeof *tenants->ids, compare);
  for (size_t i = 1; i < tenants->count; i++) {
    if (tenants->ids[i] == tenants->ids[i - 1]) {
      return cli_fail(command, "%s: tenant %" PRIu64 " is named twice", path, tenants->ids[i]);
    }
  }
  return CLI_OK;
}

int tenants_read(const char *command, const char *text, tenant_list *tenants) {
  bool is_range = false;
  int status = read_range(command, text, tenants, &is_range);
  if (status != CLI_OK || is_range) {
    return status;
  }
  FILE *file = fopen(text, "r");
  uint64_t id = 0;
  if (file == NULL && cli_parse_number(text, UINT64_MAX, &id)) {
    return cli_fail(command,
                    "--tenants %s is neither a range nor a file: for this tenant alone write "
                    "--tenants %s-%s",
                    text, text, text);
  }
  if (file == NULL) {
    return cli_fail(command, "--tenants %s is neither a range such as 0-99 nor a file: %s", text,
                    strerror(errno));
  }
  status = read_lines(command, text, file, tenants);
  (void)fclose(file);
  if (status == CLI_OK && tenants->count == 0) {
    status = cli_fail(command, "%s: the file is empty: it names no tenant", text);
  }
  return status == CLI_OK ? check_twice(command, text, tenants) : status;
}

void tenants_free(tenant_list *tenants) {
  free(tenants->ids);
  *tenants = (tenant_list){0};
}
