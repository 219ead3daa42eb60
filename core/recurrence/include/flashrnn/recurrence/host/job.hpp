// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "flashrnn/layout.hpp"
#include "flashrnn/types.hpp"

// What a worker of the host kernels is told: plain data, so that the engine, which is compiled
// once, and the kernels, which are compiled per instruction set, share nothing else.

namespace flashrnn::host {

/// How a recurrence is cut up for the host.
struct HostTiling {
  int workers = 1;         ///< threads that run
  int team_size = 1;       ///< threads that share one task and meet at a barrier once per step
  int sub_blocks = 1;      ///< vectors of units in a unit block: gates·sub_blocks registers per k
  int walk_vectors = 4;    ///< most registers of R that one walk through its factors serves
  int register_rows = 1;   ///< most batch rows of one register tile
  Index depth_piece = 1;   ///< k of a walk before the next one begins: what the caches hold
  Index slice_rows = 1;    ///< batch rows of a task
  Index group_heads = 1;   ///< heads of a task, interleaved step by step
  bool streaming = false;  ///< outputs go around the caches
};

template <class Element>
struct HostTensor {
  Element* data = nullptr;
  Strides strides;
};

/// Where the threads of a team meet.
struct TeamBarrier {
  alignas(64) int arrived;
  alignas(64) int generation;
};

/// What both passes need.
template <class Storage>
struct Job {
  using Real = AccumulateType<Storage>;
  Shape shape;
  HostTiling tiling;
  Index padded = 0;                 ///< head_dim rounded up to unit blocks
  Index row_stride = 0;             ///< between rows of a plane of scratch
  const Storage* packed = nullptr;  ///< R in the order of PackedFactors
  Real* scratch = nullptr;          ///< of all teams
  Index scratch_elements = 0;       ///< of one team
  Index head_elements = 0;          ///< of one head of a team
  TeamBarrier* barriers = nullptr;  ///< one per team

  Index slices() const { return (shape.batch + tiling.slice_rows - 1) / tiling.slice_rows; }
  Index groups() const { return (shape.heads + tiling.group_heads - 1) / tiling.group_heads; }
};

template <class Storage>
struct ForwardJob : Job<Storage> {
  using Real = AccumulateType<Storage>;
  Real clip;
  HostTensor<const Storage> x, b, s0;
  HostTensor<Storage> states, h, last;
  HostTensor<Storage> saved;
};

/// Gates beyond this have no kernels of their own; no known cell comes near.
inline constexpr int most_gates = 31;

template <class Storage>
struct BackwardJob : Job<Storage> {
  using Real = AccumulateType<Storage>;
  Real forward_clip, gradient_clip;
  bool cut = false;
  HostTensor<const Storage> s0, states, saved, dh, d_last;
  HostTensor<Storage> d_gate[most_gates];  ///< [T, B, H, D] each (channel 0); null: not stored
  HostTensor<Storage> ds0;
  Real* db_partial = nullptr;  ///< [slices, G_b, H, D] sums of each slice; null: not wanted
  /// [slices, H, G_R·D_out, padded D_in] sums of each slice, by the kernel itself; null: dR is not
  /// wanted, or a matrix product's business.
  Real* dR_partial = nullptr;

  // The last steps' gate gradients and h, per head behind its gradients of states:
  // [slab_steps, rows] rows of gate_stride elements [G_R·D], then of h_stride elements [D_in].
  Index slab_steps = 2;
  Index gate_stride = 0, h_stride = 0;
};

}  // namespace flashrnn::host
