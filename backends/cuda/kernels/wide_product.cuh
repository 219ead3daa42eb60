// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "fragments.cuh"
#include "numeric.cuh"
#include "warp_group.cuh"

// The product of wide batch tiles (wide_forward.cuh) by groups of four warps: 64 rows of R, some k
// in registers and the rest in shared memory, and sums in shared memory for who computes the units.

namespace flashrnn::cuda {

/// The fragments of R that a group of warps holds: as rows of a product, unit by unit.
template <class Tile>
struct WideMatrix {
  Word held[Tile::register_tiles > 0 ? Tile::register_tiles : 1][4];
  SharedAddress rest;

  __device__ void load(const ForwardParameters& p, SharedAddress matrix, int head, int first_unit) {
    using Element = Bits<typename Tile::Storage>;
    const Lane lane;
    const int warp = static_cast<int>(threadIdx.x) / 32 % 4;
    rest = matrix;
    // The lane's first element of its two rows of the product, and how many there are from it on:
    // none of a row that R does not have.
    const Element* first[2];
    int count[2];
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const int row = 16 * warp + lane.row + 8 * half, unit = first_unit + row / Tile::rows;
      const bool exists = row < Tile::group_units * Tile::rows && unit < p.shape.head_dim;
      first[half] = static_cast<const Element*>(p.R.data) +
                    p.R.strides.at(row % Tile::rows, head, unit) + 2 * lane.column;
      count[half] = exists ? static_cast<int>(p.shape.head_dim) - 2 * lane.column : 0;
    }
    const auto tile = [&](int k_tile, Word(&words)[4]) {
#pragma unroll
      for (int e = 0; e < 4; ++e) {
        const int k = 16 * k_tile + e / 2 * 8;
        words[e] = k < count[e % 2] ? *reinterpret_cast<const Word*>(first[e % 2] + k) : 0;
      }
    };
#pragma unroll 1
    for (int n = 0; n < Tile::shared_tiles; ++n) {
      Word words[4];
      tile(Tile::register_tiles + n, words);
#pragma unroll
      for (int e = 0; e < 4; ++e)
        store_shared(matrix + 2048 * n + 1024 * (e / 2) + 128 * (2 * warp + e % 2) + 16 * lane.row +
                         4 * lane.column,
                     Elements<2>{{words[e]}});
    }
#pragma unroll
    for (int n = 0; n < Tile::register_tiles; ++n) tile(n, held[n]);
  }

  /// The sums of the group's rows with a vector, as its sections arrive.
  __device__ void multiply(SharedAddress vector, SharedAddress barriers, Word parity,
                           float (&sum)[Tile::batch / 2]) const {
    using Product = WarpGroupProduct<typename Tile::Storage, Tile::batch>;
#pragma unroll
    for (int section = 0; section < Tile::sections; ++section) {
      wait_for_arrivals(barriers + 8 * section, parity);
      products_begin();
#pragma unroll
      for (int n = 0; n < Tile::section_tiles; ++n) {
        const int k = section * Tile::section_tiles + n;
        if (k >= Tile::k_tiles) continue;
        const MatrixDescriptor right =
            matrix_descriptor(vector + 32 * Tile::batch * k, 16 * Tile::batch, 128);
        if (k < Tile::register_tiles) {
          Product::multiply(sum, held[k], right, k > 0);
        } else {
          Product::multiply(sum,
                            matrix_descriptor(rest + 2048 * (k - Tile::register_tiles), 1024, 128),
                            right, k > 0);
        }
      }
      products_end();
    }
    products_wait();
  }
};

/// Sums as floats [row of the batch, unit, gate] in shared memory.
template <class Tile>
__device__ void store_wide_sums(SharedAddress sums, const float (&sum)[Tile::batch / 2]) {
  const Lane lane;
  const int warp = static_cast<int>(threadIdx.x) / 32 % 4;
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    const int row = 16 * warp + lane.row + 8 * half;
    if (row >= Tile::group_units * Tile::rows) continue;
    const SharedAddress to = sums + 4 * (2 * lane.column * Tile::sum_stride +
                                         row / Tile::rows * Tile::width + row % Tile::rows);
#pragma unroll
    for (int n = 0; n < Tile::batch / 8; ++n)
#pragma unroll
      for (int column = 0; column < 2; ++column)
        store_shared_float(to + 4 * Tile::sum_stride * (8 * n + column),
                           sum[4 * n + 2 * half + column]);
  }
}
/// Of one unit and row, `from` on.
template <class Tile>
__device__ void read_wide_sums(SharedAddress from, float (&out)[Tile::rows]) {
  if constexpr (Tile::width == 4) {
    Word word[4];
    load_shared_16(from, word);
#pragma unroll
    for (int n = 0; n < Tile::rows; ++n) out[n] = __uint_as_float(word[n]);
  } else {
#pragma unroll
    for (int n = 0; n < Tile::rows; ++n) out[n] = load_shared_float(from + 4 * n);
  }
}

}  // namespace flashrnn::cuda
