// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "flashrnn/problem.hpp"

namespace flashrnn {

/// How many 16-bit values tensor cores multiply in place of an element: a float32 is the sum of
/// three bfloat16 (24 bits), or of two (16 bits) where products may be less accurate; the 16-bit
/// types are one. float64 counts as one, though no tensor core of these kernels takes it.
constexpr int product_parts(DataType type, MatmulPrecision float32_precision) {
  if (type != DataType::float32) return 1;
  return float32_precision == MatmulPrecision::high ? 2 : 3;
}

}  // namespace flashrnn
