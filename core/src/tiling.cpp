// SPDX-License-Identifier: Apache-2.0
#include "flashrnn/recurrence/tiling.hpp"

namespace flashrnn {

Tiling portable_tiling(const TileCandidate& candidate) {
  return {static_cast<int>(candidate.at("BATCH_TILE")), static_cast<int>(candidate.at("TEAM_SIZE")),
          candidate.at("TEAM_MEMORY") == 1};
}

}  // namespace flashrnn
