/* libgreenprint_cuda, compiled for the CPU. */
#include "../../src/greenprint_cuda.cu"
