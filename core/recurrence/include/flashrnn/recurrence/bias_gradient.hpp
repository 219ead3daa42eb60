// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Kokkos_Core.hpp>

#include "flashrnn/layout.hpp"

namespace flashrnn {

/// Kernel of sum_bias_gradient, one element of db per index.
template <class Storage, class Real>
struct SumBiasGradient {
  Index head_dim, row, tiles, count;
  const Real* partial;
  Storage* db;
  Strides strides;

  KOKKOS_FUNCTION void operator()(const Index n) const {
    Real sum = Real(0);
    for (Index tile = 0; tile < tiles; ++tile) sum += partial[tile * count + n];
    db[strides.at(n / row, 0, 0, n % row / head_dim) + n % head_dim] = static_cast<Storage>(sum);
  }
};

/// db [G_b, H, D] = sum over tiles of partial [tiles, G_b, H, D], always in the same order.
template <class ExecutionSpace, class Storage, class Real>
void sum_bias_gradient(const ExecutionSpace& space, const Shape& shape, Index gates, Index tiles,
                       const Real* partial, Storage* db, Strides strides) {
  const Index row = shape.heads * shape.head_dim;
  const Index count = gates * row;
  Kokkos::parallel_for(
      "flashrnn::sum_bias_gradient",
      Kokkos::RangePolicy<ExecutionSpace, Kokkos::IndexType<Index>>(space, 0, count),
      SumBiasGradient<Storage, Real>{shape.head_dim, row, tiles, count, partial, db, strides});
}

}  // namespace flashrnn
