/* greenprint version: the library that is running, and the libraries under it. */
#include "cli.h"

#include <getopt.h>

#include <jansson.h>
#include <openssl/crypto.h>
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <sodium.h>
#include <utf8proc.h>
#include <zlib.h>

static const char help[] =
    "Usage: greenprint version\n"
    "\n"
    "Shows the versions of greenprint and of the libraries it runs with.\n";

int cli_version(int argc, char **argv) {
  static const struct option options[] = {{"help", no_argument, NULL, 'h'}, {0}};
  opterr = 0;
  const int option = getopt_long(argc, argv, ":h", options, NULL);
  if (option == 'h') {
    (void)fputs(help, stdout);
    return cli_flush("version");
  }
  if (option != -1) {
    return cli_bad_option("version", option, argv);
  }
  if (optind < argc) {
    return cli_fail("version", "unexpected operand %s; see greenprint version --help",
                    argv[optind]);
  }
  const char *cpu = NULL;
  gp_error error;
  if (gp_cpu_name(&cpu, &error) != GP_OK) {
    return cli_fail("version", "%s", error.message);
  }
  char pcre2[64] = "?";
  (void)pcre2_config(PCRE2_CONFIG_VERSION, pcre2);
  (void)printf("greenprint %s\nkernels for %s\n%s\nlibsodium %s\nzlib %s\njansson %s\nPCRE2 %s\n"
               "utf8proc %s (Unicode %s)\n",
               gp_version(), cpu, OpenSSL_version(OPENSSL_VERSION), sodium_version_string(),
               zlibVersion(), jansson_version_str(), pcre2, utf8proc_version(),
               utf8proc_unicode_version());
  return cli_flush("version");
}
