/* What the tests want of a device, real or emulated, without CUDA's headers. */
#ifndef GP_TEST_DEVICE_H
#define GP_TEST_DEVICE_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Whether there is a device; else says why not. Prints what it is. */
bool device_present(void);

/* Whether it is an emulated one, on which tests should be sparing. */
bool device_is_slow(void);

/* Memory of the device. Failures end the program. */
void *device_new(size_t size);
void device_free(void *memory);

/* A vast piece of memory of which little will be touched; NULL if there is not so much. */
void *device_vast_new(size_t size);
void device_vast_free(void *memory, size_t size);

void device_put(void *memory, const void *from, size_t size);
void device_get(void *to, const void *memory, size_t size);

/* A stream of its own (not the default one), and waiting for it. */
void *device_stream_new(void);
void device_stream_wait(void *stream);
void device_stream_free(void *stream);
/* memory -> memory on the device, in the order of the stream. */
void device_copy_on(void *stream, void *to, const void *from, size_t size);

/* Records what follows on a stream, and launches the recording. Begin answers false where there
 * are no graphs (the emulation). */
bool device_capture_begin(void *stream);
void *device_capture_end(void *stream);
void device_graph_launch(void *graph, void *stream);
void device_graph_free(void *graph);

#ifdef __cplusplus
}
#endif

#endif
