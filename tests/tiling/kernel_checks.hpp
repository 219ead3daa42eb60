// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "flashrnn/recurrence/tile_search.hpp"

namespace flashrnn {

using Values = std::vector<NamedValue>;

/// A value by name. @throws std::logic_error if there is none.
std::int64_t value_of(const Values& values, std::string_view name);

/// What the tests know of a kernel besides its text. Written in C++ from what the kernel needs, so
/// that a mistake in the text shows.
struct KernelCheck {
  const char* kernel;
  /// What is wrong with a tiling on a device; empty if nothing.
  std::string (*broken_limit)(const DeviceModel& device, const Values& sizes, const Values& tiling);
  /// The obvious choice without a model, for problems that the kernel can run. It may leave
  /// variables to the search.
  Values (*hand_made)(const DeviceModel& device, const Values& sizes);
  /// Assignments that the search may try for a question: some more than it does today. 0: all
  /// tilings are to be listed, or propagation decides.
  std::uint64_t most_nodes;
  /// Whether the obvious choice is possible wherever the kernel is.
  bool hand_made_always_fits = true;
  /// COMPUTE_CAPABILITY of the only devices that it is for; 0: any.
  int capability = 0;
};

/// @throws std::logic_error if the kernel has no entry yet.
const KernelCheck& check_of(std::string_view kernel);

}  // namespace flashrnn
