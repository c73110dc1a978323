/*
 * greenprint_cuda.h - the public interface of libgreenprint_cuda: biasing logits that lie in the
 * memory of an NVIDIA GPU.
 *
 * The result is bit for bit what gp_bias_batch() of libgreenprint makes of the same rows
 * (SPEC.md section 6; which NaN a NaN stays is not specified there): a mark does not depend on
 * the device that made it.
 *
 * Three functions do the work, all asynchronous on a stream that the caller names:
 *
 *   gp_cuda_bias_batch()     contexts on the CPU, with sessions, tenants and all else that a
 *                            gp_row can say: the counterpart of gp_bias_batch();
 *   gp_cuda_bias_prepared()  the same for rows that were prepared before, by gp_prepare_rows() on
 *                            the CPU or by
 *   gp_cuda_prepare_ids()    on the GPU, from token ids that never leave it.
 *
 * The last two are for CUDA graphs and for loops that never wait for the GPU.
 *
 * The conventions of greenprint.h hold here too. Beyond them:
 *
 *   - "Device memory" is memory that kernels of the current device can read and write at the
 *     given address. It is not checked: a wrong address is a CUDA error that shows later.
 *   - `stream` is a cudaStream_t of the current device, passed as void * so that no header of
 *     CUDA is needed; NULL is the default stream.
 *   - The three functions neither synchronise nor allocate nor copy: what they have to say
 *     travels with the launch of their kernel. They are safe to call while a stream is being
 *     captured into a graph.
 *   - A failure that CUDA reports is GP_ERR_MEMORY if memory is what lacked and otherwise
 *     GP_ERR_IO, with CUDA's own words in the message. CUDA may report here what an earlier
 *     kernel of the process did.
 */
#ifndef GREENPRINT_CUDA_H
#define GREENPRINT_CUDA_H

#include "greenprint.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What a watermark needs on one device: round keys, tables, the never-biased list. Immutable;
 * any number of threads and streams may use one at the same time without locking. */
typedef struct gp_cuda_watermark gp_cuda_watermark;

/* Makes one for the device that is current in the calling thread, on which alone it is to be
 * used. Keeps a pointer to `watermark`, which must outlive it. Allocates device memory, waits
 * for the device, and must not be called while a stream is being captured.
 * Errors: GP_ERR_ARGUMENT, GP_ERR_MEMORY, GP_ERR_CRYPTO; GP_ERR_IO where there is no device or
 * one that is too old. */
GP_API GP_MUST_CHECK gp_status gp_cuda_watermark_new(const gp_watermark *watermark,
                                                     gp_cuda_watermark **cuda_watermark,
                                                     gp_error *error);

/* Waits for its device, wipes the keys there and releases everything. Accepts NULL. Does not
 * touch the gp_watermark. Must not be called while a stream is being captured. Graphs in which it
 * was captured must not be launched any more. */
GP_API void gp_cuda_watermark_free(gp_cuda_watermark *cuda_watermark);

/* gp_bias_batch() on rows in device memory: row i starts i * stride elements after
 * `device_logits`, which must be aligned for its elements. rows[] and all that it points to is
 * in the CPU's memory and read before the function returns; sessions are updated then, too.
 *
 * One kernel does up to 1536 rows (192 before CUDA 12.1), a further one each further lot. When
 * nothing is to be biased, there is none.
 *
 * Captured into a graph, it freezes the contexts of the moment: each launch of the graph biases
 * with the same green lists. That is rarely wanted: use gp_cuda_bias_prepared() there.
 * Errors: those of gp_prepare_rows(), upon which earlier lots may have been biased; GP_ERR_IO. */
GP_API GP_MUST_CHECK gp_status gp_cuda_bias_batch(const gp_cuda_watermark *cuda_watermark,
                                                  gp_dtype dtype, void *device_logits,
                                                  size_t n_rows, size_t vocabulary, size_t stride,
                                                  const gp_row *rows, void *stream,
                                                  gp_error *error);

/* The same with rows that were prepared: device_rows[i], in device memory and aligned to 4
 * bytes, says what row i gets when the kernel runs. In a graph they may be other ones at each
 * launch. The rows must be the watermark's own; a delta or a nonce of another one is not noticed.
 *
 * All rows are one launch. Each is cut into chunks of 128 * floor(32 / k) tokens, for a gamma of
 * g / 2^k: of 2048 tokens at 1/4. All rows together may have 2^31 - 1 chunks, which at 1/4 are
 * 28,633,115 rows of 151,936 logits; more are GP_ERR_ARGUMENT.
 * Errors: GP_ERR_ARGUMENT, GP_ERR_IO. */
GP_API GP_MUST_CHECK gp_status gp_cuda_bias_prepared(const gp_cuda_watermark *cuda_watermark,
                                                     gp_dtype dtype, void *device_logits,
                                                     size_t n_rows, size_t vocabulary,
                                                     size_t stride,
                                                     const gp_prepared_row *device_rows,
                                                     void *stream, gp_error *error);

/* Prepares rows on the device, with the watermark's own delta and tenant and without sessions.
 *
 * Row i continues the ids device_ids[i * ids_stride] to device_ids[i * ids_stride +
 * device_counts[i] - 1], oldest first, of which the last h are read. device_counts may be NULL:
 * then every row has ids_stride of them. All three arrays are device memory and read or written
 * when the kernel runs. A row with fewer than h ids, with a count that is negative or above
 * ids_stride, or with an id among the last h that is no token id (below 0, or above 2^32 - 1)
 * is prepared to be left alone. device_ids may be NULL when ids_stride is 0. At most 2^31 - 1
 * rows; more are GP_ERR_ARGUMENT, and so is the watermark of a provable key, whose nonces the
 * CPU alone can make: gp_cuda_bias_batch() has it do so.
 * Errors: GP_ERR_ARGUMENT, GP_ERR_IO. */
GP_API GP_MUST_CHECK gp_status gp_cuda_prepare_ids(const gp_cuda_watermark *cuda_watermark,
                                                   const int64_t *device_ids, size_t n_rows,
                                                   size_t ids_stride,
                                                   const int64_t *device_counts,
                                                   gp_prepared_row *device_rows, void *stream,
                                                   gp_error *error);

#ifdef __cplusplus
}
#endif

#endif
