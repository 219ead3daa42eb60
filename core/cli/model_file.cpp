// SPDX-License-Identifier: Apache-2.0
#include "model_file.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <optional>

#include "flashrnn/error.hpp"
#include "io/file.hpp"

namespace flashrnn::cli {
namespace {

std::string lower_case(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char character) { return std::tolower(character); });
  return text;
}

/// The metadata entry in lower case; empty if there is none.
std::string entry(const SafetensorsFile& file, const std::string& key) {
  const auto found = file.metadata().find(key);
  return found == file.metadata().end() ? std::string() : lower_case(found->second);
}

/// The library's cell for the name of a torch module in lower case, if it is one.
std::optional<std::string> cell_of_module(const std::string& name, bool relu) {
  if (name == "lstm" || name == "gru") return name;
  if (name == "rnn") return relu ? "elman_relu" : "elman";
  if (name == "rnn_tanh" || name == "elman") return "elman";
  if (name == "rnn_relu" || name == "elman_relu") return "elman_relu";
  return std::nullopt;
}

std::optional<std::string> cell_of(const SafetensorsFile& file) {
  const std::string kind = entry(file, "kind");
  const std::string module = entry(file, "module");
  const bool relu =
      entry(file, "nonlinearity") == "relu" || module.find("relu") != std::string::npos;
  if (!kind.empty()) {
    if (auto cell = cell_of_module(kind, relu)) return cell;
    throw InvalidArgument(file.label() + ": metadata 'kind': expected LSTM, GRU or RNN, found " +
                          io::quote_name(file.metadata().at("kind")));
  }
  // A module of another class may well hold one of the three; the weights decide then.
  return cell_of_module(module.substr(0, module.find('(')), relu);
}

}  // namespace

double metadata_number(const SafetensorsFile& file, const std::string& key) {
  const std::string& text = file.metadata().at(key);
  double value = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  if (result.ec != std::errc{} || result.ptr != text.data() + text.size() ||
      !std::isfinite(value)) {
    throw InvalidArgument(file.label() + ": metadata '" + key +
                          "': expected a finite number, found " + io::quote_name(text));
  }
  return value;
}

ModelFile read_model_file(const std::string& path, ModelOptions options) {
  const SafetensorsFile file = SafetensorsFile::read(path);
  if (!options.cell) options.cell = cell_of(file);
  ModelFile result;
  result.model = read_model(file, options);
  for (const TensorView& tensor : file.tensors()) {
    const bool recurrent = tensor.name.find("weight_hh_l") != std::string::npos;
    if (recurrent && tensor.type == ElementType::F64) result.weight_type = DataType::float64;
  }
  result.batch_first = entry(file, "batch_first") == "true" ||
                       entry(file, "module").find("batch_first=true") != std::string::npos;
  if (file.metadata().contains("mean")) result.normalisation.mean = metadata_number(file, "mean");
  if (file.metadata().contains("std")) {
    result.normalisation.deviation = metadata_number(file, "std");
    if (!(result.normalisation.deviation > 0)) {
      throw InvalidArgument(path + ": metadata 'std': expected a number above 0, found " +
                            io::quote_name(file.metadata().at("std")));
    }
  }
  return result;
}

}  // namespace flashrnn::cli
