// SPDX-License-Identifier: Apache-2.0
#include "terminal_plot.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <string_view>

#include "axis_ticks.hpp"
#include "flashrnn/error.hpp"

namespace flashrnn::io {
namespace {

constexpr int dots_across = 2;  // of one Braille character
constexpr int dots_down = 4;
constexpr std::array<std::string_view, 3> marks{"o", "+", "x"};
constexpr std::array<std::string_view, 4> colours{"\x1b[34m", "\x1b[33m", "\x1b[32m", "\x1b[35m"};
constexpr std::string_view colour_off = "\x1b[0m";

/// One character of the plot: Braille dots of the first series, or the mark of another one.
struct Cell {
  std::uint8_t dots = 0;
  std::uint8_t series = 0;
};

class Canvas {
 public:
  Canvas(int columns, int rows, const ChartExtent& extent)
      : columns_(columns), rows_(rows), extent_(extent) {
    cells_.resize(static_cast<std::size_t>(columns) * static_cast<std::size_t>(rows));
  }

  void draw_line(const LineSeries& series) {
    bool pen_down = false;
    int x = 0;
    int y = 0;
    for (std::size_t i = 0; i < series.x.size(); ++i) {
      if (!std::isfinite(series.x[i]) || !std::isfinite(series.y[i])) {
        pen_down = false;
        continue;
      }
      const int next_x = dot_x(series.x[i]);
      const int next_y = dot_y(series.y[i]);
      if (pen_down) draw_segment(x, y, next_x, next_y);
      set_dot(next_x, next_y);
      x = next_x;
      y = next_y;
      pen_down = true;
    }
  }

  void draw_marks(const LineSeries& series, std::uint8_t index) {
    for (std::size_t i = 0; i < series.x.size(); ++i) {
      if (!std::isfinite(series.x[i]) || !std::isfinite(series.y[i])) continue;
      cell(dot_x(series.x[i]), dot_y(series.y[i])).series = index;
    }
  }

  [[nodiscard]] int row_of(double y) const { return dot_y(y) / dots_down; }
  [[nodiscard]] int column_of(double x) const { return dot_x(x) / dots_across; }

  [[nodiscard]] std::string row_text(int row, bool colour) const {
    std::string text;
    for (int column = 0; column < columns_; ++column) {
      const Cell& cell = cells_[index(row, column)];
      if (cell.dots == 0 && cell.series == 0) {
        text += ' ';
        continue;
      }
      if (colour) text += colours[cell.series % colours.size()];
      text += cell.series > 0 ? std::string(marks[(cell.series - 1) % marks.size()])
                              : braille(cell.dots);
      if (colour) text += colour_off;
    }
    return text;
  }

 private:
  [[nodiscard]] int dot_x(double x) const {
    return to_dot((x - extent_.x_low) / (extent_.x_high - extent_.x_low), columns_ * dots_across);
  }
  [[nodiscard]] int dot_y(double y) const {
    return to_dot((extent_.y_high - y) / (extent_.y_high - extent_.y_low), rows_ * dots_down);
  }
  static int to_dot(double part, int count) {
    return static_cast<int>(std::clamp(std::round(part * (count - 1)), 0.0, count - 1.0));
  }

  [[nodiscard]] std::size_t index(int row, int column) const {
    return static_cast<std::size_t>(row) * static_cast<std::size_t>(columns_) +
           static_cast<std::size_t>(column);
  }

  Cell& cell(int x, int y) { return cells_[index(y / dots_down, x / dots_across)]; }

  void set_dot(int x, int y) {
    // Unicode numbers the dots of a Braille pattern down the left column, down the right one, and
    // the bottom pair last.
    constexpr std::array<std::array<std::uint8_t, 2>, 4> bits{
        {{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}}};
    cell(x, y).dots |=
        bits[static_cast<std::size_t>(y % dots_down)][static_cast<std::size_t>(x % dots_across)];
  }

