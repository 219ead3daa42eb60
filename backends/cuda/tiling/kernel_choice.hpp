// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "device_facts.hpp"
#include "flashrnn/recurrence/native_cell.hpp"

namespace flashrnn::cuda {

/// Whether the kernels of heads that several multiprocessors share are predicted to take less time
/// than those of heads on one, where one can hold R: it may have to read most of R from its shared
/// memory in every step. Asked only there; where R is in registers, one multiprocessor is faster.
bool spreading_is_faster(const Problem& problem, const NativeCell& cell, const DeviceFacts& device);

}  // namespace flashrnn::cuda
