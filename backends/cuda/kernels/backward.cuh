// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "backward_io.cuh"
#include "flashrnn/cells/differentiate.hpp"
#include "product.cuh"
#include "staggered_warps.cuh"

// The backward recurrence of a head whose R fits the registers of one block: as forward, with R^T
// for R, gate gradients for h and the sequence walked from its end.

namespace flashrnn::cuda {

/// What is fixed when the kernel is compiled; names as in ForwardTile.
///   exact      head_dim is padded, and the batch a multiple of the tile's
///   reports    whether one of the io_warps reports progress to a kernel that runs beside this one
///   clips_h, clips_gradient, cuts   options of the problem
///   reads_states, reads_saved   bits of the states (of this or the previous step) and of the saved
///                               values that the cell's backward function reads
///   held       parts of R in registers; the others are in shared memory
///   piece      bytes in which sequences are moved where `wide_sequences` says so: 16, 8 or 4
///   by_unit    as in ForwardTile; all saved values are read then
template <class Cell_, class Storage_, int padded_, int batch_, int chains_, int io_warps_,
          int ring_, int group_, bool exact_, bool reports_, bool clips_h_, bool clips_gradient_,
          bool cuts_, int compute_registers_, unsigned reads_states_, unsigned reads_saved_,
          int held_, int piece_, bool by_unit_>
struct BackwardTile {
  using Cell = Cell_;
  using Storage = Storage_;
  using Complete = CompleteCell<Cell>;
  static constexpr int padded = padded_, batch = batch_, units = 2, chains = chains_,
                       io_warps = io_warps_, ring = ring_, group = group_;
  static constexpr bool exact = exact_, reports = reports_, clips_h = clips_h_,
                        clips_gradient = clips_gradient_, cuts = cuts_;
  static constexpr int compute_registers = compute_registers_;
  static constexpr unsigned reads_states = reads_states_, reads_saved = reads_saved_;
  static constexpr int parts = Parts<Storage>::count, held = held_;
  // Gate gradients have no bounds: every warp scales its own, row by row.
  static constexpr bool scaled = Parts<Storage>::scaled;
  static constexpr int piece = piece_;
  static constexpr int quads = saved_quads<Complete::saved, by_unit_>;
  static_assert(padded % 16 == 0, "BackwardTile: padded is a multiple of 16, the rows of an mma");
  static_assert(Cell::gates <= max_gates, "BackwardTile: more gates than max_gates");

  static constexpr int recurrent = count_gates(Cell::recurrent_gates);
  static constexpr int compute_warps = padded / 16;
  // A warp that reports does not take part in the meetings of the block.
  static constexpr int moving_warps = io_warps - (reports ? 1 : 0);
  static constexpr int threads = 32 * (compute_warps + io_warps);
  // Staggered, most shapes take 2 to 15 % longer (docs/cuda_kernels_log.md#staggered-warps).
  using Order = WarpOrder<compute_warps, moving_warps, false>;
  // Rows of a lane's half tiles: its units.
  static constexpr int slots = units, m_tiles = 1;
  static constexpr int k_tiles = recurrent * compute_warps;

  // Channels of the ring: saved values, states of the previous step, upstream gradient of h.
  static constexpr int saved_channels = count_gates(reads_saved);
  static constexpr int state_channels = count_gates(reads_states);
  static constexpr int upstream_channel = saved_channels + state_channels;
  using Warps = IoWarps<moving_warps, upstream_channel + 1, Cell::gates>;
  using Input = Ring<Storage, batch, upstream_channel + 1, padded, ring>;
  // What the product reads: the recurrent gates of a unit side by side.
  using Gradients = Factor<Storage, batch, recurrent * padded>;
  using Output = Staged<Storage, batch, Cell::gates, padded>;
  using Product = SplitProduct<Storage, batch, units, 1, k_tiles, chains, held>;
  using Matrix = MatrixFragments<parts, held, m_tiles, k_tiles>;
  // What the step does beside the product happens in its shadow, or behind it where its operands
  // fill the registers.
  static constexpr bool crowded = held * k_tiles > 16;
  static constexpr int gradients_at = 0;
  static constexpr int output_at = gradients_at + 2 * Gradients::bytes;
  static constexpr int output_group = group * Output::bytes;
  // Inputs of the first step, which are read before the loop, and the ring of the steps behind it.
  static constexpr int first_input_at = output_at + 2 * output_group;
  static constexpr int input_at = first_input_at + Input::step_bytes;
  static constexpr int matrix_at = input_at + Input::bytes;
  // Inverse scales of the gradients of both buffers, [warp, row].
  static constexpr int inverses_at = matrix_at + compute_warps * Matrix::bytes_per_warp;
  static constexpr int inverses_bytes = scaled ? 4 * compute_warps * batch : 0;
  static constexpr int shared_bytes = inverses_at + 2 * inverses_bytes;

