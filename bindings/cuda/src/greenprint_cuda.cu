/* The CPU's side: what a watermark needs on a device, and the launches. */
#include "greenprint_cuda.h"

#include <cuda_runtime.h>
#include <sodium.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef GP_CUDA_SHARED /* the tests bring one of their own */
#define GP_CUDA_SHARED(name) extern __shared__ uint4 name[]
#endif

#include "kernels.cuh"

/* Rows that fit into the parameters of a kernel: 4 KiB at first, 32764 bytes since CUDA 12.1. */
#define FEW_ROWS    192U
#define MANY_ROWS   1536U
#define MANY_DRIVER 12010

static_assert(sizeof(gp_prepared_row) == 20, "the kernels read rows as five words");
static_assert(offsetof(gp_device_keys, context) == 176 && offsetof(gp_device_keys, order) == 352,
              "the kernels read round keys by 16 bytes");
static_assert(sizeof(gp_cuda_launch<FEW_ROWS>) <= 4096, "kernel parameters");
static_assert(sizeof(gp_cuda_launch<MANY_ROWS>) <= 32764, "kernel parameters");
#if CUDART_VERSION >= MANY_DRIVER
#define HAVE_MANY 1
#else
#define HAVE_MANY 0
#endif

/* How a kernel is launched best on the device. */
typedef struct gp_cuda_shape {
  unsigned threads;
  unsigned blocks; /* that the device holds at once */
} gp_cuda_shape;

struct gp_cuda_watermark {
  const gp_watermark *watermark;
  gp_params params;
  int device;
  unsigned char *memory; /* the device's: gp_cuda_secrets, then the never-biased list */
  size_t memory_size;
  uint32_t n_never_biased;
  bool many;                 /* whether MANY_ROWS travel with a launch */
  gp_cuda_shape shape[3][3]; /* of the kernels for each gp_dtype - 1, by rows_index() */
  gp_cuda_shape prepare_shape;
  bool by_host; /* nonces are made by gp_prepare_rows() alone: of a provable key */
};

/* ------------------------------------------------------------------- errors */

