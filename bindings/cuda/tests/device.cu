/* A real device for the tests. */
#include "device.h"

#include <cuda_runtime.h>
#include <stdio.h>
#include <stdlib.h>

static void check(cudaError_t code, const char *what) {
  if (code != cudaSuccess) {
    fprintf(stderr, "%s: %s\n", what, cudaGetErrorString(code));
    abort();
  }
}

#define CHECK(call) check((call), #call)

bool device_present(void) {
  int count = 0;
  const cudaError_t code = cudaGetDeviceCount(&count);
  if (code != cudaSuccess || count == 0) {
    printf("SKIPPED: the tests on a GPU did not run, for want of one: %s\n",
           code == cudaSuccess ? "no device" : cudaGetErrorString(code));
    return false;
  }
  cudaDeviceProp properties;
  CHECK(cudaGetDeviceProperties(&properties, 0));
  printf("device: %s, compute capability %d.%d, %d multiprocessors\n", properties.name,
         properties.major, properties.minor, properties.multiProcessorCount);
  return true;
}

bool device_is_slow(void) {
  return false;
}

void *device_new(size_t size) {
  void *memory = NULL;
  CHECK(cudaMalloc(&memory, size));
  return memory;
}

void device_free(void *memory) {
  CHECK(cudaFree(memory));
}

void *device_vast_new(size_t size) {
  const size_t kept = (size_t)1 << 30; /* for all else */
  size_t left = 0;
  size_t all = 0;
  CHECK(cudaMemGetInfo(&left, &all));
  return left < size || left - size < kept ? NULL : device_new(size);
}

void device_vast_free(void *memory, size_t size) {
  (void)size;
  device_free(memory);
}

void device_put(void *memory, const void *from, size_t size) {
  CHECK(cudaMemcpy(memory, from, size, cudaMemcpyHostToDevice));
  CHECK(cudaDeviceSynchronize()); /* streams that do not wait for the default one read it next */
}

void device_get(void *to, const void *memory, size_t size) {
  CHECK(cudaDeviceSynchronize());
  CHECK(cudaMemcpy(to, memory, size, cudaMemcpyDeviceToHost));
}

void *device_stream_new(void) {
  cudaStream_t stream = NULL;
  CHECK(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
  return stream;
}

void device_stream_wait(void *stream) {
  CHECK(cudaStreamSynchronize((cudaStream_t)stream));
}

void device_stream_free(void *stream) {
  CHECK(cudaStreamDestroy((cudaStream_t)stream));
}

void device_copy_on(void *stream, void *to, const void *from, size_t size) {
  CHECK(cudaMemcpyAsync(to, from, size, cudaMemcpyDeviceToDevice, (cudaStream_t)stream));
}

bool device_capture_begin(void *stream) {
  CHECK(cudaStreamBeginCapture((cudaStream_t)stream, cudaStreamCaptureModeGlobal));
  return true;
}

void *device_capture_end(void *stream) {
  cudaGraph_t graph = NULL;
  cudaGraphExec_t executable = NULL;
  CHECK(cudaStreamEndCapture((cudaStream_t)stream, &graph));
  CHECK(cudaGraphInstantiateWithFlags(&executable, graph, 0));
  CHECK(cudaGraphDestroy(graph));
  return executable;
}

void device_graph_launch(void *graph, void *stream) {
  CHECK(cudaGraphLaunch((cudaGraphExec_t)graph, (cudaStream_t)stream));
}

void device_graph_free(void *graph) {
  CHECK(cudaGraphExecDestroy((cudaGraphExec_t)graph));
}
