// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Kokkos_Core.hpp>

#include "flashrnn/recurrence/host/job.hpp"

namespace flashrnn::host {

/// Where the factors of one walk lie: the order of PackedFactors.
struct PackedOrder {
  Index lanes = 1, depth_step = 1;

  Index size(Index depth, Index vectors) const {
    return (depth + depth_step - 1) / depth_step * depth_step * vectors * lanes;
  }
};

/// One index of pack: a block of one head. A block has the recurrent gates of some units and k is
/// the input (forward), or has some inputs and k runs over gates and units (backward).
template <class Storage, bool backward>
struct Pack {
  Index head_dim, gates, sub_blocks, walk_vectors, blocks;
  PackedOrder order;
  const Storage* matrix;
  MatrixStrides strides;
  Storage* packed;
  TeamBarrier* barriers;
  int teams;

  Index depth() const { return backward ? gates * head_dim : head_dim; }
  Index vectors() const { return backward ? sub_blocks : gates * sub_blocks; }

  void operator()(const Index n) const {
    if (n == 0)
      for (int team = 0; team < teams; ++team)
        barriers[team].arrived = barriers[team].generation = 0;
    Storage* part = packed + n * order.size(depth(), vectors());
    for (Index first = 0; first < vectors(); first += walk_vectors) {
      const Index left = vectors() - first;
      const Index width = left < walk_vectors ? left : walk_vectors;
      if (order.depth_step == 2) {
        pack_walk<2>(n / blocks, n % blocks, first, width, part);
      } else {
        pack_walk<1>(n / blocks, n % blocks, first, width, part);
      }
      part += order.size(depth(), width);
    }
  }

 private:
  /// The vectors [first, first + width) of a block.
  template <int step>
  void pack_walk(Index head, Index block, Index first, Index width, Storage* part) const {
    // Pieces of k within one gate that keep what is read and written in the first-level cache.
    for (Index begin = 0; begin < depth();) {
      const Index in_gate = begin % head_dim;
      const Index end = begin + (head_dim - in_gate < 16 ? head_dim - in_gate : Index(16));
      for (Index n = 0; n < width; ++n) {
        const Index vector = first + n;
        const Index unit = (block * sub_blocks + vector % sub_blocks) * order.lanes;
        const Index valid = head_dim - unit < order.lanes ? head_dim - unit : order.lanes;
        const Storage* const from =
            backward ? matrix + strides.at(begin / head_dim, head, in_gate) + unit
                     : matrix + strides.at(vector / sub_blocks, head, unit) + begin;
        const Index by_k = backward ? strides.row : 1, by_lane = backward ? 1 : strides.row;
        for (Index k = begin; k < end; ++k) {
          Storage* const to = part + (k / step * width + n) * order.lanes * step + k % step;
          const Storage* const line = from + (k - begin) * by_k;
          for (Index lane = 0; lane < order.lanes; ++lane)
            to[lane * step] = lane < valid ? line[lane * by_lane] : Storage(0.0f);
        }
      }
      begin = end;
    }
    if (depth() % step != 0)  // the missing partner of the last k
      for (Index column = 0; column < width * order.lanes; ++column)
        part[(depth() / step * width * order.lanes + column) * step + 1] = Storage(0.0f);
  }
};

/// Copies R [G_R, H, D_out, D_in] into the order in which a pass reads it, and resets the barriers.
template <class ExecutionSpace, class Kernel>
void pack(const ExecutionSpace& space, Index heads, const Kernel& kernel) {
  Kokkos::parallel_for("flashrnn::pack_for_host",
                       Kokkos::RangePolicy<ExecutionSpace, Kokkos::IndexType<Index>>(
                           space, 0, heads * kernel.blocks),
                       kernel);
}

}  // namespace flashrnn::host
