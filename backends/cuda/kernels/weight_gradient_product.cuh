// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "fragments.cuh"
#include "tf32.cuh"

// The product of a stage of rows in shared memory, for dR: sum[gate, out, in] += sum over the
// stage's rows of d_gate[row, gate, out] · h[row, in]. Both factors have the index that is summed
// over outside, so fragments are transposed.

namespace flashrnn::cuda {

template <class Tile>
class PackedGradient;
template <class Tile>
class FloatGradient;
template <class Tile, bool is_float>
struct GradientProduct {
  using Type = PackedGradient<Tile>;
};
template <class Tile>
struct GradientProduct<Tile, true> {
  using Type = FloatGradient<Tile>;
};

/// What is fixed when the kernel for dR is compiled.
///   gates    gates per block;   columns  of dR per block, a multiple of 16
template <class Storage_, int padded_, int recurrent_, int gates_, int columns_>
struct WeightGradientTile {
  using Storage = Storage_;
  static constexpr int padded = padded_, recurrent = recurrent_, gates = gates_, columns = columns_;
  static constexpr int element_bytes = sizeof(Bits<Storage>);
  static constexpr bool is_float = element_bytes == 4;
  using Product = typename GradientProduct<WeightGradientTile, is_float>::Type;
  static constexpr int rows = is_float ? 16 : 32;  // of the sum per stage
  static constexpr int stages = padded >= 64 || is_float ? 4 : 3;
  static constexpr int m_tiles = padded / 16;
  /// Tiles of 16 units of a gate, and columns, per warp: squares have the fewest conversions of
  /// floats.
  static constexpr int warp_tiles = is_float && padded > 32 ? 2 : 1;
  static constexpr int warp_columns = !is_float || columns <= 48       ? columns
                                      : columns == 80 || columns == 96 ? 48
                                                                       : 32;
  static constexpr int column_warps = (columns + warp_columns - 1) / warp_columns;
  static constexpr int threads =
      32 * ((gates * m_tiles + warp_tiles - 1) / warp_tiles) * column_warps;
  static constexpr int gate_groups = (recurrent + gates - 1) / gates;
  static constexpr int column_groups = (padded + columns - 1) / columns;
  static_assert(columns % 16 == 0 && padded % 16 == 0);
  static constexpr int n_tiles = warp_columns / 8;  // per warp

  /// Rows of the gates, then of h. They stand an odd number of 16-byte units apart, so that
  /// ldmatrix meets no bank twice; of floats, of which a lane reads pairs, of 32-byte units.
  struct Stage {
    static constexpr int gap = is_float ? 32 : 16;
    static constexpr int gate_pitch = element_bytes * padded + gap,
                         hidden_pitch = element_bytes * column_warps * warp_columns + gap;
    static constexpr int first_hidden = gates * rows * gate_pitch;
    static constexpr int bytes = first_hidden + rows * hidden_pitch;
    static __device__ int gate(int gate, int row, int unit) {
      return (gate * rows + row) * gate_pitch + element_bytes * unit;
    }
    static __device__ int hidden(int row, int column) {
      return first_hidden + row * hidden_pitch + element_bytes * column;
    }
  };
  /// Where the rows of two stages lie in memory, [stage, row, gate or h].
  static constexpr int table_at = stages * Stage::bytes, table_entries = rows * (gates + 1);
  static constexpr int shared_bytes = table_at + 2 * 8 * table_entries;
};

/// Four 8 × 8 matrices, transposed: lane l names the row l % 8 of matrix l / 8.
__device__ inline void load_transposed_matrices(SharedAddress row, Word (&out)[4]) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(out[0]), "=r"(out[1]), "=r"(out[2]), "=r"(out[3])
               : "r"(row)
               : "memory");
}

/// Of 16-bit elements. A warp sums 16 units of a gate.
template <class Tile>
class PackedGradient {
 public:
  /// `shared`: where the ring begins.
  __device__ explicit PackedGradient(SharedAddress shared) {
    const int warp = warp_number(), lane = static_cast<int>(threadIdx.x & 31);
    gate_ = warp / Tile::m_tiles;
    first_unit_ = warp % Tile::m_tiles * 16;
    gate_at_ =
        shared + Tile::Stage::gate(gate_, lane / 16 * 8 + lane % 8, first_unit_ + lane / 8 % 2 * 8);
    hidden_at_ = shared + Tile::Stage::hidden(lane / 8 % 2 * 8 + lane % 8, lane / 16 * 8);
#pragma unroll
    for (int n = 0; n < Tile::n_tiles; ++n)
#pragma unroll
      for (int e = 0; e < 4; ++e) sum_[n][e] = 0;
  }

  /// Adds the product of the stage at that offset in the ring.
  __device__ void add(SharedAddress stage) {
    using Elements = Packed<typename Tile::Storage>;
#pragma unroll
    for (int k = 0; k < Tile::rows / 16; ++k) {
      Word a[4];
      load_transposed_matrices(gate_at_ + stage + k * 16 * Tile::Stage::gate_pitch, a);
#pragma unroll
      for (int n = 0; n < Tile::n_tiles; n += 2) {
        Word b[4];
        load_transposed_matrices(hidden_at_ + stage + k * 16 * Tile::Stage::hidden_pitch + 16 * n,
                                 b);
        Elements::multiply_add(sum_[n], a, b[0], b[1]);
        Elements::multiply_add(sum_[n + 1], a, b[2], b[3]);
      }
    }
  }

