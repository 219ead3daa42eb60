// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Kokkos_Core.hpp>

#include "flashrnn/recurrence/tiling.hpp"

namespace flashrnn {

/// Whether code of this space runs on a device with memory of its own, in many small threads.
template <class ExecutionSpace>
inline constexpr bool is_gpu =
    !Kokkos::SpaceAccessibility<ExecutionSpace, Kokkos::HostSpace>::accessible;

/// What the space says of itself.
template <class ExecutionSpace>
DeviceLimits device_limits(const ExecutionSpace& space) {
  DeviceLimits limits;
  limits.gpu = is_gpu<ExecutionSpace>;
  limits.concurrency = space.concurrency();
  if constexpr (is_gpu<ExecutionSpace>) {
    using Policy = Kokkos::TeamPolicy<ExecutionSpace>;
    limits.team_memory_bytes = static_cast<std::size_t>(Policy::scratch_size_max(0));
    limits.warp_size = Policy::vector_length_max();
    limits.max_team_size = 256;
  }
  return limits;
}

}  // namespace flashrnn
