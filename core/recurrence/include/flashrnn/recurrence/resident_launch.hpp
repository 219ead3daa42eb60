// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Kokkos_Core.hpp>

#include "flashrnn/error.hpp"
#include "flashrnn/recurrence/resident_backward_kernel.hpp"
#include "flashrnn/recurrence/resident_forward_kernel.hpp"
#include "flashrnn/recurrence/tile_search.hpp"

namespace flashrnn {

/// The tiling variables of the resident kernels (tiling/resident_gpu.constrint).
struct ResidentTiling {
  int width = 0;       ///< largest head of the kernel; 0: no resident kernel
  int batch_tile = 1;  ///< rows of the batch per team
  int team_size = 0;   ///< threads
};

inline ResidentTiling resident_tiling(const TileCandidate& candidate) {
  return {static_cast<int>(candidate.at("WIDTH")), static_cast<int>(candidate.at("BATCH_TILE")),
          static_cast<int>(candidate.at("TEAM_SIZE"))};
}

/// A resident kernel for every tile that fits the cell and the type. `Kernel<Tile>` is the kernel.
template <template <class> class Kernel, class... Tiles>
struct ResidentTiles {
  /// Whether the kernel is compiled for this tile.
  static bool has(const ResidentTiling& tiling) {
    return ((Tiles::fits && matches<Tiles>(tiling)) || ...);
  }

  template <class ExecutionSpace, class Arguments>
  static void launch(const ExecutionSpace& space, const ResidentTiling& tiling,
                     const Arguments& arguments) {
    if (!has(tiling)) throw InternalError("resident kernel: the tiling has no kernel");
    const auto one = [&]<class Tile>() {
      if constexpr (Tile::fits) {
        if (matches<Tile>(tiling)) launch_tile<Tile>(space, tiling, arguments);
      }
    };
    (one.template operator()<Tiles>(), ...);
  }

 private:
  template <class Tile>
  static bool matches(const ResidentTiling& tiling) {
    return Tile::width == tiling.width && Tile::batch_tile == tiling.batch_tile;
  }

  template <class Tile, class ExecutionSpace, class Arguments>
  static void launch_tile(const ExecutionSpace& space, const ResidentTiling& tiling,
                          const Arguments& arguments) {
    // Two teams of 256 threads, or as many smaller ones, share a multiprocessor: one computes
    // while the other waits.
    constexpr unsigned teams_at_once = Tile::threads >= 512 ? 1 : 512 / Tile::threads;
    using Policy =
        Kokkos::TeamPolicy<ExecutionSpace, Kokkos::LaunchBounds<Tile::threads, teams_at_once>>;
    const Index tiles_of_batch = (arguments.shape.batch + Tile::batch_tile - 1) / Tile::batch_tile;
    const Kernel<Tile> kernel{arguments, tiles_of_batch};
    // Arguments travel with the launch: no copy, nothing to wait for.
    auto policy = Kokkos::Experimental::require(
        Policy(space, static_cast<int>(tiles_of_batch * arguments.shape.heads),
               tiling.team_size / Tile::lanes, Tile::lanes),
        Kokkos::Experimental::WorkItemProperty::HintLightWeight);
    policy.set_scratch_size(0, Kokkos::PerTeam(Kernel<Tile>::team_bytes()));
    Kokkos::parallel_for("flashrnn::resident", policy, kernel);
  }
};

/// The widths and batch tiles that resident kernels are compiled for; the same lists as in their
/// tiling constraints.
template <template <class> class Kernel, template <int, int> class Tile>
using AllResidentTiles = ResidentTiles<Kernel, Tile<32, 1>, Tile<32, 4>, Tile<64, 1>, Tile<64, 4>,
                                       Tile<128, 1>, Tile<128, 4>>;

template <class Cell, class Storage>
struct ResidentKernels {
  template <class Tile>
  using ForwardKernel = ResidentForwardKernel<Cell, Storage, Tile>;
  template <class Tile>
  using BackwardKernel = ResidentBackwardKernel<Cell, Storage, Tile>;
  template <int width, int batch_tile>
  using ForwardTile = ResidentTile<Cell, Storage, false, width, batch_tile>;
  template <int width, int batch_tile>
  using BackwardTile = ResidentTile<Cell, Storage, true, width, batch_tile>;

  using Forward = AllResidentTiles<ForwardKernel, ForwardTile>;
  using Backward = AllResidentTiles<BackwardKernel, BackwardTile>;
};

}  // namespace flashrnn
