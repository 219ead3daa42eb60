// SPDX-License-Identifier: Apache-2.0
#include "kernel_choice.hpp"

#include <algorithm>
#include <cmath>

namespace flashrnn::cuda {
namespace {

/// How much longer inference of 97 to 128 units takes on several multiprocessors than predicted,
/// where blocks split the h that they read. As LSTM 128×6 and GRU on an H200, before theirs was
/// split by who sends it: 0.76 and 0.71 at B = 16, 0.94 at 64.
double inference_excess(const Shape& shape, const CellDescription& cell) {
  if (shape.head_dim <= 96 || cell.bounded) return 1;
  return 0.75 + 0.1 * std::log2(std::max(1.0, static_cast<double>(shape.batch) / 16));
}

}  // namespace

bool spreading_is_faster(const Problem& problem, const NativeCell& cell,
                         const DeviceFacts& device) {
  if (problem.dtype == DataType::float64) return false;
  const ProductType type(problem);
  const CellDescription& description = cell.description;
  const auto forward = choose_forward(problem.shape, description, type, problem.training, device);
  if (!forward || forward->held == forward->parts) return false;
  const SpreadHeadsTilings spread = choose_spread_heads(problem, cell, device);
  if (spread.forward.empty()) return false;
  double on_one = forward->nanoseconds, on_several = spread.forward[0].nanoseconds;
  if (problem.training) {
    const auto backward = choose_backward(problem.shape, description, type, cell.reads, device);
    if (!backward || spread.backward.empty()) return false;
    on_one += backward->nanoseconds;  // with dR
    on_several += spread.backward[0].nanoseconds;
    on_several += weight_gradient_time(problem.shape, description, type);
  } else if (type.is_float()) {
    on_several *= inference_excess(problem.shape, description);
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
