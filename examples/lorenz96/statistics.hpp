// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

/// Samples of X in the order of time: [samples, columns]. Host memory.
struct Trajectory {
  std::size_t columns = 0;
  double interval = 0;  ///< model time between samples
  std::vector<float> x;

  std::size_t samples() const { return x.size() / columns; }
  float at(std::size_t sample, std::size_t column) const { return x[sample * columns + column]; }
};

/// What a climate is compared by: all columns count alike, as the system looks the same from each.
struct Climate {
  double mean = 0;
  double variance = 0;
  std::vector<double> histogram;        ///< shares of bins of width 0.5 from -20 to 30
  std::vector<double> autocorrelation;  ///< by lag, in samples
};

inline Climate climate_of(const Trajectory& run, std::size_t first, std::size_t lags) {
  constexpr double low = -20, width = 0.5;
  constexpr std::size_t bins = 100;
  Climate c;
  c.histogram.assign(bins, 0);
  const std::size_t end = run.samples();
  const double count = static_cast<double>((end - first) * run.columns);
  for (std::size_t i = first * run.columns; i < run.x.size(); ++i) c.mean += double(run.x[i]);
  c.mean /= count;
  for (std::size_t i = first * run.columns; i < run.x.size(); ++i) {
    const double apart = double(run.x[i]) - c.mean;
    c.variance += apart * apart / count;
    const double bin = std::clamp((double(run.x[i]) - low) / width, 0.0, double(bins - 1));
    c.histogram[static_cast<std::size_t>(bin)] += 1 / count;
  }
  for (std::size_t lag = 0; lag < lags; ++lag) {
    double sum = 0;
    for (std::size_t s = first; s + lag < end; ++s)
      for (std::size_t k = 0; k < run.columns; ++k)
        sum += (double(run.at(s, k)) - c.mean) * (double(run.at(s + lag, k)) - c.mean);
    c.autocorrelation.push_back(sum / static_cast<double>((end - lag - first) * run.columns) /
                                c.variance);
  }
  return c;
}

/// Hellinger's distance of two histograms: 0 if equal, 1 if they have no bin in common.
inline double hellinger_distance(const Climate& a, const Climate& b) {
  double overlap = 0;
  for (std::size_t i = 0; i < a.histogram.size(); ++i)
    overlap += std::sqrt(a.histogram[i] * b.histogram[i]);
  return std::sqrt(std::max(0.0, 1 - overlap));
}

/// Root mean square of the difference of two autocorrelation functions.
inline double autocorrelation_error(const Climate& a, const Climate& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.autocorrelation.size(); ++i)
    sum += std::pow(a.autocorrelation[i] - b.autocorrelation[i], 2);
  return std::sqrt(sum / static_cast<double>(a.autocorrelation.size()));
}

/// RMSE of a forecast by lead time, one value a sample, over all columns.
inline std::vector<double> forecast_error(const Trajectory& forecast, const Trajectory& truth,
                                          std::size_t samples) {
  std::vector<double> error;
  for (std::size_t s = 0; s < samples; ++s) {
    double sum = 0;
    for (std::size_t k = 0; k < truth.columns; ++k)
      sum += std::pow(double(forecast.at(s, k)) - double(truth.at(s, k)), 2);
    error.push_back(std::sqrt(sum / static_cast<double>(truth.columns)));
  }
  return error;
}
