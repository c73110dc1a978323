/* What the figures were measured on. */
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "bench.h"

#ifndef BENCH_BUILD
#define BENCH_BUILD "?"
#endif

/* Which of them the processor has is worth knowing here. */
static const char *const flags_of_interest[] = {
    "aes",      "vaes",     "ssse3",       "avx2",  "f16c",  "avx512f",    "avx512bw",
    "avx512dq", "avx512vl", "avx512_bf16", "asimd", "pmull", "hypervisor",
};

/* The value of the first line of a file such as /proc/cpuinfo that starts with a name; "" where
 * there is none. */
static void read_line(const char *path, const char *name, char *value, size_t size) {
  value[0] = '\0';
  FILE *file = fopen(path, "r");
  if (file == NULL) {
    return;
  }
  char line[8192];
  while (fgets(line, sizeof line, file) != NULL) {
    if (strncmp(line, name, strlen(name)) != 0) {
      continue;
    }
    const char *colon = name[0] == '\0' ? NULL : strchr(line, ':');
    const char *start = colon == NULL ? line : colon + 1;
    start += strspn(start, " \t");
    (void)snprintf(value, size, "%.*s", (int)strcspn(start, "\n"), start);
    break;
  }
  (void)fclose(file);
}

static bool has_word(const char *words, const char *word) {
  const size_t length = strlen(word);
  for (const char *at = strstr(words, word); at != NULL; at = strstr(at + 1, word)) {
    const bool starts = at == words || at[-1] == ' ';
    if (starts && (at[length] == ' ' || at[length] == '\0')) {
      return true;
    }
  }
  return false;
}

static json_t *flags(void) {
  char words[8192];
  read_line("/proc/cpuinfo", "flags", words, sizeof words);
  if (words[0] == '\0') {
    read_line("/proc/cpuinfo", "Features", words, sizeof words); /* ARM's name for it */
  }
  json_t *list = json_array();
  for (size_t i = 0; i < sizeof flags_of_interest / sizeof *flags_of_interest; i++) {
    if (has_word(words, flags_of_interest[i])) {
      (void)json_array_append_new(list, json_string(flags_of_interest[i]));
    }
  }
  return list;
}

/* A cache as "L1 data 32K". */
static json_t *caches(int core) {
  json_t *list = json_array();
  for (int i = 0; i < 8; i++) {
    char path[128];
    char level[16];
    char type[32];
    char size[32];
    char text[96];
    static const char form[] = "/sys/devices/system/cpu/cpu%d/cache/index%d/%s";
    (void)snprintf(path, sizeof path, form, core < 0 ? 0 : core, i, "level");
    read_line(path, "", level, sizeof level);
    (void)snprintf(path, sizeof path, form, core < 0 ? 0 : core, i, "type");
    read_line(path, "", type, sizeof type);
    (void)snprintf(path, sizeof path, form, core < 0 ? 0 : core, i, "size");
    read_line(path, "", size, sizeof size);
    if (level[0] != '\0' && strcmp(type, "Instruction") != 0) {
      (void)snprintf(text, sizeof text, "L%s %s", level, size);
      (void)json_array_append_new(list, json_string(text));
    }
  }
  return list;
}

static const char *compiler(void) {
#if defined(__clang__)
  return "clang " __clang_version__;
#elif defined(__GNUC__)
  return "gcc " __VERSION__;
#else
  return "?";
#endif
}

json_t *bench_machine(int core) {
  char model[256];
  char load[64];
  char pages[64];
  struct utsname system = {0};
  (void)uname(&system);
  read_line("/proc/cpuinfo", "model name", model, sizeof model);
  read_line("/proc/loadavg", "", load, sizeof load);
  load[strcspn(load, " ")] = '\0';
  read_line("/sys/kernel/mm/transparent_hugepage/enabled", "", pages, sizeof pages);
  json_t *machine = json_pack(
      "{s:s, s:s, s:s, s:i, s:i, s:o, s:o, s:s, s:s, s:s, s:s, s:s}", "processor",
      model[0] == '\0' ? "?" : model, "architecture", system.machine, "kernel", system.release,
      "cores", (int)sysconf(_SC_NPROCESSORS_ONLN), "core", core, "flags", flags(), "caches",
      caches(core), "huge_pages", pages, "load_before", load, "compiler", compiler(), "build",
      BENCH_BUILD, "openssl", OpenSSL_version(OPENSSL_VERSION));
  if (machine == NULL) {
    bench_fail("results", "out of memory");
  }
  return machine;
}

gp_key *bench_key(uint32_t gamma_log2_den) {
  gp_error error;
  gp_key *key = NULL;
  gp_params params = gp_params_default();
  params.gamma_num = 1;
  params.gamma_log2_den = gamma_log2_den;
  bench_check(gp_key_generate(&params, &key, &error), &error);
  return key;
}

const char *bench_library_set(void) {
  gp_error error;
  const char *name = NULL;
  bench_check(gp_cpu_name(&name, &error), &error);
  return name;
}
