// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "parameters.hpp"
#include "shared_memory.cuh"

// How one product R·h (forward) or R^T·dg (backward) is spread over threads.
//
// mma.m16n8k16 leaves rows r and r + 8 of columns 2t and 2t + 1 in lane 4·r + t of the warp. Which
// row of R a tile's row stands for is free; it is chosen so that one lane holds everything that the
// pointwise function of its units needs. The order of k is free too, as long as both factors agree:
// a lane takes 8 neighbouring k of two k-tiles with one 16-byte load (4 of one tile with 8 bytes).
//
// A batch tile of fewer than 8 rows fills the 8 columns by repeating each row 8 / batch times.
// The lanes that hold copies share the pointwise work: they take different units.

namespace flashrnn::cuda {

/// Lane coordinates of mma fragments.
struct Lane {
  int row, column;  // row 0…7, column 0…3
  __device__ Lane() : row((threadIdx.x & 31) / 4), column(threadIdx.x & 3) {}
};

/// The right-hand factor in shared memory: `batch` rows of `length` 16-bit elements. The distances
/// between rows are such that a warp's loads and stores meet few bank conflicts.
template <int batch, int length>
struct Columns {
  static_assert(batch == 1 || batch == 2 || batch == 4 || batch % 8 == 0,
                "Columns: the batch tile divides the 8 columns of an mma, or is some of them");
  static constexpr int row_bytes = 2 * length;
  static constexpr int to_odd = (row_bytes + 63) / 128 * 128 + 64;
  static constexpr int stride = batch >= 8 ? 0 : row_bytes + 16;
  static constexpr int pair_bytes = 2 * to_odd + 16;  // of two rows, where there are eight or more
  static constexpr int bytes = batch >= 8 ? batch / 2 * pair_bytes : batch * stride;

  /// Byte offset of a row of the batch tile.
  static __device__ int offset(int row) {
    if constexpr (batch >= 8) {
      return (row >> 1) * pair_bytes + (row & 1) * to_odd;
    } else {
      return row * stride;
    }
  }
};

/// Reads the right-hand factor of k-tiles [begin, end) as this lane's fragments. `row` is where
/// this lane's row begins, and 16 bytes for each lane column before it.
template <int begin, int end, int k_tiles>
__device__ void load_columns(SharedAddress row, int lane_column, Word (&b)[k_tiles][2]) {
  static_assert(end <= k_tiles && (begin == end || begin % 2 == 0));
#pragma unroll
  for (int pair = begin / 2; pair < end / 2; ++pair) {
    Word word[4];
    load_shared_16(row + 64 * pair, word);
    b[2 * pair][0] = word[0];
    b[2 * pair][1] = word[1];
    b[2 * pair + 1][0] = word[2];
    b[2 * pair + 1][1] = word[3];
  }
  if constexpr (end % 2 == 1 && begin < end) {
    const Elements<4> rest = load_shared<4>(row + 32 * (end - 1) - 8 * lane_column);
    b[end - 1][0] = rest.word[0];
    b[end - 1][1] = rest.word[1];
  }
}

/// First of the 4 neighbouring k that this lane holds of a k-tile; the order of load_columns.
template <int k_tiles>
__device__ int first_k(int k_tile, int lane_column) {
  if (k_tiles % 2 == 1 && k_tile == k_tiles - 1) return 16 * k_tile + 4 * lane_column;
  return 32 * (k_tile / 2) + 8 * lane_column + 4 * (k_tile % 2);
}

/// Which units and rows of the batch tile a lane works on, of `units` neighbouring units per
/// fragment row: all units of 2 (batch 8) or 1 row, or a share of them where rows are repeated.
template <int batch, int units>
struct Share {
  static constexpr int rows = batch >= 8 ? batch / 4 : 1;
  static constexpr int copies = batch >= 4 ? 1 : 4 / batch;  // lanes that hold the same column
  static_assert(units % copies == 0, "Share: units of a lane divide by the copies of its column");
  static constexpr int cells = units / copies;  // units per lane

  /// Row of the batch tile.
  static __device__ int row(const Lane& lane, int n) {
    if constexpr (batch >= 8) return 8 * (n / 2) + 2 * lane.column + n % 2;
    return lane.column / copies;
  }
  /// Position of the first own unit among the fragment row's.
  static __device__ int first(const Lane& lane) { return lane.column % copies * cells; }
  /// Row of the batch tile whose elements this lane supplies as right-hand fragments.
  static __device__ int supplied_row(const Lane& lane) {
    return batch >= 8 ? lane.row : lane.row * batch / 8;
  }
};

/// Position of the n-th set bit of a mask; 0 if it has none.
__device__ constexpr int set_bit(unsigned mask, int n) {
  if (mask == 0) return 0;
  int bit = 0;
  for (; (mask & 1u) == 0; mask >>= 1) ++bit;
  if ((mask & (mask + 1)) == 0) return bit + n;  // bits side by side: no search for an unknown n
  for (; n > 0 || (mask & 1u) == 0; mask >>= 1, ++bit)
    if ((mask & 1u) != 0) --n;
  return bit;
}

/// value[index] where index is not a constant: selects, so that the array stays in registers.
template <int count>
__device__ float pick(const float (&value)[count], int index) {
  float out = value[0];
#pragma unroll
  for (int n = 1; n < count; ++n) out = index == n ? value[n] : out;
  return out;
}

/// value[index] + addend; of two, without first selecting and then adding.
template <int count>
__device__ float pick_and_add(const float (&value)[count], int index, float addend) {
  if constexpr (count == 2) {
    float out;
    asm("{\n"
        ".reg .pred second;\n"
        "setp.ne.s32 second, %4, 0;\n"
        "add.f32 %0, %1, %3;\n"
        "@second add.f32 %0, %2, %3;\n"
        "}"
        : "=&f"(out)
        : "f"(value[0]), "f"(value[1]), "f"(addend), "r"(index));
    return out;
  }
  return pick(value, index) + addend;
}

}  // namespace flashrnn::cuda
