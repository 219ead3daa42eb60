// SPDX-License-Identifier: Apache-2.0
#include "flashrnn/line_chart.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <span>
#include <string_view>
#include <utility>

#include "axis_ticks.hpp"
#include "chart_style.hpp"
#include "file.hpp"
#include "flashrnn/error.hpp"
#include "svg_elements.hpp"

namespace flashrnn::io {
namespace {

using svg::circle;
using svg::escape;
using svg::line_element;
using svg::number;
using svg::rectangle;
using svg::text_element;

constexpr double right_margin = 24;
constexpr double character_width =
    6.6;  // of the 12 px digits of usual sans-serif fonts, rounded up

/// The plot's place in the picture and the map from data to it.
struct Frame {
  double left = 0, top = 0, right = 0, bottom = 0;
  ChartExtent extent;

  [[nodiscard]] double x(double value) const {
    const double span = extent.x_high - extent.x_low;
    const double part = span > 0 ? (value - extent.x_low) / span : 0.5;
    return left + part * (right - left);
  }
  [[nodiscard]] double y(double value) const {
    const double span = extent.y_high - extent.y_low;
    const double part = span > 0 ? (value - extent.y_low) / span : 0.5;
    return bottom - part * (bottom - top);
  }
};

/// The path of one line, gaps where a point is not finite.
class PathBuilder {
 public:
  void add(double x, double y) {
    path_ += pen_down_ ? 'L' : 'M';
    path_ += number(x) + ' ' + number(y);
    pen_down_ = true;
  }
  void gap() { pen_down_ = false; }
  [[nodiscard]] const std::string& text() const { return path_; }

