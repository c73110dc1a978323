/*
 * A CUDA runtime that runs kernels on the CPU: just as much of it as libgreenprint_cuda and its
 * tests use, so that the very source of the kernels is tested where there is no GPU.
 *
 * Device memory is the CPU's. A launch runs at once, thread block after thread block; the threads
 * of a block are fibres (ucontext), which change over at __syncthreads() and __shfl_sync(). The
 * device has two multiprocessors and thread blocks of at most 128 threads, so that small inputs
 * reach every loop.
 */
#ifndef GP_EMULATION_CUDA_RUNTIME_H
#define GP_EMULATION_CUDA_RUNTIME_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define CUDART_VERSION 13000

#define __device__
#define __global__
#define __forceinline__ inline
#define __grid_constant__
#define __launch_bounds__(...)
#define GP_CUDA_SHARED(name) uint4 *const name = (uint4 *)emulation_shared()

/* ------------------------------------------------------------ inside kernels */

struct alignas(16) uint4 {
  unsigned x, y, z, w;
};

struct dim3 {
  unsigned x, y, z;
  dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {
  }
};

extern dim3 threadIdx;
extern dim3 blockIdx;
extern dim3 blockDim;
extern dim3 gridDim;

void *emulation_shared(void);
void __syncthreads(void);
unsigned __shfl_sync(unsigned mask, unsigned value, int source_lane);

static inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) {
  return uint4{x, y, z, w};
}

static inline unsigned __byte_perm(unsigned x, unsigned y, unsigned selector) {
  const uint64_t bytes = (uint64_t)y << 32 | x;
  unsigned out = 0;
  for (unsigned i = 0; i < 4; i++) {
    out |= (unsigned)(bytes >> 8 * (selector >> 4 * i & 7U) & 0xFFU) << 8 * i;
  }
  return out;
}

static inline unsigned __funnelshift_r(unsigned low, unsigned high, unsigned shift) {
  return (unsigned)(((uint64_t)high << 32 | low) >> (shift & 31U));
}

static inline float __fadd_rn(float a, float b) {
  return a + b;
}

template <typename T> static inline T __ldg(const T *address) {
  return *address;
}

/* ------------------------------------------------------------------- runtime */

typedef enum cudaError {
  cudaSuccess = 0,
  cudaErrorInvalidValue = 1,
  cudaErrorMemoryAllocation = 2,
  cudaErrorInvalidConfiguration = 9
} cudaError_t;

typedef enum cudaMemcpyKind {
  cudaMemcpyHostToDevice = 1,
  cudaMemcpyDeviceToHost = 2
} cudaMemcpyKind;
typedef enum cudaDeviceAttr {
  cudaDevAttrMultiProcessorCount = 16
} cudaDeviceAttr;
typedef enum cudaFuncAttribute {
  cudaFuncAttributeMaxDynamicSharedMemorySize = 8,
  cudaFuncAttributePreferredSharedMemoryCarveout = 9
} cudaFuncAttribute;
enum {
  cudaSharedmemCarveoutMaxShared = 100
};

typedef struct emulation_stream *cudaStream_t;

typedef struct cudaFuncAttributes {
  int maxThreadsPerBlock;
} cudaFuncAttributes;

typedef struct cudaLaunchConfig_t {
  dim3 gridDim;
  dim3 blockDim;
  size_t dynamicSmemBytes;
  cudaStream_t stream;
} cudaLaunchConfig_t;

const char *cudaGetErrorString(cudaError_t code);
const char *cudaGetErrorName(cudaError_t code);
cudaError_t cudaGetLastError(void);
cudaError_t cudaMalloc(void **memory, size_t size);
cudaError_t cudaFree(void *memory);
cudaError_t cudaMallocHost(void **memory, size_t size);
cudaError_t cudaFreeHost(void *memory);
cudaError_t cudaMemcpy(void *to, const void *from, size_t size, cudaMemcpyKind kind);
cudaError_t cudaMemset(void *memory, int value, size_t size);
cudaError_t cudaDeviceSynchronize(void);
cudaError_t cudaGetDevice(int *device);
cudaError_t cudaSetDevice(int device);
cudaError_t cudaDriverGetVersion(int *version);
cudaError_t cudaDeviceGetAttribute(int *value, cudaDeviceAttr attribute, int device);
cudaError_t cudaFuncSetAttribute(const void *kernel, cudaFuncAttribute attribute, int value);
cudaError_t cudaFuncGetAttributes(cudaFuncAttributes *attributes, const void *kernel);
cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int *blocks, const void *kernel,
                                                          int threads, size_t shared);

cudaError_t emulation_launch(const cudaLaunchConfig_t *config, void (*run)(const void *),
                             const void *what);

template <typename Job> struct emulation_call {
  void (*kernel)(const Job);
  const Job *job;
  static void run(const void *what) {
    const emulation_call *call = (const emulation_call *)what;
    call->kernel(*call->job);
  }
};

template <typename Job>
static cudaError_t cudaLaunchKernelEx(const cudaLaunchConfig_t *config, void (*kernel)(const Job),
                                      const Job &job) {
  const emulation_call<Job> call = {kernel, &job};
  return emulation_launch(config, emulation_call<Job>::run, &call);
}

#endif
