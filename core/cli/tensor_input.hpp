// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "flashrnn/problem.hpp"
#include "flashrnn/safetensors.hpp"

namespace flashrnn::cli {

/// The data type that holds the tensor's elements. Throws InvalidArgument unless they are floating.
[[nodiscard]] DataType data_type_of(const SafetensorsFile& file, const TensorView& tensor);

/// The tensor's elements stored as `type`, rounded once. Throws InvalidArgument, naming file and
/// tensor, if its type is not a floating one, or if an element is not finite or not in the range of
/// `type`.
[[nodiscard]] std::vector<std::byte> convert(const SafetensorsFile& file, const TensorView& tensor,
                                             DataType type);

}  // namespace flashrnn::cli
