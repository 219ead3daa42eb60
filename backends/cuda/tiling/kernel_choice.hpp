// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <optional>
#include <vector>

#include "flashrnn/recurrence/native_cell.hpp"
#include "small_heads.hpp"
#include "spread_heads.hpp"

// Which kernels a plan takes, and with which tilings: asked by plans, and by what compiles kernels
// of common problems beforehand. `cell` is everywhere what with_options() has made of it.

namespace flashrnn::cuda {

/// Kernels of heads on one multiprocessor each, and of heads that several share.
enum class HeadKernels { small, spread };

/// In which order a plan tries them: first those that are predicted to take less time, then those
/// that are left where the first cannot hold R or the device refuses them.
std::array<HeadKernels, 2> kernels_in_order(const Problem& problem, const NativeCell& cell,
                                            const DeviceFacts& device);

/// Whether the kernels of heads that several multiprocessors share are predicted to take less time
/// than those of heads on one, where one can hold R: it may have to read most of R from its shared
/// memory in every step. Asked only there; where R is in registers, one multiprocessor is faster.
bool spreading_is_faster(const Problem& problem, const NativeCell& cell, const DeviceFacts& device);

/// The fastest tilings of a plan by prediction; none if R does not fit one multiprocessor.
std::optional<SmallHeadsTilings> choose_small_heads(const Problem& problem, const NativeCell& cell,
                                                    const DeviceFacts& device);

/// The `count` fastest tilings of each pass by prediction, as choose_spread() gives them.
SpreadHeadsTilings choose_spread_heads(const Problem& problem, const NativeCell& cell,
                                       const DeviceFacts& device, int count = 1,
                                       KSplits backward_splits = KSplits::all);

}  // namespace flashrnn::cuda
