// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "flashrnn/recurrence/tile_search.hpp"

namespace flashrnn {

/// The tiling that won earlier for this question (same device model, problem, kernel text and
/// version of the library), if it is on disk. A file that is damaged or of another version counts
/// as none.
std::optional<std::vector<NamedValue>> remembered_tiling(const TileQuestion& question);

/// Keeps a winner: one small file per question, written to a temporary name and renamed, so that
/// processes can share the folder. False if that failed; nothing depends on it.
bool remember_tiling(const TileQuestion& question, const std::vector<NamedValue>& tiling);

/// Where a question's winner is kept: $XDG_CACHE_HOME/flashrnn/tunings/… or the same under
/// ~/.cache. Empty if the environment names neither.
std::string tuning_file(const TileQuestion& question);

}  // namespace flashrnn
