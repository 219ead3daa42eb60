// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "flashrnn/cells/cell.hpp"
#include "flashrnn/recurrence/host/micro_kernel.hpp"
#include "flashrnn/recurrence/host/task.hpp"

namespace flashrnn::host {

/// The products of a block: sums [row][sum_stride / lanes][lanes] of `vectors` registers each for
/// the rows of some register tiles. k runs in pieces, so that a piece of the block's factors and of
/// the rows is read from the first-level cache by all tiles but the first.
template <class Isa, class Storage>
struct BlockProduct {
  using Scalar = AccumulateType<Storage>;
  using Packed = PackedFactors<Isa, Storage>;
  using Kernel = Multiply<Isa, Storage, false>;
  static constexpr int lanes = Packed::lanes;

  const Storage* packed;  ///< all parts of the block, one after the other
  const Storage* next;    ///< the block whose products come after these
  Index depth, piece;
  const Scalar* factors;  ///< of the first row
  Index stride;
  const Task<Isa>& task;
  int first_tile, end_tile;
  Scalar* sums;

  /// `total` registers in walks of at most `width`.
  template <int total, int width>
  [[gnu::always_inline]] inline void run() const {
    if (task.rows == 1)  // in line, and its factors are read once anyway
      return parts<total, width, 0>(0, depth, true);
    for (Index k = 0; k < depth; k += piece)
      parts<total, width, 0>(k, depth - k < piece ? depth - k : piece, false);
  }

 private:
  template <int total, int width, int done>
  [[gnu::always_inline]] inline void parts(Index k, Index count, bool one_row) const {
    constexpr int part = total - done < width ? total - done : width;
    if constexpr (part > 0) {
      const Storage* const from = part_at<total, width, done>(packed, k);
      Scalar* out = sums + done * lanes;
      if (one_row) {
        MicroKernel<Isa, Storage, part, 1, false>::run(from, count, factors, stride, out, total,
                                                       false, 0, from);
      } else {
        // The first two tiles fetch what the first tile after them reads, half of it each.
        const Storage* const then =
            done + part < total ? part_at<total, width, done + part>(packed, k)
            : k + piece < depth ? part_at<total, width, 0>(packed, k + piece)
                                : next;
        const Scalar* row = factors + k;
        for (int tile = first_tile; tile < end_tile; ++tile) {
          const int rows = task.rows_of_tile(tile);
          const Storage* const ahead = tile - first_tile < 2
                                           ? then + (tile - first_tile) * (count * part * lanes / 2)
                                           : from;
          Kernel::template run<part>(rows, from, count, row, stride, out, total, k > 0, 0, ahead);
          row += rows * stride;
          out += rows * total * lanes;
        }
      }
      parts<total, width, done + part>(k, count, one_row);
    }
  }

  /// Where k of the part behind `done` registers of a block begins.
  template <int total, int width, int done>
  [[gnu::always_inline]] const Storage* part_at(const Storage* block, Index k) const {
    constexpr int part = total - done < width ? total - done : width;
    return block + Packed::size(depth, done) + k * static_cast<Index>(part) * lanes;
  }
};

/// A block of `sub_blocks` vectors of units with all their recurrent gates: gates·sub_blocks
/// registers, in the order [gate][sub_block], in walks of walk_vectors.
template <class Isa, class Cell, class Storage>
struct UnitBlock {
  using Scalar = AccumulateType<Storage>;
  using Packed = PackedFactors<Isa, Storage>;
  using Product = BlockProduct<Isa, Storage>;
  static constexpr int lanes = Packed::lanes;
  static constexpr int gates = count_gates(Cell::recurrent_gates);
  /// Most sub-blocks that one walk serves.
  static constexpr int most_sub_blocks = gates == 1 ? 4 : gates == 2 ? 2 : 1;
  static constexpr int most_vectors = gates * most_sub_blocks;
  static constexpr int most_sums = most_vectors * most_rows_at_once * lanes;

  static constexpr int vectors(int sub_blocks) { return gates * sub_blocks; }
  static constexpr Index units(int sub_blocks) { return Index(sub_blocks) * lanes; }

  /// sums [row][vectors][lanes] = R of the block times h of the rows of some register tiles.
  [[gnu::always_inline]] static inline void multiply(const Job<Storage>& job, const Task<Isa>& task,
                                                     Index head, Index block, Index next,
                                                     int first_tile, int end_tile, const Scalar* h,
                                                     Scalar* sums) {
    const int sub_blocks = job.tiling.sub_blocks;
    const Index depth = job.shape.head_dim;
    const Product product{
        job.packed + (head * task.blocks + block) * Packed::size(depth, vectors(sub_blocks)),
        job.packed + (head * task.blocks + next) * Packed::size(depth, vectors(sub_blocks)),
        depth,
        job.tiling.depth_piece,
        h,
        job.row_stride,
        task,
        first_tile,
        end_tile,
        sums};
    if (sub_blocks == 1) return walk<gates>(product, job.tiling.walk_vectors);
    if constexpr (most_sub_blocks >= 2)
      if (sub_blocks == 2) return walk<2 * gates>(product, job.tiling.walk_vectors);
    if constexpr (most_sub_blocks == 4) walk<4 * gates>(product, job.tiling.walk_vectors);
  }

 private:
  template <int total>
  [[gnu::always_inline]] static inline void walk(const Product& product, int width) {
    if (width == 2) return product.template run<total, 2>();
    product.template run<total, 4>();
  }
};

/// A block of `sub_blocks` (1, 2 or 4) vectors of units as inputs of R, for R^T·d_gate: one
/// register each, and k runs over all recurrent gates and units.
template <class Isa, class Storage>
struct InputBlock {
  using Scalar = AccumulateType<Storage>;
  using Packed = PackedFactors<Isa, Storage>;
  using Product = BlockProduct<Isa, Storage>;
  static constexpr int lanes = Packed::lanes;
  static constexpr int most_sums = 4 * most_rows_at_once * lanes;

  static constexpr Index units(int sub_blocks) { return Index(sub_blocks) * lanes; }

  /// sums [row][sub_block][lanes] = R^T of the block times d_gate of the rows of some tiles.
  [[gnu::always_inline]] static inline void multiply(const BackwardJob<Storage>& job,
                                                     const Task<Isa>& task, Index depth, Index head,
                                                     Index block, Index next, int first_tile,
                                                     int end_tile, const Scalar* d_gate,
                                                     Scalar* sums) {
    const int sub_blocks = job.tiling.sub_blocks;
    const Product product{
        job.packed + (head * task.blocks + block) * Packed::size(depth, sub_blocks),
        job.packed + (head * task.blocks + next) * Packed::size(depth, sub_blocks),
        depth,
        job.tiling.depth_piece,
        d_gate,
        job.gate_stride,
        task,
        first_tile,
        end_tile,
        sums};
    if (sub_blocks == 4) return product.template run<4, 4>();
    if (sub_blocks == 2) return product.template run<2, 2>();
    product.template run<1, 1>();
  }
};

}  // namespace flashrnn::host
