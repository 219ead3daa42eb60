// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "statistics.hpp"

namespace flashrnn::bench {

/// Something to be timed. `call` may return before its work is done; `wait` then waits for it.
struct Contender {
  std::string name;
  std::function<void()> call;
  std::function<void()> wait;  ///< empty: call returns when its work is done
};

/// How long and how often.
struct TimingOptions {
  int repetitions = 9;
  double least_seconds = 0.05;  ///< of a repetition, which has as many calls as that takes
  double most_seconds = 20;     ///< of all repetitions of a contender; at least 3 are made
  bool cpu_time = false;        ///< of all threads of the process, instead of wall-clock time
};

/// Whether this program has a timing engine (Google Benchmark).
[[nodiscard]] bool timing_is_available();
/// "1.7.1"; empty if there is none.
[[nodiscard]] std::string timing_engine_version();

/// Times all contenders in turns: each is warmed up (at least one call, then until a tenth of a
/// second or least_seconds have passed), then their repetitions run interleaved in random order.
/// A repetition is a series of calls, ended by one wait; microseconds are time per call.
/// @throws EnvironmentError if there is no timing engine, saying what to install.
[[nodiscard]] std::vector<Times> time_in_turns(const std::vector<Contender>& contenders,
                                               const TimingOptions& options);

}  // namespace flashrnn::bench
