// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include "flashrnn/line_chart.hpp"

// What a closure is judged by: climate, error of forecasts and cost, as a table and as pictures.

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
  std::vector<double> error = {};
  for (std::size_t s = 0; s < samples; ++s) {
    double sum = 0;
    for (std::size_t k = 0; k < truth.columns; ++k)
      sum += std::pow(double(forecast.at(s, k)) - double(truth.at(s, k)), 2);
    error.push_back(std::sqrt(sum / static_cast<double>(truth.columns)));
  }
  return error;
}

/// One way of running the slow variables.
struct Model {
  std::string name;
  Trajectory run;           ///< from the start of the forecast
  double microseconds = 0;  ///< per member and coarse step
  Climate climate = {};
  std::vector<double> error = {};
};

/// Climate and errors of all models, of which the first is the truth. Model times: forecasts last
/// for `lead`, the climate begins then and lasts for `climate`.
inline void evaluate(std::vector<Model>& models, double lead, double climate) {
  const Trajectory& truth = models.front().run;
  const auto samples = [&](double time) {
    return static_cast<std::size_t>(std::lround(time / truth.interval));
  };
  for (Model& m : models) {
    m.climate = climate_of(m.run, samples(lead), samples(std::min(5.0, climate / 2)) + 1);
    m.error = forecast_error(m.run, truth, samples(lead) + 1);
  }
}

/// Whether a model's error at lead 0.5 and its distance from the truth's histogram are less than
/// half of another's.
inline bool halves_errors(const Model& model, const Model& other, const Model& truth) {
  const auto at = static_cast<std::size_t>(std::lround(0.5 / truth.run.interval));
  return model.error.at(at) < 0.5 * other.error.at(at) &&
         hellinger_distance(model.climate, truth.climate) <
             0.5 * hellinger_distance(other.climate, truth.climate);
}

inline void print(const std::vector<Model>& models) {
  const Model& truth = models.front();
  std::printf("\n%-12s %7s %9s %10s %10s | RMSE at lead 0.5    1.0    2.0 | µs per member, step\n",
              "model", "mean", "variance", "Hellinger", "ACF error");
  for (const Model& m : models) {
    std::printf("%-12s %7.3f %9.3f %10.4f %10.4f |", m.name.c_str(), m.climate.mean,
                m.climate.variance, hellinger_distance(m.climate, truth.climate),
                autocorrelation_error(m.climate, truth.climate));
    std::printf("          ");
    for (const double lead : {0.5, 1.0, 2.0}) {
      const auto at = static_cast<std::size_t>(std::lround(lead / m.run.interval));
      if (at < m.error.size()) std::printf(" %6.3f", m.error[at]);
    }
    std::printf(" | %10.2f\n", m.microseconds);
  }
}

inline void draw(const std::filesystem::path& folder, const std::vector<Model>& models) {
  using flashrnn::io::LineChart;
  const auto picture = [&](const char* file, const char* title, const char* x, const char* y,
                           bool with_truth, const auto& line) {
    LineChart chart;
    chart.title = title;
    chart.x_label = x;
    chart.y_label = y;
    for (const Model& m : models)
      if (with_truth || &m != models.data()) {
        chart.series.push_back({m.name, {}, {}});
        line(m, chart.series.back());
      }
    flashrnn::io::write_line_chart_svg(folder / file, chart);
  };
  picture("lorenz96_forecast.svg", "Lorenz-96: error of forecasts", "lead time, model units",
          "RMSE of X", false, [](const Model& m, auto& line) {
            for (std::size_t i = 0; i < m.error.size(); ++i) {
              line.x.push_back(static_cast<double>(i) * m.run.interval);
              line.y.push_back(m.error[i]);
            }
          });
  picture("lorenz96_histogram.svg", "Lorenz-96: distribution of X", "X", "density", true,
          [](const Model& m, auto& line) {
            for (std::size_t i = 10; i < 85; ++i) {
              line.x.push_back(-19.75 + 0.5 * static_cast<double>(i));
              line.y.push_back(2 * m.climate.histogram[i]);
            }
          });
  picture("lorenz96_autocorrelation.svg", "Lorenz-96: autocorrelation of X", "lag, model units",
          "correlation", true, [](const Model& m, auto& line) {
            for (std::size_t i = 0; i < m.climate.autocorrelation.size(); ++i) {
              line.x.push_back(static_cast<double>(i) * m.run.interval);
              line.y.push_back(m.climate.autocorrelation[i]);
            }
          });
}
