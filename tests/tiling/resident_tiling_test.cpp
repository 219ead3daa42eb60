// SPDX-License-Identifier: Apache-2.0
// What the constraints of the resident kernels allow is what the kernels are compiled for.
#include <gtest/gtest.h>

#include "flashrnn/recurrence/describe_cell.hpp"
#include "flashrnn/recurrence/resident_launch.hpp"
#include "spaces.hpp"

namespace flashrnn {
namespace {

bool allowed(const Problem& problem, const CellDescription& cell, bool backward, int width,
             int batch_tile) {
  const auto device = find_device_model("nvidia_h200");
  std::vector<NamedValue> sizes = problem_sizes(problem, cell, backward);
  for (const NamedValue& entry : space_sizes(*device)) sizes.push_back(entry);
  sizes.push_back({"WIDTH", width});
  sizes.push_back({"BATCH_TILE", batch_tile});
  // All kernels are asked, because a refusal by search_tiling comes with its explanation.
  for (const auto& choice : search_kernels(device, "kokkos", sizes))
    if (choice->kernel == "resident_gpu") return true;
  return false;
}

template <class Cell, class Storage>
int check(DataType type) {
  using Kernels = ResidentKernels<Cell, Storage>;
  const CellDescription cell = describe_cell<Cell>();
  int kernels = 0;
  for (const int width : {32, 64, 128}) {
    for (const int batch_tile : {1, 4}) {
      Problem problem;
      problem.dtype = type;
      problem.training = true;
      problem.shape = {8, 16, 3, width};
      const ResidentTiling tiling{width, batch_tile, 4 * width};
      for (const bool backward : {false, true}) {
        const bool compiled =
            backward ? Kernels::Backward::has(tiling) : Kernels::Forward::has(tiling);
        EXPECT_EQ(allowed(problem, cell, backward, width, batch_tile), compiled)
            << cell.name << ' ' << name_of(type) << " width " << width << " batch tile "
            << batch_tile << (backward ? " backward" : " forward");
        kernels += compiled ? 1 : 0;
      }
    }
  }
  return kernels;
}

TEST(ResidentTiling, ConstraintsAllowWhatIsCompiled) {
  test::Cells::for_each([]<class Cell>() {
    const int kernels =
        check<Cell, double>(DataType::float64) + check<Cell, float>(DataType::float32) +
        check<Cell, bfloat16>(DataType::bfloat16) + check<Cell, float16>(DataType::float16);
    EXPECT_GT(kernels, 20) << Cell::name;
    EXPECT_LE(kernels, 48) << Cell::name;
  });
}

}  // namespace
}  // namespace flashrnn
