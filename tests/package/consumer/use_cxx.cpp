// SPDX-License-Identifier: Apache-2.0
// One Elman unit for three steps, against h = tanh(R·h + x + b) written out.
#include <Kokkos_Core.hpp>
#include <cmath>
#include <cstdio>
#include <flashrnn/flashrnn.hpp>

int main(int argc, char** argv) {
  const Kokkos::ScopeGuard kokkos(argc, argv);
  using Space = Kokkos::DefaultHostExecutionSpace;
  const Space space;

  flashrnn::Problem problem;
  problem.cell = "elman";
  problem.dtype = flashrnn::DataType::float64;
  problem.shape = {.steps = 3, .batch = 1, .heads = 1, .head_dim = 1};
  const flashrnn::Plan<Space> plan(space, problem);

  const double x[3] = {0.5, -1.0, 0.25}, R[1] = {0.75}, b[1] = {0.125};
  double h[3] = {};
  const Kokkos::View<std::byte*, Space> workspace("workspace", plan.forward_workspace_bytes());
  flashrnn::ForwardTensors tensors;
  tensors.x.data = x;
  tensors.R.data = R;
  tensors.b.data = b;
  tensors.h.data = h;
  tensors.workspace = workspace.data();
  plan.forward(space, tensors);
  space.fence();

  double expected = 0;
  for (int t = 0; t < 3; ++t) {
    expected = std::tanh(R[0] * expected + x[t] + b[0]);
    // Four roundings and one tanh per step, contracted by the next: 16 units in the last place.
    if (!(std::abs(h[t] - expected) <= 16 * 2.2e-16)) {
      std::printf("step %d: expected %.17g, found %.17g\n", t, expected, h[t]);
      return 1;
    }
  }
  std::puts("flashrnn::flashrnn works");
  return 0;
}
