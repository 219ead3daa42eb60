// SPDX-License-Identifier: Apache-2.0
// Every model × a grid of shapes, cells and types: a tiling exists, keeps every limit of the device
// (computed here, without ConstrINT), and costs no more by the model than the hand-made one.
#include <gtest/gtest.h>

#include <functional>

#include "flashrnn/error.hpp"
#include "flashrnn/recurrence/tile_search.hpp"
#include "hand_made_tiling.hpp"

namespace flashrnn {
namespace {

using Values = std::vector<NamedValue>;

/// What is wrong with a tiling on a device; empty if nothing.
std::string broken_limit(const DeviceModel& device, const Values& sizes, const Tiling& tiling) {
  const auto size = [&](const char* name) { return value_of(sizes, name); };
  if (tiling.batch_tile != 1 && tiling.batch_tile != 4) return "batch tile is not compiled";
  if (tiling.batch_tile > size("BATCH")) return "batch tile beyond the batch";
  if (device.kind() == DeviceKind::cpu) {
    if (tiling.team_size != 1) return "a CPU team has one thread";
    return tiling.team_memory ? "CPU teams have no fast memory" : "";
  }
  const std::int64_t warp = device.at("WARP_SIZE");
  if (tiling.team_size < warp || tiling.team_size % warp != 0) return "not whole warps";
  if (tiling.team_size > 256) return "more threads than kernels are compiled for";
  if (tiling.team_size > device.at("MAX_THREADS_PER_BLOCK")) return "too many threads";
  if (tiling.team_size - warp >= size("HEAD_DIM")) return "a warp has no unit";
  if (tiling.team_memory) {
    const std::int64_t planes =
        size("STATES") + (size("BACKWARD") == 1 ? size("RECURRENT_GATES") : 1);
    const std::int64_t bytes =
        planes * size("HEAD_DIM") * tiling.batch_tile * size("ACCUMULATE_BYTES");
    if (bytes > size("TEAM_SCRATCH_BYTES")) return "tile beyond the team's memory";
    if (bytes > device.at("SHARED_MEMORY_PER_BLOCK")) return "tile beyond a block's memory";
    if (bytes > device.at("SHARED_MEMORY_PER_SM")) return "tile beyond an SM's memory";
  }
  return "";
}

/// The model's cost of a given tiling of the portable kernels: the same question, with the tiling
/// variables fixed.
std::int64_t cost_of(const std::shared_ptr<const DeviceModel>& device, const char* kernel,
                     Values sizes, const Tiling& tiling) {
  sizes.push_back({"BATCH_TILE", tiling.batch_tile});
  sizes.push_back({"TEAM_SIZE", tiling.team_size});
  sizes.push_back({"TEAM_MEMORY", tiling.team_memory ? 1 : 0});
  return search_tiling({device, kernel, sizes})->best().step_ps;
}

std::string to_text(const Values& values) {
  std::string out;
  for (const NamedValue& entry : values)
    out += entry.name + '=' + std::to_string(entry.value) + ' ';
  return out;
}

class Grid : public testing::TestWithParam<std::shared_ptr<const DeviceModel>> {};

void check(const std::shared_ptr<const DeviceModel>& device, const Values& sizes) {
  const char* const kernel = device->kind() == DeviceKind::gpu ? "portable_gpu" : "portable_cpu";
  const auto choice = search_tiling({device, kernel, sizes});
  const TileCandidate& best = choice->best();
  ASSERT_EQ(broken_limit(*device, sizes, portable_tiling(best)), "") << to_text(sizes);
  ASSERT_GT(best.step_ps, 0) << to_text(sizes);
  ASSERT_FALSE(best.limited_by.empty()) << to_text(sizes);
  const Tiling hand_made = hand_made_tiling(*device, sizes);
  ASSERT_EQ(broken_limit(*device, sizes, hand_made), "") << "the hand-made tiling itself";
  ASSERT_LE(best.step_ps, cost_of(device, kernel, sizes, hand_made)) << to_text(sizes);
  // Kernels compete: the best of all is no slower than this one.
  const std::string& backend = find_kernel_text(kernel).backend;
  ASSERT_LE(search_kernels(device, backend, sizes).front()->best().step_ps, best.step_ps);
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
