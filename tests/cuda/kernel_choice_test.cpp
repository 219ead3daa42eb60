// SPDX-License-Identifier: Apache-2.0
// One multiprocessor for a head or several, where both can hold R. Needs no GPU.
#include "tiling/kernel_choice.hpp"

#include <gtest/gtest.h>

#include "flashrnn/cells/gru.hpp"
#include "flashrnn/cells/lstm.hpp"

namespace flashrnn::cuda {
namespace {

template <class Cell>
bool spreads(DataType type, Index head_dim, bool training = false) {
  Problem problem;
  problem.cell = Cell::name;
  problem.dtype = type;
  problem.shape = {1024, 16, 768 / head_dim, head_dim};
  problem.training = training;
  return spreading_is_faster(problem, native_cell<Cell>(),
                             facts_of(find_device_model("nvidia_h100_sxm")));
}

TEST(KernelChoice, SpreadsHeadsOfWhichOneMultiprocessorReadsMostOfR) {
  // GRU in float32, 128×6: one part of R of three in registers.
  EXPECT_TRUE(spreads<Gru>(DataType::float32, 128));
  EXPECT_FALSE(spreads<Gru>(DataType::float32, 96));
  EXPECT_FALSE(spreads<Lstm>(DataType::float32, 96));
}
TEST(KernelChoice, KeepsHeadsWhoseRIsInRegisters) {
  for (const bool training : {false, true})
    for (const Index head_dim : {16, 64, 128}) {
      EXPECT_FALSE(spreads<Gru>(DataType::bfloat16, head_dim, training)) << head_dim;
      EXPECT_FALSE(spreads<Lstm>(DataType::bfloat16, head_dim, training)) << head_dim;
    }
}
TEST(KernelChoice, LeavesTheQuestionToOthersWhereOneMultiprocessorCannotHoldR) {
  EXPECT_FALSE(spreads<Lstm>(DataType::float32, 256));
}

}  // namespace
}  // namespace flashrnn::cuda
