// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "flashrnn/cells/differentiate.hpp"
#include "product.cuh"
#include "sequence_io.cuh"
#include "staggered_warps.cuh"

// What the forward kernel of small heads (forward.cuh) is compiled for, and where its shared memory
// holds what.

namespace flashrnn::cuda {

/// What is fixed when the kernel is compiled.
///   padded     head_dim rounded up to a multiple of 16
///   batch      rows of the batch per block: 1, 2, 4, or a multiple of 8
///   units      neighbouring units per fragment row, so 8·units per warp
///   chains     independent accumulators per row of the product
///   io_warps   warps that move x, the states and the saved values
///   ring       steps of x in shared memory, a power of two
///   group      steps after which the warps that compute meet those that move data
///   exact      whether head_dim is padded
///   saving     whether the values that backward needs are written
///   all_states whether all states are stored, not h alone: in training, or where there is a tensor
///              for them
///   staggered  whether some of the warps that compute follow the others (staggered_warps.cuh)
///   clips      whether h is clipped
///   halved     gates that enter nothing but a sigmoid: R, x and b are halved for them
///   compute_registers   0, or registers per thread that the computing warps take over from the
///                       others (sm_90a)
///   held       parts of R in registers; the others are in shared memory
///   piece      bytes in which sequences are moved where `wide_sequences` says so: 16, 8 or 4
///   by_unit    whether four saved values of a unit lie side by side, not those of a channel: they
///              are stored at once. Rows are moved as they are.
template <class Cell_, class Storage_, int padded_, int batch_, int units_, int chains_,
          int io_warps_, int ring_, int group_, bool exact_, bool saving_, bool staggered_,
          bool clips_, bool all_states_, unsigned halved_, int compute_registers_, int held_,
          int piece_, bool by_unit_>
struct ForwardTile {
  using Cell = Cell_;
  using Storage = Storage_;
  using Complete = CompleteCell<Cell>;
  static constexpr int padded = padded_, batch = batch_, units = units_, chains = chains_,
                       io_warps = io_warps_, ring = ring_, group = group_;
  static constexpr bool exact = exact_, saving = saving_, staggered = staggered_, clips = clips_;
  static constexpr bool all_states = all_states_;
  static_assert(all_states || !saving, "ForwardTile: training stores all states");
  static constexpr unsigned halved = halved_;
  static constexpr int compute_registers = compute_registers_;
  static constexpr int parts = Parts<Storage>::count, held = held_;
  static constexpr bool scaled = Parts<Storage>::scaled;
  static_assert(!scaled || is_bounded<Cell>(), "ForwardTile: h has bounds where it is scaled");
  static constexpr int piece = piece_;
  static constexpr bool by_unit = by_unit_ && saving_;
  static_assert(!by_unit || exact, "ForwardTile: saved values by unit in rows without padding");
  static_assert(padded % 16 == 0, "ForwardTile: padded is a multiple of 16, the k of an mma");
  static_assert(padded % (8 * units) == 0, "ForwardTile: warps take 8·units units each");
  static_assert((ring & (ring - 1)) == 0 && (group & (group - 1)) == 0,
                "ForwardTile: ring and group are powers of two");

  static constexpr int recurrent = count_gates(Cell::recurrent_gates);
  static constexpr int inputs = count_gates(Cell::input_gates);
  static constexpr int compute_warps = padded / (8 * units);
  static constexpr int threads = 32 * (compute_warps + io_warps);
  static constexpr int k_tiles = padded / 16;
  // Rows of a lane's two half tiles, one after the other: unit-major, gates within.
  static constexpr int slots = units * recurrent;
  static constexpr int m_tiles = (slots + 1) / 2;

