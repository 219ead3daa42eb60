// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "flashrnn/cells/differentiate.hpp"
#include "fragments.cuh"
#include "sequence_io.cuh"

// The forward recurrence of a head whose R fits the registers of one block. docs/cuda_kernels.md
// has the picture.

namespace flashrnn::cuda {

/// What is fixed when the kernel is compiled.
///   padded     head_dim rounded up to a multiple of 16
///   batch      rows of the batch per block: 1, 2, 4 or 8
///   units      neighbouring units per fragment row, so 8·units per warp
///   chains     independent accumulators per row of the product
///   io_warps   warps that move x, the states and the saved values
///   ring       steps of x in shared memory, a power of two
///   saving     whether the values that backward needs are written
///   clips      whether h is clipped
///   compute_registers   0, or registers per thread that the computing warps take over from the
///                       others (sm_90a)
template <class Cell_, class Storage_, int padded_, int batch_, int units_, int chains_,
          int io_warps_, int ring_, bool saving_, bool clips_, int compute_registers_>
struct ForwardTile {
  using Cell = Cell_;
  using Storage = Storage_;
  using Complete = CompleteCell<Cell>;
  static constexpr int padded = padded_, batch = batch_, units = units_, chains = chains_,
                       io_warps = io_warps_, ring = ring_;
  static constexpr bool saving = saving_, clips = clips_;
  static constexpr int compute_registers = compute_registers_;
  static_assert(padded % 16 == 0, "ForwardTile: padded is a multiple of 16, the k of an mma");
  static_assert(padded % (8 * units) == 0, "ForwardTile: warps take 8·units units each");
  static_assert(ring >= 16 && (ring & (ring - 1)) == 0, "ForwardTile: ring is 16, 32, …");

  static constexpr int recurrent = count_gates(Cell::recurrent_gates);
  static constexpr int inputs = count_gates(Cell::input_gates);
  static constexpr int compute_warps = padded / (8 * units);
  static constexpr int threads = 32 * (compute_warps + io_warps);
  static constexpr int k_tiles = padded / 16;
  // Rows of a lane's two half tiles, one after the other: unit-major, gates within.
  static constexpr int slots = units * recurrent;
  static constexpr int m_tiles = (slots + 1) / 2;

