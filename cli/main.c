/* greenprint: picks the command, after closing the ways a key could leak by accident. */
#include "cli.h"

#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

#include <sodium.h>

static const char help[] =
    "Usage: greenprint COMMAND [OPTION...]\n"
    "\n"
    "Marks what language models say, and finds the mark again.\n"
    "\n"
    "Commands:\n"
    "  keygen      make a key file\n"
    "  inspect     show what a key file, public file or proof says\n"
    "  verify      look for the mark of a key in text or token ids\n"
    "  merge       put partial results of verify together\n"
    "  audit       look for the mark of a key in what a model has learned\n"
    "  trace       tell whose marked text a model was trained on\n"
    "  contexts    collect the contexts of what was served\n"
    "  plan        say how many tokens are needed\n"
    "  prove       show everybody what verify finds, without giving the key away\n"
    "  check       verify a text by such a proof and the public file of the key\n"
#ifdef GREENPRINT_NETWORK
    "  serve       answer auditors who have texts, without seeing them\n"
#endif
    "  precompute  make a table that makes a provable key fast\n"
    "  commit      commit to all keys, and prove that one is among them\n"
    "  timestamp   show that a file was there at some time\n"
    "  sign        sign a file, or check its signature\n"
    "  version     show the versions of greenprint and its libraries\n"
    "\n"
    "Options:\n"
    "  -h, --help     show this help; greenprint COMMAND --help shows a command's\n"
    "  -V, --version  the same as the command version\n"
    "\n"
    "Exit status: 0 done (of verify, check, merge, audit and trace: found), 1 not found, 2 an "
    "error.\n";

static const struct {
  const char *name;
  int (*run)(int argc, char **argv);
} commands[] = {
    {"keygen", cli_keygen},
    {"inspect", cli_inspect},
    {"verify", cli_verify},
    {"merge", cli_merge},
    {"audit", cli_audit},
    {"trace", cli_trace},
    {"contexts", cli_contexts},
    {"plan", cli_plan},
    {"prove", cli_prove},
    {"check", cli_check},
    {"serve", cli_serve},
    {"precompute", cli_precompute},
    {"commit", cli_commit},
    {"timestamp", cli_timestamp},
    {"sign", cli_sign},
    {"version", cli_version},
    {"--version", cli_version},
    {"-V", cli_version},
};

/* A file opened while descriptor 2 is closed would get its number, and a message be
 * written into it. Closed standard descriptors are filled with ones that cannot be used. */
static bool fill_standard_descriptors(void) {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
    if (fcntl(fd, F_GETFD) == -1 &&
        open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd) {
      return false;
    }
  }
  return true;
}

/* Keeps keys out of core files, and other processes of the user out of this one. */
static bool forbid_dumps(void) {
  const struct rlimit none = {0, 0};
  if (setrlimit(RLIMIT_CORE, &none) != 0) {
    return false;
  }
#ifdef __linux__
  return prctl(PR_SET_DUMPABLE, 0L, 0L, 0L, 0L) == 0;
#else
  return true;
#endif
}

int main(int argc, char **argv) {
  if (!fill_standard_descriptors()) {
    return CLI_TROUBLE;
  }
  if (!forbid_dumps()) {
    return cli_fail(NULL, "core dumps cannot be switched off; a key could end up in one");
  }
  if (sodium_init() < 0) {
    return cli_fail(NULL, "libsodium cannot be initialised");
  }
  if (argc < 2) {
    (void)fputs(help, stderr);
    return CLI_TROUBLE;
  }
  if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
    (void)fputs(help, stdout);
    return cli_flush(NULL);
  }
  for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
    if (strcmp(argv[1], commands[i].name) == 0) {
      return commands[i].run(argc - 1, argv + 1);
    }
  }
  return cli_fail(NULL, "unknown %s %s; see greenprint --help",
                  argv[1][0] == '-' ? "option" : "command", argv[1]);
}
