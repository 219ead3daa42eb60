// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernel_checks.hpp"

// What the tests know of the CUDA kernels besides their texts (see KernelCheck).

namespace flashrnn {

std::string spread_heads_limit(const DeviceModel& device, const Values& sizes,
                               const Values& tiling);
Values spread_heads_by_hand(const DeviceModel& device, const Values& sizes);
std::string spread_wide_limit(const DeviceModel& device, const Values& sizes, const Values& tiling);
Values spread_wide_by_hand(const DeviceModel& device, const Values& sizes);

/// Forward and backward, as the sizes say.
std::string small_heads_limit(const DeviceModel& device, const Values& sizes, const Values& tiling);
Values small_heads_forward_by_hand(const DeviceModel& device, const Values& sizes);
Values small_heads_backward_by_hand(const DeviceModel& device, const Values& sizes);

}  // namespace flashrnn
