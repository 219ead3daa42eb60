// SPDX-License-Identifier: Apache-2.0
// The kernels as they are compiled for racecheck of compute-sanitizer (docs/cuda_kernels.md,
// "racecheck"). Needs no GPU; what they compute is checked on one, by running any test that way.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "flashrnn/cells/lstm.hpp"
#include "jit/compiler.hpp"
#include "jit/cubin_cache.hpp"
#include "small_heads/program.hpp"
#include "spread_heads/program.hpp"

namespace flashrnn::cuda {
namespace {

class Racecheck : public testing::Test {
 protected:
  Racecheck() { setenv(variable, "1", 1); }
  ~Racecheck() override { unsetenv(variable); }
  static constexpr const char* variable = "FLASHRNN_CUDA_RACECHECK";

  static Problem problem_of(Index head_dim) {
    Problem out;
    out.dtype = DataType::bfloat16;
    out.shape = {64, 16, 2, head_dim};
    out.training = true;
    return out;
  }
  static void compile(const Program& program, const std::string& architecture) {
    const Compiled result = nvrtc().compile(program.text(), compile_options(architecture));
    EXPECT_TRUE(result.succeeded) << program.kernel << ":\n" << result.log;
  }
  /// Compiles forward as it is chosen for a device, and says how.
  ForwardTiling compile_forward(const Problem& problem, const DeviceFacts& device) const {
    const auto chosen =
        choose_forward(problem.shape, cell.description, problem.dtype, true, device);
    EXPECT_TRUE(chosen) << device.architecture;
    if (!chosen) return {};
    compile(forward_program(cell, text, problem, *chosen), device.architecture);
    return *chosen;
  }
  NativeCell cell = native_cell<Lstm>();
  CellText text = cell_text(cell);
};

TEST_F(Racecheck, IsAnOptionThatCachesTellApart) {
  const std::vector<std::string> with = compile_options("sm_90a");
  unsetenv(variable);
  const std::vector<std::string> without = compile_options("sm_90a");
  EXPECT_EQ(with.size(), without.size() + 1);
  EXPECT_NE(std::ranges::find(with, "--define-macro=FLASHRNN_RACECHECK"), with.end());
  const Program program =
      forward_program(cell, text, problem_of(16),
                      *choose_forward(problem_of(16).shape, cell.description, DataType::bfloat16,
                                      true, facts_of(find_device_model("nvidia_h200"))));
  EXPECT_NE(program_key(program, with), program_key(program, without));
}

TEST_F(Racecheck, SmallHeadsCompile) {
  for (const char* const name : {"nvidia_a100", "nvidia_h200"}) {
    const DeviceFacts device = facts_of(find_device_model(name));
    const Problem problem = problem_of(32);
    compile_forward(problem, device);
    const auto backward =
        choose_backward(problem.shape, cell.description, problem.dtype, cell.reads, device);
    ASSERT_TRUE(backward) << name;
    // On the newer one dR is summed beside the recurrence, so that warps meet at two more places.
    EXPECT_EQ(backward->reports, std::string(name) == "nvidia_h200");
    compile(backward_program(cell, text, problem, *backward), device.architecture);
  }
}

TEST_F(Racecheck, StaggeredHeadsCompile) {
  for (const char* const name : {"nvidia_a100", "nvidia_h200"})
    EXPECT_TRUE(compile_forward(problem_of(96), facts_of(find_device_model(name))).staggered)
        << name;
}

TEST_F(Racecheck, SpreadHeadsCompile) {
  const DeviceFacts device = facts_of(find_device_model("nvidia_h200"));
  for (const Index head_dim : {256, 768}) {
    const Problem problem = problem_of(head_dim);
    const auto forward =
        choose_spread(problem.shape, forward_pass(cell.description, true, problem.dtype), device);
    const auto backward = choose_spread(
        problem.shape, backward_pass(cell.description, cell.reads, problem.dtype), device);
    ASSERT_FALSE(forward.empty() || backward.empty()) << head_dim;
    EXPECT_EQ(forward.front().in_cluster, head_dim == 256);
    EXPECT_EQ(backward.front().split > 1, head_dim == 768);
    compile(spread_forward_program(cell, text, problem, forward.front()), device.architecture);
    compile(spread_backward_program(cell, text, problem, backward.front()), device.architecture);
  }
}

}  // namespace
}  // namespace flashrnn::cuda
