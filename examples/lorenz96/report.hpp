// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include "flashrnn/line_chart.hpp"
#include "statistics.hpp"

// What the program prints and draws; the first of the models is the truth.

/// One way of running the slow variables.
struct Model {
  std::string name;
  Trajectory run;           ///< from the start of the forecast
  double microseconds = 0;  ///< per member and coarse step
  Climate climate;
  std::vector<double> error;
};

inline void report(const std::vector<Model>& models) {
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
