// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "flashrnn/recurrence/host/kernel_table.hpp"
#include "flashrnn/recurrence/host/team.hpp"

namespace flashrnn::host {

/// What a team does at once for all steps: some heads, some rows of the batch; and this worker's
/// share of the unit blocks. Everything that needs a division is computed once here.
template <class Isa>
struct Task {
  Index first_row = 0, rows = 0;
  Index first_head = 0, end_head = 0;
  Index blocks = 0, first_block = 0, end_block = 0;
  Index block_units = 0;
  int row_tiles = 0, rows_per_tile = 0, longer_tiles = 0, tiles_at_once = 1;
  Index first_element = 0, plane_elements = 0;

  template <class Storage>
  static Task of(const Job<Storage>& job, const Team<Isa>& team, Index number, Index block_units) {
    Task task;
    const HostTiling& tiling = job.tiling;
    const Index slices = job.slices();
    const auto smaller = [](Index x, Index y) { return x < y ? x : y; };
    task.first_row = number % slices * tiling.slice_rows;
    task.rows = smaller(tiling.slice_rows, job.shape.batch - task.first_row);
    task.first_head = number / slices * tiling.group_heads;
    task.end_head = smaller(task.first_head + tiling.group_heads, job.shape.heads);
    task.block_units = block_units;
    task.blocks = job.padded / block_units;
    task.first_block = team.first(task.blocks);
    task.end_block = team.end(task.blocks);
    // Tiles of nearly equal size: 16 rows at most 6 at a time are 6, 5, 5.
    task.row_tiles =
        static_cast<int>((task.rows + tiling.register_rows - 1) / tiling.register_rows);
    task.tiles_at_once = most_rows_at_once / tiling.register_rows;
    task.rows_per_tile = static_cast<int>(task.rows / task.row_tiles);
    task.longer_tiles = static_cast<int>(task.rows % task.row_tiles);
    task.plane_elements = tiling.slice_rows * job.row_stride;
    task.first_element = team.index * job.scratch_elements;
    return task;
  }

  [[gnu::always_inline]] int rows_of_tile(int tile) const {
    return rows_per_tile + (tile < longer_tiles ? 1 : 0);
  }

  /// Calls f(first_tile, end_tile, first_row, rows) for groups of tiles, most_rows_at_once rows at
  /// most.
  template <class F>
  [[gnu::always_inline]] void for_each_tile_group(const F& f) const {
    Index row = 0;
    for (int tile = 0; tile < row_tiles; tile += tiles_at_once) {
      const int end = tile + tiles_at_once < row_tiles ? tile + tiles_at_once : row_tiles;
      int count = 0;
      for (int n = tile; n < end; ++n) count += rows_of_tile(n);
      f(tile, end, row, count);
      row += count;
    }
  }

  /// Calls f(block, next) for this worker's blocks; next is the one after it, the last one's
  /// itself. Every other step goes `backwards`: what the last blocks left in the caches is used
  /// first.
  template <class F>
  [[gnu::always_inline]] void for_each_block(bool backwards, const F& f) const {
    const Index last = end_block - 1;
    for (Index n = first_block; n <= last; ++n) {
      const Index next = n < last ? n + 1 : n;
      if (backwards) {
        f(first_block + last - n, first_block + last - next);
      } else {
        f(n, next);
      }
    }
  }

  /// A plane [slice_rows, row_stride] of scratch of one head.
  template <class Storage>
  [[gnu::always_inline]] auto plane(const Job<Storage>& job, Index head, int index) const {
    return job.scratch + first_element + (head - first_head) * job.head_elements +
           index * plane_elements;
  }

  /// Calls f(sub_block, unit, count) for the vectors of a block that begin within the head; count
  /// units are left from `unit` on.
  template <class Storage, class F>
  [[gnu::always_inline]] void for_each_vector(const Job<Storage>& job, int lanes, Index block,
                                              const F& f) const {
    const Index begin = block * block_units;
    for (int sub = 0; sub < job.tiling.sub_blocks; ++sub) {
      const Index unit = begin + sub * lanes;
      const Index left = job.shape.head_dim - unit;
      if (left <= 0) return;
      f(sub, unit, left);
    }
  }
};

}  // namespace flashrnn::host
