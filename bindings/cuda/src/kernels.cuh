/*
 * The kernels: biasing rows (SPEC.md sections 5 and 6), and nonces from token ids (section 4).
 *
 * A warp takes a chunk of a row: as many groups of 128 tokens as 32 lanes make bit planes for, a
 * lane encrypting one counter block (32 / k groups; where k does not divide 32 a few lanes
 * encrypt for nothing). The planes are compared with g by shuffles between lanes, 1024 tokens, a
 * piece, at a time, so that lane l comes to hold the green bits of tokens 32 l to 32 l + 31 of
 * the piece; and the piece is biased 16 bytes a lane, neighbouring lanes at neighbouring
 * addresses. What lies before the first multiple of 16 bytes and after the last is done element
 * by element. The mask exists in registers only.
 *
 * The chunk's logits are asked into the second-level cache before its blocks are encrypted,
 * which hides most of the way to memory. Thread blocks stay for the whole launch and take chunks
 * at a fixed stride, neighbouring chunks to different multiprocessors, so that a single row is
 * spread over all of them and each fills the table of AES once.
 *
 * This file is compiled for GPUs, and by the tests as C++ for the CPU (tests/emulation).
 */
#ifndef GP_CUDA_KERNELS_CUH
#define GP_CUDA_KERNELS_CUH

#include "aes.cuh"
#include "formats.cuh"
#include "greenprint.h"

#define GP_CUDA_WARP         32
#define GP_CUDA_THREADS_MAX  1024
#define GP_CUDA_GROUP_TOKENS 128
#define GP_CUDA_PIECE_TOKENS 1024 /* a word of mask a lane */
#define GP_CUDA_ALL_LANES    0xFFFFFFFFU

/* With three tables on a multiprocessor, where its memory has room, 1536 threads keep memory busy
 * if none needs more than 40 registers; that spills a dozen words a chunk. */
#if defined(__CUDA_ARCH__) &&                                                                    \
    (__CUDA_ARCH__ == 900 || (__CUDA_ARCH__ >= 1000 && __CUDA_ARCH__ < 1200))
#define GP_CUDA_BIAS_BOUNDS __launch_bounds__(512, 3)
#else
#define GP_CUDA_BIAS_BOUNDS __launch_bounds__(GP_CUDA_THREADS_MAX)
#endif

/* What a watermark keeps in device memory; secret but for the table. */
typedef struct gp_cuda_secrets {
  alignas(16) gp_device_keys keys;
  uint32_t t0[GP_CUDA_TABLE_WORDS];
} gp_cuda_secrets;

/* What a launch is told, besides its rows. */
typedef struct gp_cuda_job {
  const gp_cuda_secrets *secrets;
  const uint32_t *never_biased; /* ascending */
  unsigned char *logits;
  const gp_prepared_row *rows; /* in device memory */
  uint64_t vocabulary;         /* 1 to 2^32 */
  uint64_t stride;             /* elements */
  uint32_t n_never_biased;
  uint32_t gamma_num;
  uint32_t gamma_log2_den;
  uint32_t groups; /* a chunk's: 32 / gamma_log2_den */
  uint32_t chunks_per_row;
  uint32_t n_chunks;
} gp_cuda_job;

/* Rows that travel with the launch; N = 0: they are in device memory. */
template <unsigned N> struct gp_cuda_launch {
  gp_cuda_job job;
  gp_prepared_row rows[N];
  __device__ const gp_prepared_row *get_rows() const {
    return rows;
  }
};

template <> struct gp_cuda_launch<0> {
  gp_cuda_job job;
  __device__ const gp_prepared_row *get_rows() const {
    return job.rows;
  }
};

static __device__ __forceinline__ void ask_into_cache(const void *address) {
#ifdef __CUDA_ARCH__
  asm volatile("prefetch.global.L2 [%0];" ::"l"(address));
#else
  (void)address;
#endif
}

static __device__ __forceinline__ uint32_t from_lane(uint32_t value, uint32_t lane) {
  return __shfl_sync(GP_CUDA_ALL_LANES, value, (int)(lane % GP_CUDA_WARP));
}

