// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "flashrnn/device_model.hpp"

namespace flashrnn::cuda {

/// Makes a device the calling thread's current one for a while.
class CurrentDevice {
 public:
  /// @throws EnvironmentError if it cannot be.
  explicit CurrentDevice(int device);
  CurrentDevice(const CurrentDevice&) = delete;
  CurrentDevice& operator=(const CurrentDevice&) = delete;
  ~CurrentDevice();

 private:
  int before_ = 0;
};

/// What the CUDA runtime says of a device.
/// @throws EnvironmentError as the runtime.
DeviceProbe probe(int device);

/// What a device says of itself, and its model; asked once per process.
/// @throws EnvironmentError as probe()
const RunningDevice& running_device(int device);

}  // namespace flashrnn::cuda
