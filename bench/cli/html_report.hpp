// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "results.hpp"

namespace flashrnn::bench {

/// One self-contained page (no script, no external resource) on any number of files: charts,
/// tables, rules, machines and plans; light, dark and on paper.
[[nodiscard]] std::string format_html_report(const std::vector<Results>& files);

}  // namespace flashrnn::bench
