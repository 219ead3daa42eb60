// SPDX-License-Identifier: Apache-2.0
#include "kernel_choice.hpp"

namespace flashrnn::cuda {

bool spreading_is_faster(const Problem& problem, const NativeCell& cell,
                         const DeviceFacts& device) {
  if (problem.dtype == DataType::float64) return false;
  const ProductType type(problem);
  const CellDescription& description = cell.description;
  const auto forward = choose_forward(problem.shape, description, type, problem.training, device);
  if (!forward || forward->held == type.parts()) return false;
  const SpreadHeadsTilings spread = choose_spread_heads(problem, cell, device);
  if (spread.forward.empty()) return false;
  double on_one = forward->nanoseconds, on_several = spread.forward[0].nanoseconds;
  if (problem.training) {
    const auto backward = choose_backward(problem.shape, description, type, cell.reads, device);
    if (!backward || spread.backward.empty()) return false;
    on_one += backward->nanoseconds;  // with dR
    on_several += spread.backward[0].nanoseconds;
    // What is asked here is float32, as other types are in registers. 96×8 in training on an H200:
    // 5.2 ms at B = 64 where 3.8 are predicted. dR comes from a product of the BLAS library behind
    // it.
    on_several = 1.36 * on_several + weight_gradient_time(problem.shape, description, type);
  }
  return on_several < on_one;
}

std::array<HeadKernels, 2> kernels_in_order(const Problem& problem, const NativeCell& cell,
                                            const DeviceFacts& device) {
  if (spreading_is_faster(problem, cell, device)) return {HeadKernels::spread, HeadKernels::small};
  return {HeadKernels::small, HeadKernels::spread};
}

std::optional<SmallHeadsTilings> choose_small_heads(const Problem& problem, const NativeCell& cell,
                                                    const DeviceFacts& device) {
  const Shape& shape = problem.shape;
  const ProductType type(problem);
  const auto forward = choose_forward(shape, cell.description, type, problem.training, device);
  if (!forward) return std::nullopt;
  SmallHeadsTilings out{*forward, {}, {}};
  if (!problem.training) return out;
  const auto backward = choose_backward(shape, cell.description, type, cell.reads, device);
  const auto weights = choose_weight_gradient(shape, cell.description, type, device);
  if (!backward || !weights) return std::nullopt;
  out.backward = *backward;
  out.weights = *weights;
  return out;
}

SpreadHeadsTilings choose_spread_heads(const Problem& problem, const NativeCell& cell,
                                       const DeviceFacts& device, int count,
                                       KSplits backward_splits) {
  const ProductType type(problem);
  SpreadHeadsTilings out;
  out.forward = choose_spread(problem.shape, forward_pass(cell.description, problem.training, type),
                              device, count);
  if (problem.training)
    out.backward = choose_spread(
        problem.shape,
        backward_pass(cell.description, cell.reads, type, problem.forward_clip.has_value()), device,
        count, backward_splits);
  return out;
}

}  // namespace flashrnn::cuda
