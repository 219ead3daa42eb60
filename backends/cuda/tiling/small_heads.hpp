// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "device_facts.hpp"
#include "flashrnn/problem.hpp"
#include "flashrnn/recurrence/native_cell.hpp"
#include "kernels/parameters.hpp"
#include "product_type.hpp"

// How heads whose R fits one multiprocessor are cut up. What fits a device, and what it costs, is
// said in small_heads_forward.constrint and small_heads_backward.constrint and solved by the tile
// search. The names of the tiles' variables are those of kernels/forward.cuh, backward.cuh and
// weight_gradient.cuh.

namespace flashrnn::cuda {

/// Tiles of 16 × 16 that R of a head is cut up in for the warps that compute.
struct MatrixTiles {
  int warps, per_warp;
  Index all() const { return Index(warps) * per_warp; }
  /// Whether a kernel of its own arranges R; Tile::arranged in the kernels.
  bool arranged() const { return per_warp > most_made_fragments; }
};

struct ForwardTiling {
  int padded = 16, batch = 8, units = 2, chains = 1, io_warps = 1, ring = 16, group = 1;
  bool exact = false, saving = false;
  bool staggered = false;     ///< whether some computing warps follow the others
  int compute_registers = 0;  ///< per thread of the warps that compute, if they are handed some
  ProductType element;
  int parts = 1;           ///< 16-bit values that an element is multiplied as
  int held = 1;            ///< of them of R in registers; the others are in shared memory
  int shared_bytes = 0;    ///< per block
  int beside = 1;          ///< blocks that the compiler makes fit one multiprocessor
  double nanoseconds = 0;  ///< predicted, of a step
  int threads() const { return 32 * (padded / (8 * units) + io_warps); }
  MatrixTiles matrix_tiles(const CellDescription& cell) const;
  /// Whether both factors of the product are scaled (kernels/numeric.cuh, ScaledFloat).
  bool scaled() const { return parts < element.parts(); }
  std::string text() const;
};

struct BackwardTiling {
  int padded = 16, batch = 8, chains = 1, io_warps = 1, ring = 16, group = 1;
  bool exact = false;
  /// Whether dR is summed beside the recurrence, on multiprocessors that it leaves free, and one
  /// warp of every block reports what is there.
  bool reports = false;
  int compute_registers = 0;  ///< per thread of the warps that compute, if they are handed some
  ProductType element;
  int parts = 1;           ///< 16-bit values that an element is multiplied as
  int held = 1;            ///< of them of R in registers; the others are in shared memory
  int shared_bytes = 0;    ///< per block
  int beside = 1;          ///< blocks that the compiler makes fit one multiprocessor
  double nanoseconds = 0;  ///< predicted, of a step
  int threads() const { return 32 * (padded / 16 + io_warps); }
  MatrixTiles matrix_tiles(const CellDescription& cell) const;
  bool scaled() const { return parts < element.parts(); }
  std::string text() const;
};

struct WeightGradientTiling {
  int padded = 16, gates = 1, columns = 16;
  int beside = 1;  ///< blocks that the compiler makes fit one multiprocessor
  Index parts = 1, rows_per_part = 32;
  ProductType element;
  int threads() const;
  /// Columns of a warp; several warps share those of a block.
  int warp_columns() const;
  int shared_bytes() const;
  /// Blocks per part and head.
  int groups(const CellDescription& cell) const;
  std::string text() const;
};

/// Registers that a thread can have when `threads` threads share a multiprocessor.
int registers_per_thread(const DeviceFacts& device, int threads);

/// The `count` tilings that are the fastest by prediction, the fastest first; none if R does not
/// fit.
std::vector<ForwardTiling> forward_tilings(const Shape& shape, const CellDescription& cell,
                                           ProductType type, bool saving, const DeviceFacts& device,
                                           int count = 1);
std::vector<BackwardTiling> backward_tilings(const Shape& shape, const CellDescription& cell,
                                             ProductType type, BackwardReads reads,
                                             const DeviceFacts& device, int count = 1);
/// The fastest, or none.
std::optional<ForwardTiling> choose_forward(const Shape& shape, const CellDescription& cell,
                                            ProductType type, bool saving,
                                            const DeviceFacts& device);
std::optional<BackwardTiling> choose_backward(const Shape& shape, const CellDescription& cell,
                                              ProductType type, BackwardReads reads,
                                              const DeviceFacts& device);
std::optional<WeightGradientTiling> choose_weight_gradient(const Shape& shape,
                                                           const CellDescription& cell,
                                                           ProductType type,
                                                           const DeviceFacts& device);

/// Of all kernels of a plan; the latter two are of use in training only.
struct SmallHeadsTilings {
  ForwardTiling forward;
  BackwardTiling backward;
  WeightGradientTiling weights;
};

}  // namespace flashrnn::cuda
