// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "numeric.cuh"
#include "parameters.hpp"

// Copies R so that whole rows can be read in pieces of 16 bytes, transposed for backward.

namespace flashrnn::cuda {

/// The kernel, of 32 × 8 threads. Block x, y = tile of 32 × 32 elements, z = gate · heads + head
/// (as often as there are more of them than blocks). `Element`: the bits of one.
template <class Element>
__device__ void arrange_matrix(const ArrangeParameters& p) {
  __shared__ Element tile[32][33];
  const int column = static_cast<int>(threadIdx.x) & 31, row = static_cast<int>(threadIdx.x) / 32;
  const Index first_in = 32 * static_cast<Index>(blockIdx.x),
              first_out = 32 * static_cast<Index>(blockIdx.y);
  for (Index matrix = blockIdx.z; matrix < p.gates * p.heads; matrix += gridDim.z) {
    const auto* const from = static_cast<const Element*>(p.from.data) +
                             p.from.strides.at(matrix / p.heads, matrix % p.heads, 0);
    Element* const to = static_cast<Element*>(p.to) + matrix * p.head_dim * p.to_rows;
#pragma unroll
    for (int r = row; r < 32; r += 8) {
      const Index out = first_out + r, in = first_in + column;
      tile[r][column] =
          out < p.head_dim && in < p.head_dim ? from[out * p.from.strides.row + in] : 0;
    }
    __syncthreads();
#pragma unroll
    for (int r = row; r < 32; r += 8) {
      const Index to_row = (p.transpose != 0 ? first_in : first_out) + r,
                  to_column = (p.transpose != 0 ? first_out : first_in) + column;
      if (to_row < p.head_dim && to_column < p.to_rows)
        to[to_row * p.to_rows + to_column] = p.transpose != 0 ? tile[column][r] : tile[r][column];
    }
    __syncthreads();
  }
}

}  // namespace flashrnn::cuda
