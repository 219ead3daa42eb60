// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace flashrnn::io {

/// Ticks of a linear axis at round numbers: the values and their labels.
struct AxisTicks {
  std::vector<double> values;
  std::vector<std::string> labels;
};

/// Ticks within [low, high] with a step of 1, 2 or 5 times a power of ten, about `wanted` of them
/// (at least two if low < high). Throws InvalidArgument unless both ends are finite and low <=
/// high.
[[nodiscard]] AxisTicks make_ticks(double low, double high, int wanted);

}  // namespace flashrnn::io
