// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "device_facts.hpp"
#include "flashrnn/problem.hpp"
#include "flashrnn/recurrence/native_cell.hpp"

// How heads whose R fits one multiprocessor are cut up: problem -> candidates -> choice, plain
// numbers all the way. The names of the tiles' variables are those of kernels/forward.cuh,
// backward.cuh and weight_gradient.cuh.

namespace flashrnn::cuda {

/// How the kernels hold an element: bytes in memory, and parts of 16 bits that are multiplied
/// (kernels/numeric.cuh).
struct ElementFacts {
  int bytes = 2, parts = 1;
};
ElementFacts element_facts(DataType type);

struct ForwardTiling {
  int padded = 16, batch = 8, units = 2, chains = 1, io_warps = 1, ring = 16, group = 1;
  bool exact = false, saving = false;
  int compute_registers = 0;
  ElementFacts element;
  int held = 1;  ///< parts of R in registers; the others are in shared memory
  int compute_warps() const { return padded / (8 * units); }
  int threads() const { return 32 * (padded / (8 * units) + io_warps); }
  int shared_bytes(const CellDescription& cell) const;
  /// Registers per thread that the kernel is expected to need.
  int registers(const CellDescription& cell) const;
  std::string text() const;
};

struct BackwardTiling {
  int padded = 16, batch = 8, chains = 1, io_warps = 1, ring = 16, group = 1;
  bool exact = false;
  /// Whether dR is summed beside the recurrence, on multiprocessors that it leaves free, and one
  /// warp of every block reports what is there.
  bool reports = false;
  int compute_registers = 0;
  ElementFacts element;
  int held = 1;  ///< parts of R in registers; the others are in shared memory
  int compute_warps() const { return padded / 16; }
  int threads() const { return 32 * (padded / 16 + io_warps); }
  int shared_bytes(const CellDescription& cell, BackwardReads reads) const;
  int registers(const CellDescription& cell, BackwardReads reads) const;
  std::string text() const;
};

struct WeightGradientTiling {
  int padded = 16, gates = 1, columns = 16;
  Index parts = 1, rows_per_part = 32;
  ElementFacts element;
  int threads() const { return 32 * gates * padded / 16; }
  /// Blocks that fit one multiprocessor with the registers that the compiler is told to keep to.
  int blocks_beside() const;
  int shared_bytes() const;
  /// Blocks per part and head.
  int groups(const CellDescription& cell) const;
  std::string text() const;
};

/// Registers that a thread can have when `threads` threads share a multiprocessor.
int registers_per_thread(const DeviceFacts& device, int threads);

/// The tiling for a shape, or none if R does not fit.
std::optional<ForwardTiling> choose_forward(const Shape& shape, const CellDescription& cell,
                                            DataType type, bool saving, const DeviceFacts& device);
std::optional<BackwardTiling> choose_backward(const Shape& shape, const CellDescription& cell,
                                              DataType type, BackwardReads reads,
                                              const DeviceFacts& device);
std::optional<WeightGradientTiling> choose_weight_gradient(const Shape& shape,
                                                           const CellDescription& cell,
                                                           DataType type,
                                                           const DeviceFacts& device);

}  // namespace flashrnn::cuda
