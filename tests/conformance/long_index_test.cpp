// SPDX-License-Identifier: Apache-2.0
// Offsets beyond 2^31 elements, on the host without that much memory: tensors with huge strides in
// address space that the system backs with memory only where it is touched.
#include <gtest/gtest.h>
#include <sys/mman.h>

#include "compare.hpp"
#include "flashrnn/cells/gru.hpp"
#include "flashrnn/plan.hpp"
#include "random_tensors.hpp"
#include "run_plan.hpp"

namespace flashrnn::test {
namespace {

/// Address space for `bytes` bytes, zero where untouched.
class SparseMemory {
 public:
  explicit SparseMemory(std::size_t bytes)
      : bytes_(bytes),
        data_(mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)) {}
  SparseMemory(const SparseMemory&) = delete;
  SparseMemory& operator=(const SparseMemory&) = delete;
  ~SparseMemory() {
    if (mapped()) munmap(data_, bytes_);
  }
  bool mapped() const { return data_ != MAP_FAILED; }
  float* floats() const { return static_cast<float*>(data_); }

 private:
  std::size_t bytes_;
  void* data_;
};

TEST(LongIndex, StepsFurtherApartThan2To31Elements) {
  Problem problem;
  problem.cell = "gru";
  problem.shape = Shape{3, 2, 2, 5};
  problem.training = true;
  const Shape& s = problem.shape;
  // Steps, batch rows and gates are each more than 2^31 elements apart somewhere.
  const Index far = (Index(1) << 31) + 40;
  const Strides x_strides{20, far, 100, 5}, states_strides{50, far, 200, 5};
  const auto bytes = static_cast<std::size_t>(far * 3) * sizeof(float);
  SparseMemory x(bytes), dx(bytes), states(bytes);
  ASSERT_TRUE(x.mapped() && dx.mapped() && states.mapped()) << "no address space for the test";

  reference::Tensors<double> t = random_tensors<Gru>(problem, 3);
  reference::Tensors<double> expected = t;
  const reference::Recurrence<Gru, float, double> oracle(problem);
  oracle.forward(expected);
  oracle.backward(expected);

  const auto floats = [](const std::vector<double>& v) {
    return std::vector<float>(v.begin(), v.end());
  };
  const auto at = [&](const Strides& strides, Index c, Index step, Index n, Index h, Index d) {
    return strides.at(c, step, n, h) + d;
  };
  const auto each = [&](Index channels, const auto& body) {
    for (Index step = 0; step < s.steps; ++step)
      for (Index n = 0; n < s.batch; ++n)
        for (Index c = 0; c < channels; ++c)
          for (Index h = 0; h < s.heads; ++h)
            for (Index d = 0; d < s.head_dim; ++d) body(step, n, c, h, d);
  };
  std::size_t i = 0;
  each(3, [&](Index step, Index n, Index c, Index h, Index d) {
    x.floats()[at(x_strides, c, step, n, h, d)] = static_cast<float>(t.x[i++]);
  });
  const std::vector<float> R = floats(t.R), b = floats(t.b), s0 = floats(t.s0), dh = floats(t.dh),
                           d_last = floats(t.d_last);
  std::vector<float> dR(R.size());

  const Kokkos::DefaultHostExecutionSpace space;
  const Plan<Kokkos::DefaultHostExecutionSpace> plan(space, problem);
  ByteBuffer<Kokkos::DefaultHostExecutionSpace> reserve(plan.reserve_bytes()),
      forward_workspace(plan.forward_workspace_bytes()),
      backward_workspace(plan.backward_workspace_bytes());
  ForwardTensors f;
  f.x = {x.floats(), x_strides};
  f.R.data = R.data();
  f.b.data = b.data();
  f.s0.data = s0.data();
  f.states = {states.floats(), states_strides};
  f.reserve = reserve.data();
  f.workspace = forward_workspace.data();
  plan.forward(space, f);
  BackwardTensors k;
  k.R.data = R.data();
  k.s0.data = s0.data();
  k.states = {states.floats(), states_strides};
  k.reserve = reserve.data();
  k.dh.data = dh.data();
  k.d_last.data = d_last.data();
  k.dx = {dx.floats(), x_strides};
  k.dR.data = dR.data();
  k.workspace = backward_workspace.data();
  plan.backward(space, k);
  space.fence();

  std::vector<double> found_states, found_dx;
  each(1, [&](Index step, Index n, Index, Index h, Index d) {
    found_states.push_back(states.floats()[at(states_strides, 0, step, n, h, d)]);
  });
  each(3, [&](Index step, Index n, Index c, Index h, Index d) {
    found_dx.push_back(dx.floats()[at(x_strides, c, step, n, h, d)]);
  });
  const double bound = error_bound(problem.dtype, s);
  expect_close("states", found_states, expected.states, bound);
  expect_close("dx", found_dx, expected.dx, bound);
  expect_close("dR", std::vector<double>(dR.begin(), dR.end()), expected.dR, bound);
}

}  // namespace
}  // namespace flashrnn::test
