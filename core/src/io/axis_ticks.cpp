// SPDX-License-Identifier: Apache-2.0
#include "axis_ticks.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include "flashrnn/error.hpp"

namespace flashrnn::io {
namespace {

double round_step(double raw) {
  const double power = std::pow(10.0, std::floor(std::log10(raw)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (raw <= factor * power) return factor * power;
  }
  return 10 * power;
}

std::string tick_label(double value, double step) {
  std::array<char, 48> text{};
  const double largest = std::max(std::fabs(value), step);
  if (largest >= 1e7 || step < 1e-4) {
    std::snprintf(text.data(), text.size(), "%.6g", value);
  } else {
    const int decimals = std::max(0, -static_cast<int>(std::floor(std::log10(step) + 1e-9)));
    std::snprintf(text.data(), text.size(), "%.*f", decimals, value);
  }
  // snprintf follows the locale's decimal sign; a picture is the same everywhere.
  std::string label(text.data());
  std::replace(label.begin(), label.end(), ',', '.');
  return label;
}

}  // namespace

AxisTicks make_ticks(double low, double high, int wanted) {
  if (!std::isfinite(low) || !std::isfinite(high) || low > high || !std::isfinite(high - low)) {
    throw InvalidArgument("an axis needs two finite ends, the lower one first");
  }
  AxisTicks ticks;
  const double span = high - low;
  // Below this the values on the axis are not distinct doubles any more.
  if (span <= 1e-12 * std::max(std::fabs(low), std::fabs(high))) {
    ticks.values = {low};
    ticks.labels = {tick_label(low, std::max(std::fabs(low), 1.0))};
    return ticks;
  }
  double step = round_step(span / std::max(wanted, 1));
  if (span / step < 2) step = round_step(span / 4);
  const double slack = 1e-9 * step;  // a tick that rounding moved just past an end still counts
  for (double k = std::ceil((low - slack) / step); k * step <= high + slack; k += 1) {
    const double value = k == 0 ? 0.0 : k * step;  // no "-0"
    ticks.values.push_back(value);
    ticks.labels.push_back(tick_label(value, step));
  }
  return ticks;
}

AxisTicks make_logarithmic_ticks(double low, double high, int wanted) {
  if (!(low > 0) || !std::isfinite(high) || low > high)
    throw InvalidArgument(
        "a logarithmic axis needs two finite ends above zero, the lower one first");
  const double decades = std::log10(high / low);
  if (decades < 0.7) return make_ticks(low, high, wanted);
  const auto first = static_cast<int>(std::floor(std::log10(low)));
  const auto last = static_cast<int>(std::ceil(std::log10(high)));
  const int stride = std::max(1, static_cast<int>(std::lround(decades / std::max(wanted, 1))));
  const bool between = 3 * decades <= 2 * wanted;
  AxisTicks ticks;
  for (int power = first; power <= last; power += stride)
    for (const double factor : {1.0, 2.0, 5.0}) {
      if (factor > 1 && !between) break;
      const double value = factor * std::pow(10.0, power);
      if (value < low * (1 - 1e-9) || value > high * (1 + 1e-9)) continue;
      ticks.values.push_back(value);
      ticks.labels.push_back(tick_label(value, value));
    }
  return ticks;
}

}  // namespace flashrnn::io