  /// Calls function(gate, unit out, column in, sum) for what this lane has summed.
  template <class Function>
  __device__ void for_each(const Function& function) const {
    const Lane lane;
#pragma unroll
    for (int n = 0; n < Tile::n_tiles; ++n)
#pragma unroll
      for (int e = 0; e < 4; ++e)
        function(gate_, first_unit_ + lane.row + e / 2 * 8, 8 * n + 2 * lane.column + e % 2,
                 sum_[n][e]);
  }

 private:
  int gate_, first_unit_;
  SharedAddress gate_at_, hidden_at_;
  float sum_[Tile::n_tiles][4];
};

/// Of floats, as sums of two TF32 whose products, but for that of both `low`, are formed: with
/// errors near 2^-23 of a product. Eight rows are summed from zero and added by a rounded addition,
/// because those of tensor cores are not. A warp sums `warp_tiles` times 16 units of a gate and
/// `warp_columns`.
///
/// Rows of a fragment r and r + 8 stand for units 2·r and 2·r + 1 of 16, column r of two
/// neighbouring tiles for columns 2·r and 2·r + 1 of 16: a lane reads pairs.
template <class Tile>
class FloatGradient {
 public:
  /// `shared`: where the ring begins.
  __device__ explicit FloatGradient(SharedAddress shared) {
    const int warp = warp_number();
    first_ = warp / Tile::column_warps * tiles;
    first_column_ = warp % Tile::column_warps * Tile::warp_columns;
    const Lane lane;
#pragma unroll
    for (int i = 0; i < tiles; ++i) {
      // A last warp may have a tile too many, which it takes from another.
      const int tile = ::min(first_ + i, all - 1);
      gate_at_[i] = shared + Tile::Stage::gate(tile / Tile::m_tiles, lane.column,
                                               tile % Tile::m_tiles * 16 + 2 * lane.row);
    }
    hidden_at_ = shared + Tile::Stage::hidden(lane.column, first_column_ + 2 * lane.row);
#pragma unroll
    for (int i = 0; i < tiles; ++i)
#pragma unroll
      for (int n = 0; n < Tile::n_tiles; ++n)
#pragma unroll
        for (int e = 0; e < 4; ++e) sum_[i][n][e] = 0;
  }

  /// Adds the product of the stage at that offset in the ring.
  __device__ void add(SharedAddress stage) {
#pragma unroll 1
    for (int k = 0; k < Tile::rows; k += 8) {
      Word a_high[tiles][4], a_low[tiles][4];
#pragma unroll
      for (int i = 0; i < tiles; ++i)
#pragma unroll
        for (int half = 0; half < 2; ++half) {
          const Elements<2, 4> read =
              load_shared<2, 4>(gate_at_[i] + stage + (k + 4 * half) * Tile::Stage::gate_pitch);
#pragma unroll
          for (int e = 0; e < 2; ++e) {
            const Tf32Sum split(read.word[e]);
            a_high[i][2 * half + e] = split.high;
            a_low[i][2 * half + e] = split.low;
          }
        }
#pragma unroll
      for (int n = 0; n < Tile::n_tiles; n += 2) {
        Tf32Sum b[2][2];
#pragma unroll
        for (int half = 0; half < 2; ++half) {
          const Elements<2, 4> read = load_shared<2, 4>(
              hidden_at_ + stage + (k + 4 * half) * Tile::Stage::hidden_pitch + 32 * n);
#pragma unroll
          for (int e = 0; e < 2; ++e) b[e][half] = Tf32Sum(read.word[e]);
        }
#pragma unroll
        for (int e = 0; e < 2; ++e)
#pragma unroll
          for (int i = 0; i < tiles; ++i) {
            const float zero[4] = {0, 0, 0, 0};
            float product[4];
            multiply_add_tf32(product, a_low[i], b[e][0].high, b[e][1].high, zero);
            multiply_add_tf32(product, a_high[i], b[e][0].low, b[e][1].low, product);
            multiply_add_tf32(product, a_high[i], b[e][0].high, b[e][1].high, product);
#pragma unroll
            for (int at = 0; at < 4; ++at) sum_[i][n + e][at] += product[at];
          }
      }
    }
  }

  /// Calls function(gate, unit out, column in, sum) for what this lane has summed.
  template <class Function>
  __device__ void for_each(const Function& function) const {
    const Lane lane;
#pragma unroll
    for (int i = 0; i < tiles; ++i) {
      const int tile = first_ + i;
      if (tile >= all) continue;
#pragma unroll
      for (int n = 0; n < Tile::n_tiles; ++n)
#pragma unroll
        for (int e = 0; e < 4; ++e)
          function(tile / Tile::m_tiles, tile % Tile::m_tiles * 16 + 2 * lane.row + e / 2,
                   first_column_ + n / 2 * 16 + 2 * (2 * lane.column + e % 2) + n % 2,
                   sum_[i][n][e]);
    }
  }

 private:
  static constexpr int tiles = Tile::warp_tiles, all = Tile::gates * Tile::m_tiles;
  int first_, first_column_;
  SharedAddress gate_at_[tiles], hidden_at_;
  float sum_[tiles][Tile::n_tiles][4];
};

}  // namespace flashrnn::cuda
