// SPDX-License-Identifier: Apache-2.0
#include "hand_made_tiling.hpp"

#include <algorithm>
#include <stdexcept>

namespace flashrnn {

std::int64_t value_of(const std::vector<NamedValue>& values, std::string_view name) {
  const auto found = std::ranges::find(values, name, &NamedValue::name);
  if (found == values.end()) throw std::logic_error("no value " + std::string(name));
  return found->value;
}

Tiling hand_made_tiling(const DeviceModel& device, const std::vector<NamedValue>& sizes) {
  const auto size = [&](const char* name) { return value_of(sizes, name); };
  const bool gpu = device.kind() == DeviceKind::gpu;
  Tiling tiling;
  std::int64_t places = gpu ? 0 : size("THREADS");
  if (gpu) {
    constexpr Index most_threads = 256;
    tiling.team_size = static_cast<int>(
        std::min(round_up(size("HEAD_DIM"), device.at("WARP_SIZE")), most_threads));
    // A quarter of what the registers of a device would hold at most.
    places = device.at("SM_COUNT") * device.at("MAX_THREADS_PER_SM") / tiling.team_size / 4;
  }
  for (const int candidate : batch_tiles) {
    const std::int64_t teams = size("HEADS") * ((size("BATCH") + candidate - 1) / candidate);
    if (candidate == 1 || (candidate <= size("BATCH") && teams >= places))
      tiling.batch_tile = candidate;
  }
  if (gpu) {
    const std::int64_t planes =
        size("STATES") + (size("BACKWARD") == 1 ? size("RECURRENT_GATES") : 1);
    const std::int64_t bytes =
        round_up(planes * size("HEAD_DIM") * size("ACCUMULATE_BYTES") * tiling.batch_tile, 64);
    tiling.team_memory = bytes + 64 <= size("TEAM_SCRATCH_BYTES");
  }
  return tiling;
}

}  // namespace flashrnn
