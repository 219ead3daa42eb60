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

/// Ticks within [low, high] of a logarithmic axis: powers of ten, and 2 and 5 times these (or every
/// few powers) where that gives about as many as `wanted`; at round numbers as above where low and
/// high are close. Throws InvalidArgument unless 0 < low <= high and both are finite.
[[nodiscard]] AxisTicks make_logarithmic_ticks(double low, double high, int wanted);

}  // namespace flashrnn::io