  void draw_segment(int x0, int y0, int x1, int y1) {
    const int steps = std::max({std::abs(x1 - x0), std::abs(y1 - y0), 1});
    for (int step = 0; step <= steps; ++step) {
      const double part = static_cast<double>(step) / steps;
      set_dot(x0 + static_cast<int>(std::lround(part * (x1 - x0))),
              y0 + static_cast<int>(std::lround(part * (y1 - y0))));
    }
  }

  static std::string braille(std::uint8_t dots) {
    // U+2800 + dots in UTF-8.
    return {'\xe2', static_cast<char>(0xa0 | (dots >> 6U)), static_cast<char>(0x80 | (dots & 63U))};
  }

  int columns_;
  int rows_;
  ChartExtent extent_;
  std::vector<Cell> cells_;
};

std::string pad_left(const std::string& text, std::size_t width) {
  return std::string(width - std::min(width, text.size()), ' ') + text;
}

/// The labels below the x axis, each centred below its tick where there is room.
std::string x_axis_labels(const AxisTicks& ticks, const Canvas& canvas, int columns) {
  std::string line;
  for (std::size_t i = 0; i < ticks.values.size(); ++i) {
    const auto width = static_cast<int>(ticks.labels[i].size());
    const int start =
        std::clamp(canvas.column_of(ticks.values[i]) - width / 2, 0, std::max(0, columns - width));
    const auto begin = static_cast<std::size_t>(start);
    if (!line.empty() && begin <= line.size()) continue;
    line.resize(begin, ' ');
    line += ticks.labels[i];
  }
  return line;
}

std::string legend(const LineChart& chart, bool colour) {
  std::string line;
  for (std::size_t i = 0; i < chart.series.size(); ++i) {
    if (i > 0) line += "   ";
    if (colour) line += colours[i % colours.size()];
    line += i == 0 ? "⠒⠒" : marks[(i - 1) % marks.size()];
    if (colour) line += colour_off;
    line += " " + chart.series[i].label;
  }
  return line;
}

}  // namespace

std::string format_terminal_plot(const LineChart& chart, const TerminalPlotOptions& options) {
  if (options.columns < 30 || options.rows < 4) {
    throw InvalidArgument("a plot needs at least 30 columns and 4 rows");
  }
  const ChartExtent extent = chart_extent(chart);
  const AxisTicks y_ticks = make_ticks(extent.y_low, extent.y_high, options.rows / 3);
  std::size_t label_width = 0;
  for (const std::string& label : y_ticks.labels) label_width = std::max(label_width, label.size());
  const int columns = std::max(10, options.columns - static_cast<int>(label_width) - 2);
  Canvas canvas(columns, options.rows, extent);
  canvas.draw_line(chart.series.front());
  for (std::size_t i = 1; i < chart.series.size(); ++i) {
    canvas.draw_marks(chart.series[i], static_cast<std::uint8_t>(i % 255));
  }

  std::string text = chart.title.empty() ? "" : chart.title + '\n';
  for (int row = 0; row < options.rows; ++row) {
    std::string label;
    for (std::size_t i = 0; i < y_ticks.values.size(); ++i) {
      if (canvas.row_of(y_ticks.values[i]) == row) label = y_ticks.labels[i];
    }
    text += pad_left(label, label_width) + (label.empty() ? " │" : " ┤");
    text += canvas.row_text(row, options.colour) + '\n';
  }
  const AxisTicks x_ticks = make_ticks(extent.x_low, extent.x_high, columns / 10);
  std::string axis;
  for (int column = 0; column < columns; ++column) {
    const bool tick = std::any_of(x_ticks.values.begin(), x_ticks.values.end(),
                                  [&](double value) { return canvas.column_of(value) == column; });
    axis += tick ? "┬" : "─";
  }
  const std::string indent(label_width + 2, ' ');
  text += std::string(label_width + 1, ' ') + "└" + axis + '\n';
  text += indent + x_axis_labels(x_ticks, canvas, columns) + '\n';
  return text + indent + legend(chart, options.colour) + '\n';
}

}  // namespace flashrnn::io
