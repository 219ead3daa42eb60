// SPDX-License-Identifier: Apache-2.0
// Every model × a grid of shapes, cells and types: a tiling exists, keeps every limit of the device
// (computed without ConstrINT), costs no more by the model than the hand-made one, and is found in
// few steps.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>

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

/// The model's cost with these tiling variables given; none if no tiling has them.
std::optional<std::int64_t> cost_of(const TileQuestion& question, const Values& given) {
  // All kernels are asked, because a refusal by search_tiling comes with its explanation, which
  // takes a thousand times as long.
  Values sizes = question.sizes;
  sizes.insert(sizes.end(), given.begin(), given.end());
  for (const auto& choice : search_kernels(question.device, "", sizes))
    if (choice->kernel == question.kernel) return choice->best().step_ps;
  return std::nullopt;
}

/// How often each kernel was compared with the hand-made choice.
using Compared = std::map<std::string, int>;

void check(const std::shared_ptr<const DeviceModel>& device, const Values& sizes,
           Compared& compared) {
  // Throws if no kernel has a tiling.
  const auto choices = search_kernels(device, "", sizes);
  for (const auto& choice : choices) {
    SCOPED_TRACE(choice->kernel + " for " + to_text(sizes));
    const KernelCheck& expected = check_of(choice->kernel);
    const TileCandidate& best = choice->best();
    ASSERT_EQ(expected.broken_limit(*device, sizes, best.tiling), "") << to_text(best.tiling);
    ASSERT_GT(best.step_ps, 0);
    ASSERT_FALSE(best.limited_by.empty());
    // Counted, because a clock cannot tell a text that became harder to solve from a busy machine.
    ASSERT_LE(choice->nodes, expected.most_nodes);
    const Values by_hand = expected.hand_made(*device, sizes);
    const auto cost = cost_of({device, choice->kernel, sizes}, by_hand);
    ASSERT_TRUE(cost || !expected.hand_made_always_fits) << to_text(by_hand) << "does not fit";
    if (!cost) continue;
    ++compared[choice->kernel];
    ASSERT_LE(best.step_ps, *cost)
        << to_text(by_hand) << "is cheaper than " << to_text(best.tiling);
  }
  ASSERT_TRUE(std::ranges::is_sorted(choices, {},
                                     [](const auto& choice) { return choice->best().step_ps; }));
}

TEST_P(Grid, HasATilingWithinLimitsAndNoWorseThanByHand) {
  const auto& device = GetParam();
  Problem problem;
  problem.shape.steps = 1024;
  Compared compared;
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
            check(device, sizes, compared);
            if (HasFatalFailure()) return;
          }
        }
      }
    }
    forget_tilings();  // thousands of answers, which nobody asks for again
  }
  for (const KernelText& kernel : kernel_texts()) {
    if (kernel.device != device->kind()) continue;
    if (kernel.backend == "cuda" && !device->find("COMPUTE_CAPABILITY")) continue;
    const int capability = check_of(kernel.name).capability;
    if (capability != 0 && device->at("COMPUTE_CAPABILITY") != capability) continue;
    EXPECT_GT(compared[kernel.name], 100) << kernel.name;
  }
}

INSTANTIATE_TEST_SUITE_P(AllModels, Grid, testing::ValuesIn(device_models()),
                         [](const auto& instance) { return instance.param->name; });

}  // namespace
}  // namespace flashrnn
