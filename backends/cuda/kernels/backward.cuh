// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "flashrnn/cells/differentiate.hpp"
#include "fragments.cuh"
#include "sequence_io.cuh"

// The backward recurrence of a head whose R fits the registers of one block: as forward, with R^T
// for R, gate gradients for h and the sequence walked from its end. The product sums over the gates
// of all units. One or two warps read all of them from shared memory; more warps would read too
// much, so each of them multiplies the gate gradients of its own units with all rows of R^T, and
// the partial sums go round instead.

namespace flashrnn::cuda {

/// What is fixed when the kernel is compiled; names as in ForwardTile.
///   exact      head_dim is padded, and the batch a multiple of the tile's
///   clips_h, clips_gradient, cuts   options of the problem
///   reads_states, reads_saved   bits of the states (of this or the previous step) and of the saved
///                               values that the cell's backward function reads
template <class Cell_, class Storage_, int padded_, int batch_, int chains_, int io_warps_,
          int ring_, int group_, bool exact_, bool clips_h_, bool clips_gradient_, bool cuts_,
          int compute_registers_, unsigned reads_states_, unsigned reads_saved_>
struct BackwardTile {
  using Cell = Cell_;
  using Storage = Storage_;
  using Complete = CompleteCell<Cell>;
  static constexpr int padded = padded_, batch = batch_, units = 2, chains = chains_,
                       io_warps = io_warps_, ring = ring_, group = group_;
  static constexpr bool exact = exact_, clips_h = clips_h_, clips_gradient = clips_gradient_,
                        cuts = cuts_;
  static constexpr int compute_registers = compute_registers_;
  static constexpr unsigned reads_states = reads_states_, reads_saved = reads_saved_;
  static_assert(padded % 16 == 0, "BackwardTile: padded is a multiple of 16, the rows of an mma");
  static_assert(Cell::gates <= max_gates, "BackwardTile: more gates than max_gates");

  static constexpr int recurrent = count_gates(Cell::recurrent_gates);
  static constexpr int compute_warps = padded / 16;
  static constexpr int threads = 32 * (compute_warps + io_warps);
  // The product of one warp: rows of R^T by gate gradients, all of them or those of 16 units.
  static constexpr bool sliced = compute_warps > 2;
  static constexpr int m_tiles = sliced ? compute_warps : 1;
  static constexpr int k_tiles = recurrent * (sliced ? 1 : compute_warps);
  // Registers are scarce where several warps of many products share a quarter, which then waits for
  // products rather than latencies.
  static constexpr bool scarce = compute_warps > 4;
  static constexpr int m_tiles_at_once = scarce ? 2 : 4;

