// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "flashrnn/recurrence/host/job.hpp"

namespace flashrnn::host {

/// The host kernels of one cell, type and instruction set, and what the engine must know of them.
template <class Storage>
struct HostKernels {
  const char* isa = nullptr;  ///< name of the instruction set
  int registers = 0;          ///< vector registers
  int lanes = 1;              ///< numbers of accumulation type per register
  int depth_step = 1;         ///< neighbouring k that share a word of packed memory
  int most_forward_sub_blocks = 1;
  int forward_planes = 0, backward_planes = 0;  ///< [slice_rows, row_stride] per head
  void (*forward)(const ForwardJob<Storage>&, int worker) = nullptr;
  void (*backward)(const BackwardJob<Storage>&, int worker) = nullptr;
};

/// Vectors that one walk through the factors serves, and rows of the batch that fit the registers
/// beside them.
inline constexpr int most_kernel_vectors = 4;
/// Rows whose sums are formed before their pointwise function: enough for all tiles of a piece of R
/// to pass while it is in the first-level cache.
inline constexpr int most_rows_at_once = 24;
constexpr int most_register_rows(int registers, int vectors) {
  const int rows =
      registers * 3 / 4 / (vectors < most_kernel_vectors ? vectors : most_kernel_vectors);
  return rows > 8 ? 8 : rows;
}

}  // namespace flashrnn::host
