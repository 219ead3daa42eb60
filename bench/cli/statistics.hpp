// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

namespace flashrnn::bench {

/// Times of repetitions in a few numbers, microseconds per call.
struct Times {
  double median = 0;
  double lower_quartile = 0;
  double upper_quartile = 0;
  double least = 0;
  int repetitions = 0;
  long long calls = 0;  ///< per repetition, whose time is their mean
};

/// The value below which the part `q` of the samples lies, between neighbours linearly (the
/// definition that NumPy and R take by default). `sorted` has at least one element.
[[nodiscard]] double quantile(const std::vector<double>& sorted, double q);

/// Median, quartiles and least of at least one sample.
[[nodiscard]] Times summarise(std::vector<double> samples, long long calls);

}  // namespace flashrnn::bench
