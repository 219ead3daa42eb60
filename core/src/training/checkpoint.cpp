// SPDX-License-Identifier: Apache-2.0
#include "flashrnn/training/checkpoint.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <iterator>
#include <span>
#include <utility>

#include "flashrnn/error.hpp"
#include "flashrnn/safetensors.hpp"
#include "io/element_type_of.hpp"

namespace flashrnn {
namespace {

constexpr const char* updates_key = "updates";

/// What stands before a parameter's name in the file, and where the values lie in a checkpoint.
struct Part {
  const char* prefix;
  std::vector<double> Checkpoint::*values;
};
constexpr Part parts[] = {{"", &Checkpoint::parameters},
                          {"adam.m.", &Checkpoint::first_moment},
                          {"adam.v.", &Checkpoint::second_moment}};

ElementType element_type(DataType type) {
  if (type != DataType::float32 && type != DataType::float64)
    throw InvalidArgument("checkpoint: expected float32 or float64, found " +
                          std::string(name_of(type)));
  return io::element_type_of(type);
}

TensorShape shape_of(const Parameter& parameter) {
  return {parameter.shape.begin(), parameter.shape.end()};
}

/// @throws InvalidArgument unless the metadata say how many updates there were.
long long updates_of(const SafetensorsFile& file) {
  const auto entry = file.metadata().find(updates_key);
  if (entry == file.metadata().end())
    throw InvalidArgument(file.label() + ": no checkpoint, as it does not say updates");
  const std::string& text = entry->second;
  long long updates = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), updates);
  if (error != std::errc() || end != text.data() + text.size() || updates < 0)
    throw InvalidArgument(file.label() + ": updates: expected a number, found '" + text + "'");
  return updates;
}

}  // namespace

void write_checkpoint(const std::filesystem::path& path, const ParameterLayout& layout,
                      DataType type, const Checkpoint& checkpoint) {
  const ElementType element = element_type(type);
  SafetensorsWriter writer;
  for (const Part& part : parts) {
    const std::vector<double>& values = checkpoint.*part.values;
    if (values.size() != static_cast<std::size_t>(layout.size()))
      throw InvalidArgument("checkpoint: expected " + std::to_string(layout.size()) +
                            " parameters and as many moments, found " +
                            std::to_string(values.size()));
    for (const Parameter& p : layout.parameters())
      writer.add(part.prefix + p.name, element, shape_of(p),
                 std::span(values).subspan(static_cast<std::size_t>(p.offset),
                                           static_cast<std::size_t>(p.size)));
  }
  if (checkpoint.metadata.contains(updates_key))
    throw InvalidArgument("checkpoint: the metadata's key updates is taken");
  for (const auto& [key, value] : checkpoint.metadata) writer.set_metadata(key, value);
  writer.set_metadata(updates_key, std::to_string(checkpoint.updates));
  writer.write(path);
}

Checkpoint read_checkpoint(const std::filesystem::path& path, const ParameterLayout& layout,
                           DataType type) {
  const ElementType element = element_type(type);
  const SafetensorsFile file = SafetensorsFile::read(path);
  Checkpoint out;
  out.updates = updates_of(file);
  out.metadata = file.metadata();
  out.metadata.erase(updates_key);
  for (const Part& part : parts) {
    std::vector<double>& values = out.*part.values;
    values.resize(static_cast<std::size_t>(layout.size()));
    for (const Parameter& p : layout.parameters()) {
      const TensorView& tensor = file.at(part.prefix + p.name, shape_of(p));
      if (tensor.type != element)
        throw InvalidArgument(file.label() + ": " + tensor.name + ": expected " +
                              std::string(element_type_name(element)) + ", found " +
                              std::string(element_type_name(tensor.type)));
      const std::vector<double> read = to_vector<double>(tensor);
      std::copy(read.begin(), read.end(), values.begin() + p.offset);
    }
  }
  // Of a larger network, all that this one asks for may be there.
  for (const TensorView& tensor : file.tensors()) {
    const bool known = std::any_of(std::begin(parts), std::end(parts), [&](const Part& part) {
      return tensor.name.starts_with(part.prefix) &&
             layout.find(tensor.name.substr(std::string(part.prefix).size())) != nullptr;
    });
    if (!known)
      throw InvalidArgument(file.label() + ": tensor '" + tensor.name +
                            "' is none of this network");
  }
  return out;
}

std::string exact_text(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%a", value);
  return text;
}

}  // namespace flashrnn
