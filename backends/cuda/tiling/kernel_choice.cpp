// SPDX-License-Identifier: Apache-2.0
#include "kernel_choice.hpp"

#include "small_heads.hpp"
#include "spread_heads.hpp"

namespace flashrnn::cuda {

bool spreading_is_faster(const Problem& problem, const NativeCell& cell,
                         const DeviceFacts& device) {
  const ProductType type(problem);
  const CellDescription& description = cell.description;
  const auto forward = choose_forward(problem.shape, description, type, problem.training, device);
  if (!forward || forward->held == type.parts()) return false;
  const auto spread_forward =
      choose_spread(problem.shape, forward_pass(description, problem.training, type), device, 1);
  if (spread_forward.empty()) return false;
  double on_one = forward->nanoseconds, on_several = spread_forward[0].nanoseconds;
  if (problem.training) {
    const auto backward = choose_backward(problem.shape, description, type, cell.reads, device);
    const auto spread_backward =
        choose_spread(problem.shape, backward_pass(description, cell.reads, type), device, 1);
    if (!backward || spread_backward.empty()) return false;
    on_one += backward->nanoseconds;
    on_several += spread_backward[0].nanoseconds;
  }
  return on_several < on_one;
}

}  // namespace flashrnn::cuda
