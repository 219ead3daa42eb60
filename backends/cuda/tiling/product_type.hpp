// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "flashrnn/problem.hpp"

namespace flashrnn::cuda {

/// What the kernels depend on of a problem's type: how its tensors are stored, and how accurately
/// they are multiplied.
struct ProductType {
  // NOLINTNEXTLINE(google-explicit-constructor): a type with the accuracy that is its own
  ProductType(DataType type = DataType::bfloat16) : type(type) {}
  explicit ProductType(const Problem& problem)
      : type(problem.dtype), precision(problem.float32_matmul_precision) {}

  /// Bytes in memory.
  int bytes() const { return static_cast<int>(size_of(type)); }
  /// Values of 16 bits whose sum stands for an element in products (kernels/numeric.cuh).
  int parts() const {
    if (type != DataType::float32) return 1;
    return precision == MatmulPrecision::high ? 2 : 3;
  }
  bool is_float() const { return type == DataType::float32; }

  DataType type;
  MatmulPrecision precision = MatmulPrecision::highest;
};

}  // namespace flashrnn::cuda
