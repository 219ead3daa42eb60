// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Kokkos_Core.hpp>

#include "flashrnn/recurrence/host/kernel_table.hpp"

namespace flashrnn::host {

/// Where the factors of one block lie: the order of PackedFactors, for blocks of any number of
/// registers (in parts of at most most_kernel_vectors).
struct PackedOrder {
  Index lanes = 1, depth_step = 1;

  Index size(Index depth, Index vectors) const {
    return (depth + depth_step - 1) / depth_step * depth_step * vectors * lanes;
  }
};

/// One index of pack_forward: a block of one head.
template <class Storage>
struct PackForward {
  Index head_dim, gates, sub_blocks, blocks;
  PackedOrder order;
  const Storage* matrix;
  MatrixStrides strides;
  Storage* packed;
  TeamBarrier* barriers;
  int teams;

  void operator()(const Index n) const {
    if (n == 0)
      for (int team = 0; team < teams; ++team)
        barriers[team].arrived = barriers[team].generation = 0;
    const Index head = n / blocks, block = n % blocks;
    const Index vectors = gates * sub_blocks, lanes = order.lanes, step = order.depth_step;
    Storage* part = packed + n * order.size(head_dim, vectors);
    for (Index done = 0; done < vectors; done += most_kernel_vectors) {
      const Index left = vectors - done;
      const Index width = (left < most_kernel_vectors ? left : Index(most_kernel_vectors)) * lanes;
      // Pieces of k that keep what is written in the first-level cache.
      for (Index begin = 0; begin < head_dim; begin += 16) {
        const Index end = begin + 16 < head_dim ? begin + 16 : head_dim;
        for (Index column = 0; column < width; ++column) {
          const Index vector = done + column / lanes;
          const Index out = (block * sub_blocks + vector % sub_blocks) * lanes + column % lanes;
          Storage* const to = part + column * step;
          if (out >= head_dim) {
            for (Index k = begin; k < end; ++k)
              to[k / step * width * step + k % step] = Storage(0.0f);
            continue;
          }
          const Storage* const row = matrix + strides.at(vector / sub_blocks, head, out);
          if (step == 1) {
            for (Index k = begin; k < end; ++k) to[k * width] = row[k];
          } else {
            for (Index k = begin; k < end; ++k) to[k / 2 * width * 2 + k % 2] = row[k];
          }
        }
      }
      if (head_dim % step != 0)  // the missing partner of the last k
        for (Index column = 0; column < width; ++column)
          part[(head_dim / step * width + column) * step + 1] = Storage(0.0f);
      part += order.size(head_dim, width / lanes);
    }
  }
};

/// One index of pack_backward: a block of inputs of one head; k runs over gates and units.
template <class Storage>
struct PackBackward {
  Index head_dim, gates, sub_blocks, blocks;
  PackedOrder order;
  const Storage* matrix;
  MatrixStrides strides;
  Storage* packed;
  TeamBarrier* barriers;
  int teams;

  void operator()(const Index n) const {
    if (n == 0)
      for (int team = 0; team < teams; ++team)
        barriers[team].arrived = barriers[team].generation = 0;
    const Index head = n / blocks, first = n % blocks * sub_blocks * order.lanes;
    const Index width = sub_blocks * order.lanes, step = order.depth_step, depth = gates * head_dim;
    const Index valid = head_dim - first < width ? head_dim - first : width;
    Storage* const to = packed + n * order.size(depth, sub_blocks);
    const Index padded_depth = (depth + step - 1) / step * step;
    for (Index k = 0; k < padded_depth; ++k) {
      Storage* const line = to + k / step * width * step + k % step;
      Index column = 0;
      if (k < depth) {
        const Storage* const row = matrix + strides.at(k / head_dim, head, k % head_dim) + first;
        for (; column < valid; ++column) line[column * step] = row[column];
      }
      for (; column < width; ++column) line[column * step] = Storage(0.0f);
    }
  }
};

/// Copies R [G_R, H, D_out, D_in] into the order in which a pass reads it, and resets the barriers.
template <class ExecutionSpace, class Pack>
void pack(const ExecutionSpace& space, Index heads, const Pack& kernel) {
  Kokkos::parallel_for("flashrnn::pack_for_host",
                       Kokkos::RangePolicy<ExecutionSpace, Kokkos::IndexType<Index>>(
                           space, 0, heads * kernel.blocks),
                       kernel);
}

}  // namespace flashrnn::host