  /// Whether a kernel of its own arranges R.
  static constexpr bool arranged = m_tiles * k_tiles > most_made_fragments;
  /// Whether the product behind the last step is a loop of its own that reads R again: written out
  /// a second time, a long one is a sixth of the time that the program takes to compile.
  static __device__ constexpr bool loops_at_end() {
    if constexpr (parts > 1) return arranged && Product::products > 80;
    return false;
  }
  /// R^T: rows are units of h; k runs over units and their recurrent gates, as in Gradients.
  static __device__ MatrixElement matrix_element(int first_unit, int slot, int k) {
    return {k % recurrent, k / recurrent, first_unit + slot};
  }
  static __device__ constexpr bool halves(int) { return false; }
};

/// The scale of row `row` of a warp's gate gradients, of which every lane has some: lanes of all
/// rows of fragments. By all lanes of the warp. A reduction takes as long as a shuffle, of which a
/// row would take three and more, but serves one row.
template <int batch, int count>
__device__ Scale scale_of_gradients(const float (&value)[count], int row) {
  float largest = 0;
#pragma unroll
  for (int n = 0; n < count; ++n) largest = ::fmaxf(largest, ::fabsf(value[n]));
  if constexpr (batch <= 4) {
    float of_row[batch];
#pragma unroll
    for (int n = 0; n < batch; ++n) of_row[n] = largest_of_warp(n == row ? largest : 0.0f);
    return Scale::of(pick(of_row, row));
  } else {
#pragma unroll
    for (int distance = 4; distance < 32; distance *= 2)
      largest = ::fmaxf(largest, __shfl_xor_sync(0xffffffffu, largest, distance));
    return Scale::of(largest);
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
  constexpr int channels = Tile::Input::channels, bytes = Tile::Input::element_bytes;

  extern __shared__ __align__(128) unsigned char shared_bytes[];
  const SharedAddress shared = shared_address(shared_bytes);
  const int heads = static_cast<int>(p.shape.heads);
  const int head = static_cast<int>(blockIdx.x) % heads;
  const Index tile = static_cast<Index>(blockIdx.x / heads);
  const Index first_row = tile * Tile::batch;
  if constexpr (Tile::reports) let_next_kernel_start();
  clear_shared(shared, Tile::shared_bytes);
  __syncthreads();
  Tile::Order::prepare();
  if constexpr (Tile::reports) prepare_meeting<reporting_threads<Tile>, Barrier::reports>();

  const int warp = warp_number();
  if (warp >= Tile::compute_warps) {
    give_registers<Tile::compute_registers>();
    const int io_warp = warp - Tile::compute_warps, lane = static_cast<int>(threadIdx.x & 31);
    backward_io<Tile>(p, shared, io_warp, lane, head, first_row);
    return;
  }
  take_registers<Tile::compute_registers>();

  const typename Tile::Order order(warp);
  const Lane lane;
  const int head_dim = static_cast<int>(p.shape.head_dim);
  const int row_unit = (8 * warp + lane.row) * Tile::units;
  const int share = Share::first(lane);
  const int first_unit = row_unit + share;

  typename Tile::Matrix matrix;
  matrix.rest = shared + Tile::matrix_at + warp * Tile::Matrix::bytes_per_warp +
                16 * (static_cast<int>(threadIdx.x) & 31);
  if constexpr (Tile::held < Tile::parts) pin(matrix.rest);
  // The warps that move data need not wait: what they read was there before R was arranged.
  if constexpr (Tile::arranged) wait_for_previous_kernel();
  const float matrix_inverse = load_fragments<Tile>(p, head, warp, lane, matrix);

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
  const SharedAddress inverses = shared + Tile::inverses_at;
  const auto inverses_of = [&](SharedAddress buffer) {
    return inverses + (buffer != 0 ? Tile::inverses_bytes : 0);
  };
  SharedAddress supplied = gradients + Tile::Gradients::supplied(lane) + 16 * lane.column;
  int own_copy = lane.column % Share::copies;
  pin(supplied);
  pin(own_copy);
  SharedAddress own_gradient[rows], own_input[rows], own_output[rows], own_quads[rows];
#pragma unroll
  for (int r = 0; r < rows; ++r) {
    const int row = Share::row(lane, r);
    own_gradient[r] = gradients + Tile::Gradients::offset(row) + 2 * Tile::recurrent * first_unit;
    own_input[r] = shared + Tile::first_input_at + Tile::Input::offset(0, row) + bytes * first_unit;
    own_output[r] = shared + Tile::output_at + Tile::Output::offset(0, row) + bytes * first_unit;
    pin(own_gradient[r]);
    pin(own_input[r]);
    pin(own_output[r]);
    own_quads[r] = own_input[r] + 3 * bytes * first_unit;
    if (Tile::quads > 0) pin(own_quads[r]);
  }
  order.meet_moving();

  Elements<cells, bytes> in[rows][channels], in_next[rows][channels];
  constexpr int quad_cells = Tile::quads > 0 ? 4 * cells : 1;
  Elements<quad_cells, bytes> quad[rows][Tile::quads + 1], quad_next[rows][Tile::quads + 1];
  const auto load_inputs = [&](SharedAddress offset) {
#pragma unroll
    for (int r = 0; r < rows; ++r) {
#pragma unroll
      for (int q = 0; q < Tile::quads; ++q)
        quad_next[r][q] = load_shared<quad_cells, bytes>(own_quads[r] + offset +
                                                         4 * q * Tile::Input::channel_bytes);
#pragma unroll
      for (int channel = 4 * Tile::quads; channel < channels; ++channel)
        in_next[r][channel] =
            load_shared<cells, bytes>(own_input[r] + offset + channel * Tile::Input::channel_bytes);
    }
  };
  const auto take_inputs = [&] {
#pragma unroll
    for (int r = 0; r < rows; ++r) {
#pragma unroll
      for (int q = 0; q < Tile::quads; ++q) quad[r][q] = quad_next[r][q];
#pragma unroll
      for (int channel = 4 * Tile::quads; channel < channels; ++channel)
        in[r][channel] = in_next[r][channel];
    }
  };
  Elements<cells, bytes> d_gates[rows][Cell::gates];  // of the step before
  const auto store_output = [&](SharedAddress offset) {
#pragma unroll
    for (int r = 0; r < rows; ++r)
#pragma unroll
      for (int n = 0; n < Cell::gates; ++n)
        store_shared(own_output[r] + offset + n * Tile::Output::channel_bytes, d_gates[r][n]);
  };

  // R^T · (gate gradients of the step before), as far as this lane's cells get it.
  float recurrent[cells][rows];
  SharedAddress exchanged = 0;  // offset of the buffer that is read next
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
  // `beside` is what to do in the shadow of the product.
  const auto multiply = [&](const auto& beside) {
    if constexpr (Tile::parts > 1) {
      float own[cells][rows][1];
      if constexpr (Tile::scaled) {
        Tile::Product::template multiply_scaled<Tile::recurrent>(
            matrix, supplied + exchanged, inverses_of(exchanged), lane, own_copy, beside, own);
      } else {
        Tile::Product::multiply(matrix, supplied + exchanged, lane, own_copy, order, beside, own);
      }
#pragma unroll
      for (int c = 0; c < cells; ++c)
#pragma unroll
        for (int r = 0; r < rows; ++r)
          recurrent[c][r] = Tile::scaled ? own[c][r][0] * matrix_inverse : own[c][r][0];
      return;
    } else {
      Word b[Tile::k_tiles][2];
      load_columns<0, Tile::k_tiles>(supplied + exchanged, lane.column, b);
      beside();
      float part[Tile::chains][4];
#pragma unroll
      for (int k = 0; k < Tile::k_tiles; ++k) {
        if (k < Tile::chains) {
          const float zero[4] = {0, 0, 0, 0};
          Packed<Storage>::multiply_add(part[k], matrix.a[0][0][k], b[k][0], b[k][1], zero);
        } else {
          Packed<Storage>::multiply_add(part[k % Tile::chains], matrix.a[0][0][k], b[k][0],
                                        b[k][1]);
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
          save[k] = k < 4 * Tile::quads ? element<Storage>(quad[r][k / 4 % (Tile::quads + 1)],
                                                           (4 * c + k % 4) % quad_cells)
                    : has_gate(Tile::reads_saved, k)
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
        Complete::template backward<MathOf<Storage>>(save, previous, next[c][r], d_state[c][r],
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
      const SharedAddress buffer = exchanged ^ Tile::Gradients::bytes;
      if constexpr (Tile::scaled) {
        const Scale scale = scale_of_gradients<Tile::batch>(side_by_side, Share::row(lane, r));
#pragma unroll
        for (float& value : side_by_side) value *= scale.factor;
        if (lane.row == 0 && own_copy == 0)
          store_shared(inverses_of(buffer) + 4 * (warp * Tile::batch + Share::row(lane, r)),
                       Elements<1, 4>{{__float_as_uint(scale.inverse)}});
      }
      store_factor<Storage, typename Tile::Gradients>(own_gradient[r] + buffer, side_by_side);
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
  order.meet_moving();

  SharedAddress input_group = 0, output_group = 0;
  // Step s of a group, up to the barrier behind it.
  const auto step = [&](int s) {
    const SharedAddress output = output_group + s * Tile::Output::bytes;
    const auto others = [&] {
      if (s > 0) store_output(output - Tile::Output::bytes);
      load_inputs(input_group + (s + 1) * Tile::Input::step_bytes);
    };
    multiply([&] {
      if (!Tile::crowded) others();
    });
    if (Tile::crowded) others();
    pointwise();
    take_inputs();
    exchanged ^= Tile::Gradients::bytes;
  };
  const auto end_group = [&](int count) {
    store_output(output_group + (count - 1) * Tile::Output::bytes);
    order.meet_moving();
  };
  Index left = p.shape.steps;
  for (; left >= Tile::group; left -= Tile::group) {
#pragma unroll
    for (int s = 0; s < Tile::group; ++s) {
      step(s);
      if (s < Tile::group - 1) order.end_step();
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
      order.end_step();
    }
    end_group(static_cast<int>(left));
  }

  // Where registers are short, the block's place is found anew. (Smaller heads have some left, and
  // ptxas schedules the step of 64 units 6 % worse then.)
  int own_head = head;
  Index own_tile = tile;
  if constexpr (Tile::padded > 64 || Tile::loops_at_end()) {
    const int block = block_number();
    own_head = block % heads;
    own_tile = block / heads;
  }

  // What the first step of the sequence hands to the initial h.
  if constexpr (Tile::loops_at_end()) {
    float own[cells][rows][1];
    Tile::Product::template multiply_once<Tile::recurrent>(
        Tile::Matrix::of_lane(p.fragments, own_head * Tile::compute_warps + warp_number(),
                              static_cast<int>(threadIdx.x) & 31),
        supplied + exchanged, inverses_of(exchanged), lane, own_copy, own);
#pragma unroll
    for (int c = 0; c < cells; ++c)
#pragma unroll
      for (int r = 0; r < rows; ++r)
        recurrent[c][r] = Tile::scaled ? own[c][r][0] * matrix_inverse : own[c][r][0];
  } else {
    multiply([] {});
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
            store_element<Storage>(p.ds0, s, 0, own_tile * Tile::batch + Share::row(lane, r),
                                   own_head, first_unit + c, d_state[c][r][s]);
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
        p.db_partial[((own_tile * count_gates(Cell::bias_gates) +
                       gate_position(Cell::bias_gates, n)) *
                          p.shape.heads +
                      own_head) *
                         p.shape.head_dim +
                     first_unit + c] = sum;
    }
}

}  // namespace flashrnn::cuda
