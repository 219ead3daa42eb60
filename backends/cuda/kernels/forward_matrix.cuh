// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "product.cuh"

// How R reaches the registers of the blocks that keep a whole head, forward.

namespace flashrnn::cuda {

/// R as left-hand fragments. There are two ways to read a row, but one to put it into fragments:
/// for float32 the latter is most of the code.
template <class Tile>
__device__ void load_matrix(const ForwardParameters& p, int head, int first_unit, const Lane& lane,
                            typename Tile::Matrix& matrix) {
  using Storage = typename Tile::Storage;
  const int head_dim = static_cast<int>(p.shape.head_dim);
#pragma unroll
  for (int slot = 0; slot < 2 * Tile::m_tiles; ++slot) {
    const int unit = first_unit + slot / Tile::recurrent;
    bool half = false;
#pragma unroll
    for (int n = 0; n < Tile::Cell::gates; ++n)
      if (gate_position(Tile::Cell::recurrent_gates, n) == slot % Tile::recurrent &&
          has_gate(Tile::Cell::recurrent_gates & Tile::halved, n))
        half = true;
    const bool valid = slot < Tile::slots && (Tile::exact || unit < head_dim);
    const auto* const row = static_cast<const Bits<Storage>*>(p.R.data) +
                            (valid ? p.R.strides.at(slot % Tile::recurrent, head, unit) : Index(0));
    Elements<4, sizeof(Bits<Storage>)> four[Tile::k_tiles];
    const auto read = [&](auto wide) {
#pragma unroll
      for (int k = 0; k < Tile::k_tiles; ++k) {
        const int first = first_k<Tile::k_tiles>(k, lane.column);
        constexpr bool is_wide = decltype(wide)::value;
        if (Tile::exact || first_k<Tile::k_tiles>(k, 3) + 3 < least_head_dim<Tile::padded>) {
          four[k] = load_four<Storage, is_wide, true>(row + first, valid ? 4 : 0);
        } else {
          four[k] = load_four<Storage, is_wide, false>(row + first, valid ? head_dim - first : 0);
        }
      }
    };
    if (p.wide_matrix != 0) {
      read(Truth<true>());
    } else {
      read(Truth<false>());
    }
#pragma unroll
    for (int k = 0; k < Tile::k_tiles; ++k) {
#pragma unroll
      for (int n = 0; n < 2; ++n) {
        Word part[Tile::parts];
        parts_of<Storage>(four[k], n, part);
        if constexpr (Tile::parts == 1)
          if (half) part[0] = halved<Storage>(part[0]);
        matrix.put(slot / 2, k, 2 * n + slot % 2, part);
      }
    }
  }
}

}  // namespace flashrnn::cuda
