// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "flashrnn/architecture.hpp"
#include "flashrnn/problem.hpp"

namespace flashrnn {

/// All that a training by Adam needs to go on as if it had not stopped, in host memory. Values of
/// single precision are held exactly.
struct Checkpoint {
  std::vector<double> parameters;     ///< as ParameterLayout places them
  std::vector<double> first_moment;   ///< m of Adam, likewise
  std::vector<double> second_moment;  ///< v of Adam, likewise
  long long updates = 0;              ///< that made them
  /// Whatever else the training depends on: seeds, options, the place in a curriculum.
  std::map<std::string, std::string> metadata;
};

/// Writes a safetensors file: each parameter under its name and shape, the moments with "adam.m."
/// and "adam.v." before the name, the number of updates as "updates" in the metadata. `type` is the
/// type of the training, float32 or float64. The bytes depend on the content alone; a failure
/// leaves the file that was there.
/// @throws InvalidArgument for another type, vectors whose length is not layout.size(), or metadata
/// with a key "updates"; EnvironmentError if the folder or the disk does not allow it.
void write_checkpoint(const std::filesystem::path& path, const ParameterLayout& layout,
                      DataType type, const Checkpoint& checkpoint);

/// Reads what write_checkpoint wrote for the same layout and type, bit by bit.
/// @throws EnvironmentError if the file cannot be read; InvalidArgument, naming the file and what
/// is wrong, if it is damaged, no checkpoint, or one of another network: a tensor is missing, is
/// not one of the layout's, or has another shape or type.
Checkpoint read_checkpoint(const std::filesystem::path& path, const ParameterLayout& layout,
                           DataType type);

/// A number as a text for metadata, in hexadecimal, which std::stod reads as the same number.
std::string exact_text(double value);

}  // namespace flashrnn