/* big-endian */
static __device__ __forceinline__ uint32_t swap_bytes(uint32_t x) {
  return __byte_perm(x, 0, 0x0123);
}

/* The green bits of tokens 32 l to 32 l + 31 of a piece, for lane l. `plane` is the lane's own
 * keystream block. The comparison of the bit planes with g goes from the least significant one
 * up: where g has a 1, a number with a 0 is smaller and one with a 1 as small as its lower bits
 * say; where g has a 0, a number with a 1 is larger and one with a 0 as small as its lower bits
 * say. */
static __device__ __forceinline__ uint32_t green_word(const gp_cuda_job &job, uint4 plane,
                                                      uint32_t piece, uint32_t lane) {
  const uint32_t k = job.gamma_log2_den;
  const uint32_t last_plane = (piece * 8 + lane / 4) * k + k - 1;
  uint32_t less = 0;
  for (uint32_t place = 0; place < k; place++) {
    const uint32_t source = last_plane - place;
    const uint32_t x = from_lane(plane.x, source);
    const uint32_t y = from_lane(plane.y, source);
    const uint32_t z = from_lane(plane.z, source);
    const uint32_t w = from_lane(plane.w, source);
    const uint32_t low = (lane & 1) == 0 ? x : y;
    const uint32_t high = (lane & 1) == 0 ? z : w;
    const uint32_t bits = (lane & 2) == 0 ? low : high;
    const uint32_t one = 0U - (job.gamma_num >> place & 1U); /* all ones or all zeros */
    less = (~bits & (less | one)) | (less & one);
  }
  return less;
}

/* Clears the bits of never-biased tokens of a piece that begins at token `first`. All lanes walk
 * the same way; lists are short. */
