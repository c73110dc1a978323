/* Lists of tenants on the command line. */
#ifndef CLI_TENANTS_H
#define CLI_TENANTS_H

#include <stddef.h>
#include <stdint.h>

#define TENANTS_MAX ((size_t)1 << 24)

typedef struct tenant_list {
  uint64_t *ids;
  size_t count;
} tenant_list;

/* Reads "0-23999", or else the file of that name, which holds an id a line. Each id may be
 * there once. Returns an exit status, and has said what is wrong. */
int tenants_read(const char *command, const char *text, tenant_list *tenants);
void tenants_free(tenant_list *tenants);

#endif
