// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "flashrnn/device_model.hpp"

namespace flashrnn::cuda {

/// What the CUDA runtime says of a device.
/// @throws EnvironmentError as the runtime.
DeviceProbe probe(int device);

}  // namespace flashrnn::cuda
