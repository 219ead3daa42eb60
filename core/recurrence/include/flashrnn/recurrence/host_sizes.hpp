// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>

#include "flashrnn/problem.hpp"
#include "flashrnn/recurrence/host/kernel_table.hpp"
#include "flashrnn/recurrence/host/pack.hpp"
#include "flashrnn/recurrence/tiling.hpp"
#include "flashrnn/recurrence/workspace.hpp"

namespace flashrnn {

/// Sizes of what one pass of the host kernels keeps in its workspace, in elements.
struct HostSizes {
  Shape shape;
  Index recurrent_gates = 0, bias_gates = 0;
  host::PackedOrder order;
  int planes = 0;  ///< [slice_rows, row_stride] per head
  host::HostTiling tiling;
  bool backward = false;

  Index padded() const { return round_up(shape.head_dim, order.lanes * tiling.sub_blocks); }
  /// Rows of a plane that are a multiple of 512 bytes apart would meet in few sets of the
  /// first-level cache.
  Index row_stride() const { return padded() + (padded() % 128 == 0 ? 16 : 0); }
  Index teams() const { return tiling.workers / tiling.team_size; }
  Index slices() const { return (shape.batch + tiling.slice_rows - 1) / tiling.slice_rows; }

  Index packed() const {
    const Index vectors = padded() / order.lanes;
    return shape.heads * (backward ? order.size(recurrent_gates * shape.head_dim, vectors)
                                   : order.size(shape.head_dim, recurrent_gates * vectors));
  }

  // A line of the cache more than a multiple of lines: rows of one column then spread over all
  // sets of the cache.
  Index gate_stride() const { return round_up(recurrent_gates * shape.head_dim, 16) + 16; }
  Index h_stride() const { return round_up(padded(), 16) + 16; }
  /// Whether the kernel sums dR itself, from what lies in the caches anyway: not where the sums of
  /// all slices would take too much memory.
  bool own_weight_gradient() const {
    return shape.head_dim <= 128 || weight_sums() <= Index{16} << 20;
  }
  /// Steps whose products for dR are formed together; at least two, so that one step's can be
  /// written while another worker still reads the last one's. Large sums do not stay in the caches
  /// from one time to the next, so the times are fewer.
  Index slab_steps() const {
    const Index rank = shape.head_dim <= 128 ? 64 : shape.head_dim <= 512 ? 128 : 256;
    return own_weight_gradient() ? std::max<Index>(2, rank / tiling.slice_rows) : 2;
  }
  /// Scratch of one head.
  Index head() const {
    const Index slab = backward ? slab_steps() * (gate_stride() + h_stride()) : 0;
    return tiling.slice_rows * (planes * row_stride() + slab);
  }

  Index bias_sums() const { return slices() * bias_gates * shape.heads * shape.head_dim; }
  Index weight_sums() const {
    return slices() * shape.heads * recurrent_gates * shape.head_dim * padded();
  }
};

/// The parts of a workspace that both passes have.
template <class Storage>
struct HostWorkspace {
  Storage* packed;
  AccumulateType<Storage>* scratch;
  host::TeamBarrier* barriers;

  HostWorkspace(WorkspaceDivider& divide, const HostSizes& sizes)
      : packed(divide.take<Storage>(static_cast<std::size_t>(sizes.packed()))),
        scratch(divide.take<AccumulateType<Storage>>(
            static_cast<std::size_t>(sizes.teams() * sizes.tiling.group_heads * sizes.head()))),
        barriers(divide.take<host::TeamBarrier>(static_cast<std::size_t>(sizes.teams()))) {}
};

}  // namespace flashrnn
