/* The emulated device for the tests. */
#include "../device.h"

#include <stdio.h>
#include <sys/mman.h>

#include "cuda_runtime.h"

bool device_present(void) {
  printf("device: none; the kernels run on the CPU, emulated\n");
  return true;
}

bool device_is_slow(void) {
  return true;
}

void *device_new(size_t size) {
  void *memory = NULL;
  if (cudaMalloc(&memory, size) != cudaSuccess) {
    abort();
  }
  return memory;
}

void device_free(void *memory) {
  (void)cudaFree(memory);
}

/* Addresses only; what is touched becomes memory. */
void *device_vast_new(size_t size) {
  void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return memory == MAP_FAILED ? NULL : memory;
}

void device_vast_free(void *memory, size_t size) {
  (void)munmap(memory, size);
}

void device_put(void *memory, const void *from, size_t size) {
  memcpy(memory, from, size);
}

void device_get(void *to, const void *memory, size_t size) {
  memcpy(to, memory, size);
}

void *device_stream_new(void) {
  return NULL;
}

void device_stream_wait(void *stream) {
  (void)stream;
}

void device_stream_free(void *stream) {
  (void)stream;
}

void device_copy_on(void *stream, void *to, const void *from, size_t size) {
  (void)stream;
  memcpy(to, from, size);
}

bool device_capture_begin(void *stream) {
  (void)stream;
  return false;
}

void *device_capture_end(void *stream) {
  return stream;
}

void device_graph_launch(void *graph, void *stream) {
  (void)graph;
  (void)stream;
}

void device_graph_free(void *graph) {
  (void)graph;
}
