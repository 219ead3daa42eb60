// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include "flashrnn/recurrence/host/job.hpp"

namespace flashrnn::host {

/// What the tile choice must know of a host processor and of the kernels.
struct HostLimits {
  int workers = 1;            ///< threads
  int registers = 16;         ///< vector registers
  int lanes = 4;              ///< numbers per register
  bool barriers = false;      ///< workers run at the same time, so that they can wait for each other
  std::size_t level_1_bytes = 32 << 10;  ///< data cache of a core
  std::size_t level_2_bytes = 1 << 20;   ///< of a core
  std::size_t level_3_bytes = 32 << 20;  ///< of all cores
};

/// What it must know of a pass over one problem.
struct HostPass {
  Shape shape;
  int vectors_per_unit = 4;    ///< products per vector of units: recurrent gates, or 1 backward
  Index depth = 1;             ///< length of the products
  int most_sub_blocks = 1;     ///< 1, 2 or 4
  std::size_t factor_bytes = 4;     ///< of one element of R
  std::size_t output_bytes = 0;     ///< of all that the pass writes
};

/// Chooses by predicted cycles of a step (host_tiling.cpp says how).
HostTiling choose_host_tiling(const HostPass& pass, const HostLimits& limits);

/// Cycles of one step as choose_host_tiling predicts them.
double predicted_step_cycles(const HostPass& pass, const HostLimits& limits,
                             const HostTiling& tiling);

/// Cache sizes as the operating system tells them; what it does not tell keeps its default.
HostLimits host_limits();

}  // namespace flashrnn::host
