// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "flashrnn/device_model.hpp"

namespace flashrnn::host {

/// What Linux says of the CPU: cores of the machine, vector width and registers,
/// cache sizes and how many cores share them. What is not found out is left out of the values.
/// @param root  "/" or a copy of its proc/cpuinfo and sys/devices/system/cpu, for tests
/// @param cpus  hardware threads of the machine; 0: what the system says
DeviceProbe probe_cpu(const std::string& root = "/", int cpus = 0);

}  // namespace flashrnn::host