 private:
  std::string path_;
  bool pen_down_ = false;
};

std::string series_path(const LineSeries& series, const Frame& frame) {
  const auto columns = static_cast<std::size_t>(frame.right - frame.left);
  // A run of points that fall into the same pixel column is drawn by its first, lowest, highest and
  // last point: the same pixels at a bounded number of points.
  const std::size_t run = std::max<std::size_t>(1, series.x.size() / (2 * columns));
  PathBuilder path;
  for (std::size_t begin = 0; begin < series.x.size(); begin += run) {
    const std::size_t end = std::min(begin + run, series.x.size());
    std::size_t low = begin;
    std::size_t high = begin;
    bool all_finite = true;
    for (std::size_t i = begin; i < end; ++i) {
      all_finite = all_finite && std::isfinite(series.x[i]) && std::isfinite(series.y[i]);
      if (series.y[i] < series.y[low]) low = i;
      if (series.y[i] > series.y[high]) high = i;
    }
    if (!all_finite) {
      path.gap();
      continue;
    }
    std::array<std::size_t, 4> points{begin, std::min(low, high), std::max(low, high), end - 1};
    const auto last = std::unique(points.begin(), points.end());
    for (const std::size_t i : std::span(points.begin(), last)) {
      path.add(frame.x(series.x[i]), frame.y(series.y[i]));
    }
  }
  return path.text();
}

/// The lines' names in rows as long as the plot is wide; `height` becomes that of the rows after
/// the first.
std::string legend(const LineChart& chart, double left, double y, double right, double& height) {
  std::string svg;
  double x = left;
  height = 0;
  for (std::size_t i = 0; i < chart.series.size(); ++i) {
    const double width =
        33 + character_width * static_cast<double>(chart.series[i].label.size()) + 22;
    if (x > left && x + width > right) {
      x = left;
      height += 18;
    }
    const std::string style_class = series_classes(i);
    svg += line_element(x, y + height - 4, x + 26, y + height - 4, "line " + style_class);
    if (chart.points) svg += circle(x + 13, y + height - 4, 3.5, "dot " + style_class);
    svg += text_element(x + 33, y + height, "start", "legend", chart.series[i].label);
    x += width;
  }
  return svg;
}

std::string grid_and_axes(const LineChart& chart, const Frame& frame, const AxisTicks& x_ticks,
                          const AxisTicks& y_ticks) {
  std::string svg;
  for (std::size_t i = 0; i < y_ticks.values.size(); ++i) {
    const double y = frame.y(y_ticks.values[i]);
    svg += line_element(frame.left, y, frame.right, y, "grid");
    svg += text_element(frame.left - 8, y + 4, "end", "tick", y_ticks.labels[i]);
  }
  for (std::size_t i = 0; i < x_ticks.values.size(); ++i) {
    const double x = frame.x(x_ticks.values[i]);
    svg += line_element(x, frame.bottom, x, frame.bottom + 5, "axis");
    svg += text_element(x, frame.bottom + 19, "middle", "tick", x_ticks.labels[i]);
  }
  svg += line_element(frame.left, frame.bottom, frame.right, frame.bottom, "axis");
  const double middle = (frame.top + frame.bottom) / 2;
  svg += text_element((frame.left + frame.right) / 2, frame.bottom + 38, "middle", "label",
                      chart.x_label);
  svg += "<g transform=\"translate(18 " + number(middle) + ") rotate(-90)\">" +
         text_element(0, 0, "middle", "label", chart.y_label) + "</g>\n";
  return svg;
}

std::string shaded_range(const ShadedRange& range, const Frame& frame) {
  const double from = std::clamp(frame.x(range.from), frame.left, frame.right);
  const double to = std::clamp(frame.x(range.to), from, frame.right);
  return rectangle(from, frame.top, to - from, frame.bottom - frame.top, "shade") +
         text_element((from + to) / 2, frame.top - 6, "middle", "label", range.label);
}

std::string point_marks(const LineSeries& series, const Frame& frame,
                        const std::string& css_class) {
  std::string svg;
  for (std::size_t i = 0; i < series.x.size(); ++i)
    if (std::isfinite(series.x[i]) && std::isfinite(series.y[i]))
      svg += circle(frame.x(series.x[i]), frame.y(series.y[i]), 3.5, css_class);
  return svg;
}

/// The values as they lie on the axis.
void apply(AxisScale scale, std::vector<double>& values) {
  if (scale == AxisScale::linear) return;
  for (double& value : values) {
    if (value <= 0) throw InvalidArgument("a logarithmic axis has no place for zero and below");
    value = std::log10(value);
  }
}

/// Ticks at places on the axis between low and high.
AxisTicks ticks_of(AxisScale scale, double low, double high, int wanted) {
  if (scale == AxisScale::linear) return make_ticks(low, high, wanted);
  AxisTicks ticks = make_logarithmic_ticks(std::pow(10.0, low), std::pow(10.0, high), wanted);
  apply(scale, ticks.values);
  return ticks;
}

AxisTicks given_ticks(AxisScale scale, std::vector<double> values) {
  AxisTicks ticks{std::move(values), {}};
  for (const double value : ticks.values) ticks.labels.push_back(number(value));
  apply(scale, ticks.values);
  return ticks;
}

void widen(double& low, double& high, double least) {
  if (low < high) return;
  low -= least;
  high += least;
}

}  // namespace

LineSeries evenly_spaced(std::string label, double first, double distance, std::vector<double> y) {
  LineSeries line{std::move(label), {}, std::move(y)};
  for (std::size_t i = 0; i < line.y.size(); ++i)
    line.x.push_back(first + static_cast<double>(i) * distance);
  return line;
}

ChartExtent chart_extent(const LineChart& chart) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  ChartExtent extent{infinity, -infinity, infinity, -infinity};
  for (const LineSeries& series : chart.series) {
    if (series.x.size() != series.y.size()) {
      throw InvalidArgument("series '" + series.label + "' has " + std::to_string(series.x.size()) +
                            " x and " + std::to_string(series.y.size()) + " y");
    }
    for (std::size_t i = 0; i < series.x.size(); ++i) {
      if (!std::isfinite(series.x[i]) || !std::isfinite(series.y[i])) continue;
      extent.x_low = std::min(extent.x_low, series.x[i]);
      extent.x_high = std::max(extent.x_high, series.x[i]);
      extent.y_low = std::min(extent.y_low, series.y[i]);
      extent.y_high = std::max(extent.y_high, series.y[i]);
    }
  }
  if (extent.x_low > extent.x_high)
    throw InvalidArgument("a chart needs at least one finite point");
  widen(extent.x_low, extent.x_high, 1);
  widen(extent.y_low, extent.y_high, 1);
  return extent;
}

