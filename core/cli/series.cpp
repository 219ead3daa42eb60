// SPDX-License-Identifier: Apache-2.0
#include "series.hpp"

#include <algorithm>
#include <cmath>
#include <initializer_list>

#include "flashrnn/error.hpp"
#include "io/csv.hpp"
#include "io/file.hpp"

namespace flashrnn::cli {
namespace {

constexpr std::size_t none = static_cast<std::size_t>(-1);

std::size_t find_column(const io::CsvTable& table, const std::string& name) {
  const auto found = std::find(table.names.begin(), table.names.end(), name);
  return found == table.names.end() ? none : static_cast<std::size_t>(found - table.names.begin());
}

std::size_t value_column(const io::CsvTable& table, const std::string& wanted,
                         const std::string& path) {
  if (wanted.empty()) {
    const std::size_t usual = find_column(table, "value");
    return usual != none ? usual : table.names.size() - 1;
  }
  const std::size_t column = find_column(table, wanted);
  if (column == none) {
    std::string names;
    for (const std::string& name : table.names) {
      names += (names.empty() ? "" : ", ") + io::quote_name(name);
    }
    throw InvalidArgument(path + ": no column " + io::quote_name(wanted) + "; there are " + names);
  }
  return column;
}

std::size_t time_column(const io::CsvTable& table, std::size_t value) {
  for (const char* name : {"time", "year"}) {
    const std::size_t column = find_column(table, name);
    if (column != none && column != value) return column;
  }
  if (table.names.size() == 1) return none;
  return value == 0 ? 1 : 0;
}

double root_mean_square_difference(std::span<const double> a, std::span<const double> b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += (a[i] - b[i]) * (a[i] - b[i]);
  return std::sqrt(sum / static_cast<double>(a.size()));
}

}  // namespace

Series read_series(const std::string& path, const std::string& column) {
  io::CsvTable table = io::read_csv(path);
  const std::size_t value = value_column(table, column, path);
  const std::size_t time = time_column(table, value);
  if (table.rows() < 2) {
    throw InvalidArgument(path + ": a series needs at least two rows, found " +
                          std::to_string(table.rows()));
  }
  Series series;
  series.name = table.names[value];
  if (time == none) {
    for (std::size_t row = 0; row < table.rows(); ++row) {
      series.times.push_back(static_cast<double>(row + 1));
    }
  } else {
    series.times = table.columns[time];
  }
  series.values = std::move(table.columns[value]);
  return series;
}

std::optional<ForecastError> forecast_error(std::span<const double> previous,
                                            std::span<const double> actual,
                                            std::span<const double> predicted,
                                            std::size_t n_train) {
  if (previous.size() != actual.size() || predicted.size() != actual.size()) {
    throw InternalError("forecast_error: series of different length");
  }
  if (n_train >= actual.size()) return std::nullopt;
  const auto held_back = actual.subspan(n_train);
  return ForecastError{n_train, held_back.size(),
                       root_mean_square_difference(predicted.subspan(n_train), held_back),
                       root_mean_square_difference(previous.subspan(n_train), held_back)};
}

std::size_t training_steps(double fraction, std::size_t n) {
  if (!(fraction >= 0 && fraction < 1)) {
    throw InvalidArgument("--train-fraction: expected a number from 0 to below 1, found " +
                          std::to_string(fraction));
  }
  return static_cast<std::size_t>(fraction * static_cast<double>(n));
}

}  // namespace flashrnn::cli
