// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "flashrnn/recurrence/tile_search.hpp"

namespace flashrnn {

/// Of the variables that are terms of the predicted time.
inline constexpr std::string_view time_prefix = "TIME_";

/// A question as one line of text, with the numbers that the kernel's text reads.
std::string key_as_read(const TileQuestion& question, const KernelText& kernel);

/// What limits a tiling: "fma" if the largest of its times is TIME_FMA; empty without times.
std::string limiting_term(const std::vector<NamedValue>& times);

/// A candidate as one line: values of the kernel's tiling variables, times, and the time of a step.
std::string text_of(const TileCandidate& candidate);
/// @throws InternalError if that is no candidate of the kernel.
TileCandidate candidate_of(const KernelText& kernel, std::string_view text);

}  // namespace flashrnn
