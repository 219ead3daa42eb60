// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "flashrnn/recurrence/device_arguments.hpp"
#include "flashrnn/recurrence/resident_matrix.hpp"

namespace flashrnn {

/// How a team of the resident kernels shares the product with R of one head.
///
/// `lanes` neighbouring threads own `units` outputs; each holds the factors of those outputs for
/// its `slice` of the sum, for all recurrent gates, in registers, for the whole sequence. The
/// lanes' partial sums are added by exchanges within a warp. Each pair (unit, row of the batch)
/// then belongs to one lane, which carries its states in registers; where there are more lanes than
/// pairs, several lanes compute the same and the first one writes.
///
/// Which tile is used: core/recurrence/tiling/resident_gpu.constrint, which repeats what is fixed
/// here.
///
/// @tparam tile_width the largest head, in units.
template <class Cell, class Storage, bool backward, int tile_width, int tile_rows>
struct ResidentTile {
  using Real = AccumulateType<Storage>;
  static constexpr int width = tile_width, batch_tile = tile_rows;
  /// In backward, every value of the tile that is read serves one product per unit, in forward one
  /// per gate: two units make up for it.
  static constexpr int units = backward ? 2 : 1;
  static constexpr int lanes = 4 * units;
  static constexpr int slice = width / lanes;
  static constexpr int pairs = units * batch_tile;
  static constexpr int gates = count_gates(Cell::recurrent_gates);
  static constexpr int threads = width / units * lanes;
  static constexpr int factors = units * gates * slice;
  static constexpr int sums = backward ? pairs : pairs * gates;

  static_assert(slice % 4 == 0, "a slice is read four elements at a time");
  static_assert(lanes % pairs == 0, "every pair of unit and row needs a lane");

  static constexpr int word = static_cast<int>(sizeof(Real) / 4);
  /// Registers (32 bits) that a thread may have: 512 threads share a multiprocessor's.
  static constexpr int registers = 65536 / 512;
  /// What lies beyond R and the sums goes to the pointwise function, to inputs read ahead and to
  /// addresses: so many where nothing is spilled, and so many at least.
  static constexpr int comfortable = backward ? 64 : 44;
  static constexpr int tight = 36 + 8 * word;
  static constexpr bool packed = sizeof(Storage) == 2 && factors + sums + comfortable > registers;
  static constexpr bool fits =
      (packed ? factors / 2 : factors * word) + sums * word + tight <= registers;

  using Factors = ResidentFactors<Storage, factors, packed>;
  FLASHRNN_FUNCTION static constexpr int index_of(int unit, int gate, int k) {
    return (unit * gates + gate) * slice + k;
  }

  /// Place in the sum of element `k` of a lane's slice: lanes read neighbouring groups of four.
  KOKKOS_FORCEINLINE_FUNCTION static int place(int lane, int k) {
    return (k / 4 * lanes + lane) * 4 + k % 4;
  }

  /// The lane of the calling thread within its vector range.
  template <class Member>
  KOKKOS_FORCEINLINE_FUNCTION static int lane_of(const Member& team) {
    int mine = 0;
    // Every lane runs this once, with its own index and its own `mine`.
    Kokkos::parallel_for(Kokkos::ThreadVectorRange(team, lanes),
                         [&](const int lane) { mine = lane; });
    return mine;
  }

  /// `count` zeros in the team's fast memory, seen by all of the team; aligned for Four.
  template <int count, class Member>
  KOKKOS_FORCEINLINE_FUNCTION static Real* zeros(const Member& team) {
    auto* const memory = static_cast<Real*>(team.team_scratch(0).get_shmem_aligned(
        static_cast<long>(sizeof(Real) * count), alignof(Four<Real>)));
    Kokkos::parallel_for(Kokkos::TeamVectorRange(team, count),
                         [&](const int i) { memory[i] = Real(0); });
    team.team_barrier();
    return memory;
  }
};

/// What the calling lane works on: its part of the product, and a pair (unit, row of the batch).
template <class Tile>
struct ResidentPair {
  int lane;           ///< of the vector range
  int number;         ///< of the pair, among those of the vector range
  Index first_unit;   ///< of the vector range
  Index unit;         ///< of the pair; may lie behind the head's end
  UnitIndex element;  ///< the pair's element; of a pair behind an end, the first one of the head
  bool writer;        ///< whether this lane writes the pair's results

  template <class Member>
  KOKKOS_FORCEINLINE_FUNCTION ResidentPair(const Member& team, const Shape& shape,
                                           Index tiles_of_batch)
      : lane(Tile::lane_of(team)),
        number(lane % Tile::pairs),
        first_unit(team.team_rank() * Tile::units),
        unit(first_unit + number / Tile::batch_tile) {
    const Index row =
        team.league_rank() % tiles_of_batch * Tile::batch_tile + number % Tile::batch_tile;
    const bool valid = unit < shape.head_dim && row < shape.batch;
    element.head = team.league_rank() / tiles_of_batch;
    element.batch = valid ? row : 0;
    element.unit = valid ? unit : 0;
    writer = valid && lane < Tile::pairs;
  }

  /// Where the pair's value lies in a tile [batch_tile][width].
  KOKKOS_FORCEINLINE_FUNCTION int place() const {
    return number % Tile::batch_tile * Tile::width + static_cast<int>(unit);
  }
};

}  // namespace flashrnn
