// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace flashrnn::cli {

/// A series of one value a step.
struct Series {
  std::string name;  ///< of the value's column
  std::vector<double> times;
  std::vector<double> values;
};

/// Reads a series from a CSV file: the values from the column `column` (if empty: "value" or, where
/// there is none, the last one), the times from "time" or "year" or else the first other column; a
/// file of one column gets the row's number. Throws InvalidArgument for fewer than two rows or if
/// there is no such column, and what io::read_csv throws.
[[nodiscard]] Series read_series(const std::string& path, const std::string& column);

/// Root mean square errors of one-step predictions on the part of a series that was held back.
struct ForecastError {
  std::size_t first = 0;   ///< index of the first prediction that counts
  std::size_t count = 0;   ///< predictions that count
  double prediction = 0;   ///< error of the model
  double persistence = 0;  ///< error of the rule "the same as one step before"
};

/// Compares predictions with what came and with what was before; the three have one length n. The
/// first n_train of them belong to the training and do not count. Nothing if none is left.
[[nodiscard]] std::optional<ForecastError> forecast_error(std::span<const double> previous,
                                                          std::span<const double> actual,
                                                          std::span<const double> predicted,
                                                          std::size_t n_train);

/// The whole part of fraction · n. Throws InvalidArgument unless 0 <= fraction < 1.
[[nodiscard]] std::size_t training_steps(double fraction, std::size_t n);

}  // namespace flashrnn::cli
