// SPDX-License-Identifier: Apache-2.0
#include "sequence_file.hpp"

#include <cmath>

#include "flashrnn/error.hpp"
#include "flashrnn/safetensors.hpp"
#include "io/element_type_of.hpp"
#include "tensor_input.hpp"

namespace flashrnn::cli {
namespace {

std::vector<double> read_values(const SafetensorsFile& file, const TensorView& tensor) {
  (void)data_type_of(file, tensor);  // refuses integers
  file.require_finite(tensor);
  return to_vector<double>(tensor);
}

TensorShape state_shape(const Architecture& architecture, Index batch) {
  return {architecture.layers * architecture.directions(), batch, architecture.hidden_size()};
}

std::vector<double> read_initial_states(const SafetensorsFile& file,
                                        const Architecture& architecture, Index batch) {
  const int states = find_cell(architecture.cell).states;
  const bool has_c = file.find("initial_c") != nullptr;
  if (has_c && states < 2) {
    throw InvalidArgument(file.label() + ": tensor 'initial_c': the cell " + architecture.cell +
                          " has no state c");
  }
  if (file.find("initial_h") == nullptr && !has_c) return {};
  const TensorShape shape = state_shape(architecture, batch);
  std::vector<double> values = read_values(file, file.at("initial_h", shape));
  if (states < 2) return values;
  const std::vector<double> c = read_values(file, file.at("initial_c", shape));
  values.insert(values.end(), c.begin(), c.end());
  return values;
}

void add(SafetensorsWriter& writer, const std::string& name, TensorShape shape,
         std::span<const double> values, DataType type) {
  try {
    writer.add(name, io::element_type_of(type), std::move(shape), values);
  } catch (const InvalidArgument& error) {
    throw InternalError(error.what());
  }
}

void add_final_states(SafetensorsWriter& writer, const Architecture& architecture, Index batch,
                      const std::vector<double>& states, DataType type) {
  const TensorShape shape = state_shape(architecture, batch);
  const auto size = static_cast<std::size_t>(element_count(shape));
  const std::span<const double> all(states);
  add(writer, "final_h", shape, all.first(size), type);
  if (all.size() >= 2 * size) add(writer, "final_c", shape, all.subspan(size, size), type);
}

}  // namespace

SequenceFile read_sequences(const std::string& path, const Architecture& architecture,
                            SequenceOrder order) {
  const SafetensorsFile file = SafetensorsFile::read(path);
  const bool batch_first = order == SequenceOrder::batch_first;
  const TensorView& input = file.at("input");
  if (input.shape.size() != 3 || input.shape[2] != architecture.input_size || input.shape[0] < 1 ||
      input.shape[1] < 1) {
    throw InvalidArgument(path + ": tensor 'input': expected shape [" +
                          (batch_first ? "B, T, " : "T, B, ") +
                          std::to_string(architecture.input_size) +
                          "] with T and B of at least 1, found " + shape_text(input.shape));
  }
  SequenceFile result;
  result.input.order = order;
  result.input.steps = input.shape[batch_first ? 1 : 0];
  result.input.batch = input.shape[batch_first ? 0 : 1];
  result.input.u = read_values(file, input);
  result.input.initial_states = read_initial_states(file, architecture, result.input.batch);
  if (file.find("target") != nullptr) {
    const TensorShape shape{input.shape[0], input.shape[1], architecture.features()};
    result.target = read_values(file, file.at("target", shape));
  }
  if (file.metadata().contains("n_train")) {
    const double n_train = metadata_number(file, "n_train");
    if (!(n_train >= 0 && n_train <= static_cast<double>(result.input.steps))) {
      throw InvalidArgument(path + ": metadata 'n_train': expected a number of steps from 0 to " +
                            std::to_string(result.input.steps) + ", found " +
                            file.metadata().at("n_train"));
    }
    result.n_train = static_cast<std::size_t>(n_train);
  }
  return result;
}

void write_prediction(const std::string& path, const SequenceFile& sequences,
                      const Architecture& architecture, const Prediction& prediction,
                      DataType type) {
  const Sequences& input = sequences.input;
  SafetensorsWriter writer;
  const TensorShape shape = input.order == SequenceOrder::time_major
                                ? TensorShape{input.steps, input.batch, architecture.features()}
                                : TensorShape{input.batch, input.steps, architecture.features()};
  add(writer, "output", shape, prediction.output, type);
  add_final_states(writer, architecture, input.batch, prediction.final_states, type);
  writer.write(path);
}

std::optional<ForecastError> prediction_error(const SequenceFile& sequences, const ModelFile& model,
                                              const Prediction& prediction, double train_fraction) {
  const Architecture& architecture = model.model.architecture;
  const Sequences& input = sequences.input;
  const bool one_series = input.batch == 1 && architecture.input_size == 1 &&
                          architecture.features() == 1 && !architecture.bidirectional;
  if (sequences.target.empty() || !one_series) return std::nullopt;
  const std::size_t n_train =
      sequences.n_train.value_or(training_steps(train_fraction, sequences.target.size()));
  std::optional<ForecastError> error =
      forecast_error(input.u, sequences.target, prediction.output, n_train);
  if (error) {
    error->prediction *= model.normalisation.deviation;
    error->persistence *= model.normalisation.deviation;
  }
  return error;
}

io::CsvTable prediction_table(const SequenceFile& sequences, const Architecture& architecture,
                              const Prediction& prediction) {
  const Sequences& input = sequences.input;
  const auto features = static_cast<std::size_t>(architecture.features());
  const bool time_major = input.order == SequenceOrder::time_major;
  io::CsvTable table;
  table.names = {"step", "sequence"};
  for (std::size_t i = 0; i < features; ++i) table.names.push_back("output_" + std::to_string(i));
  table.columns.resize(table.names.size());
  for (Index t = 0; t < input.steps; ++t) {
    for (Index b = 0; b < input.batch; ++b) {
      const Index row = time_major ? t * input.batch + b : b * input.steps + t;
      table.columns[0].push_back(static_cast<double>(t));
      table.columns[1].push_back(static_cast<double>(b));
      for (std::size_t i = 0; i < features; ++i) {
        const std::size_t at = static_cast<std::size_t>(row) * features + i;
        table.columns[2 + i].push_back(prediction.output[at]);
      }
    }
  }
  return table;
}

void write_forecast(const std::string& path, const ModelFile& model, const Forecast& forecast,
                    DataType type) {
  const std::size_t pairs = forecast.predicted.size();
  std::vector<double> normalised;
  for (const double value : forecast.series.values) {
    normalised.push_back(model.normalisation.apply(value));
  }
  const std::span<const double> values(normalised);
  const TensorShape shape{static_cast<std::int64_t>(pairs), 1, 1};
  SafetensorsWriter writer;
  add(writer, "input", shape, values.first(pairs), type);
  add(writer, "target", shape, values.subspan(1), type);
  add(writer, "output", shape, std::span<const double>(forecast.raw.output).first(pairs), type);
  add_final_states(writer, model.model.architecture, 1, forecast.raw.final_states, type);
  writer.write(path);
}

}  // namespace flashrnn::cli