static gp_status fail(gp_error *error, gp_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static gp_status fail(gp_error *error, gp_status status, const char *format, ...) {
  if (error != NULL) {
    va_list arguments;
    va_start(arguments, format);
    error->status = status;
    (void)vsnprintf(error->message, sizeof error->message, format, arguments);
    va_end(arguments);
  }
  return status;
}

static gp_status fail_null(gp_error *error, const char *function, const char *argument) {
  return fail(error, GP_ERR_ARGUMENT, "%s: %s must not be NULL", function, argument);
}

/* What a call into CUDA said. Takes the failure out of CUDA's memory of the last one, so that it
 * does not show again where the caller looks next. */
static gp_status check_cuda(cudaError_t code, const char *what, gp_error *error) {
  if (code == cudaSuccess) {
    return GP_OK;
  }
  (void)cudaGetLastError();
  return fail(error, code == cudaErrorMemoryAllocation ? GP_ERR_MEMORY : GP_ERR_IO,
              "CUDA could not %s: %s (%s)", what, cudaGetErrorString(code),
              cudaGetErrorName(code));
}

/* ------------------------------------------------------------------- making */

/* x * 2 in GF(2^8) modulo x^8 + x^4 + x^3 + x + 1. */
static uint32_t twice(uint32_t x) {
  return (x << 1 ^ (x >> 7) * 0x11BU) & 0xFFU;
}

/* T0 (aes.cuh). p runs through the powers of 3, q through their inverses [FIPS 197, 5.1.1]. */
static void make_table(uint32_t *t0) {
  uint32_t p = 1;
  uint32_t q = 1;
  do {
    p ^= twice(p);
    q ^= q << 1; /* division by 3 */
    q ^= q << 2;
    q ^= q << 4;
    q = (q ^ (q >> 7 & 1U) * 0x09U) & 0xFFU;
    const uint32_t turned = q | q << 8;
    const uint32_t s =
        (q ^ turned >> 7 ^ turned >> 6 ^ turned >> 5 ^ turned >> 4 ^ 0x63U) & 0xFFU;
    t0[p] = twice(s) | s << 8 | s << 16 | (s ^ twice(s)) << 24;
  } while (p != 1);
  const uint32_t s = 0x63U;
  t0[0] = twice(s) | s << 8 | s << 16 | (s ^ twice(s)) << 24;
}

/* Keys pass through pinned memory of our own, since the driver would otherwise copy them into
 * memory of its own, which nobody wipes. */
static gp_status upload(gp_cuda_watermark *made, const uint32_t *never_biased, gp_error *error) {
  gp_cuda_secrets *staging = NULL;
  gp_status status = check_cuda(cudaMallocHost((void **)&staging, sizeof *staging),
                                "allocate pinned memory", error);
  if (status != GP_OK) {
    return status;
  }
  made->by_host = gp_watermark_device_keys(made->watermark, &staging->keys, NULL) != GP_OK;
  if (made->by_host) {
    status = gp_watermark_mask_keys(made->watermark, &staging->keys, error);
  }
  make_table(staging->t0);
  if (status == GP_OK) {
    status =
        check_cuda(cudaMemcpy(made->memory, staging, sizeof *staging, cudaMemcpyHostToDevice),
                   "copy keys to the device", error);
  }
  if (status == GP_OK && made->n_never_biased > 0) {
    status = check_cuda(cudaMemcpy(made->memory + sizeof *staging, never_biased,
                                   made->n_never_biased * sizeof *never_biased,
                                   cudaMemcpyHostToDevice),
                        "copy the never-biased list to the device", error);
  }
  if (status == GP_OK) { /* a copy from memory that is not pinned may still be under way */
    status = check_cuda(cudaDeviceSynchronize(), "wait for the device", error);
  }
  sodium_memzero(staging, sizeof *staging);
  (void)cudaFreeHost(staging);
  return status;
}

/* Lets a kernel have its shared memory, and finds the size of thread block that keeps most
 * threads on a multiprocessor. */
static gp_status fit_kernel(const void *kernel, int device, gp_cuda_shape *shape,
                            gp_error *error) {
  int multiprocessors = 0;
  gp_status status =
      check_cuda(cudaDeviceGetAttribute(&multiprocessors, cudaDevAttrMultiProcessorCount, device),
                 "ask about the device", error);
  if (status == GP_OK) {
    status = check_cuda(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                             GP_CUDA_TABLE_BYTES),
                        "give the kernel 64 KiB of shared memory", error);
  }
  if (status == GP_OK) { /* a hint only */
    (void)cudaFuncSetAttribute(kernel, cudaFuncAttributePreferredSharedMemoryCarveout,
                               cudaSharedmemCarveoutMaxShared);
    (void)cudaGetLastError();
  }
  cudaFuncAttributes attributes = {};
  if (status == GP_OK) {
    status =
        check_cuda(cudaFuncGetAttributes(&attributes, kernel), "ask about the kernel", error);
  }
  unsigned best = 0;
  const unsigned most = (unsigned)attributes.maxThreadsPerBlock;
  for (unsigned threads = 128; threads <= most && status == GP_OK; threads *= 2) {
    int blocks = 0;
    status = check_cuda(cudaOccupancyMaxActiveBlocksPerMultiprocessor(
                            &blocks, kernel, (int)threads, GP_CUDA_TABLE_BYTES),
                        "ask about the kernel", error);
    if (status == GP_OK && threads * (unsigned)blocks > best) {
      best = threads * (unsigned)blocks;
      shape->threads = threads;
      shape->blocks = (unsigned)blocks * (unsigned)multiprocessors;
    }
  }
  if (status == GP_OK && best == 0) {
    return fail(error, GP_ERR_IO,
                "this GPU cannot run the kernel: 64 KiB of shared memory and 128 "
                "threads a block are needed");
  }
  return status;
}