static __device__ uint32_t spare_tokens(const gp_cuda_job &job, uint64_t first, uint32_t word,
                                        uint32_t lane) {
  uint32_t low = 0;
  uint32_t high = job.n_never_biased;
  while (low < high) {
    const uint32_t middle = low + (high - low) / 2;
    if (__ldg(job.never_biased + middle) < first) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  for (; low < job.n_never_biased; low++) {
    const uint64_t i = __ldg(job.never_biased + low) - first;
    if (i >= GP_CUDA_PIECE_TOKENS) {
      break;
    }
    if (i / 32 == lane) {
      word &= ~(1U << i % 32);
    }
  }
  return word;
}

/* Biases the n <= 1024 logits of a piece, lane l holding the green bits of those from 32 l on. */
template <typename Logits>
static __device__ __forceinline__ void bias_piece(typename Logits::element *logits, uint32_t n,
                                                  uint32_t word, float delta, uint32_t lane) {
  const uint32_t per_vector = 16 / sizeof(typename Logits::element);
  const uint32_t to_aligned = (uint32_t)(0U - (uintptr_t)logits) % 16 / sizeof *logits;
  const uint32_t head = to_aligned < n ? to_aligned : n;
  const uint32_t n_vectors = (n - head) / per_vector;
  const uint32_t tail = head + n_vectors * per_vector;
  uint32_t shifted = word; /* so that the bits of a vector lie within a word */
  if (head != 0) {
    shifted = __funnelshift_r(word, from_lane(word, lane + 1), head);
  }
  if (head != 0 || tail != n) { /* fewer than 8 before the first vector, and after the last */
    const uint32_t i = lane < 8 ? lane : tail + lane - 8;
    const uint32_t bits = from_lane(word, i / 32);
    if (i < (lane < 8 ? head : n) && (bits >> i % 32 & 1U) != 0) {
      logits[i] = Logits::add(logits[i], delta);
    }
  }
  uint4 *vectors = (uint4 *)(logits + head);
  for (uint32_t step = 0; step < n_vectors; step += 4 * GP_CUDA_WARP) {
    uint4 v[4];
#pragma unroll
    for (uint32_t j = 0; j < 4; j++) {
      const uint32_t i = step + j * GP_CUDA_WARP + lane;
      v[j] = i < n_vectors ? vectors[i] : make_uint4(0, 0, 0, 0);
    }
#pragma unroll
    for (uint32_t j = 0; j < 4; j++) {
      const uint32_t i = step + j * GP_CUDA_WARP + lane;
      const uint32_t bits = from_lane(shifted, i * per_vector / 32);
      v[j] = Logits::bias(v[j], bits >> i * per_vector % 32, delta);
    }
#pragma unroll
    for (uint32_t j = 0; j < 4; j++) {
      const uint32_t i = step + j * GP_CUDA_WARP + lane;
      if (i < n_vectors) {
        vectors[i] = v[j];
      }
    }
  }
}

static __device__ __forceinline__ uint4 counter_block(const gp_prepared_row *row,
                                                      uint32_t counter) {
  const uint32_t *nonce = (const uint32_t *)(const void *)row; /* it stands first, aligned */
  return make_uint4(nonce[0], nonce[1], nonce[2], swap_bytes(counter));
}

template <typename Logits>
static __device__ __forceinline__ void bias_chunk(const gp_cuda_job &job,
                                                  const gp_prepared_row *row,
                                                  const unsigned char *table, uint32_t row_index,
                                                  uint32_t chunk, uint32_t lane) {
  typedef typename Logits::element element;
  const uint32_t chunk_tokens = job.groups * GP_CUDA_GROUP_TOKENS;
  const uint64_t first = (uint64_t)chunk * chunk_tokens;
  const uint64_t left = job.vocabulary - first;
  const uint32_t count = left < chunk_tokens ? (uint32_t)left : chunk_tokens;
  element *logits = (element *)(void *)job.logits + (row_index * job.stride + first);
  for (uint32_t at = lane * 128; at < count * sizeof *logits; at += GP_CUDA_WARP * 128) {
    ask_into_cache((const unsigned char *)logits + at);
  }
  const float delta = row->delta;
  const uint32_t counter = chunk * job.groups * job.gamma_log2_den + lane;
  const uint4 plane =
      aes_encrypt(table, job.secrets->keys.mask, counter_block(row, counter), lane * 4);
  for (uint32_t done = 0; done < count; done += GP_CUDA_PIECE_TOKENS) {
    const uint32_t n = count - done < GP_CUDA_PIECE_TOKENS ? count - done : GP_CUDA_PIECE_TOKENS;
    uint32_t word = green_word(job, plane, done / GP_CUDA_PIECE_TOKENS, lane);
    if (job.n_never_biased != 0) {
      word = spare_tokens(job, first + done, word, lane);
    }
    bias_piece<Logits>(logits + done, n, word, delta, lane);
  }
}

/* Any grid of whole warps; GP_CUDA_TABLE_BYTES of dynamic shared memory. */
template <typename Logits, unsigned N>
static __global__ void GP_CUDA_BIAS_BOUNDS
bias_kernel(const __grid_constant__ gp_cuda_launch<N> launch) {
  GP_CUDA_SHARED(table);
  const gp_cuda_job &job = launch.job;
  const gp_prepared_row *rows = launch.get_rows();
  aes_fill_table(job.secrets->t0, table);
  __syncthreads();
  const uint32_t lane = threadIdx.x % GP_CUDA_WARP;
  const uint32_t warp = threadIdx.x / GP_CUDA_WARP;
  const uint32_t n_warps = gridDim.x * (blockDim.x / GP_CUDA_WARP);
  for (uint64_t c = warp * gridDim.x + blockIdx.x; c < job.n_chunks; c += n_warps) {
    const uint32_t row = (uint32_t)c / job.chunks_per_row;
    if (rows[row].biased != 0) {
      bias_chunk<Logits>(job, &rows[row], (const unsigned char *)table, row,
                         (uint32_t)c % job.chunks_per_row, lane);
    }
  }
}

/* ------------------------------------------------------------------- nonces */

typedef struct gp_cuda_ids_job {
  const gp_cuda_secrets *secrets;
  const int64_t *ids;
  const int64_t *counts; /* NULL: `stride` each */
  gp_prepared_row *rows;
  uint64_t stride;
  uint32_t n_rows;
  uint32_t context_width; /* h */
  uint32_t seeding;
} gp_cuda_ids_job;

/* Whether the block a comes before b, as byte strings. */
static __device__ bool comes_before(uint4 a, uint4 b) {
  if (a.x != b.x) {
    return swap_bytes(a.x) < swap_bytes(b.x);
  }
  if (a.y != b.y) {
    return swap_bytes(a.y) < swap_bytes(b.y);
  }
  if (a.z != b.z) {
    return swap_bytes(a.z) < swap_bytes(b.z);
  }
  return swap_bytes(a.w) < swap_bytes(b.w);
}

/* The id of the window with the smallest block under the order key. */
static __device__ uint32_t smallest_id(const gp_cuda_ids_job &job, const int64_t *window,
                                       const unsigned char *table, uint32_t lane_offset) {
  uint32_t chosen = 0;
  uint4 smallest = make_uint4(0, 0, 0, 0);
  for (uint32_t i = 0; i < job.context_width; i++) {
    const uint32_t id = (uint32_t)window[i];
    const uint4 block =
        aes_encrypt(table, job.secrets->keys.order, make_uint4(id, 0, 0, 0), lane_offset);
    if (i == 0 || comes_before(block, smallest)) {
      smallest = block;
      chosen = id;
    }
  }
  return chosen;
}

/* The CBC-MAC of the context. */
static __device__ uint4 mac_context(const gp_cuda_ids_job &job, const int64_t *window,
                                    const unsigned char *table, uint32_t lane_offset) {
  uint4 state = make_uint4(0, 0, 0, 0);
  const uint8_t *keys = job.secrets->keys.context;
  if (job.seeding == GP_SEEDING_MIN) {
    state.x = smallest_id(job, window, table, lane_offset);
    return aes_encrypt(table, keys, state, lane_offset);
  }
  const uint32_t width = job.context_width;
  uint32_t done = 0;
  do {
    state.x ^= done < width ? (uint32_t)window[done] : 0;
    state.y ^= done + 1 < width ? (uint32_t)window[done + 1] : 0;
    state.z ^= done + 2 < width ? (uint32_t)window[done + 2] : 0;
    state.w ^= done + 3 < width ? (uint32_t)window[done + 3] : 0;
    state = aes_encrypt(table, keys, state, lane_offset);
    done += 4;
  } while (done < width);
  return state;
}

/* The last h ids of a row; false where there are none to be used. */
static __device__ bool find_window(const gp_cuda_ids_job &job, uint32_t row,
                                   const int64_t **window) {
  const uint64_t count = job.counts == NULL ? job.stride : (uint64_t)job.counts[row];
  if (count > job.stride || count < job.context_width) {
    return false;
  }
  *window = job.ids + (row * job.stride + (count - job.context_width));
  for (uint32_t i = 0; i < job.context_width; i++) {
    if ((uint64_t)(*window)[i] > UINT32_MAX) {
      return false;
    }
  }
  return true;
}

/* A thread a row; GP_CUDA_TABLE_BYTES of dynamic shared memory. */
static __global__ void __launch_bounds__(GP_CUDA_THREADS_MAX)
    prepare_kernel(const __grid_constant__ gp_cuda_ids_job job) {
  GP_CUDA_SHARED(table);
  aes_fill_table(job.secrets->t0, table);
  __syncthreads();
  const uint64_t row = (uint64_t)blockIdx.x * blockDim.x + threadIdx.x;
  if (row >= job.n_rows) {
    return;
  }
  uint32_t words[5] = {0}; /* a gp_prepared_row */
  const int64_t *window = NULL;
  if (find_window(job, (uint32_t)row, &window)) {
    const uint32_t lane_offset = threadIdx.x % GP_CUDA_WARP * 4;
    const uint4 mac = mac_context(job, window, (const unsigned char *)table, lane_offset);
    memcpy(words, __builtin_assume_aligned(job.secrets->keys.tweak, 4), GP_NONCE_SIZE);
    words[0] ^= mac.x;
    words[1] ^= mac.y;
    words[2] ^= mac.z;
    words[3] = float_bits(job.secrets->keys.delta);
    words[4] = 1;
  }
  uint32_t *out = (uint32_t *)(void *)(job.rows + row);
  for (uint32_t i = 0; i < 5; i++) {
    out[i] = words[i];
  }
}

#endif