  // Channels of the ring: saved values, states of the previous step, upstream gradient of h.
  static constexpr int saved_channels = count_gates(reads_saved);
  static constexpr int state_channels = count_gates(reads_states);
  static constexpr int upstream_channel = saved_channels + state_channels;
  using Warps = IoWarps<io_warps, upstream_channel + 1, Cell::gates>;
  using Input = Ring<batch, upstream_channel + 1, padded, ring>;
  // What the product reads: the recurrent gates of a unit side by side.
  using Gradients = Columns<batch, recurrent * padded>;
  using Output = Staged<batch, Cell::gates, padded>;
  static constexpr int gradients_at = 0;
  static constexpr int gradients_bytes = Gradients::bytes * (sliced ? 1 : 2);
  // Partial sums [warp, row of the batch, unit] of this step and of the one before it.
  static constexpr int partial_at = gradients_at + gradients_bytes;
  static constexpr int partial_bytes = sliced ? 4 * compute_warps * batch * padded : 0;
  static constexpr int output_at = partial_at + 2 * partial_bytes;
  static constexpr int output_group = group * Output::bytes;
  // Inputs of the first step, which are read before the loop, and the ring of the steps behind it.
  static constexpr int first_input_at = output_at + 2 * output_group;
  static constexpr int input_at = first_input_at + Input::step_bytes;
  static constexpr int shared_bytes = input_at + Input::bytes;
};

/// Where what backward reads lies. At the first step of the sequence, which comes last, the
/// previous states are the initial ones.
template <class Tile>
struct BackwardInputRows {
  static constexpr bool last_step_differs = true;
  const BackwardParameters& p;
  int head;
  Index first_row;
  __device__ unsigned short* operator()(int channel, int row, Index step) const {
    const Index t = p.shape.steps - 1 - step, b = first_row + row;
    if (channel < Tile::saved_channels)
      return row_of(p.saved, set_bit(Tile::reads_saved, channel), t, b, head);
    if (channel == Tile::upstream_channel) return row_of(p.dh, 0, t, b, head);
    const int state = set_bit(Tile::reads_states, channel - Tile::saved_channels);
    return t > 0 ? row_of(p.states, state, t - 1, b, head) : row_of(p.s0, state, 0, b, head);
  }
};

template <class Tile>
struct GateGradientRows {
  const BackwardParameters& p;
  int head;
  Index first_row;
  __device__ unsigned short* operator()(int channel, int row, Index step) const {
    return row_of(p.d_gate[channel], 0, p.shape.steps - 1 - step, first_row + row, head);
  }
};

/// R^T as left-hand fragments: rows are units of h, k runs over units and their recurrent gates.
template <class Tile>
__device__ void load_transposed(const BackwardParameters& p, int head, int warp, const Lane& lane,
                                Word (&a)[Tile::m_tiles][Tile::k_tiles][4]) {
  const int head_dim = static_cast<int>(p.shape.head_dim);
  const auto* const matrix = static_cast<const unsigned short*>(p.R.data);
#pragma unroll
  for (int k = 0; k < Tile::k_tiles; ++k) {
    const int first =
        (Tile::sliced ? 16 * Tile::recurrent * warp : 0) + first_k<Tile::k_tiles>(k, lane.column);
#pragma unroll
    for (int m = 0; m < Tile::m_tiles; ++m) {
      const int in = 16 * (Tile::sliced ? m : warp) + 2 * lane.row;
      Word pair[4];  // R[gate][out][in], R[gate][out][in + 1] for 4 neighbouring k
#pragma unroll
      for (int n = 0; n < 4; ++n) {
        const int gate = (first + n) % Tile::recurrent, out = (first + n) / Tile::recurrent;
        pair[n] = 0;
        if (out >= head_dim || in >= head_dim) continue;
        const unsigned short* const at = matrix + p.R.strides.at(gate, head, out) + in;
        if (p.wide_matrix != 0) {
          pair[n] = *reinterpret_cast<const Word*>(at);
        } else {
          pair[n] = at[0] | (in + 1 < head_dim ? static_cast<Word>(at[1]) << 16 : 0);
        }
      }
      a[m][k][0] = __byte_perm(pair[0], pair[1], 0x5410);
      a[m][k][1] = __byte_perm(pair[0], pair[1], 0x7632);
      a[m][k][2] = __byte_perm(pair[2], pair[3], 0x5410);
      a[m][k][3] = __byte_perm(pair[2], pair[3], 0x7632);
    }
  }
}

/// Brings saved values, states and upstream gradients into the ring ahead of time.
template <class Tile, bool wide>
__device__ void load_inputs(const BackwardParameters& p, SharedAddress shared, int lane, int head,
                            Index first_row) {
  const int rows = static_cast<int>(::min(p.shape.batch - first_row, Index(Tile::batch)));
  const BackwardInputRows<Tile> source{p, head, first_row};
  const int head_dim = static_cast<int>(p.shape.head_dim);
  const SharedAddress first = shared + Tile::first_input_at;
  for (int e = lane; e < rows * Tile::Input::channels * head_dim; e += 32 * Tile::Warps::loading) {
    const int unit = e % head_dim, channel = e / head_dim % Tile::Input::channels,
              row = e / head_dim / Tile::Input::channels;
    const unsigned short* const from = source(channel, row, 0);
    if (from != nullptr)
      store_shared_bits(first + Tile::Input::offset(channel, row) + 2 * unit, from[unit]);
  }
  RingLoader<typename Tile::Input, 32 * Tile::Warps::loading, Tile::group, wide> input;
  input.start(shared + Tile::input_at, lane, rows, head_dim, p.shape.steps, 1, source);
  block_barrier_converged<Tile::threads>();
  block_barrier_converged<Tile::threads>();
  for (Index step = 0; step < p.shape.steps; step += Tile::group) {
    input.refill(source);
    input.wait();
    block_barrier_converged<Tile::threads>();
  }
  copy_async_wait<0>();
}

/// Writes the gate gradients, one group behind.
template <class Tile, bool wide>
__device__ void store_gradients(const BackwardParameters& p, SharedAddress shared, int lane,
                                int head, Index first_row) {
  const int rows = static_cast<int>(::min(p.shape.batch - first_row, Index(Tile::batch)));
  const GateGradientRows<Tile> target{p, head, first_row};
  RowStorer<Tile::batch, Tile::Cell::gates, Tile::padded, 32 * Tile::Warps::storing, Tile::group,
            Tile::Output::bytes, wide>
      output;
  const auto row = [](int channel, int r) { return Tile::Output::offset(channel, r); };
  output.start(lane, rows, static_cast<int>(p.shape.head_dim), target, row);
  block_barrier_converged<Tile::threads>();
  block_barrier_converged<Tile::threads>();
  SharedAddress slots = shared + Tile::output_at;
  for (Index first = 0; first < p.shape.steps; first += Tile::group) {
    block_barrier_converged<Tile::threads>();
    const int count = static_cast<int>(::min(p.shape.steps - first, Index(Tile::group)));
    output.store(slots, first, count, target, row);
    slots = 2 * (shared + Tile::output_at) + Tile::output_group - slots;
  }
}

template <class Tile, bool wide>
__device__ void backward_io(const BackwardParameters& p, SharedAddress shared, int lane, int head,
                            Index first_row) {
  if (lane < 32 * Tile::Warps::loading) {
    load_inputs<Tile, wide>(p, shared, lane, head, first_row);
  } else {
    store_gradients<Tile, wide>(p, shared, lane - 32 * Tile::Warps::loading, head, first_row);
  }
}

/// The kernel. Block x = batch tile · heads + head.
template <class Tile>
__device__ void backward(const BackwardParameters& p) {
  using Cell = typename Tile::Cell;
  using Complete = typename Tile::Complete;
  using Storage = typename Tile::Storage;
  using Share = flashrnn::cuda::Share<Tile::batch, Tile::units>;
  constexpr int cells = Share::cells, rows = Share::rows;
  constexpr int channels = Tile::Input::channels;

  extern __shared__ __align__(128) unsigned char shared_bytes[];
  const SharedAddress shared = shared_address(shared_bytes);
  const int heads = static_cast<int>(p.shape.heads);
  const int head = static_cast<int>(blockIdx.x) % heads;
  const Index tile = static_cast<Index>(blockIdx.x / heads);
  const Index first_row = tile * Tile::batch;
  clear_shared(shared, Tile::shared_bytes);
  block_barrier<Tile::threads>();

  const int warp = role<Tile>(p.blocks_at_once);
  if (warp >= Tile::compute_warps) {
    give_registers<Tile::compute_registers>();
    const int io_lane = 32 * (warp - Tile::compute_warps) + static_cast<int>(threadIdx.x & 31);
    if (p.wide_sequences != 0) {
      backward_io<Tile, true>(p, shared, io_lane, head, first_row);
    } else {
      backward_io<Tile, false>(p, shared, io_lane, head, first_row);
    }
    return;
  }
  take_registers<Tile::compute_registers>();

  const Lane lane;
  const int head_dim = static_cast<int>(p.shape.head_dim);
  const int row_unit = (8 * warp + lane.row) * Tile::units;
  const int share = Share::first(lane);
  const int first_unit = row_unit + share;

  Word a[Tile::m_tiles][Tile::k_tiles][4];
  load_transposed<Tile>(p, head, warp, lane, a);

  // next: states after the step at hand, of which only those in reads_states are kept.
  float next[cells][rows][Cell::states], d_state[cells][rows][Cell::states];
  float bias_sum[cells][Cell::gates];
  bool valid[cells][rows];
#pragma unroll
  for (int c = 0; c < cells; ++c) {
    const int unit = first_unit + c;
#pragma unroll
    for (int n = 0; n < Cell::gates; ++n) bias_sum[c][n] = 0;
#pragma unroll
    for (int r = 0; r < rows; ++r) {
      const Index row = first_row + Share::row(lane, r);
      valid[c][r] = unit < head_dim && row < p.shape.batch;
#pragma unroll
      for (int s = 0; s < Cell::states; ++s) {
        next[c][r][s] = valid[c][r] && has_gate(Tile::reads_states, s)
                            ? load_element<Storage>(p.states, s, p.shape.steps - 1, row, head, unit)
                            : 0.0f;
        d_state[c][r][s] = valid[c][r] && p.d_last.data != nullptr
                               ? load_element<Storage>(p.d_last, s, 0, row, head, unit)
                               : 0.0f;
      }
    }
  }

  const SharedAddress gradients = shared + Tile::gradients_at;
  SharedAddress supplied = gradients + Tile::Gradients::offset(Share::supplied_row(lane)) +
                           (Tile::sliced ? 32 * Tile::recurrent * warp : 0) + 16 * lane.column;
  int own_copy = lane.column % Share::copies;
  pin(supplied);
  pin(own_copy);
  SharedAddress own_gradient[rows], own_input[rows], own_output[rows], own_sum[rows],
      own_partial[rows];
#pragma unroll
  for (int r = 0; r < rows; ++r) {
    const int row = Share::row(lane, r);
    own_gradient[r] = gradients + Tile::Gradients::offset(row) + 2 * Tile::recurrent * first_unit;
    own_input[r] = shared + Tile::first_input_at + Tile::Input::offset(0, row) + 2 * first_unit;
    own_output[r] = shared + Tile::output_at + Tile::Output::offset(0, row) + 2 * first_unit;
    own_sum[r] = shared + Tile::partial_at + 4 * (row * Tile::padded + first_unit);
    own_partial[r] = shared + Tile::partial_at +
                     4 * ((warp * Tile::batch + row) * Tile::padded + 2 * lane.row + share);
    pin(own_gradient[r]);
    pin(own_input[r]);
    pin(own_output[r]);
    pin(own_sum[r]);
    pin(own_partial[r]);
  }
  block_barrier<Tile::threads>();

  Elements<cells> in[rows][channels], in_next[rows][channels];
  const auto load_inputs = [&](SharedAddress offset) {
#pragma unroll
    for (int r = 0; r < rows; ++r)
#pragma unroll
      for (int channel = 0; channel < channels; ++channel)
        in_next[r][channel] =
            load_shared<cells>(own_input[r] + offset + channel * Tile::Input::channel_bytes);
  };
  const auto take_inputs = [&] {
#pragma unroll
    for (int r = 0; r < rows; ++r)
#pragma unroll
      for (int channel = 0; channel < channels; ++channel) in[r][channel] = in_next[r][channel];
  };
  Elements<cells> d_gates[rows][Cell::gates];  // of the step before
  const auto store_output = [&](SharedAddress offset) {
#pragma unroll
    for (int r = 0; r < rows; ++r)
#pragma unroll
      for (int n = 0; n < Cell::gates; ++n)
        store_shared(own_output[r] + offset + n * Tile::Output::channel_bytes, d_gates[r][n]);
  };

  // R^T · (gate gradients of the step before), as far as this lane's cells get it.
  float recurrent[cells][rows];
  SharedAddress partial = 0, exchanged = 0;  // offsets of the buffers that are read next
  const auto own_sums = [&](const float(&sum)[4], int r, float(&own)[cells]) {
#pragma unroll
    for (int c = 0; c < cells; ++c) {
      float choice[Share::copies];
#pragma unroll
      for (int copy = 0; copy < Share::copies; ++copy)
        choice[copy] = sum[2 * (copy * cells + c) + r];
      own[c] = pick(choice, own_copy);
    }
  };
  const auto multiply_all = [&](const Word(&b)[Tile::k_tiles][2]) {
    float part[Tile::chains][4];
#pragma unroll
    for (int k = 0; k < Tile::k_tiles; ++k) {
      if (k < Tile::chains) {
        const float zero[4] = {0, 0, 0, 0};
        Packed<Storage>::multiply_add(part[k], a[0][k], b[k][0], b[k][1], zero);
      } else {
        Packed<Storage>::multiply_add(part[k % Tile::chains], a[0][k], b[k][0], b[k][1]);
      }
    }
#pragma unroll
    for (int distance = Tile::chains / 2; distance > 0; distance /= 2)
#pragma unroll
      for (int chain = 0; chain < distance; ++chain)
#pragma unroll
        for (int e = 0; e < 4; ++e) part[chain][e] += part[chain + distance][e];
#pragma unroll
    for (int r = 0; r < rows; ++r) {
      float own[cells];
      own_sums(part[0], r, own);
#pragma unroll
      for (int c = 0; c < cells; ++c) recurrent[c][r] = own[c];
    }
  };
  // Four tiles in flight on every quarter are enough.
  const auto multiply_slice = [&](const Word(&b)[Tile::k_tiles][2]) {
#pragma unroll
    for (int first = 0; first < Tile::m_tiles; first += Tile::m_tiles_at_once) {
      float sum[Tile::m_tiles_at_once][4];
#pragma unroll
      for (int k = 0; k < Tile::k_tiles; ++k)
#pragma unroll
        for (int m = 0; m < Tile::m_tiles_at_once; ++m) {
          if (first + m >= Tile::m_tiles) continue;
          if (k == 0) {
            const float zero[4] = {0, 0, 0, 0};
            Packed<Storage>::multiply_add(sum[m], a[first + m][k], b[k][0], b[k][1], zero);
          } else {
            Packed<Storage>::multiply_add(sum[m], a[first + m][k], b[k][0], b[k][1]);
          }
        }
#pragma unroll
      for (int m = 0; m < Tile::m_tiles_at_once; ++m)
#pragma unroll
        for (int r = 0; r < rows; ++r) {
          if (first + m >= Tile::m_tiles) continue;
          float own[cells];
          own_sums(sum[m], r, own);
          store_shared_floats(own_partial[r] + partial + 64 * (first + m), own);
        }
    }
  };
  // Partial sums of `at_once` warps, in the order of the warps.
  constexpr int at_once = Tile::scarce ? 4 : Tile::compute_warps;
  float part[rows][at_once][cells];
  const auto load_partials = [&](int first) {
#pragma unroll
    for (int r = 0; r < rows; ++r)
#pragma unroll
      for (int w = 0; w < at_once; ++w)
        if (first + w < Tile::compute_warps)
          load_shared_floats(own_sum[r] + partial + 4 * (first + w) * Tile::batch * Tile::padded,
                             part[r][w]);
  };
  const auto sum_partials = [&] {
#pragma unroll
    for (int first = 0; first < Tile::compute_warps; first += at_once) {
      if (first > 0) load_partials(first);
#pragma unroll
      for (int r = 0; r < rows; ++r)
#pragma unroll
        for (int c = 0; c < cells; ++c) {
          float odd = first > 0 ? recurrent[c][r] : 0.0f, even = part[r][0][c];
#pragma unroll
          for (int w = 1; w < at_once; ++w)
            if (first + w < Tile::compute_warps) (w % 2 == 0 ? even : odd) += part[r][w][c];
          recurrent[c][r] = even + odd;
        }
    }
  };
  // d_h plus the recurrent gradient, clipped or cut.
  const auto with_recurrent = [&](float d_h, float gradient) {
    if constexpr (Tile::cuts) return d_h;
    if constexpr (Tile::clips_gradient) return d_h + clipped(gradient, p.recurrent_gradient_clip);
    return d_h + gradient;
  };
  const auto pointwise = [&] {
#pragma unroll
    for (int r = 0; r < rows; ++r) {
      float d_gate[cells][Cell::gates];
#pragma unroll
      for (int c = 0; c < cells; ++c) {
        float save[Complete::saved_extent], previous[Cell::states], d_previous[Cell::states];
#pragma unroll
        for (int k = 0; k < Complete::saved_extent; ++k)
          save[k] = has_gate(Tile::reads_saved, k)
                        ? element<Storage>(in[r][gate_position(Tile::reads_saved, k)], c)
                        : 0.0f;
#pragma unroll
        for (int n = 0; n < Cell::states; ++n)
          previous[n] =
              has_gate(Tile::reads_states, n)
                  ? element<Storage>(
                        in[r][Tile::saved_channels + gate_position(Tile::reads_states, n)], c)
                  : 0.0f;
        const float upstream = element<Storage>(in[r][Tile::upstream_channel], c);
        d_state[c][r][0] = with_recurrent(d_state[c][r][0] + upstream, recurrent[c][r]);
        // Where the clip of h was active, h does not depend on the pointwise function.
        if (Tile::clips_h && p.forward_clip <= ::fabsf(next[c][r][0])) d_state[c][r][0] = 0;
        Complete::template backward<ApproximateMath>(save, previous, next[c][r], d_state[c][r],
                                                     d_gate[c], d_previous);
#pragma unroll
        for (int n = 0; n < Cell::states; ++n) {
          d_state[c][r][n] = d_previous[n];
          next[c][r][n] = previous[n];
        }
        // R's padding is zero, and 0·NaN would not be; rows that are not there add to no bias.
#pragma unroll
        for (int n = 0; n < Cell::gates; ++n)
          if (!Tile::exact && !valid[c][r]) d_gate[c][n] = 0;
      }
      float side_by_side[cells * Tile::recurrent];
#pragma unroll
      for (int n = 0; n < Cell::gates; ++n)
#pragma unroll
        for (int c = 0; c < cells; ++c)
          if (has_gate(Cell::recurrent_gates, n))
            side_by_side[c * Tile::recurrent + gate_position(Cell::recurrent_gates, n)] =
                d_gate[c][n];
      store_row<Storage>(own_gradient[r] + (Tile::sliced ? 0 : exchanged ^ Tile::Gradients::bytes),
                         side_by_side);
#pragma unroll
      for (int n = 0; n < Cell::gates; ++n) {
        float channel[cells];
#pragma unroll
        for (int c = 0; c < cells; ++c) {
          channel[c] = d_gate[c][n];
          bias_sum[c][n] += d_gate[c][n];
        }
        d_gates[r][n] = elements<Storage>(channel);
      }
    }
  };

  load_inputs(0);
  take_inputs();
  block_barrier<Tile::threads>();

  SharedAddress input_group = 0, output_group = 0;
  // Step s of a group, up to the barrier behind it.
  const auto step = [&](int s) {
    const SharedAddress output = output_group + s * Tile::Output::bytes;
    const SharedAddress next_input =
        Tile::Input::step_bytes + input_group + s * Tile::Input::step_bytes;
    Word b[Tile::k_tiles][2];
    if constexpr (Tile::sliced) {
      load_partials(0);
      if (!Tile::scarce) load_inputs(next_input);
      sum_partials();
      pointwise();
      __syncwarp();
      load_columns<Tile::k_tiles>(supplied, lane.column, b);
      store_output(output);
      if (Tile::scarce) load_inputs(next_input);
      partial ^= Tile::partial_bytes;
      multiply_slice(b);
    } else {
      load_columns<Tile::k_tiles>(supplied + exchanged, lane.column, b);
      if (s > 0) store_output(output - Tile::Output::bytes);
      load_inputs(next_input);
      multiply_all(b);
      pointwise();
      exchanged ^= Tile::Gradients::bytes;
    }
    take_inputs();
  };
  const auto end_group = [&](int count) {
    if (!Tile::sliced) store_output(output_group + (count - 1) * Tile::Output::bytes);
    block_barrier<Tile::threads>();
  };
  Index left = p.shape.steps;
  for (; left >= Tile::group; left -= Tile::group) {
#pragma unroll
    for (int s = 0; s < Tile::group; ++s) {
      step(s);
      if (s < Tile::group - 1) compute_barrier<32 * Tile::compute_warps>();
    }
    end_group(Tile::group);
    output_group ^= Tile::output_group;
    input_group += Tile::group * Tile::Input::step_bytes;
    if (input_group == Tile::Input::bytes) input_group = 0;
  }
  if (left > 0) {
#pragma unroll 1
    for (int s = 0; s < static_cast<int>(left); ++s) {
      step(s);
      compute_barrier<32 * Tile::compute_warps>();
    }
    end_group(static_cast<int>(left));
  }

  // What the first step of the sequence hands to the initial h.
  if constexpr (Tile::sliced) {
    load_partials(0);
    sum_partials();
  } else {
    Word b[Tile::k_tiles][2];
    load_columns<Tile::k_tiles>(supplied + exchanged, lane.column, b);
    multiply_all(b);
  }
#pragma unroll
  for (int c = 0; c < cells; ++c)
#pragma unroll
    for (int r = 0; r < rows; ++r)
      d_state[c][r][0] = with_recurrent(d_state[c][r][0], recurrent[c][r]);

  if (p.ds0.data != nullptr) {
#pragma unroll
    for (int c = 0; c < cells; ++c)
#pragma unroll
      for (int r = 0; r < rows; ++r)
        if (valid[c][r])
#pragma unroll
          for (int s = 0; s < Cell::states; ++s)
            store_element<Storage>(p.ds0, s, 0, first_row + Share::row(lane, r), head,
                                   first_unit + c, d_state[c][r][s]);
  }
  if (p.db_partial == nullptr) return;
    // Lanes of one fragment row that hold the same units hold different rows of the batch.
#pragma unroll
  for (int c = 0; c < cells; ++c)
#pragma unroll
    for (int n = 0; n < Cell::gates; ++n) {
      if (!has_gate(Cell::bias_gates, n)) continue;
      float sum = bias_sum[c][n];
#pragma unroll
      for (int distance = Share::copies; distance < 4; distance *= 2)
        sum += __shfl_xor_sync(0xffffffffu, sum, distance);
      if (lane.column < Share::copies && first_unit + c < head_dim)
        p.db_partial[((tile * count_gates(Cell::bias_gates) + gate_position(Cell::bias_gates, n)) *
                          p.shape.heads +
                      head) *
                         p.shape.head_dim +
                     first_unit + c] = sum;
    }
}

}  // namespace flashrnn::cuda