static constexpr unsigned rows_index(unsigned n_rows) {
  return n_rows == 0 ? 0 : n_rows == FEW_ROWS ? 1 : 2;
}

template <typename Logits, unsigned N>
static gp_status fit_bias(gp_cuda_watermark *made, gp_dtype dtype, gp_error *error) {
  return fit_kernel((const void *)bias_kernel<Logits, N>, made->device,
                    &made->shape[dtype - 1][rows_index(N)], error);
}

template <typename Logits>
static gp_status fit_format(gp_cuda_watermark *made, gp_dtype dtype, gp_error *error) {
  gp_status status = fit_bias<Logits, 0>(made, dtype, error);
  if (status == GP_OK) {
    status = fit_bias<Logits, FEW_ROWS>(made, dtype, error);
  }
#if HAVE_MANY
  if (status == GP_OK && made->many) {
    status = fit_bias<Logits, MANY_ROWS>(made, dtype, error);
  }
#endif
  return status;
}

static gp_status fit_all(gp_cuda_watermark *made, gp_error *error) {
  gp_status status = fit_format<float32_logits>(made, GP_FLOAT32, error);
  if (status == GP_OK) {
    status = fit_format<float16_logits>(made, GP_FLOAT16, error);
  }
  if (status == GP_OK) {
    status = fit_format<bfloat16_logits>(made, GP_BFLOAT16, error);
  }
  if (status == GP_OK) {
    status = fit_kernel((const void *)prepare_kernel, made->device, &made->prepare_shape, error);
  }
  return status;
}

static gp_status fill(gp_cuda_watermark *made, gp_error *error) {
  int driver = 0;
  const uint32_t *never_biased = NULL;
  const size_t n_never_biased = gp_watermark_never_biased(made->watermark, &never_biased);
  if (n_never_biased > UINT32_MAX) {
    return fail(error, GP_ERR_ARGUMENT, "never_biased: %zu ids are too many", n_never_biased);
  }
  made->n_never_biased = (uint32_t)n_never_biased;
  made->params = gp_watermark_params(made->watermark);
  made->memory_size = sizeof(gp_cuda_secrets) + n_never_biased * sizeof *never_biased;
  gp_status status = check_cuda(cudaGetDevice(&made->device), "find a device", error);
  if (status == GP_OK) {
    status = check_cuda(cudaDriverGetVersion(&driver), "find a driver", error);
    made->many = HAVE_MANY && driver >= MANY_DRIVER;
  }
  if (status == GP_OK) {
    status = fit_all(made, error);
  }
  if (status == GP_OK) {
    status = check_cuda(cudaMalloc((void **)&made->memory, made->memory_size),
                        "allocate device memory", error);
  }
  return status == GP_OK ? upload(made, never_biased, error) : status;
}

gp_status gp_cuda_watermark_new(const gp_watermark *watermark, gp_cuda_watermark **cuda_watermark,
                                gp_error *error) {
  if (watermark == NULL || cuda_watermark == NULL) {
    return fail_null(error, __func__, watermark == NULL ? "watermark" : "cuda_watermark");
  }
  gp_cuda_watermark *made = (gp_cuda_watermark *)calloc(1, sizeof *made);
  if (made == NULL) {
    return fail(error, GP_ERR_MEMORY, "out of memory: watermark for a GPU");
  }
  made->watermark = watermark;
  const gp_status status = fill(made, error);
  if (status != GP_OK) {
    gp_cuda_watermark_free(made);
    return status;
  }
  *cuda_watermark = made;
  return GP_OK;
}

void gp_cuda_watermark_free(gp_cuda_watermark *cuda_watermark) {
  if (cuda_watermark == NULL) {
    return;
  }
  int current = cuda_watermark->device;
  if (cuda_watermark->memory != NULL) {
    (void)cudaGetDevice(&current);
    (void)cudaSetDevice(cuda_watermark->device);
    (void)cudaDeviceSynchronize(); /* kernels on their way still read the keys */
    (void)cudaMemset(cuda_watermark->memory, 0, cuda_watermark->memory_size);
    (void)cudaDeviceSynchronize();
    (void)cudaFree(cuda_watermark->memory);
    (void)cudaSetDevice(current);
    (void)cudaGetLastError();
  }
  free(cuda_watermark);
}

