// SPDX-License-Identifier: Apache-2.0
// One multiprocessor for a head or several, where both can hold R, and tilings that hold all of a
// head. Needs no GPU.
#include "tiling/kernel_choice.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "first_programs.hpp"
#include "flashrnn/cells/elman.hpp"
#include "flashrnn/cells/gru.hpp"
#include "flashrnn/cells/lstm.hpp"
#include "flashrnn/cells/slstm.hpp"
#include "tiling/small_heads.hpp"

namespace flashrnn::cuda {
namespace {

template <class Cell>
bool spreads(DataType type, Index head_dim, bool training = false, Index batch = 16) {
  Problem problem;
  problem.cell = Cell::name;
  problem.dtype = type;
  problem.shape = {1024, batch, 768 / head_dim, head_dim};
  problem.training = training;
  return spreading_is_faster(problem, native_cell<Cell>(),
                             facts_of(find_device_model("nvidia_h100_sxm")));
}

TEST(KernelChoice, SpreadsHeadsOfWhichOneMultiprocessorReadsMostOfR) {
  // GRU in float32, 128×6: one part of R of two in registers. On an H200, B = 16, 0.84 ms on one
  // multiprocessor and 0.59 on several; LSTM, on several, 0.61 at B = 16 and 1.20 at 64. LSTM 96×8,
  // B = 4, 0.51 on several and 0.67 on one.
  EXPECT_TRUE(spreads<Gru>(DataType::float32, 128));
  EXPECT_FALSE(spreads<Gru>(DataType::float32, 128, false, 64));
  EXPECT_FALSE(spreads<Gru>(DataType::float32, 96));
  EXPECT_FALSE(spreads<Lstm>(DataType::float32, 96));
  EXPECT_TRUE(spreads<Lstm>(DataType::float32, 96, false, 4));
}
TEST(KernelChoice, CountsWhatTheWeightGradientTakesBesides) {
  // LSTM in float32, 96×8 on an H200: 2.5 ms with dR on one multiprocessor and 2.3 without it on
  // several at B = 16, 5.0 and 5.2 at 64, 20 and 22 at 256.
  for (const Index batch : {16, 64, 256})
    EXPECT_FALSE(spreads<Lstm>(DataType::float32, 96, true, batch)) << batch;
}
TEST(KernelChoice, KeepsHeadsWhoseRIsInRegisters) {
  for (const bool training : {false, true})
    for (const Index head_dim : {16, 64, 128}) {
      EXPECT_FALSE(spreads<Gru>(DataType::bfloat16, head_dim, training)) << head_dim;
      EXPECT_FALSE(spreads<Lstm>(DataType::bfloat16, head_dim, training)) << head_dim;
    }
}
TEST(KernelChoice, TrainsSlstmOf97To128UnitsOnOneMultiprocessor) {
  // Warps that move its twelve channels keep 88 registers and hand on the rest.
  for (const Index head_dim : {100, 112, 128}) {
    Problem problem;
    problem.cell = Slstm::name;
    problem.dtype = DataType::bfloat16;
    problem.shape = {1024, 16, 768 / head_dim, head_dim};
    problem.training = true;
    const DeviceFacts device = facts_of(find_device_model("nvidia_h200"));
    const auto tilings = choose_small_heads(problem, native_cell<Slstm>(), device);
    ASSERT_TRUE(tilings.has_value()) << head_dim;
    EXPECT_GT(tilings->forward.compute_registers, 0) << head_dim;
    EXPECT_GT(tilings->backward.compute_registers, 0) << head_dim;
    EXPECT_FALSE(spreading_is_faster(problem, native_cell<Slstm>(), device)) << head_dim;
  }
}
TEST(KernelChoice, LeavesTheQuestionToOthersWhereOneMultiprocessorCannotHoldR) {
  EXPECT_FALSE(spreads<Lstm>(DataType::float32, 256));
}

std::vector<Program> first_programs_of_lstm(const Problem& problem) {
  static const NativeCell cell = native_cell<Lstm>();
  static const CellText text = cell_text(cell);
  return first_programs(problem, cell, text, facts_of(find_device_model("nvidia_h200")));
}
/// Kernels of the first programs of LSTM in float32.
std::string first_kernels(Index head_dim, bool training) {
  Problem problem;
  problem.dtype = DataType::float32;
  problem.shape = {1024, 16, std::max<Index>(1, 768 / head_dim), head_dim};
  problem.training = training;
  std::string out;
  for (const Program& program : first_programs_of_lstm(problem))
    out += (out.empty() ? "" : " ") + program.kernel;
  return out;
}
TEST(FirstPrograms, AreThoseOfThePredictedKernels) {
  EXPECT_EQ(first_kernels(16, false),
            "flashrnn_forward_lstm_float32_d16 flashrnn_forward_of_h_lstm_float32_d16");
  EXPECT_EQ(first_kernels(16, true),
            "flashrnn_training_forward_lstm_float32_d16 flashrnn_backward_lstm_float32_d16 "
            "flashrnn_weight_gradient_lstm_float32_d16 flashrnn_sum_parts_float32");
  // One multiprocessor cannot hold R.
  EXPECT_EQ(first_kernels(256, true),
            "flashrnn_arrange_matrix flashrnn_spread_training_forward_lstm_float32_d256 "
            "flashrnn_spread_backward_lstm_float32_d256 flashrnn_sum_parts_float32");
}
TEST(FirstPrograms, DependOnOptions) {
  const auto text = [](std::optional<double> clip) {
    Problem problem;
    problem.dtype = DataType::bfloat16;
    problem.shape = {64, 16, 12, 64};
    problem.training = true;
    if (clip) problem.forward_clip = *clip;
    return first_programs_of_lstm(problem)[1].lines;
  };
  // Backward reads h where it is clipped.
  EXPECT_NE(text(std::nullopt), text(0.5));
}
TEST(FirstPrograms, AreNoneWhereNoKernelRunsTheProblem) {
  Problem problem;
  problem.dtype = DataType::float64;
  problem.shape = {64, 16, 12, 64};
  EXPECT_TRUE(first_programs_of_lstm(problem).empty());
}

/// Every tiling that is offered for a cell has room for all units, and for no warp too many.
template <class Cell>
void expect_whole_heads(DataType type) {
  const DeviceFacts device = facts_of(find_device_model("nvidia_h200"));
  const NativeCell cell = native_cell<Cell>();
  int offered = 0;
  for (Index head_dim = 1; head_dim <= 330; head_dim += head_dim % 16 == 1 ? 7 : 4) {
    const Shape shape{64, 16, 3, head_dim};
    const auto expect_room = [&](const auto& tilings) {
      for (const auto& tiling : tilings) {
        ++offered;
        EXPECT_GE(tiling.padded, head_dim);
        EXPECT_LT(tiling.padded, head_dim + (tiling.padded > 96 ? 32 : 16));
      }
    };
    for (const bool saving : {false, true})
      expect_room(forward_tilings(shape, cell.description, type, saving, device, 4));
    expect_room(backward_tilings(shape, cell.description, type, cell.reads, device, 4));
  }
  EXPECT_GT(offered, 100);
}
TEST(SmallHeadsTilings, HoldWholeHeads) {
  expect_whole_heads<Lstm>(DataType::bfloat16);
  expect_whole_heads<Gru>(DataType::float32);
  expect_whole_heads<Elman>(DataType::float16);
}

template <class Cell>
ForwardTiling forward_of(DataType type, Index head_dim, Index batch, bool saving = false) {
  const Shape shape{1024, batch, 768 / head_dim, head_dim};
  const auto found = choose_forward(shape, native_cell<Cell>().description, type, saving,
                                    facts_of(find_device_model("nvidia_h200")));
  EXPECT_TRUE(found.has_value());
  return found.value_or(ForwardTiling{});
}
TEST(SmallHeadsTilings, AreStaggeredWhereQuartersHaveTwoComputingWarps) {
  for (const bool saving : {false, true}) {
    for (const Index head_dim : {80, 96, 112, 128})
      EXPECT_TRUE(forward_of<Lstm>(DataType::bfloat16, head_dim, 16, saving).staggered) << head_dim;
    EXPECT_TRUE(forward_of<Gru>(DataType::float32, 96, 16, saving).staggered);
  }
  EXPECT_FALSE(forward_of<Lstm>(DataType::bfloat16, 64, 16).staggered);
  EXPECT_FALSE(forward_of<Gru>(DataType::bfloat16, 128, 16).staggered);
  EXPECT_FALSE(forward_of<Elman>(DataType::float32, 128, 16).staggered);
  // A single warp would follow, in training with 8 rows.
  EXPECT_EQ(forward_of<Lstm>(DataType::bfloat16, 80, 64, true).batch, 8);
  EXPECT_FALSE(forward_of<Lstm>(DataType::bfloat16, 80, 64, true).staggered);
}
TEST(SmallHeadsTilings, OfFloat32HaveAUnitPerLaneForManyRows) {
  const ForwardTiling many = forward_of<Lstm>(DataType::float32, 64, 256),
                      few = forward_of<Lstm>(DataType::float32, 64, 16);
  EXPECT_EQ(many.units, 1);
  EXPECT_EQ(many.batch, 8);
  EXPECT_TRUE(many.staggered);
  EXPECT_EQ(few.units, 2);
  EXPECT_FALSE(few.staggered);
}

}  // namespace
}  // namespace flashrnn::cuda
