/* The inside of the runtime that runs kernels on the CPU. */
#include "emulation.h"

#include "cuda_runtime.h"

#include <sys/mman.h>
#include <ucontext.h>

#define WARP        32
#define THREADS_MAX 128
#define SHARED_MAX  65536
#define STACK_SIZE  ((size_t)256 << 10)

dim3 threadIdx;
dim3 blockIdx;
dim3 blockDim;
dim3 gridDim;

/* ------------------------------------------------------------------- fibres */

/* Threads wait for a group to be complete: their warp or their block. */
struct rendezvous {
  unsigned size;
  unsigned arrived;
  unsigned generation;
};

struct fibre {
  ucontext_t context;
  unsigned char *stack;
  bool done;
  const rendezvous *waits; /* NULL: may go on */
  unsigned generation;     /* of it, that is waited for to pass */
};

static fibre fibres[THREADS_MAX];
static unsigned running;
static ucontext_t scheduler;
static rendezvous block_sync;
static rendezvous warp_sync[THREADS_MAX / WARP];
/* Two turns of shuffles: a lane may be one ahead of another that has yet to read. */
static unsigned slots[2][THREADS_MAX];
static unsigned turn[THREADS_MAX];
static void (*body)(const void *);
static const void *body_argument;

alignas(16) static unsigned char shared[SHARED_MAX];

void *emulation_shared(void) {
  return shared;
}

static void meet(rendezvous *group) {
  fibre *self = &fibres[running];
  self->waits = group;
  self->generation = group->generation;
  if (++group->arrived == group->size) {
    group->arrived = 0;
    group->generation++;
  }
  (void)swapcontext(&self->context, &scheduler);
}

void __syncthreads(void) {
  meet(&block_sync);
}

unsigned __shfl_sync(unsigned mask, unsigned value, int source_lane) {
  const unsigned self = running;
  const unsigned slot = turn[self]++ % 2;
  if (mask != 0xFFFFFFFFU) {
    abort(); /* kernels shuffle among all lanes */
  }
  slots[slot][self] = value;
  meet(&warp_sync[self / WARP]);
  return slots[slot][self / WARP * WARP + (unsigned)source_lane % WARP];
}

static void start(void) {
  body(body_argument);
  fibres[running].done = true;
  (void)swapcontext(&fibres[running].context, &scheduler);
}

static bool can_run(const fibre *f) {
  return !f->done && (f->waits == NULL || f->waits->generation != f->generation);
}

/* Apart, since getcontext() may return twice as far as the compiler knows. */
static void make_ready(fibre *f) {
  if (f->stack == NULL) {
    f->stack = (unsigned char *)mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE,
                                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  }
  f->done = false;
  f->waits = NULL;
  (void)getcontext(&f->context);
  f->context.uc_stack.ss_sp = f->stack;
  f->context.uc_stack.ss_size = STACK_SIZE;
  f->context.uc_link = NULL;
  makecontext(&f->context, start, 0);
}

static bool run_block(unsigned threads) {
  block_sync = rendezvous{threads, 0, 0};
  for (unsigned w = 0; w < THREADS_MAX / WARP; w++) {
    warp_sync[w] = rendezvous{WARP, 0, 0};
  }
  for (unsigned t = 0; t < threads; t++) {
    turn[t] = 0;
    make_ready(&fibres[t]);
  }
  unsigned left = threads;
  while (left > 0) {
    bool progress = false;
    for (unsigned t = 0; t < threads; t++) {
      if (can_run(&fibres[t])) {
        progress = true;
        running = t;
        threadIdx = dim3(t);
        (void)swapcontext(&scheduler, &fibres[t].context);
        left -= fibres[t].done ? 1 : 0;
      }
    }
    if (!progress) {
      return false; /* threads wait for one that has left, or at different places */
    }
  }
  return true;
}

/* ------------------------------------------------------------------ runtime */

static cudaError_t failure;
static int calls_left = -1; /* until the failure */
static cudaError_t last_error = cudaSuccess;
static int current_device;
static unsigned launched;
static size_t allocated;
static bool wiped = true;
static unsigned interrupted;

void emulation_fail_after(int calls, bool for_memory) {
  calls_left = calls;
  failure = for_memory ? cudaErrorMemoryAllocation : cudaErrorInvalidValue;
}

bool emulation_has_error(void) {
  return last_error != cudaSuccess;
}

int emulation_get_device(void) {
  return current_device;
}

void emulation_set_device(int device) {
  current_device = device;
}

unsigned emulation_launched(void) {
  return launched;
}

size_t emulation_allocated(void) {
  return allocated;
}

unsigned emulation_interrupted(void) {
  return interrupted;
}

bool emulation_was_wiped(void) {
  return wiped;
}

