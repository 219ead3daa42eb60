// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "flashrnn/cells/cell.hpp"
#include "flashrnn/recurrence/host/micro_kernel.hpp"

namespace flashrnn::host {

/// A block of `sub_blocks` vectors of units with all their recurrent gates: gates·sub_blocks
/// registers, in the order [gate][sub_block]. Up to 4 go through the micro-kernel at once; cells
/// with more gates take several walks through h.
template <class Isa, class Cell, class Storage>
struct UnitBlock {
  using Scalar = AccumulateType<Storage>;
  using Packed = PackedFactors<Isa, Storage>;
  using Kernel = Multiply<Isa, Storage, false>;
  static constexpr int lanes = Packed::lanes;
  static constexpr int gates = count_gates(Cell::recurrent_gates);
  static constexpr int most_vectors = gates > 4 ? gates : 4;
  static constexpr int most_sums = most_vectors * 8 * lanes;

  static constexpr int vectors(int sub_blocks) { return gates * sub_blocks; }
  static constexpr Index units(int sub_blocks) { return Index(sub_blocks) * lanes; }
  /// Most sub-blocks that one walk serves.
  static constexpr int most_sub_blocks() { return gates == 1 ? 4 : gates == 2 ? 2 : 1; }

  /// sums [row][vectors][lanes] = R of the block times h of `count` rows.
  [[gnu::always_inline]] static inline void multiply(const Storage* packed, Index depth,
                                                     Index blocks, int sub_blocks, Index head,
                                                     Index block, const Scalar* h, Index h_stride,
                                                     int count, Scalar* sums) {
    const Storage* const start =
        packed + (head * blocks + block) * Packed::size(depth, vectors(sub_blocks));
    if constexpr (gates == 1) {
      if (sub_blocks == 4)
        return Kernel::template run<4>(count, start, depth, h, h_stride, sums, 4, false);
      if (sub_blocks == 2)
        return Kernel::template run<2>(count, start, depth, h, h_stride, sums, 2, false);
      Kernel::template run<1>(count, start, depth, h, h_stride, sums, 1, false);
    } else if constexpr (gates == 2) {
      if (sub_blocks == 2)
        return Kernel::template run<4>(count, start, depth, h, h_stride, sums, 4, false);
      Kernel::template run<2>(count, start, depth, h, h_stride, sums, 2, false);
    } else {
      multiply_parts<0>(start, depth, h, h_stride, count, sums);
    }
  }

 private:
  template <int done>
  [[gnu::always_inline]] static inline void multiply_parts(const Storage* packed, Index depth,
                                                           const Scalar* h, Index h_stride,
                                                           int count, Scalar* sums) {
    constexpr int part = gates - done < 4 ? gates - done : 4;
    if constexpr (part > 0) {
      Kernel::template run<part>(count, packed, depth, h, h_stride, sums + done * lanes, gates,
                                 false);
      multiply_parts<done + part>(packed + Packed::size(depth, part), depth, h, h_stride, count,
                                  sums);
    }
  }
};

/// A block of `sub_blocks` (1, 2 or 4) vectors of units as inputs of R, for R^T·d_gate: one
/// register each, and k runs over all recurrent gates and units.
template <class Isa, class Storage>
struct InputBlock {
  using Scalar = AccumulateType<Storage>;
  using Packed = PackedFactors<Isa, Storage>;
  using Kernel = Multiply<Isa, Storage, false>;
  static constexpr int lanes = Packed::lanes;
  static constexpr int most_sums = 4 * 8 * lanes;

  static constexpr Index units(int sub_blocks) { return Index(sub_blocks) * lanes; }

  /// sums [row][sub_block][lanes] = R^T of the block times d_gate of `count` rows.
  [[gnu::always_inline]] static inline void multiply(const Storage* packed, Index depth,
                                                     Index blocks, int sub_blocks, Index head,
                                                     Index block, const Scalar* d_gate,
                                                     Index stride, int count, Scalar* sums) {
    const Storage* const start = packed + (head * blocks + block) * Packed::size(depth, sub_blocks);
    if (sub_blocks == 4)
      return Kernel::template run<4>(count, start, depth, d_gate, stride, sums, 4, false);
    if (sub_blocks == 2)
      return Kernel::template run<2>(count, start, depth, d_gate, stride, sums, 2, false);
    Kernel::template run<1>(count, start, depth, d_gate, stride, sums, 1, false);
  }
};

}  // namespace flashrnn::host
