// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "flashrnn/problem.hpp"
#include "flashrnn/recurrence/product_parts.hpp"

namespace flashrnn::cuda {

/// What the kernels depend on of a problem's type: how its tensors are stored, and how accurately
/// they are multiplied.
struct ProductType {
  // NOLINTNEXTLINE(google-explicit-constructor): a type with the accuracy that is its own
  ProductType(DataType stored = DataType::bfloat16,
              MatmulPrecision multiplied = MatmulPrecision::highest)
      : type(stored), precision(multiplied) {}
  explicit ProductType(const Problem& problem)
      : ProductType(problem.dtype, problem.float32_matmul_precision) {}

  /// Bytes in memory.
  int bytes() const { return static_cast<int>(size_of(type)); }
  /// Values of 16 bits whose sum stands for an element in products (kernels/numeric.cuh).
  int parts() const { return product_parts(type, precision); }
  bool is_float() const { return type == DataType::float32; }

  DataType type;
  MatmulPrecision precision;  ///< of float32
};

}  // namespace flashrnn::cuda
