// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "flashrnn/device_model.hpp"

namespace flashrnn {

/// A name that model files may give a value.
struct ValueName {
  std::string_view name;
  DeviceKind kind;
  std::int64_t low, high;  ///< what a value must lie within
  bool required;           ///< for a device of that kind
};

/// Every name, as hardware_models/README.md explains them.
std::span<const ValueName> value_names();

}  // namespace flashrnn
