// SPDX-License-Identifier: Apache-2.0
// Walks of two sequences: whatever the strides, every row is visited once, in both sequences alike,
// with leading distances that a matrix product can take.
#include "flashrnn/recurrence/row_blocks.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <utility>
#include <vector>

namespace flashrnn {
namespace {

using Rows = std::vector<std::pair<Index, Index>>;

Rows expected_rows(Index steps, Index batch, const Strides& x, const Strides& y) {
  Rows out;
  for (Index t = 0; t < steps; ++t)
    for (Index n = 0; n < batch; ++n) out.emplace_back(x.at(0, t, n, 0), y.at(0, t, n, 0));
  std::sort(out.begin(), out.end());
  return out;
}

Rows walked_rows(const RowBlocks& walk) {
  Rows out;
  for (Index block = 0; block < walk.blocks; ++block)
    for (Index row = 0; row < walk.rows; ++row)
      out.emplace_back(walk.start[0] + block * walk.between[0] + row * walk.leading[0],
                       walk.start[1] + block * walk.between[1] + row * walk.leading[1]);
  std::sort(out.begin(), out.end());
  return out;
}

/// Strides of a sequence of `steps` × `batch` rows, `row` elements apart.
Strides time_major(Index, Index batch, Index row) {
  return {0, batch * row, row, 0};
}
Strides batch_first(Index steps, Index, Index row) {
  return {0, row, steps * row, 0};
}
Strides backwards(const Strides& strides) {
  return {0, -strides.step, strides.batch, 0};
}
Strides with_gaps(const Strides& strides) {
  return {0, strides.step * 3, strides.batch + (strides.step > strides.batch ? 0 : 5), 0};
}

std::vector<Strides> layouts(Index steps, Index batch, Index row) {
  std::vector<Strides> out;
  for (const Strides& plain : {time_major(steps, batch, row), batch_first(steps, batch, row),
                               time_major(steps, batch, row + 7)})
    for (const Strides& each : {plain, with_gaps(plain)}) {
      out.push_back(each);
      out.push_back(backwards(each));
    }
  return out;
}

TEST(RowBlocks, EveryRowOnceWhateverTheLayouts) {
  constexpr Index row = 6;
  for (const Index steps : {1, 2, 5})
    for (const Index batch : {1, 2, 4})
      for (const Strides& x : layouts(steps, batch, row))
        for (const Strides& y : layouts(steps, batch, row)) {
          const RowBlocks walk = row_blocks(steps, batch, x, y, row);
          ASSERT_EQ(walked_rows(walk), expected_rows(steps, batch, x, y))
              << steps << " steps, batch " << batch << ", strides " << x.step << ' ' << x.batch
              << " and " << y.step << ' ' << y.batch;
          ASSERT_GE(walk.leading[0], row);
          ASSERT_GE(walk.leading[1], row);
        }
}

TEST(RowBlocks, ContiguousSequencesAreOneBlock) {
  const Index steps = 7, batch = 3, row = 4;
  for (const auto order : {time_major, batch_first}) {
    const Strides x = order(steps, batch, row), y = order(steps, batch, 5 * row);
    EXPECT_EQ(row_blocks(steps, batch, x, y, row).blocks, 1);
    EXPECT_EQ(row_blocks(steps, batch, x, y, row).rows, steps * batch);
    EXPECT_EQ(row_blocks(steps, batch, backwards(x), backwards(y), row).blocks, 1);
  }
}

TEST(RowBlocks, MixedOrdersTakeTheLongerRuns) {
  const Index row = 4;
  const RowBlocks many_steps = row_blocks(9, 2, time_major(9, 2, row), batch_first(9, 2, row), row);
  EXPECT_EQ(many_steps.blocks, 2);
  EXPECT_EQ(many_steps.rows, 9);
  const RowBlocks large_batch =
      row_blocks(2, 9, time_major(2, 9, row), batch_first(2, 9, row), row);
  EXPECT_EQ(large_batch.blocks, 2);
  EXPECT_EQ(large_batch.rows, 9);
}

TEST(RowBlocks, SaysSoWhereNoWalkExists) {
  // Rows closer together than they are long, along both axes of one sequence.
  const Strides too_close{0, 2, 3, 0};
  EXPECT_EQ(row_blocks(3, 3, too_close, time_major(3, 3, 8), 8).blocks, -1);
}

}  // namespace
}  // namespace flashrnn
