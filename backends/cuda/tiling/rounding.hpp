// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "flashrnn/layout.hpp"

namespace flashrnn::cuda {

/// value / by, rounded up. The counts of a tiling fit an int.
constexpr int divide_up(Index value, Index by) {
  return static_cast<int>((value + by - 1) / by);
}
/// The next multiple of `multiple` from value on.
constexpr int round_up(Index value, int multiple) {
  return divide_up(value, multiple) * multiple;
}

}  // namespace flashrnn::cuda
