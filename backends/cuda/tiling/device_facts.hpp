// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "flashrnn/device_model.hpp"

namespace flashrnn::cuda {

/// What the choice of tilings must know of a device.
struct DeviceFacts {
  std::string architecture;  ///< as NVRTC names it: sm_90a
  int multiprocessors = 1;
  int registers = 65536;     ///< per multiprocessor
  int shared_bytes = 49152;  ///< per block, at most
  /// Whether a kernel may start beside the one in front of it, and wait for it by itself.
  bool starts_beside_previous = false;
  std::shared_ptr<const DeviceModel> model;
};

/// Those of a model of an NVIDIA device.
DeviceFacts facts_of(std::shared_ptr<const DeviceModel> model);

}  // namespace flashrnn::cuda