/* ---------------------------------------------------------------- launching */

static gp_status check_device(const gp_cuda_watermark *cuda_watermark, gp_error *error) {
  int device = 0;
  const gp_status status = check_cuda(cudaGetDevice(&device), "find a device", error);
  if (status == GP_OK && device != cuda_watermark->device) {
    return fail(
        error, GP_ERR_ARGUMENT,
        "cuda_watermark: it was made for device %d, but device %d is current; make one for "
        "each device",
        cuda_watermark->device, device);
  }
  return status;
}

/* How many chunks rows are cut into: at most 2^31 - 1. */
static gp_status count_chunks(const gp_cuda_watermark *cuda_watermark, size_t n_rows,
                              gp_cuda_job *job, gp_error *error) {
  job->groups = GP_CUDA_WARP / cuda_watermark->params.gamma_log2_den;
  const uint64_t tokens = (uint64_t)job->groups * GP_CUDA_GROUP_TOKENS;
  const uint64_t per_row = (job->vocabulary + tokens - 1) / tokens;
  if (n_rows > INT32_MAX / per_row) {
    return fail(error, GP_ERR_ARGUMENT,
                "n_rows: %zu rows of %llu logits are too many for one call", n_rows,
                (unsigned long long)job->vocabulary);
  }
  job->chunks_per_row = (uint32_t)per_row;
  job->n_chunks = (uint32_t)(n_rows * per_row);
  return GP_OK;
}

static size_t size_of(gp_dtype dtype) {
  return dtype == GP_FLOAT32 ? sizeof(float) : sizeof(uint16_t);
}

static gp_status check_shape(gp_dtype dtype, const void *logits, size_t n_rows, size_t vocabulary,
                             size_t stride, gp_error *error) {
  if (dtype != GP_FLOAT32 && dtype != GP_FLOAT16 && dtype != GP_BFLOAT16) {
    return fail(error, GP_ERR_ARGUMENT, "dtype: %d is not float32, float16 or bfloat16",
                (int)dtype);
  }
  if (n_rows == 0) {
    return GP_OK;
  }
  if (vocabulary == 0 || vocabulary > (uint64_t)UINT32_MAX + 1) {
    return fail(error, GP_ERR_ARGUMENT, "vocabulary: must be 1 to 2^32, not %zu", vocabulary);
  }
  if (stride < vocabulary) {
    return fail(error, GP_ERR_ARGUMENT, "stride: %zu is below the vocabulary of %zu", stride,
                vocabulary);
  }
  if (stride > SIZE_MAX / size_of(dtype) / n_rows) {
    return fail(error, GP_ERR_ARGUMENT,
                "stride: %zu rows of %zu elements exceed the address space", n_rows, stride);
  }
  if ((uintptr_t)logits % size_of(dtype) != 0) {
    return fail(error, GP_ERR_ARGUMENT, "device_logits: not aligned to %zu bytes",
                size_of(dtype));
  }
  return GP_OK;
}

static gp_status start_job(const gp_cuda_watermark *cuda_watermark, void *device_logits,
                           size_t n_rows, size_t vocabulary, size_t stride, gp_cuda_job *job,
                           gp_error *error) {
  memset(job, 0, sizeof *job);
  job->secrets = (const gp_cuda_secrets *)cuda_watermark->memory;
  job->never_biased = (const uint32_t *)(cuda_watermark->memory + sizeof(gp_cuda_secrets));
  job->n_never_biased = cuda_watermark->n_never_biased;
  job->logits = (unsigned char *)device_logits;
  job->vocabulary = vocabulary;
  job->stride = stride;
  job->gamma_num = cuda_watermark->params.gamma_num;
  job->gamma_log2_den = cuda_watermark->params.gamma_log2_den;
  return count_chunks(cuda_watermark, n_rows, job, error);
}

