// SPDX-License-Identifier: Apache-2.0
#ifndef FLASHRNN_TESTS_C_API_STRIDED_H
#define FLASHRNN_TESTS_C_API_STRIDED_H

// Tensors of float64 or float32 in any layout, on any device, seen as contiguous arrays of double.

#include <stdint.h>

#include "flashrnn/flashrnn.h"

/// Where the axes of tensors lie in memory.
// NOLINTNEXTLINE(readability-identifier-naming): the C style of the API
typedef enum layout {
  layout_contiguous,  // the problem's order, no strides given
  layout_gaps,        // strides of the time-major order, with unused elements between rows
  layout_reversed     // time runs backwards through memory
} layout;

typedef struct strided {
  int rank;
  int64_t length[5];
  int64_t stride[5];
  int64_t elements;  // of the memory, gaps included
  int64_t origin;    // of the element with all indices 0, from the memory's start
  flashrnn_dtype dtype;
  flashrnn_device device;
  void* memory;
} strided;

/// Memory that the device and the host can access, all bytes 0xa5; aligned to 64 bytes.
void* device_allocate(flashrnn_device device, size_t bytes);
void device_free(flashrnn_device device, void* memory);
/// A stream of the device, or null on the host.
void* device_stream_create(flashrnn_device device);
void device_stream_destroy(flashrnn_device device, void* stream);

/// A tensor with `rank` axes; `order` lists them from the outermost in memory to the innermost, and
/// `step_axis` (-1: none) is the one that layout_reversed turns around.
strided strided_create(flashrnn_device device, flashrnn_dtype dtype, layout kind, int rank,
                       const int64_t* length, const int* order, int step_axis);
void strided_destroy(strided* tensor);
int64_t strided_count(const strided* tensor);
/// Rounds values to the tensor's type, in the tensor and in `values`.
void strided_set(strided* tensor, double* values);
/// Copies the elements to `values`; the number of gap elements that were written over.
int strided_get(const strided* tensor, double* values);

flashrnn_tensor strided_output(const strided* tensor, layout kind);
flashrnn_const_tensor strided_input(const strided* tensor, layout kind);

#endif
