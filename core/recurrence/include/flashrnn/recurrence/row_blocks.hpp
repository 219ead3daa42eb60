// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "flashrnn/layout.hpp"

namespace flashrnn {

/// The rows (step, batch) of two sequences, walked together as few strided blocks: within a block,
/// row r lies r·leading elements behind the start. Used to sum over all steps and batch rows by
/// matrix products; the order of rows is free there, so a sequence with negative step strides is
/// walked from its end.
struct RowBlocks {
  Index blocks = 0;       ///< number of blocks
  Index rows = 0;         ///< rows per block
  Index leading[2] = {};  ///< distance between rows of a block, per sequence
  Index between[2] = {};  ///< distance between blocks, per sequence
  Index start[2] = {};    ///< offset of the first row, per sequence
};

/// `steps` × `batch` rows of two sequences with strides `first` and `second`. `row_length` is the
/// number of elements per row: matrix products need leading distances of at least that.
constexpr RowBlocks row_blocks(Index steps, Index batch, const Strides& first,
                               const Strides& second, Index row_length) {
  Index step[2] = {first.step, second.step};
  const Index row[2] = {first.batch, second.batch};
  RowBlocks out;
  if (step[0] < 0 && step[1] < 0) {
    for (int n = 0; n < 2; ++n) {
      out.start[n] = step[n] * (steps - 1);
      step[n] = -step[n];
    }
  }
  const auto usable = [&](const Index(&distance)[2], Index count) {
    return count == 1 || (distance[0] >= row_length && distance[1] >= row_length);
  };
  const auto set = [&](Index blocks, Index rows, const Index(&leading)[2],
                       const Index(&between)[2]) {
    out.blocks = blocks;
    out.rows = rows;
    for (int n = 0; n < 2; ++n) {
      out.leading[n] = rows == 1 ? row_length : leading[n];
      out.between[n] = between[n];
    }
  };
  const Index none[2] = {0, 0};
  const bool time_major = step[0] == batch * row[0] && step[1] == batch * row[1];
  const bool batch_first = row[0] == steps * step[0] && row[1] == steps * step[1];
  if (time_major && usable(row, batch * steps)) {
    set(1, steps * batch, row, none);
  } else if (batch_first && usable(step, batch * steps)) {
    set(1, steps * batch, step, none);
  } else if (usable(step, steps) && (steps >= batch || !usable(row, batch))) {
    set(batch, steps, step, row);
  } else if (usable(row, batch)) {
    set(steps, batch, row, step);
  } else {
    out.blocks = -1;  // no walk with positive leading distances exists
  }
  return out;
}

}  // namespace flashrnn
