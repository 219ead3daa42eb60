// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ring_loader.cuh"
#include "row_storer.cuh"

// What the warps of forward do that move data: x in, h, the other states and saved values out.

namespace flashrnn::cuda {

/// Where x of a step lies.
template <class Storage>
struct InputRows {
  static constexpr bool last_step_differs = false;
  const ForwardParameters& p;
  int head;
  Index first_row;
  __device__ Bits<Storage>* operator()(int channel, int row, Index step) const {
    return row_of<Storage>(p.x, channel, step, first_row + row, head);
  }
  __device__ Index stride(int) const { return p.x.strides.step; }
};

/// Where what forward writes lies: h for itself, and the channels behind h: other states, saved.
template <class Cell, class Storage>
struct OutputRows {
  const ForwardParameters& p;
  int head;
  Index first_row;
  __device__ Bits<Storage>* operator()(int channel, int row, Index step) const {
    return channel < Cell::states - 1
               ? row_of<Storage>(p.states, channel + 1, step, first_row + row, head)
               : row_of<Storage>(p.saved, channel - (Cell::states - 1), step, first_row + row,
                                 head);
  }
  __device__ Index stride(int channel) const {
    return (channel < Cell::states - 1 ? p.states : p.saved).strides.step;
  }
  __device__ bool given(int channel) const {
    return (channel < Cell::states - 1 ? p.states : p.saved).data != nullptr;
  }
};
template <class Storage>
struct HiddenRows {
  const Sequence& to;
  int head;
  Index first_row;
  __device__ Bits<Storage>* operator()(int, int row, Index step) const {
    return row_of<Storage>(to, 0, step, first_row + row, head);
  }
  __device__ Index stride(int) const { return to.strides.step; }
  __device__ bool given(int) const { return to.data != nullptr; }
};

/// Brings x into the ring ahead of time; the warps that do only this.
template <class Tile>
__device__ void load_inputs(const ForwardParameters& p, SharedAddress shared, int lane, int head,
                            Index first_row) {
  const int rows = static_cast<int>(::min(p.shape.batch - first_row, Index(Tile::batch)));
  const InputRows<typename Tile::Storage> x{p, head, first_row};
  const int head_dim = static_cast<int>(p.shape.head_dim);
  static_assert(Tile::input_at == Tile::first_input_at + Tile::Input::step_bytes);
  // Where it is measured to be as fast or faster. Blocks of a cell with one gate, of which many run
  // beside each other, lack a register for it.
  constexpr bool one_place =
      (Tile::saving && Tile::inputs > 1) || Tile::padded > 64 || Tile::n_tiles > 1;
  RingLoader<typename Tile::Input, 32 * Tile::Warps::loading, Tile::group, Tile::piece, one_place>
      input;
  input.run(shared + Tile::input_at, lane, rows, head_dim, p.shape.steps, Tile::reads_ahead ? 1 : 0,
            p.wide_sequences != 0, x, [] { Tile::Order::meet_computing(); });
}

/// Writes h, the other states and the saved values, one group behind. h lies with the others where
/// the product takes it in parts, else where the product takes it.
template <class Tile>
__device__ void store_outputs(const ForwardParameters& p, SharedAddress shared, int lane, int head,
                              Index first_row) {
  using Storage = typename Tile::Storage;
  constexpr int lanes = 32 * Tile::Warps::storing;
  const int rows = static_cast<int>(::min(p.shape.batch - first_row, Index(Tile::batch)));
  const int head_dim = static_cast<int>(p.shape.head_dim);
  const auto hidden_row = [](int, int row) {
    return Tile::stages_hidden ? Tile::Output::offset(0, row) : Tile::Hidden::offset(row);
  };
  const auto output_row = [](int channel, int row) {
    return Tile::Output::offset(channel + Tile::stages_hidden, row);
  };
  constexpr int hidden_at = Tile::stages_hidden ? Tile::output_at : Tile::hidden_at;
  constexpr int hidden_bytes = Tile::stages_hidden ? Tile::Output::bytes : Tile::Hidden::bytes;
  // h goes to `states` or to `h`, rarely to both.
  const bool to_states = Tile::all_states && p.states.data != nullptr,
             twice = to_states && p.h.data != nullptr;
  const HiddenRows<Storage> hidden_target{to_states ? p.states : p.h, head, first_row};
  using ToHidden = RowStorer<Storage, Tile::batch, 1, Tile::padded, lanes, Tile::group,
                             hidden_bytes, Tile::piece>;
  ToHidden to_hidden;
  to_hidden.start(lane, rows, head_dim, hidden_target, hidden_row);
  const OutputRows<typename Tile::Cell, Storage> others{p, head, first_row};
  constexpr int other_rows = Tile::staged_rows - Tile::stages_hidden;
  using ToOthers = RowStorer<Storage, Tile::batch, other_rows == 0 ? 1 : other_rows, Tile::padded,
                             lanes, Tile::group, Tile::Output::bytes, Tile::piece>;
  ToOthers to_others;
  constexpr bool writes_others = other_rows > 0 && Tile::all_states;
  if (writes_others) to_others.start(lane, rows, head_dim, others, output_row);

  Tile::Order::meet_computing();
  Tile::Order::meet_computing();
  SharedAddress hidden = shared + hidden_at, output = shared + Tile::output_at;
  const auto advance = [&] {
    hidden = 2 * (shared + hidden_at) + Tile::group * hidden_bytes - hidden;
    output = 2 * (shared + Tile::output_at) + Tile::output_group - output;
  };
  const auto store_whole = [&] {
    to_hidden.store_whole(hidden);
    if (writes_others) to_others.store_whole(output);
  };
  const bool in_pieces = Tile::piece > 0 && p.wide_sequences != 0;
  // Whole groups in a loop of their own, which is short; everything else stands here once. So do
  // whole groups that are long code, for the sake of who waits for it to be compiled.
  constexpr bool is_long = ToHidden::moves + (writes_others ? ToOthers::moves : 0) > 24;
  for (Index first = 0; first < p.shape.steps; first += Tile::group) {
    if (!is_long && in_pieces && !twice) {
#pragma unroll 1
      for (; first + Tile::group <= p.shape.steps; first += Tile::group) {
        Tile::Order::meet_computing();
        store_whole();
        advance();
      }
      if (first >= p.shape.steps) break;
    }
    Tile::Order::meet_computing();
    const int count = static_cast<int>(::min(p.shape.steps - first, Index(Tile::group)));
    const bool whole = in_pieces && count == Tile::group;
    if (whole) store_whole();
#pragma unroll 1
    for (int n = whole ? 1 : 0; n < (twice ? 2 : 1); ++n)
      to_hidden.store_elements(hidden, first, count,
                               n == 0 ? hidden_target : HiddenRows<Storage>{p.h, head, first_row},
                               hidden_row);
    if (!whole && writes_others) to_others.store_elements(output, first, count, others, output_row);
    advance();
  }
}

/// `warp` and `lane` of those that move data.
template <class Tile>
__device__ void forward_io(const ForwardParameters& p, SharedAddress shared, int warp, int lane,
                           int head, Index first_row) {
  // By the thread's number where it is measured to be faster
  // (docs/cuda_kernels_log.md#places-of-rows): ptxas orders instructions otherwise if it knows
  // here, too, that warps are together.
  const int thread_warp = static_cast<int>(threadIdx.x) / 32 - Tile::compute_warps;
  if ((Tile::padded == 16 && Tile::piece == 16 ? thread_warp : warp) < Tile::Warps::loading) {
    load_inputs<Tile>(p, shared, 32 * warp + lane, head, first_row);
  } else {
    store_outputs<Tile>(p, shared, 32 * (warp - Tile::Warps::loading) + lane, head, first_row);
  }
}

}  // namespace flashrnn::cuda
