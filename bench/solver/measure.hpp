// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <vector>

namespace bench_solver {

/// The middle and the quartiles of repeated measurements.
struct Spread {
  double low = 0.0;
  double median = 0.0;
  double high = 0.0;
};

Spread spread_of(std::vector<double> values);

/// Seconds of processor time per call of each contender, [contender][round]. The contenders take
/// turns within each round, beginning with another one each time, so that a slow spell of the
/// machine meets all of them; a call that is too short for the clock is repeated within its turn.
std::vector<std::vector<double>> interleaved(const std::vector<std::function<void()>>& contenders,
                                             int rounds);

/// The spread of slow[round] / fast[round].
Spread ratio_of(const std::vector<double>& slow, const std::vector<double>& fast);

}  // namespace bench_solver
