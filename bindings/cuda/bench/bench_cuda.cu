/*
 * How long biasing rows on a GPU takes, beside a kernel that adds a constant to all logits of the
 * same rows. For each format and batch: the time on the device, for which calls are recorded
 * into a graph and the graph is launched (the two sides in turns, the median of many), and the
 * time that the CPU sees, from a call to the end of its work.
 *
 * usage: bench_cuda [VOCABULARY]
 */
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <cuda_runtime.h>
#include <vector>

#include "../src/formats.cuh"
#include "greenprint_cuda.h"

#define CALLS   20 /* in a graph */
#define REPEATS 101

static void check(cudaError_t code, const char *what) {
  if (code != cudaSuccess) {
    fprintf(stderr, "bench_cuda: %s: %s\n", what, cudaGetErrorString(code));
    exit(1);
  }
}

static void check(gp_status status, const char *what) {
  if (status != GP_OK) {
    fprintf(stderr, "bench_cuda: %s: %s\n", what, gp_status_string(status));
    exit(1);
  }
}

#define CHECK(call) check((call), #call)

/* All bits are green: nothing but the addition and the memory is left. */
template <typename Logits>
static __global__ void add_constant(uint4 *logits, size_t n_vectors, float delta) {
  const size_t step = (size_t)gridDim.x * blockDim.x;
  for (size_t i = (size_t)blockIdx.x * blockDim.x + threadIdx.x; i < n_vectors; i += step) {
    logits[i] = Logits::bias(logits[i], 0xFFU, delta);
  }
}

struct setting {
  gp_dtype dtype;
  size_t n_rows;
  size_t vocabulary;
  void *logits; /* device */
  std::vector<gp_row> rows;
  gp_prepared_row *prepared; /* device */
  const gp_cuda_watermark *cuda;
};

static size_t bytes_of(const setting &s) {
  return s.n_rows * s.vocabulary * (s.dtype == GP_FLOAT32 ? 4 : 2);
}

static void add(const setting &s, cudaStream_t stream) {
  const size_t n_vectors = bytes_of(s) / 16; /* the last few numbers do not matter */
  /* A thread a vector. */
  const unsigned blocks = (unsigned)std::min<size_t>((n_vectors + 255) / 256, 1U << 20);
  if (s.dtype == GP_FLOAT32) {
    add_constant<float32_logits><<<blocks, 256, 0, stream>>>((uint4 *)s.logits, n_vectors, 2.0F);
  } else if (s.dtype == GP_FLOAT16) {
    add_constant<float16_logits><<<blocks, 256, 0, stream>>>((uint4 *)s.logits, n_vectors, 2.0F);
  } else {
    add_constant<bfloat16_logits><<<blocks, 256, 0, stream>>>((uint4 *)s.logits, n_vectors, 2.0F);
  }
  CHECK(cudaGetLastError());
}

static void bias_prepared(const setting &s, cudaStream_t stream) {
  CHECK(gp_cuda_bias_prepared(s.cuda, s.dtype, s.logits, s.n_rows, s.vocabulary, s.vocabulary,
                              s.prepared, stream, nullptr));
}

static void bias_batch(const setting &s, cudaStream_t stream) {
  CHECK(gp_cuda_bias_batch(s.cuda, s.dtype, s.logits, s.n_rows, s.vocabulary, s.vocabulary,
                           s.rows.data(), stream, nullptr));
}

static cudaGraphExec_t record(const setting &s, void (*work)(const setting &, cudaStream_t),
                              cudaStream_t stream) {
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t executable = nullptr;
  CHECK(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal));
  for (int i = 0; i < CALLS; i++) {
    work(s, stream);
  }
  CHECK(cudaStreamEndCapture(stream, &graph));
  CHECK(cudaGraphInstantiateWithFlags(&executable, graph, 0));
  CHECK(cudaGraphDestroy(graph));
  return executable;
}

