// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "file_fixture.hpp"
#include "flashrnn/error.hpp"
#include "flashrnn/line_chart.hpp"
#include "io/axis_ticks.hpp"
#include "io/terminal_plot.hpp"

namespace flashrnn::test {
namespace {

using Labels = std::vector<std::string>;
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

TEST(line_chart, has_evenly_spaced_lines) {
  const io::LineSeries line = io::evenly_spaced("error", -1, 0.5, {3, 1, 2});
  EXPECT_EQ(line.label, "error");
  EXPECT_EQ(line.x, (std::vector<double>{-1, -0.5, 0}));
  EXPECT_EQ(line.y, (std::vector<double>{3, 1, 2}));
  EXPECT_TRUE(io::evenly_spaced("none", 0, 1, {}).x.empty());
}

TEST(axis_ticks, are_round_numbers) {
  EXPECT_EQ(io::make_ticks(0, 190, 5).labels, (Labels{"0", "50", "100", "150"}));
  EXPECT_EQ(io::make_ticks(1700, 2008, 8).labels,
            (Labels{"1700", "1750", "1800", "1850", "1900", "1950", "2000"}));
  EXPECT_EQ(io::make_ticks(-0.3, 0.3, 3).labels, (Labels{"-0.2", "0.0", "0.2"}));
  EXPECT_EQ(io::make_ticks(0, 0.05, 5).labels,
            (Labels{"0.00", "0.01", "0.02", "0.03", "0.04", "0.05"}));
  EXPECT_EQ(io::make_ticks(0, 2e9, 2).labels, (Labels{"0", "1e+09", "2e+09"}));
  EXPECT_EQ(io::make_ticks(3, 3, 5).values, std::vector<double>{3});
}

TEST(axis_ticks, stay_inside_and_few_for_any_span) {
  for (int power = -300; power <= 300; power += 7) {
    const double high = std::pow(10.0, power) * 7.3;
    const io::AxisTicks ticks = io::make_ticks(-high / 3, high, 6);
    ASSERT_GE(ticks.values.size(), 2U) << power;
    ASSERT_LE(ticks.values.size(), 12U) << power;
    EXPECT_GE(ticks.values.front(), -high / 3 * (1 + 1e-9));
    EXPECT_LE(ticks.values.back(), high * (1 + 1e-9));
    EXPECT_EQ(ticks.values.size(), ticks.labels.size());
  }
  EXPECT_THROW((void)io::make_ticks(nan, 1, 5), InvalidArgument);
  EXPECT_THROW((void)io::make_ticks(2, 1, 5), InvalidArgument);
}

TEST(axis_ticks, logarithmic_ones_are_powers_of_ten_and_between) {
  EXPECT_EQ(io::make_logarithmic_ticks(1, 1000, 5).labels,
            (Labels{"1", "2", "5", "10", "20", "50", "100", "200", "500", "1000"}));
  EXPECT_EQ(io::make_logarithmic_ticks(0.02, 3000, 5).labels,
            (Labels{"0.1", "1", "10", "100", "1000"}));
  EXPECT_EQ(io::make_logarithmic_ticks(20, 40, 4).labels, (Labels{"20", "25", "30", "35", "40"}));
  EXPECT_THROW((void)io::make_logarithmic_ticks(0, 1, 5), InvalidArgument);
  EXPECT_THROW((void)io::make_logarithmic_ticks(2, 1, 5), InvalidArgument);
  for (int power = -12; power <= 12; ++power) {
    const double low = 0.3 * std::pow(10.0, power);
    for (const double span : {1.5, 30.0, 4e3, 5e8}) {
      const io::AxisTicks ticks = io::make_logarithmic_ticks(low, low * span, 5);
      ASSERT_GE(ticks.values.size(), 2U) << low << ' ' << span;
      EXPECT_LE(ticks.values.size(), 16U) << low << ' ' << span;
      EXPECT_GE(ticks.values.front(), low * (1 - 1e-9));
      EXPECT_LE(ticks.values.back(), low * span * (1 + 1e-9));
    }
  }
}

io::LineChart example() {
  io::LineChart chart;
  chart.title = "R & D <\x01>";
  chart.x_label = "year";
  chart.y_label = "number";
  chart.series = {{"measured", {0, 1, 2, 3}, {0, 10, 5, 20}}, {"predicted", {1, 2, 3}, {9, 6, 19}}};
  chart.shaded = io::ShadedRange{2, 3, "held back"};
  return chart;
}

TEST(line_chart, has_every_part) {
  const std::string svg = io::format_line_chart_svg(example());
  EXPECT_TRUE(svg.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\""));
  EXPECT_TRUE(svg.ends_with("</svg>\n"));
  EXPECT_EQ(count(svg, "<path "), 2U);
  EXPECT_EQ(count(svg, "<svg"), count(svg, "</svg>"));
  EXPECT_EQ(count(svg, "<text"), count(svg, "</text>"));
  for (const char* part : {"R &amp; D &lt; &gt;", ">measured<", ">predicted<", ">held back<",
                           ">year<", ">number<", ">20<", "prefers-color-scheme: dark"}) {
    EXPECT_NE(svg.find(part), std::string::npos) << part;
  }
  EXPECT_EQ(svg.find("nan"), std::string::npos);
}

TEST(line_chart, gap_where_a_value_is_missing) {
  io::LineChart chart = example();
  chart.series = {{"a", {0, 1, 2, 3, 4}, {1, 2, nan, 4, 5}}};
  const std::string svg = io::format_line_chart_svg(chart);
  const std::string path = svg.substr(svg.find(" d=\""));
  EXPECT_EQ(count(path, "M"), 2U);
  EXPECT_EQ(count(path, "L"), 2U);
  EXPECT_EQ(svg.find("nan"), std::string::npos);
}

TEST(line_chart, long_series_make_a_bounded_picture_that_keeps_the_extremes) {
  io::LineChart chart;
  io::LineSeries series{"a", {}, {}};
  for (int i = 0; i < 1000000; ++i) {
    series.x.push_back(i);
    series.y.push_back(i == 777777 ? 100 : std::sin(i * 0.001));
  }
  chart.series = {series};
  const std::string svg = io::format_line_chart_svg(chart);
  EXPECT_LT(svg.size(), 200000U);
  // The peak stands at the height of its value: 6 % of the span below the plot's top edge, 78.
  const double span = 101;
  const double peak = 78 + (440 - 52 - 78) * (0.06 * span / (1.06 * span));
  const double rounded = std::round(peak * 10) / 10;
  std::array<char, 16> text{};
  std::snprintf(text.data(), text.size(), " %.1fL", rounded);
  EXPECT_NE(svg.find(text.data()), std::string::npos) << text.data();
}

TEST(line_chart, refuses_what_it_cannot_draw) {
  io::LineChart chart = example();
  chart.series[0].y.pop_back();
  EXPECT_EQ(message_of<InvalidArgument>([&] { (void)io::format_line_chart_svg(chart); }),
            "series 'measured' has 4 x and 3 y");
  chart.series = {{"a", {0}, {nan}}};
  EXPECT_EQ(message_of<InvalidArgument>([&] { (void)io::format_terminal_plot(chart); }),
            "a chart needs at least one finite point");
}

TEST(line_chart, logarithmic_axes_put_equal_ratios_at_equal_distances) {
  io::LineChart chart;
  chart.x_scale = chart.y_scale = io::AxisScale::logarithmic;
  chart.x_ticks = {16, 64, 256};
  chart.points = true;
  chart.series = {{"a", {16, 64, 256}, {1, 10, 100}}};
  const std::string svg = io::format_line_chart_svg(chart);
  for (const char* part : {">16<", ">64<", ">256<", ">1<", ">100<"})
    EXPECT_NE(svg.find(part), std::string::npos) << part;
  // The marks of the points, after that of the legend: the middle one lies in the middle.
  std::vector<double> x, y;
  for (auto at = svg.find("<path"); (at = svg.find("<circle", at)) != std::string::npos; ++at) {
    double cx = 0, cy = 0;
    ASSERT_EQ(std::sscanf(svg.c_str() + at, "<circle cx=\"%lf\" cy=\"%lf\"", &cx, &cy), 2);
    x.push_back(cx);
    y.push_back(cy);
  }
  ASSERT_EQ(x.size(), 3U);
  EXPECT_NEAR(x[1] - x[0], x[2] - x[1], 0.21);
  EXPECT_NEAR(y[1] - y[0], y[2] - y[1], 0.21);
  EXPECT_LT(y[2], y[0]);
  chart.series[0].y[0] = 0;
  EXPECT_EQ(message_of<InvalidArgument>([&] { (void)io::format_line_chart_svg(chart); }),
            "a logarithmic axis has no place for zero and below");
}

TEST(line_chart, long_legends_take_several_lines) {
  io::LineChart chart;
  for (int n = 0; n < 6; ++n)
    chart.series.push_back(
        {"a name of some forty characters, number " + std::to_string(n), {0, 1}, {0, 1}});
  const std::string svg = io::format_line_chart_svg(chart);
  double widest = 0;
  for (auto at = svg.find("class=\"legend\""); at != std::string::npos;
       at = svg.find("class=\"legend\"", at + 1)) {
    double x = 0;
    const auto begin = svg.rfind("<text", at);
    ASSERT_EQ(std::sscanf(svg.c_str() + begin, "<text x=\"%lf\"", &x), 1);
    widest = std::max(widest, x);
  }
  EXPECT_GT(widest, 300);           // two a line
  EXPECT_LT(widest, 900 - 41 * 5);  // and the last of a line has room
}

TEST(line_chart, more_series_than_colours_differ_in_lines_and_points) {
  io::LineChart chart;
  chart.points = true;
  for (int n = 0; n < 8; ++n)
    chart.series.push_back({"series " + std::to_string(n), {0, 1}, {0, double(n)}});
  const std::string svg = io::format_line_chart_svg(chart);
  for (const std::string number : {"0", "1", "2", "3", "4", "5", "0 again", "1 again"}) {
    EXPECT_NE(svg.find("<path class=\"line s" + number + "\""), std::string::npos) << number;
    EXPECT_NE(svg.find("class=\"dot s" + number + "\""), std::string::npos) << number;
  }
}

TEST(line_chart, one_point_and_constant_lines) {
  io::LineChart chart;
  chart.series = {{"a", {5}, {3}}};
  EXPECT_EQ(io::format_line_chart_svg(chart).find("nan"), std::string::npos);
  chart.series = {{"a", {5, 6}, {3, 3}}};
  EXPECT_EQ(io::format_line_chart_svg(chart).find("nan"), std::string::npos);
}

TEST(terminal_plot, draws_line_marks_axes_and_legend) {
  io::LineChart chart;
  chart.title = "steps";
  chart.series = {{"up", {0, 1}, {0, 1}}, {"end", {1}, {1}}};
  const std::string expected =
      "steps\n"
      "1.0 ┤                   ⣀⡠⠤⠔⠒o\n"
      "    │            ⢀⣀⠤⠤⠒⠊⠉      \n"
      "0.5 ┤      ⣀⡠⠤⠒⠒⠉⠁            \n"
      "0.0 ┤⣀⠤⠔⠒⠊⠉                   \n"
      "    └┬───────────┬───────────┬\n"
      "     0.0        0.5        1.0\n"
      "     ⠒⠒ up   o end\n";
  EXPECT_EQ(io::format_terminal_plot(chart, {30, 4, false}), expected);
  EXPECT_NE(io::format_terminal_plot(chart, {30, 4, true}).find("\x1b[33mo"), std::string::npos);
  EXPECT_THROW((void)io::format_terminal_plot(chart, {29, 4, false}), InvalidArgument);
}

}  // namespace
}  // namespace flashrnn::test
