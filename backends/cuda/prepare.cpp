// SPDX-License-Identifier: Apache-2.0
#include "flashrnn/prepare.hpp"

#include "device_probe.hpp"
#include "flashrnn/cells/lstm.hpp"
#include "flashrnn/recurrence/gemm.hpp"
#include "recurrence_parts.hpp"
#include "tiling/small_heads.hpp"
#include "tiling/spread_heads.hpp"

namespace flashrnn {
namespace {

/// A training problem whose tilings are not among the embedded ones, so that they are searched for.
Problem problem_of(Index head_dim) {
  Problem problem;
  problem.dtype = DataType::bfloat16;
  problem.shape = {1024, 16, 3, head_dim};
  problem.training = true;
  return problem;
}

}  // namespace

template <>
void prepare_plans(const Kokkos::Cuda& space) {
  const cuda::CurrentDevice current(space.cuda_device());
  const cuda::DeviceFacts device = cuda::current_device();
  const NativeCell cell = native_cell<Lstm>();
  const Problem small = problem_of(40), spread = problem_of(200);
  const cuda::ProductType type(small);
  cuda::choose_forward(small.shape, cell.description, type, true, device);
  cuda::choose_backward(small.shape, cell.description, type, cell.reads, device);
  cuda::choose_spread(spread.shape, cuda::forward_pass(cell.description, true, type), device);
  cuda::choose_spread(spread.shape, cuda::backward_pass(cell.description, cell.reads, type),
                      device);
  // The first handle of a process takes milliseconds, those after it a tenth of one.
  make_gemm<Kokkos::Cuda>(space);
}

}  // namespace flashrnn
