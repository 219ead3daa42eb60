// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "flashrnn/line_chart.hpp"
#include "results.hpp"

namespace flashrnn::bench {

/// A chart and the heading that it stands below.
struct ReportChart {
  std::string section;
  io::LineChart chart;
};

/// Step time against head size, batch and steps, fraction of the device's bound and speed-up over
/// each peer against head size, as far as the files have points: a chart per cell, type and pass, a
/// line per file and place. Charts of fewer than two points are left out.
[[nodiscard]] std::vector<ReportChart> report_charts(const std::vector<Results>& files);

}  // namespace flashrnn::bench
