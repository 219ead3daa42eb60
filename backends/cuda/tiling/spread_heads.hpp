// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "tiling/small_heads.hpp"

// How heads that several multiprocessors share are cut up: plain numbers, as in small_heads.hpp.

namespace flashrnn::cuda {

/// The names are those of kernels/spread_forward.cuh.
struct SpreadTiling {
  bool in_cluster = false;
  int blocks = 1, units = 16, batch = 8, row_groups = 1, k_groups = 8, register_tiles = 0;
  int at_once = 8;         ///< packets of the vector that a lane reads at once
  int rows = 1;            ///< of the product, per unit
  int vectors = 1;         ///< chunks that a unit's block sends per chunk of units
  int input_channels = 1;  ///< that are read per unit and step
  int bias_gates = 0;      ///< whose biases are in shared memory
  int parts = 1;           ///< 16-bit values that an element is multiplied as; 3 of float32
  int halves = 1;          ///< packets of 16 bytes that 8 elements fill
  bool whole = false;      ///< R is kept unsplit, in 2 tiles instead of `parts`
  double nanoseconds = 0;  ///< predicted, of a step of all launches

  int threads() const { return 32 * row_groups * k_groups; }
  int chunks() const { return blocks * vectors * units / 8; }
  int pairs() const;  ///< of k-tiles, per warp
  int n_tiles() const { return (batch + 7) / 8; }
  int m_tiles() const;
  int chains() const;  ///< accumulators per row of the product
  int tiles() const { return (whole ? 2 : parts) * m_tiles() * 2 * pairs(); }
  int rounds() const;
  int sections() const;  ///< in which a warp reads its part of the vector
  int shared_bytes() const;
  /// Bytes of what blocks hand to each other through L2, per group.
  Index exchange_bytes() const;
  /// Groups, of a head and a batch tile, of the whole problem.
  Index groups(const Shape& shape) const;
  /// Groups that one launch takes at most.
  Index groups_at_once(const DeviceFacts& device) const;
  std::string text() const;
};

/// What the kernel of one pass moves.
struct SpreadPass {
  int rows = 1, vectors = 1, input_channels = 1, bias_gates = 0;
  int kept = 0;  ///< values per unit that a lane keeps in registers from step to step
  DataType type = DataType::bfloat16;
};
SpreadPass forward_pass(const CellDescription& cell, bool saving, DataType type);
SpreadPass backward_pass(const CellDescription& cell, BackwardReads reads, DataType type);

/// Tilings of a pass that the device can run, the fastest by prediction first. Empty if R does not
/// fit the registers and shared memory of all multiprocessors.
std::vector<SpreadTiling> choose_spread(const Shape& shape, const SpreadPass& pass,
                                        const DeviceFacts& device);

/// Nanoseconds of a step by matrix products of the BLAS library and a pointwise kernel, which the
/// portable recurrence takes for such heads: what a tiling of many launches competes with.
double products_time(const Shape& shape, const CellDescription& cell, bool backward, DataType type);

}  // namespace flashrnn::cuda
