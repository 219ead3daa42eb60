// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "fragments.cuh"
#include "ring_loader.cuh"
#include "row_storer.cuh"

// What the warps of backward do that move data: saved values, states and upstream gradients in,
// gate gradients out, reports to the kernel that sums dR.

namespace flashrnn::cuda {

/// Where what backward reads lies. At the first step of the sequence, which comes last, the
/// previous states are the initial ones.
template <class Tile>
struct BackwardInputRows {
  static constexpr bool last_step_differs = true;
  const BackwardParameters& p;
  int head;
  Index first_row;
  using Storage = typename Tile::Storage;
  __device__ Bits<Storage>* operator()(int channel, int row, Index step) const {
    const Index t = p.shape.steps - 1 - step;
    const bool is_saved = channel < Tile::saved_channels,
               is_state = !is_saved && channel != Tile::upstream_channel;
    // One tensor is chosen and one address computed: this is inlined in many places.
    const Sequence& from = is_saved ? p.saved : !is_state ? p.dh : t > 0 ? p.states : p.s0;
    const int position = is_saved   ? set_bit(Tile::reads_saved, channel)
                         : is_state ? set_bit(Tile::reads_states, channel - Tile::saved_channels)
                                    : 0;
    return row_of<Storage>(from, position, is_state && t > 0 ? t - 1 : t, first_row + row, head);
  }
  __device__ Index stride(int channel) const {
    return -(channel < Tile::saved_channels      ? p.saved
             : channel == Tile::upstream_channel ? p.dh
                                                 : p.states)
                .strides.step;
  }
};

template <class Tile>
struct GateGradientRows {
  const BackwardParameters& p;
  int head;
  Index first_row;
  using Storage = typename Tile::Storage;
  __device__ Bits<Storage>* operator()(int channel, int row, Index step) const {
    return row_of<Storage>(p.d_gate[channel], 0, p.shape.steps - 1 - step, first_row + row, head);
  }
  __device__ Index stride(int channel) const { return -p.d_gate[channel].strides.step; }
  __device__ bool given(int channel) const { return p.d_gate[channel].data != nullptr; }
};

/// Where the warps that store gate gradients and the one that reports them meet, once per chunk.
template <class Tile>
inline constexpr int reporting_threads = 32 * (Tile::Warps::storing + 1);
template <class Tile>
__device__ void meet_to_report() {
  block_barrier_converged<reporting_threads<Tile>, Barrier::reports>();
}

/// Tells the kernel that sums dR, which runs beside this one, chunk by chunk of the steps what has
/// been written. A warp of its own does it, because it has to wait until memory has taken it; it is
/// back at the meeting long before the next chunk is written.
template <class Tile>
__device__ void report_progress(const BackwardParameters& p, int lane, int head) {
  if (p.progress == nullptr) return;
  unsigned* const chunks = p.progress + head * chunks_of(p.shape.steps);
#pragma unroll 1
  for (Index chunk = 0; chunk < chunks_of(p.shape.steps); ++chunk) {
    meet_to_report<Tile>();
    if (lane == 0) {
      __threadfence();
      atomicAdd(chunks + chunk, 1u);
    }
  }
}

/// Brings saved values, states and upstream gradients into the ring ahead of time.
template <class Tile>
__device__ void load_inputs(const BackwardParameters& p, SharedAddress shared, int lane, int head,
                            Index first_row) {
  const int rows = static_cast<int>(::min(p.shape.batch - first_row, Index(Tile::batch)));
  const BackwardInputRows<Tile> source{p, head, first_row};
  const int head_dim = static_cast<int>(p.shape.head_dim);
  static_assert(Tile::input_at == Tile::first_input_at + Tile::Input::step_bytes);
  RingLoader<typename Tile::Input, 32 * Tile::Warps::loading, Tile::group, Tile::piece, true> input;
  input.run(shared + Tile::input_at, lane, rows, head_dim, p.shape.steps, 1, p.wide_sequences != 0,
            source, [] { Tile::Order::meet_computing(); });
}

/// Writes the gate gradients, one group behind.
template <class Tile>
__device__ void store_gradients(const BackwardParameters& p, SharedAddress shared, int lane,
                                int head, Index first_row) {
  const int rows = static_cast<int>(::min(p.shape.batch - first_row, Index(Tile::batch)));
  const GateGradientRows<Tile> target{p, head, first_row};
  RowStorer<typename Tile::Storage, Tile::batch, Tile::Cell::gates, Tile::padded,
            32 * Tile::Warps::storing, Tile::group, Tile::Output::bytes, Tile::piece>
      output;
  const auto row = [](int channel, int r) { return Tile::Output::offset(channel, r); };
  output.start(lane, rows, static_cast<int>(p.shape.head_dim), target, row);
  Tile::Order::meet_computing();
  Tile::Order::meet_computing();
  SharedAddress slots = shared + Tile::output_at;
  // Of a chunk; counted down, as ptxas finds no registers for a comparison of steps at 128 units.
  static_assert(progress_steps % Tile::group == 0);
  constexpr int groups = static_cast<int>(progress_steps / Tile::group);
  int groups_left = groups;
  const auto advance = [&] {
    slots = 2 * (shared + Tile::output_at) + Tile::output_group - slots;
    if (Tile::reports && p.progress != nullptr && --groups_left == 0) {
      groups_left = groups;
      meet_to_report<Tile>();
    }
  };
  for (Index first = 0; first < p.shape.steps; first += Tile::group) {
    // Whole groups in a loop of their own, which is short.
    if (Tile::piece > 0 && p.wide_sequences != 0) {
#pragma unroll 1
      for (; first + Tile::group <= p.shape.steps; first += Tile::group) {
        Tile::Order::meet_computing();
        output.store_whole(slots);
        advance();
      }
      if (first >= p.shape.steps) break;
    }
    Tile::Order::meet_computing();
    const int count = static_cast<int>(::min(p.shape.steps - first, Index(Tile::group)));
    output.store_elements(slots, first, count, target, row);
    advance();
  }
  // The last chunk may have fewer.
  if (Tile::reports && p.progress != nullptr && groups_left < groups) meet_to_report<Tile>();
}

/// `warp` and `lane` of those that move data.
template <class Tile>
__device__ void backward_io(const BackwardParameters& p, SharedAddress shared, int warp, int lane,
                            int head, Index first_row) {
  // By the thread's number where addresses are kept, or the heads are large: if ptxas knows in both
  // branches that warps are together, it orders the loads of the warps that compute 97 to 128 units
  // so that they wait for them (docs/cuda_kernels_log.md#places-of-rows).
  const int thread_warp = static_cast<int>(threadIdx.x) / 32 - Tile::compute_warps;
  if ((Tile::piece < 16 && Tile::padded > 96 ? thread_warp : warp) < Tile::Warps::loading) {
    load_inputs<Tile>(p, shared, 32 * warp + lane, head, first_row);
  } else if ((Tile::piece == 16 ? thread_warp : warp) < Tile::moving_warps) {
    store_gradients<Tile>(p, shared, 32 * (warp - Tile::Warps::loading) + lane, head, first_row);
  } else {
    report_progress<Tile>(p, lane, head);
  }
}

}  // namespace flashrnn::cuda
