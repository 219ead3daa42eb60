// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "flashrnn/line_chart.hpp"

namespace flashrnn::io {

/// Size and look of a plot in a terminal.
struct TerminalPlotOptions {
  int columns = 78;     ///< characters a line, the axis included; at least 30
  int rows = 14;        ///< lines of the plot proper; at least 4
  bool colour = false;  ///< with ANSI colours
};

/// The chart as UTF-8 text: the first series as a line of Braille dots (2 × 4 a character), the
/// others as marks at their points, then the axis and a legend. Each line ends with a line feed.
/// Throws as chart_extent() does, and InvalidArgument for too small a size.
[[nodiscard]] std::string format_terminal_plot(const LineChart& chart,
                                               const TerminalPlotOptions& options = {});

}  // namespace flashrnn::io
