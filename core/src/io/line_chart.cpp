// SPDX-License-Identifier: Apache-2.0
#include "flashrnn/line_chart.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <span>
#include <string_view>

#include "axis_ticks.hpp"
#include "file.hpp"
#include "flashrnn/error.hpp"

namespace flashrnn::io {
namespace {

constexpr double picture_width = 900;
constexpr double picture_height = 440;
constexpr double right_margin = 24;
constexpr double character_width =
    6.6;  // of the 12 px digits of usual sans-serif fonts, rounded up

// Colours of series differ in lightness too, so that they can be told apart in print without
// colour, the first is wide enough to show beneath a second one that covers it, and from the third
// on dashes help. Media queries nest inside the picture, so the
// same file suits a light page, a dark page and paper.
constexpr std::string_view style = R"(<style>
text { font: 12px system-ui, "Segoe UI", "Helvetica Neue", Arial, sans-serif; fill: #3d4450; }
.title { font-size: 17px; font-weight: 600; fill: #14181f; }
.subtitle { font-size: 13px; }
.paper { fill: #ffffff; }
.shade { fill: #eef1f5; }
.grid { stroke: #dfe3e8; stroke-width: 1; }
.axis { stroke: #7b8490; stroke-width: 1; }
.line { fill: none; stroke-width: 1.8; stroke-linejoin: round; stroke-linecap: round; }
.s0 { stroke: #1d4f91; stroke-width: 3; } .s1 { stroke: #ee7d2b; }
.s2 { stroke: #17835b; stroke-dasharray: 7 4; } .s3 { stroke: #8a5cc9; stroke-dasharray: 2 4; }
@media screen and (prefers-color-scheme: dark) {
  text { fill: #b7bfca; } .title { fill: #f0f3f7; } .paper { fill: #14181f; }
  .shade { fill: #1f2530; } .grid { stroke: #2c3440; } .axis { stroke: #7b8490; }
  .s0 { stroke: #6ea8f0; } .s1 { stroke: #ffb066; } .s2 { stroke: #4cc394; } .s3 { stroke: #bd9cf0; }
}
</style>
)";
constexpr std::size_t style_count = 4;

std::string escape(std::string_view text) {
  std::string result;
  for (const char character : text) {
    switch (character) {
      case '&':
        result += "&amp;";
        break;
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      default:
        // XML has no control characters.
        result += static_cast<unsigned char>(character) < 0x20 ? ' ' : character;
    }
  }
  return result;
}

/// A coordinate to a tenth of a pixel, in every locale.
std::string number(double value) {
  std::array<char, 32> text{};
  const double rounded = std::round(value * 10) / 10;
  const auto end = std::to_chars(text.data(), text.data() + text.size(), rounded).ptr;
  return {text.data(), end};
}

std::string text_element(double x, double y, std::string_view anchor, std::string_view css_class,
                         std::string_view text) {
  return "<text x=\"" + number(x) + "\" y=\"" + number(y) + "\" text-anchor=\"" +
         std::string(anchor) + "\" class=\"" + std::string(css_class) + "\">" + escape(text) +
         "</text>\n";
}

std::string line_element(double x1, double y1, double x2, double y2, const std::string& css_class) {
  return "<line x1=\"" + number(x1) + "\" y1=\"" + number(y1) + "\" x2=\"" + number(x2) +
         "\" y2=\"" + number(y2) + "\" class=\"" + css_class + "\"/>\n";
}

std::string rectangle(double x, double y, double width, double height, std::string_view css_class) {
  return "<rect x=\"" + number(x) + "\" y=\"" + number(y) + "\" width=\"" + number(width) +
         "\" height=\"" + number(height) + "\" class=\"" + std::string(css_class) + "\"/>\n";
}

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

std::string legend(const LineChart& chart, double x, double y) {
  std::string svg;
  for (std::size_t i = 0; i < chart.series.size(); ++i) {
    svg += line_element(x, y - 4, x + 26, y - 4, "line s" + std::to_string(i % style_count));
    svg += text_element(x + 33, y, "start", "legend", chart.series[i].label);
    x += 33 + character_width * static_cast<double>(chart.series[i].label.size()) + 22;
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

void widen(double& low, double& high, double least) {
  if (low < high) return;
  low -= least;
  high += least;
}

}  // namespace

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

std::string format_line_chart_svg(const LineChart& chart) {
  Frame frame;
  frame.extent = chart_extent(chart);
  const double y_span = frame.extent.y_high - frame.extent.y_low;
  // Some headroom, and a base line at zero where the data is close to it.
  frame.extent.y_high += 0.06 * y_span;
  if (frame.extent.y_low > 0 && frame.extent.y_low < 0.25 * y_span) frame.extent.y_low = 0;
  const AxisTicks x_ticks = make_ticks(frame.extent.x_low, frame.extent.x_high, 8);
  const AxisTicks y_ticks = make_ticks(frame.extent.y_low, frame.extent.y_high, 5);
  std::size_t longest_label = 0;
  for (const std::string& label : y_ticks.labels) {
    longest_label = std::max(longest_label, label.size());
  }
  frame.left = 36 + character_width * static_cast<double>(longest_label);
  frame.right = picture_width - right_margin;
  frame.top = chart.subtitle.empty() ? 78 : 98;
  frame.bottom = picture_height - 52;

  const std::string size = number(picture_width) + " " + number(picture_height);
  std::string svg = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 " + size +
                    "\" width=\"" + number(picture_width) + "\" height=\"" +
                    number(picture_height) + "\" role=\"img\">\n<title>" + escape(chart.title) +
                    "</title>\n";
  svg += style;
  svg += rectangle(0, 0, picture_width, picture_height, "paper");
  svg += text_element(frame.left, 30, "start", "title", chart.title);
  if (!chart.subtitle.empty()) {
    svg += text_element(frame.left, 51, "start", "subtitle", chart.subtitle);
  }
  svg += legend(chart, frame.left, frame.top - 18);
  if (chart.shaded) svg += shaded_range(*chart.shaded, frame);
  svg += grid_and_axes(chart, frame, x_ticks, y_ticks);
  for (std::size_t i = 0; i < chart.series.size(); ++i) {
    svg += "<path class=\"line s" + std::to_string(i % style_count) + "\" d=\"" +
           series_path(chart.series[i], frame) + "\"/>\n";
  }
  return svg + "</svg>\n";
}

void write_line_chart_svg(const std::filesystem::path& path, const LineChart& chart) {
  replace_file(path, format_line_chart_svg(chart));
}

}  // namespace flashrnn::io
