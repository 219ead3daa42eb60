// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include "flashrnn/problem.hpp"

namespace flashrnn {

/// What the tile choice must know of an execution space.
struct DeviceLimits {
  bool gpu = false;
  int concurrency = 1;                ///< teams that make progress at once
  int max_team_size = 1;              ///< threads
  int warp_size = 1;                  ///< threads
  std::size_t team_memory_bytes = 0;  ///< fast memory of one team; 0: use the workspace
};

/// How the portable recurrence is cut up. A team owns one head and `batch_tile` rows of the batch
/// for all steps, so that no two teams ever wait for each other.
struct Tiling {
  int batch_tile = 1;  ///< rows of the batch per team; one of batch_tiles
  int team_size = 1;   ///< threads
  bool team_memory =
      false;  ///< states of the tile in the team's fast memory, else in the workspace
};

/// The batch tiles that kernels are compiled for.
inline constexpr int batch_tiles[] = {1, 4};

/// Chooses a tiling for a kernel that needs `bytes_per_row` of tile memory per row of the batch.
Tiling choose_tiling(const Shape& shape, const DeviceLimits& limits, std::size_t bytes_per_row);

/// Units that one thread works on at once: a vector of them on a CPU; one on a GPU, where
/// neighbouring threads take neighbouring units.
template <bool gpu>
inline constexpr int unit_tile = gpu ? 1 : 16;

constexpr Index round_up(Index value, Index multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

}  // namespace flashrnn
