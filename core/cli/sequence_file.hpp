// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "flashrnn/predictor.hpp"
#include "forecast.hpp"
#include "io/csv.hpp"

namespace flashrnn::cli {

/// Sequences as a file has them.
struct SequenceFile {
  Sequences input;
  std::vector<double> target;          ///< what the output should be, of its shape; may be empty
  std::optional<std::size_t> n_train;  ///< metadata: the steps that the model was trained on
};

/// Reads `input` [T, B, I] ([B, T, I] if batch_first) and, if there is one, `initial_h`
/// [L · directions, B, hidden], which a cell of two states needs `initial_c` beside, and `target`,
/// which has the shape of the output. Throws
/// InvalidArgument naming file and tensor if a tensor is missing, has another shape or type, or
/// holds a value that is not finite.
[[nodiscard]] SequenceFile read_sequences(const std::string& path, const Architecture& architecture,
                                          SequenceOrder order);

/// Writes `output` [T, B, features] ([B, T, features]), `final_h` and, for a cell of two states,
/// `final_c` [L · directions, B, hidden], stored as `type`.
void write_prediction(const std::string& path, const SequenceFile& sequences,
                      const Architecture& architecture, const Prediction& prediction,
                      DataType type);

/// The test error of predictions of a single series one step ahead, if the file has a target and a
/// held-back part: behind n_train, or `train_fraction` where the file does not say.
[[nodiscard]] std::optional<ForecastError> prediction_error(const SequenceFile& sequences,
                                                            const ModelFile& model,
                                                            const Prediction& prediction,
                                                            double train_fraction);

/// Columns step, sequence, output_0, ...; a row for each step of each sequence.
[[nodiscard]] io::CsvTable prediction_table(const SequenceFile& sequences,
                                            const Architecture& architecture,
                                            const Prediction& prediction);

/// Writes what a model made of a series, in the model's units: `input`, `output` and `target`
/// [T, 1, 1] for the values that were predicted, and the final states.
void write_forecast(const std::string& path, const ModelFile& model, const Forecast& forecast,
                    DataType type);

}  // namespace flashrnn::cli
