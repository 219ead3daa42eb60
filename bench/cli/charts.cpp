// SPDX-License-Identifier: Apache-2.0
#include "charts.hpp"

#include <algorithm>
#include <functional>
#include <set>

#include "believable_net.hpp"

namespace flashrnn::bench {
namespace {

using Value = std::function<std::optional<double>(const CaseResult&)>;

/// A quantity over an axis.
struct Axis {
  const char* sweep;
  const char* label;
  std::function<long long(const CaseResult&)> at;
};

const std::vector<Axis>& axes() {
  static const std::vector<Axis> all{
      {"head_dim", "head_dim", [](const CaseResult& one) { return one.head_dim; }},
      {"batch", "rows of the batch", [](const CaseResult& one) { return one.batch; }},
      {"steps", "steps", [](const CaseResult& one) { return one.steps; }}};
  return all;
}

bool in_sweep(const CaseResult& one, const Axis& axis) {
  return std::ranges::find(one.sweeps, axis.sweep) != one.sweeps.end();
}

std::string words(std::string name) {
  std::ranges::replace(name, '_', ' ');
  return name;
}

/// What all points of a chart share, for its title: cell, type, pass and the shape but for the
/// axis. In the sweep over head sizes heads · head_dim stays what it is as far as it can.
std::string title_of(const CaseResult& one, const Axis& axis) {
  std::string title = one.cell + ' ' + one.dtype + ", " + words(one.pass);
  const std::string sweep = axis.sweep;
  if (sweep != "head_dim")
    title += ", " + std::to_string(one.head_dim) + "×" + std::to_string(one.heads);
  if (sweep != "batch") title += ", batch " + std::to_string(one.batch);
  return title;
}

/// Adds a point to the line of that label, in the order of x.
void add_point(io::LineChart& chart, const std::string& label, double x, double y) {
  auto line = std::ranges::find(chart.series, label, &io::LineSeries::label);
  if (line == chart.series.end()) line = chart.series.insert(line, io::LineSeries{label, {}, {}});
  const auto place = std::ranges::lower_bound(line->x, x);
  if (place != line->x.end() && *place == x) return;  // several T: the first is the sweep's
  line->y.insert(line->y.begin() + (place - line->x.begin()), y);
  line->x.insert(place, x);
}

/// Charts that share a section, in the order in which their titles first come.
class Section {
 public:
  Section(std::string name, const Axis& axis, std::string y_label, io::AxisScale y_scale)
      : name_(std::move(name)), axis_(axis), y_label_(std::move(y_label)), y_scale_(y_scale) {}

  void add(const CaseResult& one, const std::string& line, std::optional<double> y,
           const std::string& title, const std::string& subtitle = {}) {
    if (!y || !in_sweep(one, axis_)) return;
    auto chart = std::ranges::find_if(charts_, [&](const io::LineChart& known) {
      return known.title == title && known.subtitle == subtitle;
    });
    if (chart == charts_.end()) {
      io::LineChart fresh;
      fresh.title = title;
      fresh.subtitle = subtitle;
      fresh.x_label = axis_.label;
      fresh.y_label = y_label_;
      fresh.x_scale = io::AxisScale::logarithmic;
      fresh.y_scale = y_scale_;
      fresh.points = true;
      fresh.width = 620;  // two stand side by side in the report
      chart = charts_.insert(charts_.end(), fresh);
    }
    add_point(*chart, line, static_cast<double>(axis_.at(one)), *y);
  }

  void move_to(std::vector<ReportChart>& out) {
    for (io::LineChart& chart : charts_) {
      std::set<double> places;
      for (const io::LineSeries& line : chart.series) places.insert(line.x.begin(), line.x.end());
      if (places.size() < 2) continue;
      chart.x_ticks.assign(places.begin(), places.end());
      out.push_back({name_, std::move(chart)});
    }
  }

 private:
  std::string name_;
  const Axis& axis_;
  std::string y_label_;
  io::AxisScale y_scale_;
  std::vector<io::LineChart> charts_;
};

}  // namespace

std::vector<ReportChart> report_charts(const std::vector<Results>& files) {
  constexpr auto logarithmic = io::AxisScale::logarithmic;
  std::vector<ReportChart> out;
  const auto each = [&files](const auto& body) {
    for (const Results& file : files)
      for (const CaseResult& one : file.cases)
        body(one, files.size() > 1 ? file.label + ": " : std::string());
  };
  const auto step_times = [&](const Axis& axis, const std::string& name) {
    Section section(name, axis, "µs per step", logarithmic);
    each([&](const CaseResult& one, const std::string& file) {
      const std::string title = title_of(one, axis), line = file + one.place();
      section.add(one, line, one.step_us(), title);
      for (const PeerResult& peer : one.peers)
        if (const auto net = believable_net(one, peer))
          section.add(one, line + ", " + peer.name, *net / static_cast<double>(one.steps), title);
    });
    section.move_to(out);
  };
  step_times(axes()[0], "Step time against head size");
  {
    Section section("Fraction of the device's bound", axes()[0], "bound / measured, %",
                    io::AxisScale::linear);
    each([&](const CaseResult& one, const std::string& file) {
      section.add(one, file + one.cell, 100 * one.bound_step_us / one.step_us(),
                  one.dtype + ", " + words(one.pass) + ", batch " + std::to_string(one.batch),
                  one.place());
    });
    section.move_to(out);
  }
  {
    Section section("Speed-up over each peer", axes()[0], "peer without projection / ours",
                    logarithmic);
    each([&](const CaseResult& one, const std::string& file) {
      for (const PeerResult& peer : one.peers)
        if (const auto net = believable_net(one, peer))
          section.add(one, file + one.place() + " over " + peer.name, *net / one.times.median,
                      title_of(one, axes()[0]));
    });
    section.move_to(out);
  }
  step_times(axes()[1], "Step time against the batch");
  step_times(axes()[2], "Step time against the number of steps");
  return out;
}

}  // namespace flashrnn::bench
