// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Kokkos_Core.hpp>

#include "flashrnn/layout.hpp"

namespace flashrnn::host {

/// Kernel of sum_weight_gradient: one row [D_in] of one gate and head per index.
template <class Storage, class Real>
struct SumWeightGradient {
  Index heads, head_dim, gates, slices, padded;
  const Real* partial;
  Storage* dR;
  MatrixStrides strides;

  void operator()(const Index n) const {
    const Index out = n % head_dim, gate = n / head_dim % gates, head = n / (head_dim * gates);
    const Real* const from = partial + n * padded;
    Storage* const to = dR + strides.at(gate, head, out);
    const Index between = heads * gates * head_dim * padded;
    for (Index in = 0; in < head_dim; ++in) {
      Real sum = from[in];
      for (Index slice = 1; slice < slices; ++slice) sum += from[slice * between + in];
      to[in] = static_cast<Storage>(sum);
    }
  }
};

/// dR [G_R, H, D_out, D_in] = sum over slices of partial [slices, H, G_R·D_out, padded], always in
/// the same order.
template <class ExecutionSpace, class Storage, class Real>
void sum_weight_gradient(const ExecutionSpace& space, const Shape& shape, Index gates, Index slices,
                         Index padded, const Real* partial, Storage* dR, MatrixStrides strides) {
  Kokkos::parallel_for("flashrnn::sum_weight_gradient",
                       Kokkos::RangePolicy<ExecutionSpace, Kokkos::IndexType<Index>>(
                           space, 0, shape.heads * gates * shape.head_dim),
                       SumWeightGradient<Storage, Real>{shape.heads, shape.head_dim, gates, slices,
                                                        padded, partial, dR, strides});
}

}  // namespace flashrnn::host
