// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "flashrnn/device_model.hpp"

namespace flashrnn::cli {

/// A string as JSON has it, with its quotes.
std::string json_string(std::string_view text);

/// Values as an object: {"SM_COUNT":132,…}.
std::string json_object(const std::vector<NamedValue>& values);

/// Texts that are JSON already, as an array.
std::string json_array(const std::vector<std::string>& elements);

}  // namespace flashrnn::cli