template <typename Job>
static gp_status launch_kernel(void (*kernel)(const Job), const Job &job, gp_cuda_shape shape,
                               unsigned blocks, void *stream, gp_error *error) {
  cudaLaunchConfig_t config = {};
  config.gridDim = dim3(blocks < shape.blocks ? blocks : shape.blocks);
  config.blockDim = dim3(shape.threads);
  config.dynamicSmemBytes = GP_CUDA_TABLE_BYTES;
  config.stream = (cudaStream_t)stream;
  return check_cuda(cudaLaunchKernelEx(&config, kernel, job), "launch the kernel", error);
}

template <unsigned N>
static gp_status launch_bias(const gp_cuda_watermark *cuda_watermark, gp_dtype dtype,
                             const gp_cuda_launch<N> &launch, void *stream, gp_error *error) {
  const gp_cuda_shape shape = cuda_watermark->shape[dtype - 1][rows_index(N)];
  const unsigned blocks = launch.job.n_chunks;
  switch (dtype) {
  case GP_FLOAT32:
    return launch_kernel(bias_kernel<float32_logits, N>, launch, shape, blocks, stream, error);
  case GP_FLOAT16:
    return launch_kernel(bias_kernel<float16_logits, N>, launch, shape, blocks, stream, error);
  default:
    return launch_kernel(bias_kernel<bfloat16_logits, N>, launch, shape, blocks, stream, error);
  }
}

static bool any_biased(const gp_prepared_row *rows, size_t n_rows) {
  for (size_t i = 0; i < n_rows; i++) {
    if (rows[i].biased != 0) {
      return true;
    }
  }
  return false;
}

/* Up to N rows, whose nonces travel with the launch. */
template <unsigned N>
static gp_status bias_lot(const gp_cuda_watermark *cuda_watermark, gp_dtype dtype,
                          void *device_logits, size_t n_rows, size_t vocabulary, size_t stride,
                          const gp_row *rows, void *stream, gp_error *error) {
  gp_cuda_launch<N> launch;
  gp_status status =
      start_job(cuda_watermark, device_logits, n_rows, vocabulary, stride, &launch.job, error);
  if (status == GP_OK) {
    status = gp_prepare_rows(cuda_watermark->watermark, rows, n_rows, launch.rows, error);
  }
  if (status == GP_OK && any_biased(launch.rows, n_rows)) {
    memset(launch.rows + n_rows, 0, (N - n_rows) * sizeof *launch.rows);
    status = launch_bias(cuda_watermark, dtype, launch, stream, error);
  }
  return status;
}

gp_status gp_cuda_bias_batch(const gp_cuda_watermark *cuda_watermark, gp_dtype dtype,
                             void *device_logits, size_t n_rows, size_t vocabulary, size_t stride,
                             const gp_row *rows, void *stream, gp_error *error) {
  if (cuda_watermark == NULL) {
    return fail_null(error, __func__, "cuda_watermark");
  }
  if (n_rows > 0 && (device_logits == NULL || rows == NULL)) {
    return fail_null(error, __func__, device_logits == NULL ? "device_logits" : "rows");
  }
  gp_status status = check_shape(dtype, device_logits, n_rows, vocabulary, stride, error);
  if (status == GP_OK) {
    status = check_device(cuda_watermark, error);
  }
  const size_t most = HAVE_MANY && cuda_watermark->many ? MANY_ROWS : FEW_ROWS;
  for (size_t done = 0; done < n_rows && status == GP_OK; done += most) {
    const size_t now = n_rows - done < most ? n_rows - done : most;
    void *logits = (unsigned char *)device_logits + done * stride * size_of(dtype);
    if (now <= FEW_ROWS) {
      status = bias_lot<FEW_ROWS>(cuda_watermark, dtype, logits, now, vocabulary, stride,
                                  rows + done, stream, error);
    } else {
#if HAVE_MANY
      status = bias_lot<MANY_ROWS>(cuda_watermark, dtype, logits, now, vocabulary, stride,
                                   rows + done, stream, error);
#endif
    }
  }
  return status;
}

