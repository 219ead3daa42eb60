// SPDX-License-Identifier: Apache-2.0
#include "measure.hpp"

#include <algorithm>
#include <ctime>

namespace bench_solver {
namespace {

// Processor time of the whole process: what other processes do on the same cores is not counted,
// what further threads of this one do is.
double now() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

double seconds_of(const std::function<void()>& work, long calls) {
  const double start = now();
  for (long i = 0; i < calls; ++i) work();
  return (now() - start) / static_cast<double>(calls);
}

}  // namespace

Spread spread_of(std::vector<double> values) {
  if (values.empty()) return {};
  std::sort(values.begin(), values.end());
  const auto at = [&](std::size_t quarter) { return values[(values.size() - 1) * quarter / 4]; };
  return {at(1), at(2), at(3)};
}

std::vector<std::vector<double>> interleaved(const std::vector<std::function<void()>>& contenders,
                                             int rounds) {
  constexpr double least_seconds = 2e-3;  // far above the clock's resolution
  std::vector<long> calls;
  for (const auto& contender : contenders) {
    contender();  // warm-up
    const double once = std::max(seconds_of(contender, 3), 1e-9);
    calls.push_back(std::max(1L, static_cast<long>(least_seconds / once)));
  }
  std::vector<std::vector<double>> seconds(contenders.size());
  for (int round = 0; round < rounds; ++round) {
    for (std::size_t turn = 0; turn < contenders.size(); ++turn) {
      const std::size_t i = (turn + static_cast<std::size_t>(round)) % contenders.size();
      seconds[i].push_back(seconds_of(contenders[i], calls[i]));
    }
  }
  return seconds;
}

Spread ratio_of(const std::vector<double>& slow, const std::vector<double>& fast) {
  std::vector<double> ratios;
  for (std::size_t i = 0; i < slow.size() && i < fast.size(); ++i)
    ratios.push_back(slow[i] / fast[i]);
  return spread_of(std::move(ratios));
}

}  // namespace bench_solver
