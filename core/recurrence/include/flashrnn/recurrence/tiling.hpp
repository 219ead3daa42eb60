// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "flashrnn/problem.hpp"
#include "flashrnn/recurrence/tile_search.hpp"

namespace flashrnn {

/// How the portable recurrence is cut up. A team owns one head and `batch_tile` rows of the batch
/// for all steps, so that no two teams ever wait for each other. Chosen by the tile search from
/// core/recurrence/tiling/portable_{cpu,gpu}.constrint.
struct Tiling {
  int batch_tile = 1;  ///< rows of the batch per team; one of batch_tiles
  int team_size = 1;   ///< threads
  bool team_memory =
      false;  ///< states of the tile in the team's fast memory, else in the workspace
};

/// The batch tiles that kernels are compiled for; the same list as in the tiling constraints.
inline constexpr int batch_tiles[] = {1, 4};

/// The tiling variables of the portable kernels as their type.
Tiling portable_tiling(const TileCandidate& candidate);

/// Units that one thread works on at once: a vector of them on a CPU; one on a GPU, where
/// neighbouring threads take neighbouring units.
template <bool gpu>
inline constexpr int unit_tile = gpu ? 1 : 16;

constexpr Index round_up(Index value, Index multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

}  // namespace flashrnn
