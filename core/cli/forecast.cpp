// SPDX-License-Identifier: Apache-2.0
#include "forecast.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "flashrnn/error.hpp"
#include "io/file.hpp"

namespace flashrnn::cli {
namespace {

/// Four significant digits: more than an error of prediction deserves.
std::string short_number(double value) {
  std::array<char, 32> text{};
  const auto end =
      std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::general, 4)
          .ptr;
  return {text.data(), end};
}

/// As exact as a time of a calendar or of a measurement usually is.
std::string time_text(double time) {
  std::array<char, 32> text{};
  const auto end =
      std::to_chars(text.data(), text.data() + text.size(), time, std::chars_format::general, 10)
          .ptr;
  return {text.data(), end};
}

std::string pad_right(std::string text, std::size_t width) {
  text.resize(std::max(width, text.size()), ' ');
  return text;
}

void check_model(const Architecture& architecture) {
  if (architecture.input_size != 1) {
    throw InvalidArgument("a series has one value a step, but the model expects " +
                          std::to_string(architecture.input_size) +
                          " (weight_ih_l0 has that many columns)");
  }
  if (architecture.features() != 1) {
    throw InvalidArgument(
        "the prediction of a series is one value a step, but the model gives " +
        std::to_string(architecture.features()) +
        (architecture.output_size ? " (rows of its head)" : "; it has no linear head"));
  }
}

template <class Values>
Values from(const Values& values, std::size_t begin) {
  return {values.begin() + static_cast<std::ptrdiff_t>(std::min(begin, values.size())),
          values.end()};
}

}  // namespace

Forecast make_forecast(const ModelFile& file, Series series, double train_fraction,
                       const RunnerOptions& options) {
  const Architecture& architecture = file.model.architecture;
  check_model(architecture);
  Forecast forecast;
  forecast.series = std::move(series);
  const std::vector<double>& values = forecast.series.values;
  const std::size_t pairs = values.size() - 1;
  const std::size_t n_train = training_steps(train_fraction, pairs);

  Sequences input;
  input.steps = static_cast<Index>(architecture.bidirectional ? pairs : values.size());
  for (Index i = 0; i < input.steps; ++i) {
    input.u.push_back(file.normalisation.apply(values[static_cast<std::size_t>(i)]));
  }
  forecast.raw = run_model(file.model, input, options);
  for (std::size_t i = 0; i < pairs; ++i) {
    forecast.predicted.push_back(file.normalisation.undo(forecast.raw.output[i]));
  }
  if (architecture.bidirectional) {
    forecast.error_note =
        "no test error: a model of both directions sees the values that it is to predict\n";
    return forecast;
  }
  forecast.next = file.normalisation.undo(forecast.raw.output[pairs]);
  forecast.error = forecast_error(std::span(values).first(pairs), std::span(values).subspan(1),
                                  forecast.predicted, n_train);
  return forecast;
}

std::string error_report(const ForecastError& error, std::size_t predictions,
                         const std::string& range, const std::string& step_name) {
  const std::string rule = "same as last " + step_name;
  const std::size_t width = std::max<std::size_t>(rule.size(), 10) + 2;
  return "one-step test error (RMSE) on the last " + std::to_string(error.count) + " of " +
         std::to_string(predictions) + " predictions, " + range + ":\n" +  //
         "  " + pad_right("this model", width) + short_number(error.prediction) + "\n" + "  " +
         pad_right(rule, width) + short_number(error.persistence) + "\n";
}

std::string forecast_report(const Forecast& forecast, const std::string& step_name) {
  const std::vector<double>& times = forecast.series.times;
  std::string text = forecast.error_note;
  if (forecast.error) {
    const std::string range =
        time_text(times[forecast.error->first + 1]) + " to " + time_text(times.back());
    text = error_report(*forecast.error, forecast.predicted.size(), range, step_name);
  }
  if (forecast.next) {
    text += "prediction for the " + step_name + " after " + time_text(times.back()) + ": " +
            short_number(*forecast.next) + "\n";
  }
  return text;
}

io::CsvTable forecast_table(const Forecast& forecast) {
  return {{"time", "value", "prediction"},
          {from(forecast.series.times, 1), from(forecast.series.values, 1), forecast.predicted}};
}

io::LineChart forecast_chart(const Forecast& forecast, const std::string& title,
                             const std::string& step_name) {
  io::LineChart chart;
  chart.title = title.empty() ? forecast.series.name + " and its one-step prediction" : title;
  chart.x_label = step_name;
  chart.y_label = forecast.series.name;
  chart.series = {{"measured", forecast.series.times, forecast.series.values},
                  {"predicted one " + step_name + " ahead", from(forecast.series.times, 1),
                   forecast.predicted}};
  if (forecast.error) {
    const ForecastError& error = *forecast.error;
    chart.subtitle = "test error (RMSE) " + short_number(error.prediction) + ", same as last " +
                     step_name + " " + short_number(error.persistence);
    chart.shaded = io::ShadedRange{forecast.series.times[error.first + 1],
                                   forecast.series.times.back(), "held back from training"};
  }
  return chart;
}

io::LineChart terminal_chart(const Forecast& forecast) {
  constexpr std::size_t readable = 120;  // more points than this run into each other
  const std::size_t pairs = forecast.predicted.size();
  const std::size_t held_back = forecast.error ? forecast.error->first : 0;
  const std::size_t begin = std::max(held_back, pairs > readable ? pairs - readable : 0);
  io::LineChart chart;
  chart.series = {
      {"measured", from(forecast.series.times, begin + 1), from(forecast.series.values, begin + 1)},
      {"predicted", from(forecast.series.times, begin + 1), from(forecast.predicted, begin)}};
  return chart;
}

}  // namespace flashrnn::cli
