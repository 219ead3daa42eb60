// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "flashrnn/recurrence/tile_search.hpp"

namespace flashrnn {

// Here the `kernel` of a question is the name of a backend: its kernels compete.

/// The tiling that won earlier for this question (same device model, problem, texts of the
/// backend's kernels and version of the library), if it is on disk. A file that is damaged or of
/// another version counts as none.
std::optional<FixedTiling> remembered_tiling(const TileQuestion& question);

/// Keeps a winner: one small file per question, written to a temporary name and renamed, so that
/// processes can share the folder. False if that failed; nothing depends on it.
bool remember_tiling(const TileQuestion& question, const FixedTiling& tiling);

/// Where a question's winner is kept: $XDG_CACHE_HOME/flashrnn/tunings/… or the same under
/// ~/.cache. Empty if the environment names neither.
std::string tuning_file(const TileQuestion& question);

}  // namespace flashrnn
