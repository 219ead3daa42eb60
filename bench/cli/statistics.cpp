// SPDX-License-Identifier: Apache-2.0
#include "statistics.hpp"

#include <algorithm>
#include <cmath>

namespace flashrnn::bench {

double quantile(const std::vector<double>& sorted, double q) {
  const double place = q * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(std::floor(place));
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (place - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

Times summarise(std::vector<double> samples, long long calls) {
  std::ranges::sort(samples);
  return {quantile(samples, 0.5), quantile(samples, 0.25),          quantile(samples, 0.75),
          samples.front(),        static_cast<int>(samples.size()), calls};
}

}  // namespace flashrnn::bench
