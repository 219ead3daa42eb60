// SPDX-License-Identifier: Apache-2.0
#include "flashrnn/recurrence/tiling.hpp"

#include <algorithm>

namespace flashrnn {
namespace {

Index teams(const Shape& shape, int batch_tile) {
  return shape.heads * ((shape.batch + batch_tile - 1) / batch_tile);
}

}  // namespace

// Larger batch tiles read R less often; smaller ones give more teams. So: the largest tile that
// still leaves a team for every place where one can run. On a GPU a place is one of the thousands
// of hardware threads divided by the team's size.
Tiling choose_tiling(const Shape& shape, const DeviceLimits& limits, std::size_t bytes_per_row) {
  Tiling tiling;
  if (limits.gpu) {
    const Index threads = round_up(shape.head_dim, limits.warp_size);
    tiling.team_size =
        static_cast<int>(std::min(threads, static_cast<Index>(limits.max_team_size)));
  }
  const Index places = std::max(1, limits.concurrency / tiling.team_size / (limits.gpu ? 4 : 1));
  for (const int candidate : batch_tiles) {
    if (candidate > 1 && candidate > shape.batch) continue;
    if (candidate == 1 || teams(shape, candidate) >= places) tiling.batch_tile = candidate;
  }
  const std::size_t bytes = bytes_per_row * static_cast<std::size_t>(tiling.batch_tile);
  tiling.team_memory = limits.gpu && bytes + 64 <= limits.team_memory_bytes;
  return tiling;
}

}  // namespace flashrnn
