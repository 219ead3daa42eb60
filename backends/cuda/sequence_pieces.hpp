// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <limits>

#include "flashrnn/layout.hpp"

namespace flashrnn::cuda {

/// Whether kernels may move rows of a sequence in pieces of `piece` bytes, as far as its strides
/// go: they are multiples of pieces, and steps are near enough to each other. Warps that move data
/// keep the distance of up to 8 steps as a 32-bit number of pieces.
constexpr bool has_pieces(const Strides& strides, Index element_bytes, Index piece) {
  for (const Index stride : {strides.channel, strides.step, strides.batch, strides.head})
    if (stride * element_bytes % piece != 0) return false;
  const Index pieces = strides.step * element_bytes / piece;
  constexpr Index most = std::numeric_limits<int>::max() / 8;
  return -most <= pieces && pieces <= most;
}

}  // namespace flashrnn::cuda
