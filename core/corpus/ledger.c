#include "corpus/ledger.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/error.h"
#include "common/new_file.h"

void gp_ledger_init(gp_ledger *ledger, const gp_params *params) {
  memset(ledger, 0, sizeof *ledger);
  ledger->gamma_num = params->gamma_num;
  ledger->gamma_log2_den = params->gamma_log2_den;
  ledger->stride = 1;
}

void gp_ledger_release(gp_ledger *ledger) {
  if (ledger->waiting != NULL) {
    (void)fclose(ledger->waiting);
    ledger->waiting = NULL;
  }
}

/* No prior over green rates above gamma gives more than the best single rate does, which is
 * n KL(x/n, gamma): cheap to compute, and mostly enough to see that the e-value is not the
 * largest so far. */
static double bound_on_e(const gp_ledger *ledger) {
  const double gamma = (double)ledger->gamma_num / (double)(1U << ledger->gamma_log2_den);
  const double n = (double)ledger->scored;
  const double x = (double)ledger->green;
  if (x <= gamma * n) {
    return 0;
  }
  const double missing = n - x;
  const double red = missing > 0 ? missing * log10(missing / (n * (1 - gamma))) : 0;
  return x * log10(x / (n * gamma)) + red;
}

static gp_status update_e(gp_ledger *ledger, gp_error *error) {
  if (ledger->e_current) {
    return GP_OK;
  }
  ledger->e_current = true;
  return gp_log10_e_value(ledger->scored, ledger->green, ledger->gamma_num,
                          ledger->gamma_log2_den, &ledger->evidence.log10_e, error);
}

static gp_status add_point(gp_ledger *ledger, gp_error *error) {
  if (ledger->n_points == GP_CORPUS_CURVE_MAX - 1) { /* the last place is for the end */
    size_t kept = 0;
    ledger->stride *= 2;
    for (size_t i = 0; i < ledger->n_points; i++) {
      if (ledger->points[i].documents % ledger->stride == 0) {
        ledger->points[kept++] = ledger->points[i];
      }
    }
    ledger->n_points = kept;
  }
  if (ledger->documents % ledger->stride != 0) {
    return GP_OK;
  }
  const gp_status status = update_e(ledger, error);
  ledger->points[ledger->n_points++] = (gp_corpus_point){.documents = ledger->documents,
                                                         .scored = ledger->scored,
                                                         .green = ledger->green,
                                                         .log10_e = ledger->evidence.log10_e};
  return status;
}

static gp_status add_now(gp_ledger *ledger, uint32_t fresh, uint32_t green, gp_error *error) {
  ledger->documents++;
  ledger->scored += fresh;
  ledger->green += green;
  ledger->e_current = ledger->e_current && fresh == 0;
  gp_status status = GP_OK;
  if (bound_on_e(ledger) > ledger->evidence.log10_e_largest) {
    status = update_e(ledger, error);
    if (ledger->evidence.log10_e > ledger->evidence.log10_e_largest) {
      ledger->evidence.log10_e_largest = ledger->evidence.log10_e;
      ledger->evidence.at_document = ledger->documents;
    }
  }
  return status == GP_OK && ledger->documents % ledger->stride == 0 ? add_point(ledger, error)
                                                                    : status;
}

gp_status gp_ledger_add(gp_ledger *ledger, uint32_t fresh, uint32_t green, gp_error *error) {
  if (ledger->waiting == NULL) {
    return add_now(ledger, fresh, green, error);
  }
  const uint32_t counts[2] = {fresh, green};
  if (fwrite(counts, sizeof counts, 1, ledger->waiting) != 1) {
    return gp_fail_system(error, "cannot write a scratch file", errno);
  }
  return GP_OK;
}

gp_status gp_ledger_wait(gp_ledger *ledger, const char *scratch, gp_error *error) {
  if (ledger->waiting != NULL) {
    return GP_OK;
  }
  int fd = -1;
  const gp_status status = gp_scratch_file(scratch, &fd, error);
  if (status != GP_OK) {
    return status;
  }
  ledger->waiting = fdopen(fd, "w+b");
  if (ledger->waiting == NULL) {
    (void)close(fd);
    return gp_fail_memory(error, "a scratch file");
  }
  ledger->first_waiting = ledger->documents;
  return GP_OK;
}

gp_status gp_ledger_map(gp_ledger *ledger, gp_ledger_late *late, gp_error *error) {
  *late = (gp_ledger_late){0};
  const off_t size = fflush(ledger->waiting) == 0 ? ftello(ledger->waiting) : -1;
  if (size < 0) {
    return gp_fail_system(error, "cannot write a scratch file", errno);
  }
  late->count = (uint64_t)size / sizeof *late->counts;
  if (late->count == 0) {
    return GP_OK;
  }
  void *mapped =
      mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, fileno(ledger->waiting), 0);
  if (mapped == MAP_FAILED) {
    late->count = 0;
    return gp_fail(error, GP_ERR_MEMORY, "cannot map a scratch file: %s", strerror(errno));
  }
  late->counts = mapped;
  return GP_OK;
}

void gp_ledger_unmap(gp_ledger_late *late) {
  if (late->counts != NULL) {
    (void)munmap(late->counts, (size_t)late->count * sizeof *late->counts);
  }
  *late = (gp_ledger_late){0};
}

gp_status gp_ledger_finish(gp_ledger *ledger, gp_ledger_late *late, gp_error *error) {
  gp_status status = GP_OK;
  for (uint64_t i = 0; i < late->count && status == GP_OK; i++) {
    status = add_now(ledger, late->counts[i][0], late->counts[i][1], error);
  }
  gp_ledger_unmap(late);
  if (status != GP_OK) {
    return status;
  }
  status = update_e(ledger, error);
  if (ledger->n_points == 0 ||
      ledger->points[ledger->n_points - 1].documents != ledger->documents) {
    ledger->points[ledger->n_points++] = (gp_corpus_point){.documents = ledger->documents,
                                                           .scored = ledger->scored,
                                                           .green = ledger->green,
                                                           .log10_e = ledger->evidence.log10_e};
  }
  const double largest = ledger->evidence.log10_e_largest;
  ledger->evidence.log10_p_anytime = largest > 0 ? -largest : 0;
  return status;
}