std::string format_line_chart_svg(const LineChart& given) {
  LineChart chart = given;
  for (LineSeries& series : chart.series) {
    apply(chart.x_scale, series.x);
    apply(chart.y_scale, series.y);
  }
  if (chart.shaded && chart.x_scale == AxisScale::logarithmic)
    chart.shaded = {std::log10(chart.shaded->from), std::log10(chart.shaded->to),
                    chart.shaded->label};
  Frame frame;
  frame.extent = chart_extent(chart);
  const double y_span = frame.extent.y_high - frame.extent.y_low;
  // Some headroom, and a base line at zero where the data is close to it.
  frame.extent.y_high += 0.06 * y_span;
  if (chart.y_scale == AxisScale::logarithmic) {
    frame.extent.y_low -= 0.06 * y_span;
  } else if (frame.extent.y_low > 0 && frame.extent.y_low < 0.25 * y_span) {
    frame.extent.y_low = 0;
  }
  const AxisTicks x_ticks =
      chart.x_ticks.empty() ? ticks_of(chart.x_scale, frame.extent.x_low, frame.extent.x_high, 8)
                            : given_ticks(chart.x_scale, chart.x_ticks);
  const AxisTicks y_ticks = ticks_of(chart.y_scale, frame.extent.y_low, frame.extent.y_high, 5);
  if (chart.points) {  // room for the marks at the ends
    const double room = 0.02 * (frame.extent.x_high - frame.extent.x_low);
    frame.extent.x_low -= room;
    frame.extent.x_high += room;
  }
  std::size_t longest_label = 0;
  for (const std::string& label : y_ticks.labels) {
    longest_label = std::max(longest_label, label.size());
  }
  frame.left = 36 + character_width * static_cast<double>(longest_label);
  frame.right = chart.width - right_margin;
  frame.top = chart.subtitle.empty() ? 78 : 98;
  frame.bottom = chart.height - 52;

  const std::string size = number(chart.width) + " " + number(chart.height);
  std::string svg = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 " + size +
                    "\" width=\"" + number(chart.width) + "\" height=\"" + number(chart.height) +
                    "\" role=\"img\">\n<title>" + escape(chart.title) + "</title>\n";
  svg += chart_style;
  svg += rectangle(0, 0, chart.width, chart.height, "paper");
  svg += text_element(frame.left, 30, "start", "title", chart.title);
  if (!chart.subtitle.empty()) {
    svg += text_element(frame.left, 51, "start", "subtitle", chart.subtitle);
  }
  double legend_height = 0;
  svg += legend(chart, frame.left, frame.top - 18, frame.right, legend_height);
  frame.top += legend_height;
  if (chart.shaded) svg += shaded_range(*chart.shaded, frame);
  svg += grid_and_axes(chart, frame, x_ticks, y_ticks);
  for (std::size_t i = 0; i < chart.series.size(); ++i) {
    const std::string style_class = series_classes(i);
    svg += "<path class=\"line " + style_class + "\" d=\"" + series_path(chart.series[i], frame) +
           "\"/>\n";
    if (chart.points) svg += point_marks(chart.series[i], frame, "dot " + style_class);
  }
  return svg + "</svg>\n";
}

void write_line_chart_svg(const std::filesystem::path& path, const LineChart& chart) {
  replace_file(path, format_line_chart_svg(chart));
}

}  // namespace flashrnn::io