gp_status gp_cuda_bias_prepared(const gp_cuda_watermark *cuda_watermark, gp_dtype dtype,
                                void *device_logits, size_t n_rows, size_t vocabulary,
                                size_t stride, const gp_prepared_row *device_rows, void *stream,
                                gp_error *error) {
  if (cuda_watermark == NULL) {
    return fail_null(error, __func__, "cuda_watermark");
  }
  if (n_rows > 0 && (device_logits == NULL || device_rows == NULL)) {
    return fail_null(error, __func__, device_logits == NULL ? "device_logits" : "device_rows");
  }
  gp_cuda_launch<0> launch;
  gp_status status = check_shape(dtype, device_logits, n_rows, vocabulary, stride, error);
  if (status == GP_OK && (uintptr_t)device_rows % 4 != 0) {
    status = fail(error, GP_ERR_ARGUMENT, "device_rows: not aligned to 4 bytes");
  }
  if (status == GP_OK) {
    status = check_device(cuda_watermark, error);
  }
  if (status != GP_OK || n_rows == 0) {
    return status;
  }
  status =
      start_job(cuda_watermark, device_logits, n_rows, vocabulary, stride, &launch.job, error);
  if (status != GP_OK) {
    return status;
  }
  launch.job.rows = device_rows;
  return launch_bias(cuda_watermark, dtype, launch, stream, error);
}

gp_status gp_cuda_prepare_ids(const gp_cuda_watermark *cuda_watermark, const int64_t *device_ids,
                              size_t n_rows, size_t ids_stride, const int64_t *device_counts,
                              gp_prepared_row *device_rows, void *stream, gp_error *error) {
  if (cuda_watermark == NULL) {
    return fail_null(error, __func__, "cuda_watermark");
  }
  if (n_rows > 0 && ((device_ids == NULL && ids_stride > 0) || device_rows == NULL)) {
    return fail_null(error, __func__, device_rows == NULL ? "device_rows" : "device_ids");
  }
  if (n_rows > INT32_MAX) {
    return fail(error, GP_ERR_ARGUMENT, "n_rows: %zu rows are too many for one call", n_rows);
  }
  if (n_rows > 0 && ids_stride > SIZE_MAX / sizeof *device_ids / n_rows) {
    return fail(error, GP_ERR_ARGUMENT,
                "ids_stride: %zu rows of %zu ids exceed the address space", n_rows, ids_stride);
  }
  if (cuda_watermark->by_host) {
    return fail(error, GP_ERR_ARGUMENT,
                "cuda_watermark: the GPU cannot make the nonces of a provable key; use "
                "gp_cuda_bias_batch(), or gp_prepare_rows() on the CPU");
  }
  const gp_status status = check_device(cuda_watermark, error);
  if (status != GP_OK || n_rows == 0) {
    return status;
  }
  gp_cuda_ids_job job;
  memset(&job, 0, sizeof job);
  job.secrets = (const gp_cuda_secrets *)cuda_watermark->memory;
  job.ids = device_ids;
  job.counts = device_counts;
  job.rows = device_rows;
  job.stride = ids_stride;
  job.n_rows = (uint32_t)n_rows;
  job.context_width = cuda_watermark->params.context_width;
  job.seeding = (uint32_t)cuda_watermark->params.seeding;
  const unsigned threads = cuda_watermark->prepare_shape.threads;
  gp_cuda_shape shape = cuda_watermark->prepare_shape;
  shape.blocks = UINT32_MAX; /* a thread a row */
  return launch_kernel(prepare_kernel, job, shape, (job.n_rows + threads - 1) / threads, stream,
                       error);
}
