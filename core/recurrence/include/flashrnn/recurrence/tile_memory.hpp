// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Kokkos_Core.hpp>
#include <cstddef>

namespace flashrnn {

/// Where a team keeps the states of its tile: its own fast memory where that is large enough, else
/// its slice of the caller's workspace.
struct TileMemory {
  char* workspace = nullptr;  ///< null: use the team's fast memory
  std::size_t bytes = 0;      ///< of one team, a multiple of 64

  template <class Member>
  KOKKOS_FUNCTION char* of(const Member& team) const {
    if (workspace != nullptr)
      return workspace + bytes * static_cast<std::size_t>(team.league_rank());
    return static_cast<char*>(team.team_scratch(0).get_shmem(static_cast<long>(bytes)));
  }
};

}  // namespace flashrnn
