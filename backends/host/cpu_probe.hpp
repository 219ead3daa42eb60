// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "flashrnn/device_model.hpp"

namespace flashrnn::host {

/// What Linux says of the CPU: cores that this process may use, clock, vector width and registers,
/// cache sizes and how many cores share them. What is not found out is left out of the values.
/// @param root  "/" or a copy of its proc/cpuinfo and sys/devices/system/cpu, for tests
/// @param cores  cores to use; 0: as many as the process may run on
DeviceProbe probe_cpu(const std::string& root = "/", int cores = 0);

}  // namespace flashrnn::host
