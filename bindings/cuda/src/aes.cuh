/*
 * AES-128 on the GPU [FIPS 197], one block a thread, by the table T0 in shared memory.
 *
 * A table look-up is a load from shared memory, whose 32 banks serve the 32 threads of a warp at
 * once only if no two want different words of one bank. So each lane has a copy of the table in
 * a bank of its own: no conflicts, and a time that does not depend on the data.
 *
 * T0[x] = (2s, s, s, 3s) for s = sbox(x), lowest byte first. The other three tables are T0
 * rotated; a round's column is
 *
 *   T0[a] ^ rotl8(T0[b]) ^ rotl16(T0[c]) ^ rotl24(T0[d])
 *     = (T0[a] ^ T2[c]) ^ rotl8(T0[b] ^ T2[d]),      T2 = rotl16(T0)
 *
 * With T0 and T2 side by side an entry is 32 copies of each, 256 bytes. The address of a look-up
 * is then the byte x in bits 8 to 15 over 4 * lane in bits 0 to 7, which one byte permutation
 * makes, and T2 is 128 bytes further, which costs nothing. A column takes 4 permutations, 4
 * loads, a rotation and 4 xors: a block about 330 operations of the integer units (64 lanes a
 * clock and multiprocessor on most GPUs) and 160 loads (32 lanes a clock): 5 clocks for either.
 * Without T2, in half the memory, it would be 530 and 160. Bitslicing needs about as many
 * operations but 32 blocks a thread: a single row has work for too few threads then, and is late.
 *
 * The price is 64 KiB of shared memory, all that the oldest supported GPUs have for a thread
 * block. It is filled once a launch, for as many rows as there are.
 *
 * Reckoning for 256 rows of 151,936 bfloat16 at gamma 1/4 on a GPU of 132 multiprocessors at
 * 1.7 GHz: 608,000 blocks in 23,000 clocks, 14 us; with the rest of the kernel's integer
 * operations, counted in its machine code for compute capability 9.0, 46,000 clocks, 27 us.
 * Adding a constant moves 156 MB, about 50 us at 3.3 TB/s. The two use different units and
 * overlap. None of this has been measured.
 */
#ifndef GP_CUDA_AES_CUH
#define GP_CUDA_AES_CUH

#include <stdint.h>

#define GP_CUDA_AES_ROUNDS  10
#define GP_CUDA_TABLE_WORDS 256
#define GP_CUDA_TABLE_BYTES (256 * 256) /* of shared memory */

/* Fills the shared copies from T0 in device memory. The caller synchronises the block.
 * Neighbouring threads begin at different banks. */
static __device__ void aes_fill_table(const uint32_t *t0, uint4 *shared) {
  for (unsigned t = threadIdx.x; t < 2 * GP_CUDA_TABLE_WORDS; t += blockDim.x) {
    const uint32_t entry = t0[t / 2];
    const uint32_t word = t % 2 == 0 ? entry : __byte_perm(entry, 0, 0x1032);
    const uint4 copies = make_uint4(word, word, word, word);
    for (unsigned i = 0; i < 8; i++) {
      shared[t * 8 + (i + t) % 8] = copies;
    }
  }
}

/* Byte `Place` of x, looked up in T0 (Half 0) or T2 (Half 1). */
template <unsigned Place, unsigned Half>
static __device__ __forceinline__ uint32_t aes_look_up(const unsigned char *table, uint32_t x,
                                                       uint32_t lane_offset) {
  const uint32_t address = __byte_perm(x, lane_offset, 0x5504 | Place << 4);
  return *(const uint32_t *)(table + address + Half * 128);
}

static __device__ __forceinline__ uint32_t aes_column(const unsigned char *table, uint32_t a,
                                                      uint32_t b, uint32_t c, uint32_t d,
                                                      uint32_t key, uint32_t lane_offset) {
  const uint32_t even =
      aes_look_up<0, 0>(table, a, lane_offset) ^ aes_look_up<2, 1>(table, c, lane_offset) ^ key;
  const uint32_t odd =
      aes_look_up<1, 0>(table, b, lane_offset) ^ aes_look_up<3, 1>(table, d, lane_offset);
  return even ^ __byte_perm(odd, 0, 0x2103);
}

/* The last round has no MixColumns: the S-box alone is byte 1 of T0. */
static __device__ __forceinline__ uint32_t aes_last_column(const unsigned char *table, uint32_t a,
                                                           uint32_t b, uint32_t c, uint32_t d,
                                                           uint32_t key, uint32_t lane_offset) {
  const uint32_t low = __byte_perm(aes_look_up<0, 0>(table, a, lane_offset),
                                   aes_look_up<1, 0>(table, b, lane_offset), 0x0051);
  const uint32_t high = __byte_perm(aes_look_up<2, 0>(table, c, lane_offset),
                                    aes_look_up<3, 0>(table, d, lane_offset), 0x0051);
  return __byte_perm(low, high, 0x5410) ^ key;
}

/* Encrypts a block, its 16 bytes being those of x, y, z, w, the lowest byte of each first.
 * `round_keys` are 11 times as many in device memory, aligned to 16. */
static __device__ __forceinline__ uint4 aes_encrypt(const unsigned char *table,
                                                    const uint8_t *round_keys, uint4 block,
                                                    uint32_t lane_offset) {
  const uint4 *keys = (const uint4 *)(const void *)round_keys;
  uint4 key = __ldg(keys);
  uint4 s = make_uint4(block.x ^ key.x, block.y ^ key.y, block.z ^ key.z, block.w ^ key.w);
#pragma unroll
  for (unsigned round = 1; round < GP_CUDA_AES_ROUNDS; round++) {
    key = __ldg(keys + round);
    const uint4 t = s;
    s.x = aes_column(table, t.x, t.y, t.z, t.w, key.x, lane_offset);
    s.y = aes_column(table, t.y, t.z, t.w, t.x, key.y, lane_offset);
    s.z = aes_column(table, t.z, t.w, t.x, t.y, key.z, lane_offset);
    s.w = aes_column(table, t.w, t.x, t.y, t.z, key.w, lane_offset);
  }
  key = __ldg(keys + GP_CUDA_AES_ROUNDS);
  return make_uint4(aes_last_column(table, s.x, s.y, s.z, s.w, key.x, lane_offset),
                    aes_last_column(table, s.y, s.z, s.w, s.x, key.y, lane_offset),
                    aes_last_column(table, s.z, s.w, s.x, s.y, key.z, lane_offset),
                    aes_last_column(table, s.w, s.x, s.y, s.z, key.w, lane_offset));
}

#endif
