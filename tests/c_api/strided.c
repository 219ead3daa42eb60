// SPDX-License-Identifier: Apache-2.0
#include "strided.h"

#include <stdlib.h>
#include <string.h>

static const int64_t gap = 3;  // elements behind every row where there are gaps

strided strided_create(flashrnn_device device, flashrnn_dtype dtype, layout kind, int rank,
                       const int64_t* length, const int* order, int step_axis) {
  strided out;
  memset(&out, 0, sizeof(out));
  out.rank = rank;
  out.dtype = dtype;
  out.device = device;
  int64_t stride = 1;
  for (int n = rank - 1; n >= 0; --n) {
    const int axis = order[n];
    out.length[axis] = length[axis];
    out.stride[axis] = stride;
    stride *= length[axis];
    if (n == rank - 1 && kind != layout_contiguous) stride += gap;
  }
  out.elements = stride;
  if (kind == layout_reversed && step_axis >= 0) {
    out.origin = (length[step_axis] - 1) * out.stride[step_axis];
    out.stride[step_axis] = -out.stride[step_axis];
  }
  const size_t bytes = (size_t)out.elements * (dtype == FLASHRNN_FLOAT64 ? 8 : 4);
  out.memory = device_allocate(device, bytes);
  return out;
}

void strided_destroy(strided* tensor) {
  device_free(tensor->device, tensor->memory);
  memset(tensor, 0, sizeof(*tensor));
}

int64_t strided_count(const strided* tensor) {
  int64_t count = 1;
  for (int n = 0; n < tensor->rank; ++n) count *= tensor->length[n];
  return count;
}

/// Offset in memory of the element with contiguous index `index`.
static int64_t offset_of(const strided* tensor, int64_t index) {
  int64_t offset = tensor->origin;
  for (int n = tensor->rank - 1; n >= 0; --n) {
    offset += index % tensor->length[n] * tensor->stride[n];
    index /= tensor->length[n];
  }
  return offset;
}

void strided_set(strided* tensor, double* values) {
  for (int64_t n = 0; n < strided_count(tensor); ++n) {
    const int64_t offset = offset_of(tensor, n);
    if (tensor->dtype == FLASHRNN_FLOAT64) {
      ((double*)tensor->memory)[offset] = values[n];
    } else {
      ((float*)tensor->memory)[offset] = (float)values[n];
      values[n] = (double)(float)values[n];
    }
  }
}

int strided_get(const strided* tensor, double* values) {
  const size_t size = tensor->dtype == FLASHRNN_FLOAT64 ? 8 : 4;
  unsigned char* const rest = malloc((size_t)tensor->elements * size);
  if (rest == NULL) abort();
  memcpy(rest, tensor->memory, (size_t)tensor->elements * size);
  for (int64_t n = 0; n < strided_count(tensor); ++n) {
    const int64_t offset = offset_of(tensor, n);
    values[n] = size == 8 ? ((const double*)tensor->memory)[offset]
                          : (double)((const float*)tensor->memory)[offset];
    memset(rest + (size_t)offset * size, 0xa5, size);
  }
  int damaged = 0;
  for (size_t n = 0; n < (size_t)tensor->elements * size; ++n) damaged += rest[n] != 0xa5;
  free(rest);
  return damaged;
}

flashrnn_tensor strided_output(const strided* tensor, layout kind) {
  const size_t size = tensor->dtype == FLASHRNN_FLOAT64 ? 8 : 4;
  flashrnn_tensor out;
  out.data = (char*)tensor->memory + (size_t)tensor->origin * size;
  out.bytes = (size_t)tensor->elements * size;
  out.strides = kind == layout_contiguous ? NULL : tensor->stride;
  return out;
}

flashrnn_const_tensor strided_input(const strided* tensor, layout kind) {
  const flashrnn_tensor given = strided_output(tensor, kind);
  const flashrnn_const_tensor out = {given.data, given.bytes, given.strides};
  return out;
}
