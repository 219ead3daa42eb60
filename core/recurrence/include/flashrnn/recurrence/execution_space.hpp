// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Kokkos_Core.hpp>
#include <memory>
#include <string_view>

#include "flashrnn/recurrence/running_device.hpp"
#include "flashrnn/recurrence/tile_search.hpp"

namespace flashrnn {

/// Whether code of this space runs on a device with memory of its own, in many small threads.
template <class ExecutionSpace>
inline constexpr bool is_gpu =
    !Kokkos::SpaceAccessibility<ExecutionSpace, Kokkos::HostSpace>::accessible;

/// What the space says of itself, for the tile search (compare space_sizes).
template <class ExecutionSpace>
std::vector<NamedValue> space_sizes(const ExecutionSpace& space) {
  if constexpr (is_gpu<ExecutionSpace>) {
    using Policy = Kokkos::TeamPolicy<ExecutionSpace>;
    return {{"TEAM_SCRATCH_BYTES", Policy::scratch_size_max(0)}};
  } else {
    return {{"THREADS", space.concurrency()}};
  }
}

/// What to ask the tile search for a kernel in this space.
template <class ExecutionSpace>
TileQuestion tile_question(const ExecutionSpace& space, std::string_view kernel,
                           const Problem& problem, const CellDescription& cell, bool backward) {
  TileQuestion question{running_device(space).resolved.model, std::string(kernel),
                        problem_sizes(problem, cell, backward)};
  for (NamedValue& entry : space_sizes(space)) question.sizes.push_back(std::move(entry));
  return question;
}

/// The best tiling of a kernel in this space, or the one that is fixed.
/// @throws InvalidArgument if there is none, InternalError if another kernel is fixed.
template <class ExecutionSpace>
std::shared_ptr<const TileChoice> choose_tiling(const ExecutionSpace& space,
                                                std::string_view kernel, const Problem& problem,
                                                const CellDescription& cell, bool backward,
                                                const FixedTiling& fixed = {}) {
  return search_fixed(tile_question(space, kernel, problem, cell, backward), fixed);
}

/// The kernel of a backend that is predicted to be the fastest in this space with its best tiling,
/// or what is fixed. For engines that run several kernels; TileChoice::kernel says which one.
/// @throws InvalidArgument if no kernel has a tiling.
template <class ExecutionSpace>
std::shared_ptr<const TileChoice> choose_kernel(const ExecutionSpace& space,
                                                std::string_view backend, const Problem& problem,
                                                const CellDescription& cell, bool backward,
                                                const FixedTiling& fixed = {}) {
  const TileQuestion question = tile_question(space, fixed.kernel, problem, cell, backward);
  if (!fixed.kernel.empty()) return search_fixed(question, fixed);
  return search_kernels(question.device, backend, question.sizes).front();
}

}  // namespace flashrnn
