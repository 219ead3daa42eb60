// SPDX-License-Identifier: Apache-2.0
// Memory and streams of the devices, as a program in C has them.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "strided.h"

#ifdef FLASHRNN_TEST_CUDA
#include <cuda_runtime_api.h>

static void check_cuda(cudaError_t error) {
  if (error == cudaSuccess) return;
  fprintf(stderr, "CUDA: %s\n", cudaGetErrorString(error));
  abort();
}
#endif

void* device_allocate(flashrnn_device device, size_t bytes) {
  void* memory = NULL;
  bytes = (bytes + 63) / 64 * 64 + 64;
  if (device == FLASHRNN_HOST_SERIAL || device == FLASHRNN_HOST_OPENMP)
    memory = aligned_alloc(64, bytes);
#ifdef FLASHRNN_TEST_CUDA
  if (device == FLASHRNN_CUDA) check_cuda(cudaMallocManaged(&memory, bytes, cudaMemAttachGlobal));
#endif
  if (memory == NULL) {
    fprintf(stderr, "no %zu bytes of memory for device %d\n", bytes, (int)device);
    abort();
  }
  memset(memory, 0xa5, bytes);
  return memory;
}

void device_free(flashrnn_device device, void* memory) {
#ifdef FLASHRNN_TEST_CUDA
  if (device == FLASHRNN_CUDA) {
    check_cuda(cudaFree(memory));
    return;
  }
#else
  (void)device;
#endif
  free(memory);
}

void* device_stream_create(flashrnn_device device) {
#ifdef FLASHRNN_TEST_CUDA
  cudaStream_t stream = NULL;
  if (device == FLASHRNN_CUDA) {
    check_cuda(cudaStreamCreate(&stream));
    return stream;
  }
#else
  (void)device;
#endif
  return NULL;
}

void device_stream_destroy(flashrnn_device device, void* stream) {
#ifdef FLASHRNN_TEST_CUDA
  if (device == FLASHRNN_CUDA && stream != NULL)
    check_cuda(cudaStreamDestroy((cudaStream_t)stream));
#else
  (void)device;
  (void)stream;
#endif
}
