// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "flashrnn/recurrence/tile_search.hpp"
#include "tiling/small_heads.hpp"

// How heads that several multiprocessors share are cut up. What fits a device, and what it costs,
// is said in spread_heads.constrint and solved by the tile search.

namespace flashrnn::cuda {

/// One way to run a pass. The names are those of kernels/spread_forward.cuh, or, if `wide`, of
/// kernels/wide_forward.cuh, which has no k_groups.
struct SpreadTiling {
  bool wide = false;
  bool in_cluster = false;
  int blocks = 1, units = 16, batch = 8, row_groups = 1, k_groups = 8, register_tiles = 0;
  int split = 1;           ///< backward: blocks, a cluster, that divide k among them
  int streams = 1;         ///< wide: batch tiles per block, of `batch` rows each
  int at_once = 8;         ///< packets of the vector that a lane reads at once
  bool whole = false;      ///< floats of R are kept unsplit
  bool scaled = false;     ///< floats are multiplied as ScaledFloat (kernels/numeric.cuh)
  int input_steps = 4;     ///< that are on their way at once
  bool staged = false;     ///< whether results leave through shared memory
  int launches = 1;        ///< predicted, one after the other
  int beside = 1;          ///< blocks that the compiler makes fit one multiprocessor
  int tiles = 0;           ///< fragments of R per warp; wide: k-tiles
  int shared_bytes = 0;    ///< per block
  int vector_bytes = 0;    ///< of what blocks hand to each other in a step, per group
  double nanoseconds = 0;  ///< predicted, of a step of all launches

  int threads() const { return wide ? 128 * (row_groups + 1) : 32 * row_groups * k_groups; }
  /// Bytes of what blocks hand to each other through L2, per group.
  Index exchange_bytes() const;
  /// Groups, of a head and a batch tile, of the whole problem.
  Index groups(const Shape& shape) const;
  /// The same with `count` fragments of R in shared memory instead of registers.
  SpreadTiling with_fewer_register_tiles(int count) const;
  std::string text() const;
};

/// What the kernel of one pass moves.
struct SpreadPass {
  CellDescription cell;
  bool backward = false, saving = false;
  int input_channels = 1;  ///< that are read per unit and step
  ProductType type;
  bool clips = false;  ///< h, which backward has to read then
};
SpreadPass forward_pass(const CellDescription& cell, bool saving, ProductType type);
SpreadPass backward_pass(const CellDescription& cell, BackwardReads reads, ProductType type,
                         bool clips = false);

/// Of both passes of a plan, the fastest first; of backward in training only. Empty: none fits.
struct SpreadHeadsTilings {
  std::vector<SpreadTiling> forward, backward;
};

/// Which values of SpreadTiling::split are tried: all, up to 2, or 1.
enum class KSplits { all, pairs, none };

/// The `count` tilings of a pass that are the fastest by prediction, the fastest first; fewer if
/// the device has fewer. Empty if R does not fit the registers and shared memory of all
/// multiprocessors.
std::vector<SpreadTiling> choose_spread(const Shape& shape, const SpreadPass& pass,
                                        const DeviceFacts& device, int count = 1,
                                        KSplits splits = KSplits::all);

/// Nanoseconds of a step by matrix products of the BLAS library and a pointwise kernel, which the
/// portable recurrence takes for such heads: what a tiling of many launches competes with.
double products_time(const Shape& shape, const CellDescription& cell, bool backward,
                     ProductType type);

/// Nanoseconds per step of dR by a matrix product over all steps.
double weight_gradient_time(const Shape& shape, const CellDescription& cell, ProductType type);

}  // namespace flashrnn::cuda