static cudaError_t answer(cudaError_t code) {
  if (calls_left >= 0 && calls_left-- == 0) {
    code = failure;
  }
  if (code != cudaSuccess) {
    last_error = code;
  }
  return code;
}

cudaError_t emulation_launch(const cudaLaunchConfig_t *config, void (*run)(const void *),
                             const void *what) {
  const unsigned threads = config->blockDim.x;
  if (threads == 0 || threads % WARP != 0 || threads > THREADS_MAX || config->gridDim.x == 0 ||
      config->dynamicSmemBytes > SHARED_MAX) {
    return answer(cudaErrorInvalidConfiguration);
  }
  const cudaError_t code = answer(cudaSuccess);
  if (code != cudaSuccess) {
    return code;
  }
  body = run;
  body_argument = what;
  gridDim = config->gridDim;
  blockDim = config->blockDim;
  for (unsigned b = 0; b < gridDim.x; b++) {
    blockIdx = dim3(b);
    memset(shared, 0xA5, sizeof shared);
    if (!run_block(threads)) {
      abort();
    }
  }
  launched++;
  return cudaSuccess;
}

const char *cudaGetErrorString(cudaError_t code) {
  return code == cudaSuccess ? "no error" : "an emulated error";
}

const char *cudaGetErrorName(cudaError_t code) {
  return code == cudaErrorMemoryAllocation ? "cudaErrorMemoryAllocation"
                                           : "cudaErrorInvalidValue";
}

cudaError_t cudaGetLastError(void) {
  const cudaError_t code = last_error;
  last_error = cudaSuccess;
  return code;
}

/* The size stands before the memory, which is aligned as a device's is. */
#define HEADER 256

cudaError_t cudaMalloc(void **memory, size_t size) {
  interrupted++;
  const cudaError_t code = answer(cudaSuccess);
  if (code != cudaSuccess) {
    return code;
  }
  unsigned char *made = (unsigned char *)aligned_alloc(HEADER, HEADER + (size + 255) / 256 * 256);
  if (made == NULL) {
    return answer(cudaErrorMemoryAllocation);
  }
  memcpy(made, &size, sizeof size);
  memset(made + HEADER, 0xA5, size);
  *memory = made + HEADER;
  allocated++;
  return cudaSuccess;
}

cudaError_t cudaFree(void *memory) {
  interrupted++;
  if (memory != NULL) {
    unsigned char *made = (unsigned char *)memory - HEADER;
    size_t size;
    memcpy(&size, made, sizeof size);
    for (size_t i = 0; i < size; i++) {
      wiped = wiped && made[HEADER + i] == 0;
    }
    free(made);
    allocated--;
  }
  return cudaSuccess;
}

cudaError_t cudaMallocHost(void **memory, size_t size) {
  return cudaMalloc(memory, size);
}

cudaError_t cudaFreeHost(void *memory) {
  return cudaFree(memory);
}

cudaError_t cudaMemcpy(void *to, const void *from, size_t size, cudaMemcpyKind kind) {
  interrupted++;
  const cudaError_t code = answer(cudaSuccess);
  (void)kind;
  if (code == cudaSuccess) {
    memcpy(to, from, size);
  }
  return code;
}

cudaError_t cudaMemset(void *memory, int value, size_t size) {
  interrupted++;
  memset(memory, value, size);
  return cudaSuccess;
}

cudaError_t cudaDeviceSynchronize(void) {
  interrupted++;
  return cudaSuccess;
}

cudaError_t cudaGetDevice(int *device) {
  *device = current_device;
  return answer(cudaSuccess);
}

cudaError_t cudaSetDevice(int device) {
  current_device = device;
  return cudaSuccess;
}

cudaError_t cudaDriverGetVersion(int *version) {
  *version = CUDART_VERSION;
  return answer(cudaSuccess);
}

cudaError_t cudaDeviceGetAttribute(int *value, cudaDeviceAttr attribute, int device) {
  (void)attribute;
  (void)device;
  *value = 2;
  return answer(cudaSuccess);
}

cudaError_t cudaFuncSetAttribute(const void *kernel, cudaFuncAttribute attribute, int value) {
  (void)kernel;
  (void)value;
  const bool a_hint = attribute == cudaFuncAttributePreferredSharedMemoryCarveout;
  return a_hint ? cudaSuccess : answer(cudaSuccess);
}

cudaError_t cudaFuncGetAttributes(cudaFuncAttributes *attributes, const void *kernel) {
  (void)kernel;
  attributes->maxThreadsPerBlock = THREADS_MAX;
  return answer(cudaSuccess);
}

cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int *blocks, const void *kernel,
                                                          int threads, size_t shared_size) {
  (void)kernel;
  *blocks = threads <= THREADS_MAX && shared_size <= SHARED_MAX ? 1 : 0;
  return answer(cudaSuccess);
}
