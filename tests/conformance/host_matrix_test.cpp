// SPDX-License-Identifier: Apache-2.0
// What host engines do with R and dR that values alone do not show: R is prepared once for several
// calls if the caller says so, and a dR too large to be summed beside the recurrence is a product
// of the BLAS library.
#include <gtest/gtest.h>

#include "compare.hpp"
#include "flashrnn/cells/lstm.hpp"
#include "flashrnn/plan.hpp"
#include "random_tensors.hpp"
#include "run_plan.hpp"

namespace flashrnn::test {
namespace {

using Space = Kokkos::DefaultHostExecutionSpace;

class HostMatrix : public testing::TestWithParam<const char*> {};

TEST_P(HostMatrix, PreparedOnceIsNotReadAgain) {
  Problem problem;
  problem.cell = "lstm";
  problem.shape = {1, 3, 2, 37};
  const Space space;
  PlanOptions options;
  options.backend = GetParam();
  const Plan<Space> plan(space, problem, options);
  const reference::Tensors<double> t = random_tensors<Lstm>(problem, 5);
  std::vector<float> x(t.x.begin(), t.x.end()), R(t.R.begin(), t.R.end()),
      s0(t.s0.begin(), t.s0.end());
  const auto units = static_cast<std::size_t>(3 * 2 * 37);
  std::vector<float> first(units), again(units), anew(units);
  ByteBuffer<Space> workspace(plan.forward_workspace_bytes());
  ForwardTensors f;
  f.x.data = x.data();
  f.R.data = R.data();
  f.s0.data = s0.data();
  f.workspace = workspace.data();
  const auto run = [&](std::vector<float>& h, bool is_prepared) {
    f.h.data = h.data();
    f.R_is_prepared = is_prepared;
    plan.forward(space, f);
    space.fence();
  };
  run(first, false);
  for (float& element : R) element = -element;
  run(again, true);
  run(anew, false);
  EXPECT_EQ(first, again);
  EXPECT_NE(first, anew);
}

INSTANTIATE_TEST_SUITE_P(Backends, HostMatrix, testing::Values("kokkos", "kokkos_generic"));

TEST(HostWeightGradient, LargerThanIsSummedBesideTheRecurrence) {
  Problem problem;
  problem.cell = "lstm";
  problem.training = true;
  problem.shape = {2, 1, 250, 133};  // 250 · 4 · 133 · 136 sums are more than 16 · 2^20
  const Space space;
  const Plan<Space> plan(space, problem);
  reference::Tensors<double> found = random_tensors<Lstm>(problem, 6), expected = found;
  const reference::Recurrence<Lstm, double, double> oracle(problem);
  oracle.forward(expected);
  run_plan(space, plan, found);
  const double bound = error_bound(problem.dtype, problem.shape);
  expect_close("states", found.states, expected.states, bound);
  expected.states = found.states;
  oracle.backward(expected);
  expect_close("dR", found.dR, expected.dR, bound);
}

}  // namespace
}  // namespace flashrnn::test
