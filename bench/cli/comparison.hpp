// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "results.hpp"

namespace flashrnn::bench {

/// One case in several files; nothing where a file lacks it.
struct MatchedCase {
  std::string problem, place;
  std::vector<const CaseResult*> in;  ///< one per file
};

/// The cases of all files in the order in which they first come. Cases match if problem (cell,
/// type, shape, steps, pass), backend, space and threads are equal; devices may differ. The results
/// must outlive what is returned.
[[nodiscard]] std::vector<MatchedCase> match_cases(const std::vector<Results>& files);

/// A case of the new file beside the base's.
struct Regression {
  const CaseResult* base;
  const CaseResult* fresh;
  [[nodiscard]] double ratio() const { return fresh->times.median / base->times.median; }
};

/// What the gate found.
struct GateResult {
  std::vector<Regression> offenders;     ///< the largest ratio first
  std::vector<Regression> within_noise;  ///< above the limit, but not beyond the noise
  std::vector<std::string> only_in_base, only_in_new;
  std::size_t matched = 0;
};

/// A case offends if its median is more than `limit` times the base's, and the noise does not
/// explain it: its lower quartile is also above the base's upper quartile.
/// @throws InvalidArgument if the files are of different devices (unless `any_device`) or clocks,
/// or no case of one is in the other.
[[nodiscard]] GateResult gate(const Results& base, const Results& fresh, double limit,
                              bool any_device);

/// Warnings about files that should not be trusted alone: incomplete runs, machines under load,
/// fewer than 3 repetitions, different devices, different versions.
[[nodiscard]] std::vector<std::string> warnings_of(const std::vector<Results>& files);

}  // namespace flashrnn::bench
