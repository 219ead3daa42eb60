// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "flashrnn/flashrnn.h"
#include "tensor_axes.hpp"

namespace flashrnn::c_api {

/// Whether a tensor is read or written: elements that are written must not overlap.
enum class Access { read, write };

/// Checks the memory of one tensor: its size in bytes, and its strides if there are any.
/// @throws InvalidArgument naming the tensor, what was expected and what was found.
void check_memory(const char* name, const TensorAxes& axes, DataType type, const void* data,
                  std::size_t bytes, const std::int64_t* strides, Access access);

/// Strides in the order of flashrnn.h as the C++ API has them.
Strides to_strides(const TensorAxes& axes, const std::int64_t* strides);
MatrixStrides to_matrix_strides(const std::int64_t* strides);

/// Checks memory without axes: a workspace or the reserve, of which `needed` bytes are used.
/// @throws InvalidArgument as above.
void check_buffer(const char* name, std::size_t needed, const void* data, std::size_t bytes);

}  // namespace flashrnn::c_api
