/* The tests' levers and gauges of the emulated device. */
#ifndef GP_EMULATION_H
#define GP_EMULATION_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Lets that many calls through and fails the next one, once: for want of memory, or otherwise.
 * -1: none. */
void emulation_fail_after(int calls, bool for_memory);

/* Whether a failure is left for the next to ask for the last error. */
bool emulation_has_error(void);

/* Which device is current. */
int emulation_get_device(void);
void emulation_set_device(int device);

/* How many kernels have run; how many pieces of device and pinned memory are allocated. */
unsigned emulation_launched(void);
size_t emulation_allocated(void);

/* How often the program has waited for the device, copied, or asked for or released memory. */
unsigned emulation_interrupted(void);

/* Whether all memory that was freed so far was zero then, pinned memory too. */
bool emulation_was_wiped(void);

#ifdef __cplusplus
}
#endif

#endif
