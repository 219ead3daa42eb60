// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "jit/sources.hpp"
#include "native_cell.hpp"
#include "tiling/kernel_choice.hpp"

namespace flashrnn::cuda {

/// The programs that a plan asks for first, with the fastest tilings by prediction: what is to be
/// compiled beforehand. Empty if no kernels run the problem. `text`, the cell's, has to outlive
/// them.
std::vector<Program> first_programs(const Problem& problem, const NativeCell& cell,
                                    const CellText& text, const DeviceFacts& device);
std::vector<Program> first_programs(const Problem& problem, const NativeCell& cell, CellText&& text,
                                    const DeviceFacts& device) = delete;

}  // namespace flashrnn::cuda