  using Warps = IoWarps<io_warps, inputs, Complete::states + (saving ? Complete::saved : 0)>;
  using Hidden = Factor<Storage, batch, padded>;
  using Input = Ring<Storage, batch, inputs, padded, ring>;
  using Product = SplitProduct<Storage, batch, units, recurrent, k_tiles, chains, held>;
  using Matrix = MatrixFragments<parts, held, m_tiles, k_tiles>;
  // Of h and of what is on its way out: the group at hand and the one before it. h that is
  // multiplied in parts goes out from a row of its own.
  static constexpr int stages_hidden = parts > 1 ? 1 : 0;
  static constexpr int staged_rows =
      stages_hidden + Complete::states - 1 + (saving ? Complete::saved : 0);
  static constexpr int staged_extent = staged_rows > 0 ? staged_rows : 1;
  // Channels in front of the saved values, and saved values that lie unit by unit.
  static constexpr int first_saved = stages_hidden + Complete::states - 1;
  static constexpr int quads = saved_quads<Complete::saved, by_unit>;
  using Output = StagedFor<(quads > 0), Storage, batch, staged_rows, padded>;
  // Lanes that work on all units of their rows start the product from x + b; others add x + b to
  // what they pick of the product. The latter need not read x a step ahead, and where stores to
  // shared memory wait for their turn too, they do not.
  static constexpr bool starts_from_gates = parts == 1 && Share<batch, units>::copies == 1;
  // Columns of eight rows of the batch. Several share R's registers and wait for each other's
  // latencies; they read x in front of the product, for want of registers.
  static constexpr int n_tiles = batch > 8 ? batch / 8 : 1;
  static_assert(n_tiles == 1 || parts == 1, "ForwardTile: more than 8 rows of 16-bit types only");
  static constexpr bool reads_ahead = (starts_from_gates || !saving) && n_tiles == 1;
  using Order = WarpOrder<compute_warps, io_warps, staggered>;
  static_assert(!staggered || n_tiles == 1, "ForwardTile: staggered with up to 8 rows");
  // Tiles of k that the first part of a product takes, those of units of the leading warps, and
  // tiles of the second part that leading warps have asked for before others may follow. None for
  // the most warps in inference of few rows, whose cells are over soonest: 1.5 % faster there.
  static constexpr int first_k_tiles = staggered ? Order::leading_warps * units / 2 : k_tiles;
  static constexpr int asked_k_tiles = compute_warps == 8 && !saving && batch < 4
                                           ? first_k_tiles
                                           : first_k_tiles + (k_tiles - first_k_tiles > 2 ? 2 : 0);
  // Whether the last group, which may have fewer steps, goes through the code of the others. That
  // costs the others a branch per step; a copy of the step costs who waits for it to be compiled.
  static constexpr bool long_steps = padded > 64 && parts > 1;
  static constexpr int hidden_at = 0, hidden_group = group * Hidden::bytes;
  static constexpr int output_at = hidden_at + 2 * hidden_group,
                       output_group = group * Output::bytes;
  // x of the first step, which is read before the loop, and the ring of the steps behind it.
  static constexpr int first_input_at = output_at + 2 * output_group;
  static constexpr int input_at = first_input_at + Input::step_bytes;
  static constexpr int matrix_at = input_at + Input::bytes;
  static constexpr int shared_bytes = matrix_at + compute_warps * Matrix::bytes_per_warp;

  /// Whether a kernel of its own arranges R.
  static constexpr bool arranged = m_tiles * k_tiles > most_made_fragments;
  /// Row `slot` of the lanes whose units begin at `first_unit`, column k.
  static __device__ MatrixElement matrix_element(int first_unit, int slot, int k) {
    return {slot % recurrent, first_unit + slot / recurrent, k};
  }
  /// Whether R is halved in that row.
  static __device__ constexpr bool halves(int slot) {
    for (int n = 0; n < Cell::gates; ++n)
      if (has_gate(Cell::recurrent_gates & halved, n) &&
          gate_position(Cell::recurrent_gates, n) == slot % recurrent)
        return true;
    return false;
  }
};

}  // namespace flashrnn::cuda
