// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "flashrnn/line_chart.hpp"
#include "io/csv.hpp"
#include "model_file.hpp"
#include "model_runner.hpp"
#include "series.hpp"

namespace flashrnn::cli {

/// A series and what a model predicted of it one step ahead, in the units of the series. Element i
/// of `predicted` is the prediction of value i + 1, made from the values 0 to i.
struct Forecast {
  Series series;
  std::vector<double> predicted;  ///< one fewer than the series has values
  std::optional<double> next;     ///< the prediction behind the last value
  Prediction raw;                 ///< what the model gave, in its own units
  std::optional<ForecastError> error;
  std::string error_note;  ///< a line that says why there is no error, if there is none
};

/// Runs a model with one input and one output on a series. A model of both directions gets all
/// values but the last and has no error to show, since it sees the values that it predicts. Throws
/// InvalidArgument if the model has another number of inputs or outputs.
[[nodiscard]] Forecast make_forecast(const ModelFile& model, Series series, double train_fraction,
                                     const RunnerOptions& options);

/// The lines that say how good predictions are, beside "same as last <step_name>"; `range` says
/// which values count, such as "1932 to 2008".
[[nodiscard]] std::string error_report(const ForecastError& error, std::size_t predictions,
                                       const std::string& range, const std::string& step_name);

/// error_report() of a forecast, and what it predicts behind the series.
[[nodiscard]] std::string forecast_report(const Forecast& forecast, const std::string& step_name);

/// Columns time, value, prediction; a row for each value that was predicted.
[[nodiscard]] io::CsvTable forecast_table(const Forecast& forecast);

/// Measured and predicted over time, the part held back from training shaded.
[[nodiscard]] io::LineChart forecast_chart(const Forecast& forecast, const std::string& title,
                                           const std::string& step_name);

/// The same of the held-back part alone, or of the end of the series, to fit a terminal.
[[nodiscard]] io::LineChart terminal_chart(const Forecast& forecast);

}  // namespace flashrnn::cli
