// SPDX-License-Identifier: Apache-2.0
// What only a device has: large batch tiles of the resident kernels, and calls on a stream that is
// being captured. Built for GPU builds only.
#include <gtest/gtest.h>

#include <iostream>

#include "compare.hpp"
#include "flashrnn/plan.hpp"
#include "random_tensors.hpp"
#include "run_plan.hpp"
#include "spaces.hpp"

#ifdef KOKKOS_ENABLE_CUDA
#include <cuda_runtime.h>
#endif

namespace flashrnn::test {
namespace {

using Space = Kokkos::DefaultExecutionSpace;

template <class Cell>
void check(DataType type, const Shape& shape, const char* expected) {
  Problem problem;
  problem.cell = Cell::name;
  problem.dtype = type;
  problem.shape = shape;
  problem.training = true;
  SCOPED_TRACE(std::string(Cell::name) + ' ' + std::string(name_of(type)) + " head_dim " +
               std::to_string(shape.head_dim));
  const Space space;
  const Plan<Space> plan(space, problem);
  // Another device may choose otherwise; then this test says that it tested something else.
  const std::string description = plan.describe();
  std::size_t found_at = description.find(expected);
  if (found_at == std::string::npos) std::cout << "not with " << expected << ": " << description;

  reference::Tensors<double> found = random_tensors<Cell>(problem, 11), expected_tensors = found;
  const reference::Recurrence<Cell, double, double> oracle(problem);
  oracle.forward(expected_tensors);
  run_plan(space, plan, found);
  const double bound = error_bound(type, shape);
  double terms = 0;  // as in conformance_test.cpp
  for (const double value : found.s0) terms = std::max(terms, std::abs(value));
  expect_close("states", found.states, expected_tensors.states, bound,
               underflow_bound(type, shape) + bound * terms);
  expected_tensors.states = found.states;
  oracle.backward(expected_tensors);
  const double absolute = underflow_bound(type, shape);
  expect_close("dx", found.dx, expected_tensors.dx, bound, absolute);
  expect_close("dR", found.dR, expected_tensors.dR, bound, absolute);
  expect_close("db", found.db, expected_tensors.db, bound, absolute);
  expect_close("ds0", found.ds0, expected_tensors.ds0, bound, absolute);
}

// Batches at which a device of 132 multiprocessors takes four rows per team, and one that does not
// divide by four.
TEST(DeviceKernels, LargeBatchTiles) {
  for (const DataType type : {DataType::float32, DataType::bfloat16, DataType::float16}) {
    for (const Shape& shape :
         {Shape{3, 1203, 4, 21}, Shape{3, 1201, 2, 45}, Shape{3, 602, 2, 107}}) {
      check<Lstm>(type, shape, "4 row(s)");
      check<Gru>(type, shape, "4 row(s)");
    }
  }
}

#ifdef KOKKOS_ENABLE_CUDA
void check_cuda(cudaError_t status) {
  ASSERT_EQ(status, cudaSuccess) << cudaGetErrorString(status);
}

/// forward, captured by the caller's graph and launched twice, gives what forward gives.
void check_capture(Index head_dim) {
  SCOPED_TRACE("head_dim " + std::to_string(head_dim));
  cudaStream_t stream = nullptr;
  check_cuda(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
  {
    const Kokkos::Cuda space(stream);
    Problem problem;
    problem.shape = {40, 3, 2, head_dim};
    const Plan<Kokkos::Cuda> plan(space, problem);
    const auto inputs = random_tensors<Lstm>(problem, 5);
    const Index row = 2 * head_dim;
    TensorBuffer<Kokkos::Cuda> x(problem.dtype, problem.shape, Axes{4, 40, 3, true},
                                 gate_strides(problem.shape, 4, problem.order)),
        h(problem.dtype, problem.shape, Axes{1, 40, 3},
          state_sequence_strides(problem.shape, problem.order));
    MatrixBuffer<Kokkos::Cuda> R(problem.dtype, problem.shape, 4, matrix_strides(problem.shape));
    x.upload(inputs.x);
    R.upload(inputs.R);
    ByteBuffer<Kokkos::Cuda> workspace(plan.forward_workspace_bytes());
    ForwardTensors f;
    f.x = x.const_tensor();
    f.R = R.const_matrix();
    f.h = h.tensor();
    f.workspace = workspace.data();
    plan.forward(space, f);
    space.fence();
    const std::vector<double> direct = h.download();
    h.upload(std::vector<double>(static_cast<std::size_t>(40 * 3 * row), 7.0));
    Kokkos::fence();

    cudaGraph_t graph = nullptr;
    cudaGraphExec_t executable = nullptr;
    check_cuda(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal));
    plan.forward(space, f);
    plan.forward(space, f);
    check_cuda(cudaStreamEndCapture(stream, &graph));
    check_cuda(cudaGraphInstantiate(&executable, graph, 0));
    check_cuda(cudaGraphLaunch(executable, stream));
    space.fence();
    EXPECT_EQ(h.download(), direct);
    check_cuda(cudaGraphExecDestroy(executable));
    check_cuda(cudaGraphDestroy(graph));
  }
  check_cuda(cudaStreamDestroy(stream));
}

TEST(DeviceKernels, ForwardCanBeCaptured) {
  for (const Index head_dim : {48, 130}) check_capture(head_dim);
}
#endif

}  // namespace
}  // namespace flashrnn::test
