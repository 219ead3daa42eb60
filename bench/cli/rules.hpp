// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "settings.hpp"

namespace flashrnn::bench {

/// The rules that make the comparison fair, as printed with every run and written to its file;
/// docs/benchmarks.md explains them.
[[nodiscard]] std::vector<std::string> comparison_rules(const Settings& settings);

}  // namespace flashrnn::bench
