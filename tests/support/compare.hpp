// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "flashrnn/problem.hpp"

namespace flashrnn::test {

/// Unit roundoff of a type: half the distance from 1 to the next larger number.
inline double unit_roundoff(DataType type) {
  switch (type) {
    case DataType::float64:
      return 0x1p-53;
    case DataType::float32:
      return 0x1p-24;
    case DataType::bfloat16:
      return 0x1p-8 / 2;
    case DataType::float16:
      return 0x1p-11;
  }
  return 0;
}

/// Largest error of a recurrence relative to the largest element of the tensor compared.
///
/// Every step rounds h, and what is stored, to the type: an error of one unit roundoff u. The
/// tests' matrices have row sums below 1, so a step passes errors on without enlarging them, and
/// errors of T steps, being independent, add up like a random walk: u·sqrt(T). The sum of D
/// products per gate in accumulation precision v adds v·sqrt(D) per step. Gates, states and saved
/// values are a handful of roundings per step, and the largest of all elements is compared, not a
/// typical one: factor 8.
inline double error_bound(DataType type, const Shape& shape) {
  const double u = unit_roundoff(type);
  const double v = type == DataType::float64 ? 0x1p-53 : 0x1p-24;
  const double steps = static_cast<double>(shape.steps),
               units = static_cast<double>(shape.head_dim);
  return 8 * std::sqrt(steps) * (u + v * std::sqrt(units));
}

/// Absolute error that the smallest numbers of a type add. float16 rounds results below 2^-14 to
/// multiples of 2^-24, an error of up to 2^-25 for each of the D gate gradients that flow back per
/// step; of T steps, the recurrent matrix passes at most all on. The other types reach so far down
/// (2^-126 and below) that the tests never come near.
inline double underflow_bound(DataType type, const Shape& shape) {
  return type == DataType::float16 ? 0x1p-25 * static_cast<double>(1 + shape.steps) : 0;
}

/// Expects |found - expected| <= bound · max |expected| + absolute for every element; NaN never
/// passes.
inline void expect_close(const std::string& name, const std::vector<double>& found,
                         const std::vector<double>& expected, double bound, double absolute = 0) {
  ASSERT_EQ(found.size(), expected.size()) << name << ": number of elements";
  double scale = 0, worst = 0;
  std::size_t at = 0;
  for (const double value : expected) scale = std::max(scale, std::abs(value));
  for (std::size_t i = 0; i < found.size(); ++i) {
    const double error = std::abs(found[i] - expected[i]);
    if (!(error <= worst)) {
      worst = error;
      at = i;
      if (std::isnan(error)) break;
    }
  }
  EXPECT_LE(worst, bound * scale + absolute)
      << name << ": largest error at element " << at << " of " << found.size() << ", expected "
      << expected[at] << ", found " << found[at] << ", largest element " << scale;
}

}  // namespace flashrnn::test