  using Warps = IoWarps<io_warps, inputs, Complete::states + (saving ? Complete::saved : 0)>;
  using Hidden = Columns<batch, padded>;
  using Input = Ring<batch, inputs, padded, ring>;
  static constexpr int staged_rows = Complete::states - 1 + (saving ? Complete::saved : 0);
  using Output = Staged<batch, staged_rows, padded>;
  static constexpr int hidden_at = 0;
  static constexpr int output_at = hidden_at + 2 * Hidden::bytes;
  static constexpr int input_at = output_at + 2 * Output::bytes;
  static constexpr int shared_bytes = input_at + Input::bytes;
};

/// R as left-hand fragments in registers.
template <class Tile>
__device__ void load_matrix(const ForwardParameters& p, int head, int first_unit, const Lane& lane,
                            Word (&a)[Tile::m_tiles][Tile::k_tiles][4]) {
  const int head_dim = static_cast<int>(p.shape.head_dim);
#pragma unroll
  for (int slot = 0; slot < 2 * Tile::m_tiles; ++slot) {
    const int unit = first_unit + slot / Tile::recurrent;
    const bool valid = slot < Tile::slots && unit < head_dim;
    const auto* const row = static_cast<const typename Tile::Storage*>(p.R.data) +
                            (valid ? p.R.strides.at(slot % Tile::recurrent, head, unit) : Index(0));
#pragma unroll
    for (int k = 0; k < Tile::k_tiles; ++k) {
      const Elements<4> four = load_row<typename Tile::Storage>(
          row, first_k<Tile::k_tiles>(k, lane.column), valid ? head_dim : 0, p.wide_matrix != 0);
      a[slot / 2][k][slot % 2] = four.word[0];
      a[slot / 2][k][2 + slot % 2] = four.word[1];
    }
  }
}

/// Where x of a step lies.
struct InputRows {
  static constexpr bool last_step_differs = false;
  const ForwardParameters& p;
  int head;
  Index first_row;
  __device__ unsigned short* operator()(int channel, int row, Index step) const {
    return row_of(p.x, channel, step, first_row + row, head);
  }
};

/// Where what forward writes lies: h for itself, and the channels behind h: other states, saved.
template <class Cell>
struct OutputRows {
  const ForwardParameters& p;
  int head;
  Index first_row;
  __device__ unsigned short* operator()(int channel, int row, Index step) const {
    return channel < Cell::states - 1
               ? row_of(p.states, channel + 1, step, first_row + row, head)
               : row_of(p.saved, channel - (Cell::states - 1), step, first_row + row, head);
  }
};
struct HiddenRows {
  const Sequence& to;
  int head;
  Index first_row;
  __device__ unsigned short* operator()(int, int row, Index step) const {
    return row_of(to, 0, step, first_row + row, head);
  }
};

/// Brings x into the ring ahead of time; the warps that do only this.
template <class Tile, bool wide>
__device__ void load_inputs(const ForwardParameters& p, SharedAddress shared, int lane, int head,
                            Index first_row) {
  const int rows = static_cast<int>(::min(p.shape.batch - first_row, Index(Tile::batch)));
  const InputRows x{p, head, first_row};
  RingLoader<typename Tile::Input, 32 * Tile::Warps::loading, wide> input;
  input.start(shared + Tile::input_at, lane, rows, static_cast<int>(p.shape.head_dim),
              p.shape.steps, x);
  block_barrier<Tile::threads>();
  for (Index step = 0; step < p.shape.steps; ++step) {
    input.refill(step, x);
    input.wait();
    block_barrier<Tile::threads>();
  }
  copy_async_wait<0>();
}

/// Writes h, the other states and the saved values, one step behind.
template <class Tile, bool wide>
__device__ void store_outputs(const ForwardParameters& p, SharedAddress shared, int lane, int head,
                              Index first_row) {
  constexpr int lanes = 32 * Tile::Warps::storing;
  const int rows = static_cast<int>(::min(p.shape.batch - first_row, Index(Tile::batch)));
  const int head_dim = static_cast<int>(p.shape.head_dim);
  const HiddenRows states{p.states, head, first_row}, h{p.h, head, first_row};
  RowStorer<Tile::batch, 1, Tile::padded, lanes, wide> to_states, to_h;
  to_states.start(lane, rows, head_dim, states);
  to_h.start(lane, rows, head_dim, h);
  const OutputRows<typename Tile::Cell> others{p, head, first_row};
  RowStorer<Tile::batch, Tile::staged_rows, Tile::padded, lanes, wide> to_others;
  if constexpr (Tile::staged_rows > 0) to_others.start(lane, rows, head_dim, others);
  const bool writes_others = Tile::saving || p.states.data != nullptr;

  const auto hidden_row = [](int, int row) { return Tile::Hidden::offset(row); };
  const auto output_row = [](int channel, int row) { return Tile::Output::offset(channel, row); };
  const auto store = [&](Index step) {
    const SharedAddress hidden =
        shared + Tile::hidden_at + (static_cast<int>(step + 1) & 1) * Tile::Hidden::bytes;
    const SharedAddress output =
        shared + Tile::output_at + (static_cast<int>(step) & 1) * Tile::Output::bytes;
    typename decltype(to_h)::Words hidden_words;
    typename decltype(to_others)::Words other_words;
    to_h.read(hidden, hidden_row, hidden_words);
    if constexpr (Tile::staged_rows > 0) {
      if (writes_others) to_others.read(output, output_row, other_words);
    }
    if (p.states.data != nullptr) to_states.write(hidden_words, hidden, step, states, hidden_row);
    if (p.h.data != nullptr) to_h.write(hidden_words, hidden, step, h, hidden_row);
    if constexpr (Tile::staged_rows > 0) {
      if (writes_others) to_others.write(other_words, output, step, others, output_row);
    }
  };
  block_barrier<Tile::threads>();
  for (Index step = 0; step < p.shape.steps; ++step) {
    if (step > 0) store(step - 1);
    block_barrier<Tile::threads>();
  }
  store(p.shape.steps - 1);
}

template <class Tile, bool wide>
__device__ void forward_io(const ForwardParameters& p, SharedAddress shared, int head,
                           Index first_row) {
  const int lane = static_cast<int>(threadIdx.x) - 32 * Tile::compute_warps;
  if (lane < 32 * Tile::Warps::loading) {
    load_inputs<Tile, wide>(p, shared, lane, head, first_row);
  } else {
    store_outputs<Tile, wide>(p, shared, lane - 32 * Tile::Warps::loading, head, first_row);
  }
}

/// The kernel. Block x = batch tile · heads + head.
template <class Tile>
__device__ void forward(const ForwardParameters& p) {
  using Cell = typename Tile::Cell;
  using Complete = typename Tile::Complete;
  using Storage = typename Tile::Storage;
  using Share = flashrnn::cuda::Share<Tile::batch, Tile::units>;
  constexpr int cells = Share::cells, rows = Share::rows;

  extern __shared__ __align__(128) unsigned char shared_bytes[];
  const SharedAddress shared = shared_address(shared_bytes);
  const int heads = static_cast<int>(p.shape.heads);
  const int head = static_cast<int>(blockIdx.x) % heads;
  const Index first_row = static_cast<Index>(blockIdx.x / heads) * Tile::batch;
  clear_shared(shared, Tile::shared_bytes);
  block_barrier<Tile::threads>();

  const int warp = static_cast<int>(threadIdx.x) / 32;
  if (warp >= Tile::compute_warps) {
    give_registers<Tile::compute_registers>();
    if (p.wide_sequences != 0) {
      forward_io<Tile, true>(p, shared, head, first_row);
    } else {
      forward_io<Tile, false>(p, shared, head, first_row);
    }
    return;
  }
  take_registers<Tile::compute_registers>();

  const Lane lane;
  const int head_dim = static_cast<int>(p.shape.head_dim);
  const int row_unit = (8 * warp + lane.row) * Tile::units;  // first unit of the fragment row
  const int share = Share::first(lane);
  const int first_unit = row_unit + share;  // first unit of this lane's cells

  Word a[Tile::m_tiles][Tile::k_tiles][4];
  load_matrix<Tile>(p, head, row_unit, lane, a);

  float bias[cells][Cell::gates], state[cells][rows][Cell::states];
  bool valid[cells][rows];
#pragma unroll
  for (int c = 0; c < cells; ++c) {
    const int unit = first_unit + c;
#pragma unroll
    for (int n = 0; n < Cell::gates; ++n)
      bias[c][n] =
          has_gate(Cell::bias_gates, n) && p.b.data != nullptr && unit < head_dim
              ? load_element<Storage>(p.b, gate_position(Cell::bias_gates, n), 0, 0, head, unit)
              : 0.0f;
#pragma unroll
    for (int r = 0; r < rows; ++r) {
      const Index row = first_row + Share::row(lane, r);
      valid[c][r] = unit < head_dim && row < p.shape.batch;
#pragma unroll
      for (int s = 0; s < Cell::states; ++s)
        state[c][r][s] = valid[c][r] && p.s0.data != nullptr
                             ? load_element<Storage>(p.s0, s, 0, row, head, unit)
                             : 0.0f;
    }
  }

  const SharedAddress hidden = shared + Tile::hidden_at;
  SharedAddress supplied =
      hidden + Tile::Hidden::offset(Share::supplied_row(lane)) + 16 * lane.column;
  int own_copy = lane.column % Share::copies;
  keep(supplied);
  keep(own_copy);
  SharedAddress own_hidden[rows], own_input[rows], own_output[rows];
#pragma unroll
  for (int r = 0; r < rows; ++r) {
    const int row = Share::row(lane, r);
    own_hidden[r] = hidden + Tile::Hidden::offset(row) + 2 * first_unit;
    own_input[r] = shared + Tile::input_at + Tile::Input::offset(0, row) + 2 * first_unit;
    own_output[r] = shared + Tile::output_at + Tile::Output::offset(0, row) + 2 * first_unit;
    keep(own_hidden[r]);
    keep(own_input[r]);
    keep(own_output[r]);
    float h[cells];
#pragma unroll
    for (int c = 0; c < cells; ++c) h[c] = state[c][r][0];
    store_shared(own_hidden[r], elements<Storage>(h));
  }
  block_barrier<Tile::threads>();

  // Pre-activations without R·h of the step to come, and x of the step after it.
  float gate[cells][rows][Cell::gates];
  Elements<cells> x[rows][Tile::inputs];
  const auto load_x = [&](int slot) {
#pragma unroll
    for (int r = 0; r < rows; ++r)
#pragma unroll
      for (int q = 0; q < Tile::inputs; ++q)
        x[r][q] = load_shared<cells>(own_input[r] + slot * Tile::Input::step_bytes +
                                     q * Tile::Input::channel_bytes);
  };
  const auto add_bias = [&] {
#pragma unroll
    for (int r = 0; r < rows; ++r)
#pragma unroll
      for (int c = 0; c < cells; ++c)
#pragma unroll
        for (int n = 0; n < Cell::gates; ++n) {
          gate[c][r][n] = bias[c][n];
          if (has_gate(Cell::input_gates, n))
            gate[c][r][n] += element<Storage>(x[r][gate_position(Cell::input_gates, n)], c);
        }
  };
  load_x(0);
  add_bias();

  int slot = 1, hidden_offset = 0, output_offset = 0;
  for (Index step = 0; step < p.shape.steps; ++step) {
    Word b[Tile::k_tiles][2];
    load_columns<Tile::k_tiles>(supplied + hidden_offset, lane.column, b);
    load_x(slot);
    slot = (slot + 1) & (Tile::ring - 1);

    // The product, on top of x + b. Columns that repeat a row need no value of their own.
    float sum[Tile::chains][Tile::m_tiles][4];
#pragma unroll
    for (int chain = 0; chain < Tile::chains; ++chain)
#pragma unroll
      for (int i = 0; i < 2 * Tile::m_tiles; ++i)
#pragma unroll
        for (int column = 0; column < 2; ++column) {
          float value = 0;
          if (chain == 0 && i < Tile::slots && column < rows) {
#pragma unroll
            for (int n = 0; n < Cell::gates; ++n)
              if (has_gate(Cell::recurrent_gates, n) &&
                  gate_position(Cell::recurrent_gates, n) == i % Tile::recurrent)
                value = gate[i / Tile::recurrent % cells][column][n];
          }
          sum[chain][i / 2][2 * (i % 2) + column] = value;
        }
#pragma unroll
    for (int k = 0; k < Tile::k_tiles; ++k)
#pragma unroll
      for (int m = 0; m < Tile::m_tiles; ++m)
        Packed<Storage>::multiply_add(sum[k % Tile::chains][m], a[m][k], b[k][0], b[k][1]);
#pragma unroll
    for (int chain = 1; chain < Tile::chains; ++chain)
#pragma unroll
      for (int m = 0; m < Tile::m_tiles; ++m)
#pragma unroll
        for (int e = 0; e < 4; ++e) sum[0][m][e] += sum[chain][m][e];

    hidden_offset ^= Tile::Hidden::bytes;
#pragma unroll
    for (int r = 0; r < rows; ++r) {
      float next[cells][Cell::states], save[cells][Complete::saved_extent];
#pragma unroll
      for (int c = 0; c < cells; ++c) {
        float own[Cell::gates];
#pragma unroll
        for (int n = 0; n < Cell::gates; ++n) {
          own[n] = gate[c][r][n];
          if (has_gate(Cell::recurrent_gates, n)) {
            float choice[Share::copies];
#pragma unroll
            for (int copy = 0; copy < Share::copies; ++copy) {
              const int i =
                  (copy * cells + c) * Tile::recurrent + gate_position(Cell::recurrent_gates, n);
              choice[copy] = sum[0][i / 2][2 * (i % 2) + r];
            }
            own[n] = pick(choice, own_copy);
          }
        }
        Complete::template forward<ApproximateMath>(own, state[c][r], next[c], save[c]);
        if constexpr (Tile::clips) next[c][0] = clipped(next[c][0], p.forward_clip);
        if (!valid[c][r]) next[c][0] = 0;  // R's padding is zero, and 0·inf would not be
      }
      float channel[cells];
#pragma unroll
      for (int c = 0; c < cells; ++c) channel[c] = next[c][0];
      const Elements<cells> h = elements<Storage>(channel);
      store_shared(own_hidden[r] + hidden_offset, h);
#pragma unroll
      for (int c = 0; c < cells; ++c) {
        state[c][r][0] = element<Storage>(h, c);  // everybody else sees the rounded h
#pragma unroll
        for (int s = 1; s < Cell::states; ++s) state[c][r][s] = next[c][s];
      }
      if (Tile::saving || p.states.data != nullptr) {
#pragma unroll
        for (int row = 0; row < Tile::staged_rows; ++row) {
#pragma unroll
          for (int c = 0; c < cells; ++c)
            channel[c] = row < Cell::states - 1
                             ? next[c][row < Cell::states - 1 ? row + 1 : 0]
                             : save[c][row < Cell::states - 1 ? 0 : row - (Cell::states - 1)];
          store_shared(own_output[r] + output_offset + row * Tile::Output::channel_bytes,
                       elements<Storage>(channel));
        }
      }
    }
    output_offset ^= Tile::Output::bytes;
    add_bias();
    block_barrier<Tile::threads>();
  }

  if (p.last.data == nullptr) return;
#pragma unroll
  for (int c = 0; c < cells; ++c)
#pragma unroll
    for (int r = 0; r < rows; ++r)
      if (valid[c][r])
#pragma unroll
        for (int s = 0; s < Cell::states; ++s)
          store_element<Storage>(p.last, s, 0, first_row + Share::row(lane, r), head,
                                 first_unit + c, state[c][r][s]);
}

}  // namespace flashrnn::cuda
