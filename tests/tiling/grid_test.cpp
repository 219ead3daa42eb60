// SPDX-License-Identifier: Apache-2.0
// Every model × a grid of shapes, cells and types: a tiling exists, keeps every limit of the device
// (computed without ConstrINT), and costs no more by the model than the hand-made one.
#include <gtest/gtest.h>

#include <algorithm>

#include "flashrnn/error.hpp"
#include "kernel_checks.hpp"

namespace flashrnn {
namespace {

std::string to_text(const Values& values) {
  std::string out;
  for (const NamedValue& entry : values)
    out += entry.name + '=' + std::to_string(entry.value) + ' ';
  return out;
}

class Grid : public testing::TestWithParam<std::shared_ptr<const DeviceModel>> {};

void check(const std::shared_ptr<const DeviceModel>& device, const Values& sizes) {
  // Throws if no kernel has a tiling.
  const auto choices = search_kernels(device, "kokkos", sizes);
  for (const auto& choice : choices) {
    SCOPED_TRACE(choice->kernel + " for " + to_text(sizes));
    const KernelCheck& expected = check_of(choice->kernel);
    const TileCandidate& best = choice->best();
    ASSERT_EQ(expected.broken_limit(*device, sizes, best.tiling), "") << to_text(best.tiling);
    ASSERT_GT(best.step_ps, 0);
    ASSERT_FALSE(best.limited_by.empty());
    const Values by_hand = expected.hand_made(*device, sizes);
    ASSERT_EQ(expected.broken_limit(*device, sizes, by_hand), "") << "made by hand";
    const auto cost =
        search_fixed({device, choice->kernel, sizes}, {choice->kernel, by_hand})->best().step_ps;
    ASSERT_LE(best.step_ps, cost) << to_text(by_hand) << "is cheaper than " << to_text(best.tiling);
  }
  ASSERT_TRUE(std::ranges::is_sorted(choices, {},
                                     [](const auto& choice) { return choice->best().step_ps; }));
}

TEST_P(Grid, HasATilingWithinLimitsAndNoWorseThanByHand) {
  const auto& device = GetParam();
  Problem problem;
  problem.shape.steps = 1024;
  for (const CellDescription& cell : built_in_cells()) {
    for (const DataType type : {DataType::float64, DataType::float32, DataType::bfloat16}) {
      for (const Index head_dim : {1, 3, 16, 32, 33, 64, 100, 128, 256, 768, 1024, 2048, 4096}) {
        for (const Index batch : {1, 3, 16, 64, 512}) {
          for (const bool backward : {false, true}) {
            problem.dtype = type;
            problem.training = backward;
            problem.shape.batch = batch;
            problem.shape.head_dim = head_dim;
            problem.shape.heads = std::max<Index>(1, 768 / head_dim);
            Values sizes = problem_sizes(problem, cell, backward);
            for (const NamedValue& entry : space_sizes(*device)) sizes.push_back(entry);
            check(device, sizes);
            if (HasFatalFailure()) return;
          }
        }
      }
    }
    forget_tilings();  // thousands of answers, which nobody asks for again
  }
}

INSTANTIATE_TEST_SUITE_P(AllModels, Grid, testing::ValuesIn(device_models()),
                         [](const auto& instance) { return instance.param->name; });

}  // namespace
}  // namespace flashrnn