static double median(std::vector<double> &times) {
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

/* Microseconds of one call on the device, for several recordings in turns. */
static void time_on_device(const cudaGraphExec_t *graphs, size_t n, cudaStream_t stream,
                           double *medians) {
  cudaEvent_t start = nullptr;
  cudaEvent_t end = nullptr;
  std::vector<std::vector<double>> times(n);
  CHECK(cudaEventCreate(&start));
  CHECK(cudaEventCreate(&end));
  for (int repeat = -10; repeat < REPEATS; repeat++) { /* the first ones warm up */
    for (size_t i = 0; i < n; i++) {
      float milliseconds = 0.0F;
      CHECK(cudaEventRecord(start, stream));
      CHECK(cudaGraphLaunch(graphs[i], stream));
      CHECK(cudaEventRecord(end, stream));
      CHECK(cudaEventSynchronize(end));
      CHECK(cudaEventElapsedTime(&milliseconds, start, end));
      if (repeat >= 0) {
        times[i].push_back(1000.0 * milliseconds / CALLS);
      }
    }
  }
  for (size_t i = 0; i < n; i++) {
    medians[i] = median(times[i]);
  }
  CHECK(cudaEventDestroy(start));
  CHECK(cudaEventDestroy(end));
}

/* Microseconds of the CPU for the call alone, and until its work is done. */
static void time_on_cpu(const setting &s, cudaStream_t stream, double *call, double *until_done) {
  using clock = std::chrono::steady_clock;
  std::vector<double> calls;
  std::vector<double> all;
  for (int repeat = -10; repeat < REPEATS; repeat++) {
    CHECK(cudaStreamSynchronize(stream));
    const clock::time_point start = clock::now();
    bias_batch(s, stream);
    const clock::time_point called = clock::now();
    CHECK(cudaStreamSynchronize(stream));
    const clock::time_point done = clock::now();
    if (repeat >= 0) {
      calls.push_back(std::chrono::duration<double, std::micro>(called - start).count());
      all.push_back(std::chrono::duration<double, std::micro>(done - start).count());
    }
  }
  *call = median(calls);
  *until_done = median(all);
}

static void measure(const gp_watermark *watermark, setting &s, const char *format) {
  static const uint32_t tokens[2][2] = {{1, 2}, {3, 4}};
  std::vector<gp_prepared_row> prepared(s.n_rows);
  cudaStream_t stream = nullptr;
  s.rows.assign(s.n_rows, gp_row{});
  for (size_t i = 0; i < s.n_rows; i++) {
    s.rows[i].tokens = tokens[i % 2];
    s.rows[i].n_tokens = 2;
  }
  CHECK(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
  CHECK(cudaMalloc(&s.logits, bytes_of(s)));
  CHECK(cudaMemset(s.logits, 0, bytes_of(s)));
  CHECK(cudaMalloc(&s.prepared, s.n_rows * sizeof *s.prepared));
  CHECK(gp_prepare_rows(watermark, s.rows.data(), s.n_rows, prepared.data(), nullptr));
  CHECK(cudaMemcpy(s.prepared, prepared.data(), s.n_rows * sizeof *s.prepared,
                   cudaMemcpyHostToDevice));
  CHECK(cudaDeviceSynchronize()); /* the stream does not wait for the default one */
  const cudaGraphExec_t graphs[2] = {record(s, add, stream), record(s, bias_prepared, stream)};
  double device[2] = {0.0, 0.0};
  double call = 0.0;
  double until_done = 0.0;
  time_on_device(graphs, 2, stream, device);
  time_on_cpu(s, stream, &call, &until_done);
  printf("%-9s %5zu %12.2f %12.2f %8.2f %14.2f %14.2f\n", format, s.n_rows, device[0], device[1],
         device[1] / device[0], call, until_done);
  for (cudaGraphExec_t graph : graphs) {
    CHECK(cudaGraphExecDestroy(graph));
  }
  CHECK(cudaFree(s.logits));
  CHECK(cudaFree(s.prepared));
  CHECK(cudaStreamDestroy(stream));
}

static void measure_gamma(const char *gamma, size_t vocabulary) {
  uint8_t master[GP_MASTER_KEY_SIZE] = {1};
  gp_params params = gp_params_default();
  gp_key *key = nullptr;
  gp_watermark *watermark = nullptr;
  gp_cuda_watermark *cuda = nullptr;
  CHECK(gp_params_set_gamma(&params, gamma, nullptr));
  CHECK(gp_key_from_bytes(&params, master, &key, nullptr));
  CHECK(gp_watermark_new(key, nullptr, &watermark, nullptr));
  CHECK(gp_cuda_watermark_new(watermark, &cuda, nullptr));
  printf("\nvocabulary %zu, gamma %s, microseconds (medians of %d)\n", vocabulary, gamma,
         REPEATS);
  printf("%-9s %5s %12s %12s %8s %14s %14s\n", "format", "rows", "constant", "biased", "ratio",
         "CPU: the call", "until done");
  const struct {
    gp_dtype dtype;
    const char *name;
  } formats[] = {{GP_BFLOAT16, "bfloat16"}, {GP_FLOAT16, "float16"}, {GP_FLOAT32, "float32"}};
  for (const auto &format : formats) {
    for (const size_t n_rows : {(size_t)1, (size_t)32, (size_t)256}) {
      setting s = {format.dtype, n_rows, vocabulary, nullptr, {}, nullptr, cuda};
      measure(watermark, s, format.name);
    }
  }
  gp_cuda_watermark_free(cuda);
  gp_watermark_free(watermark);
  gp_key_free(key);
}

int main(int argc, char **argv) {
  const size_t vocabulary = argc > 1 ? strtoul(argv[1], nullptr, 10) : 151936;
  int count = 0;
  cudaDeviceProp properties;
  if (vocabulary == 0 || vocabulary > UINT32_MAX) {
    fprintf(stderr, "usage: bench_cuda [VOCABULARY]\n");
    return 2;
  }
  if (cudaGetDeviceCount(&count) != cudaSuccess || count == 0) {
    fprintf(stderr, "bench_cuda: there is no GPU here: nothing was measured\n");
    return 77;
  }
  CHECK(cudaGetDeviceProperties(&properties, 0));
  printf("%s, compute capability %d.%d, %d multiprocessors, %d MiB of second-level cache\n",
         properties.name, properties.major, properties.minor, properties.multiProcessorCount,
         properties.l2CacheSize >> 20);
  printf("Batches that fit into that cache are in it; a model's logits are, too, when they have "
         "just been made.\n");
  for (const char *gamma : {"1/2", "1/4", "1/8"}) {
    measure_gamma(gamma, vocabulary);
  }
  return 0;
}
