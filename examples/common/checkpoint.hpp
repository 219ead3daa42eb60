// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "adam.hpp"
#include "flashrnn/architecture.hpp"
#include "flashrnn/error.hpp"
#include "flashrnn/safetensors.hpp"
#include "trainable_network.hpp"

namespace example {

using Metadata = std::map<std::string, std::string>;

/// Writes all that training needs to go on as if it had not stopped: each parameter under its name
/// and shape (flashrnn::ParameterLayout), both moments of Adam under "adam.m." and "adam.v." before
/// it, and the number of updates with what else the caller names in the metadata.
template <class Space>
void write_checkpoint(const std::filesystem::path& path, const flashrnn::ParameterLayout& layout,
                      const Kokkos::View<float*, Space>& parameters, const Adam<Space, float>& adam,
                      const Metadata& metadata) {
  flashrnn::SafetensorsWriter writer;
  const auto add = [&](const std::string& prefix, const std::vector<float>& values) {
    for (const flashrnn::Parameter& p : layout.parameters())
      writer.add(prefix + p.name, flashrnn::ElementType::F32, {p.shape.begin(), p.shape.end()},
                 std::span(values).subspan(static_cast<std::size_t>(p.offset),
                                           static_cast<std::size_t>(p.size)));
  };
  add("", on_host(parameters));
  add("adam.m.", on_host(adam.first_moment()));
  add("adam.v.", on_host(adam.second_moment()));
  for (const auto& [key, value] : metadata) writer.set_metadata(key, value);
  writer.set_metadata("updates", std::to_string(adam.updates()));
  writer.write(path);
}

/// Reads what write_checkpoint wrote into `parameters` and `adam`, bit by bit, and returns the
/// metadata.
/// @throws flashrnn::InvalidArgument if a tensor is missing or has another shape.
template <class Space>
Metadata read_checkpoint(const std::filesystem::path& path, const flashrnn::ParameterLayout& layout,
                         const Kokkos::View<float*, Space>& parameters, Adam<Space, float>& adam) {
  const auto file = flashrnn::SafetensorsFile::read(path);
  const auto read = [&](const std::string& prefix, const Kokkos::View<float*, Space>& into) {
    std::vector<float> values(into.size());
    for (const flashrnn::Parameter& p : layout.parameters()) {
      const flashrnn::TensorShape shape(p.shape.begin(), p.shape.end());
      const auto part = flashrnn::to_vector<float>(file.at(prefix + p.name, shape));
      std::copy(part.begin(), part.end(), values.begin() + p.offset);
    }
    Kokkos::deep_copy(into, on_device<Space>(values));
  };
  read("", parameters);
  read("adam.m.", adam.first_moment());
  read("adam.v.", adam.second_moment());
  const auto updates = file.metadata().find("updates");
  if (updates == file.metadata().end())
    throw flashrnn::InvalidArgument(path.string() + ": no checkpoint, as it does not say updates");
  adam.set_updates(std::stoll(updates->second));
  return file.metadata();
}

}  // namespace example
