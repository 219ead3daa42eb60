// SPDX-License-Identifier: Apache-2.0
// A recurrence of more than 2^31 elements on a device: every offset in it must be 64 bits wide.
// Needs about 10 GB of device memory, so it is built for GPU builds only.
#include <gtest/gtest.h>

#include "compare.hpp"
#include "flashrnn/cells/elman.hpp"
#include "flashrnn/plan.hpp"
#include "flashrnn/reference/reference.hpp"
#include "flashrnn/types.hpp"

namespace flashrnn::test {
namespace {

using Space = Kokkos::DefaultExecutionSpace;
using Buffer = Kokkos::View<bfloat16*, Space::memory_space>;

/// A value that the device and the host both compute, different for every element of a row.
KOKKOS_INLINE_FUNCTION bfloat16 input(Index i) {
  return bfloat16(static_cast<float>((i * 2654435761LL) % 1021) / 1021.0f - 0.5f);
}

// A function of its own because nvcc allows no device lambdas in a test's body.
void fill(const Space& space, const Buffer& x, const Buffer& R) {
  using Policy = Kokkos::RangePolicy<Space, Kokkos::IndexType<std::size_t>>;
  Kokkos::parallel_for(
      Policy(space, 0, x.size()),
      KOKKOS_LAMBDA(const std::size_t i) { x(i) = input(static_cast<Index>(i)); });
  Kokkos::parallel_for(
      Policy(space, 0, R.size()), KOKKOS_LAMBDA(const std::size_t i) {
        R(i) = bfloat16(static_cast<float>(input(static_cast<Index>(i) + 7)) / 9.0f);
      });
}

TEST(DeviceSize, MoreThan2To31Elements) {
  Problem problem;
  problem.cell = "elman";
  problem.dtype = DataType::bfloat16;
  problem.shape = Shape{8, 1 << 21, 8, 17};
  const Shape& s = problem.shape;
  const Index row = s.heads * s.head_dim, count = s.steps * s.batch * row;
  ASSERT_GT(count, Index(1) << 31);

  const Space space;
  const Plan<Space> plan(space, problem);
  Buffer x(Kokkos::view_alloc(Kokkos::WithoutInitializing, "x"), static_cast<std::size_t>(count));
  Buffer h(Kokkos::view_alloc(Kokkos::WithoutInitializing, "h"), static_cast<std::size_t>(count));
  const auto matrix_size = static_cast<std::size_t>(row * s.head_dim);
  Buffer R("R", matrix_size);
  Kokkos::View<char*, Space::memory_space> workspace("workspace", plan.forward_workspace_bytes());
  fill(space, x, R);
  ForwardTensors f;
  f.x.data = x.data();
  f.R.data = R.data();
  f.h.data = h.data();
  f.workspace = workspace.data();
  plan.forward(space, f);
  space.fence();

  // Rows of the batch are independent: some of them alone must give the same numbers.
  Problem single = problem;
  single.shape.batch = 1;
  const reference::Recurrence<Elman, bfloat16, double> oracle(single);
  for (const Index batch : {Index(0), s.batch / 2 + 1, s.batch - 1}) {
    reference::Tensors<double> t;
    for (Index step = 0; step < s.steps; ++step)
      for (Index i = 0; i < row; ++i)
        t.x.push_back(static_cast<float>(input((step * s.batch + batch) * row + i)));
    for (Index i = 0; i < row * s.head_dim; ++i)
      t.R.push_back(static_cast<float>(bfloat16(static_cast<float>(input(i + 7)) / 9.0f)));
    oracle.forward(t);
    std::vector<double> found;
    for (Index step = 0; step < s.steps; ++step) {
      const auto first = static_cast<std::size_t>((step * s.batch + batch) * row);
      const auto part = Kokkos::create_mirror_view_and_copy(
          Kokkos::HostSpace(),
          Kokkos::subview(h, std::make_pair(first, first + static_cast<std::size_t>(row))));
      for (std::size_t i = 0; i < part.size(); ++i) found.push_back(static_cast<float>(part(i)));
    }
    SCOPED_TRACE("batch row " + std::to_string(batch));
    expect_close("h", found, t.states, error_bound(problem.dtype, s));
  }
}

}  // namespace
}  // namespace flashrnn::test
