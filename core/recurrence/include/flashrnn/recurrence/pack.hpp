// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Kokkos_Core.hpp>

#include "flashrnn/layout.hpp"

namespace flashrnn {

/// Kernel of pack_recurrent_matrix, one element per index.
template <class Storage>
struct PackMatrix {
  Index head_dim, gates, padded;
  const Storage* matrix;
  MatrixStrides strides;
  Storage* packed;

  KOKKOS_FUNCTION void operator()(const Index n) const {
    const Index out = n % padded;
    const Index gate = n / padded % gates;
    const Index in = n / (padded * gates) % head_dim;
    const Index head = n / (padded * gates * head_dim);
    packed[n] =
        out < head_dim ? matrix[strides.at(gate, head, out) + in] : static_cast<Storage>(0.0f);
  }
};

/// Copies R [G_R, H, D_out, D_in] into `packed` [H, D_in, G_R, padded]: for each element of h, the
/// factors of all gates of neighbouring units lie together, which is how the recurrence reads them.
/// `padded` >= D_out; the tail is zero, so that kernels need no masks.
template <class ExecutionSpace, class Storage>
void pack_recurrent_matrix(const ExecutionSpace& space, const Shape& shape, Index gates,
                           Index padded, const Storage* matrix, MatrixStrides strides,
                           Storage* packed) {
  const Index count = shape.heads * shape.head_dim * gates * padded;
  Kokkos::parallel_for(
      "flashrnn::pack_recurrent_matrix",
      Kokkos::RangePolicy<ExecutionSpace, Kokkos::IndexType<Index>>(space, 0, count),
      PackMatrix<Storage>{shape.head_dim, gates, padded, matrix, strides, packed});
}

}  // namespace flashrnn
