// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace flashrnn::io {

/// One line of a chart. A point with a coordinate that is not finite is a gap in the line.
struct LineSeries {
  std::string label;
  std::vector<double> x;
  std::vector<double> y;  ///< as many as x
};

/// A line of points at `first`, first + distance, and so on.
[[nodiscard]] LineSeries evenly_spaced(std::string label, double first, double distance,
                                       std::vector<double> y);

/// A range of x that the chart shades, with a word above it.
struct ShadedRange {
  double from = 0;
  double to = 0;
  std::string label;
};

enum class AxisScale { linear, logarithmic };

/// What a chart shows; texts are UTF-8.
struct LineChart {
  std::string title;
  std::string subtitle;
  std::string x_label;
  std::string y_label;
  std::vector<LineSeries> series = {};
  std::optional<ShadedRange> shaded = {};
  AxisScale x_scale = AxisScale::linear;
  AxisScale y_scale = AxisScale::linear;
  std::vector<double> x_ticks = {};  ///< where the ticks of x are; empty: at round numbers
  bool points = false;               ///< mark every point
  double width = 900;                ///< pixels of the picture
  double height = 440;
};

/// The finite extent of all series: of x, then of y.
struct ChartExtent {
  double x_low = 0;
  double x_high = 0;
  double y_low = 0;
  double y_high = 0;
};

/// Throws InvalidArgument if a series has x and y of different lengths or if no point is finite.
[[nodiscard]] ChartExtent chart_extent(const LineChart& chart);

/// A self-contained SVG picture (scales, ticks and marks apply to it alone) that follows the
/// reader's light or dark setting and prints light. Lines of many more points than the picture has
/// columns are drawn by each column's extremes, so the size of the picture does not grow with the
/// series. Throws as chart_extent() does, and InvalidArgument for a point that is not above zero on
/// a logarithmic axis.
[[nodiscard]] std::string format_line_chart_svg(const LineChart& chart);

/// Writes format_line_chart_svg() to a file, under a temporary name beside `path` that is renamed.
/// Throws EnvironmentError if the folder or the disk does not allow it.
void write_line_chart_svg(const std::filesystem::path& path, const LineChart& chart);

}  // namespace flashrnn::io
