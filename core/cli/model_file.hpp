// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "flashrnn/model.hpp"
#include "flashrnn/safetensors.hpp"

namespace flashrnn::cli {

/// A linear map between the values of a series and what a model was trained on.
struct Normalisation {
  double mean = 0;
  double deviation = 1;

  [[nodiscard]] double apply(double value) const { return (value - mean) / deviation; }
  [[nodiscard]] double undo(double value) const { return value * deviation + mean; }
};

/// A model and what its file says besides the weights.
struct ModelFile {
  Model model;
  DataType weight_type = DataType::float32;  ///< float64 where the weights are, else float32
  bool batch_first = false;                  ///< the module was made with batch_first=True
  Normalisation normalisation;               ///< metadata "mean" and "std"
};

/// Reads a state_dict (see read_model). Where `options` does not give the cell, the metadata does:
/// "kind", or the class that "module" begins with ("GRU(5, 12)"), LSTM, GRU or RNN, which is an RNN
/// with relu if "nonlinearity" or "module" says so. Without either the number of gates decides.
/// Throws InvalidArgument, naming the file, if a metadata entry is not understood, and what
/// read_model throws.
[[nodiscard]] ModelFile read_model_file(const std::string& path, ModelOptions options);

/// The finite number in a metadata entry. Throws InvalidArgument naming file and entry.
[[nodiscard]] double metadata_number(const SafetensorsFile& file, const std::string& key);

}  // namespace flashrnn::cli
