// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "forward_io.cuh"
#include "forward_tile.cuh"

// The forward recurrence of a head whose R fits the registers of one block. docs/cuda_kernels.md
// has the picture.

namespace flashrnn::cuda {

/// The Math of forward: pre-activations may be halved where tanh is approximate.
template <class Storage>
struct ForwardMath : HalvedMath {
  static __device__ PreActivation gate(float value, bool halved) {
    return PreActivation(value, halved);
  }
  static __device__ float whole(PreActivation x) { return x.whole(); }
};
template <>
struct ForwardMath<float> : MathOf<float> {
  static __device__ float gate(float value, bool) { return value; }
  static __device__ float whole(float x) { return x; }
};
template <>
struct ForwardMath<TwoPartFloat> : ForwardMath<float> {};
template <>
struct ForwardMath<ScaledFloat> : ForwardMath<float> {};

/// The scale of a row of h that is bounded by 1 and by its initial state, whose units begin at
/// `initial`, or null. The lanes of a column, rows of fragments, have the same row and look through
/// it together; all lanes of the warp take part.
template <class Storage>
__device__ Scale scale_of_row(const Bits<Storage>* initial, int head_dim, const Lane& lane) {
  float largest = 1;
  for (int unit = lane.row; initial != nullptr && unit < head_dim; unit += 8)
    largest = larger_finite(largest, widen<Storage>(initial[unit]));
#pragma unroll
  for (int distance = 4; distance < 32; distance *= 2)
    largest = ::fmaxf(largest, __shfl_xor_sync(0xffffffffu, largest, distance));
  return Scale::of(largest);
}

/// The kernel. Block x = batch tile · heads + head.
template <class Tile>
__device__ void forward(const ForwardParameters& p) {
  using Cell = typename Tile::Cell;
  using Complete = typename Tile::Complete;
  using Storage = typename Tile::Storage;
  using Share = flashrnn::cuda::Share<Tile::batch, Tile::units>;
  constexpr int cells = Share::cells, rows = Share::rows, bytes = Tile::Input::element_bytes;
  constexpr int tile_rows = rows / Tile::n_tiles;
  using Math = ForwardMath<Storage>;
  using Real = typename Math::Real;

  extern __shared__ __align__(128) unsigned char shared_bytes[];
  const SharedAddress shared = shared_address(shared_bytes);
  const int heads = static_cast<int>(p.shape.heads);
  const int head = static_cast<int>(blockIdx.x) % heads;
  const Index first_row = static_cast<Index>(blockIdx.x / heads) * Tile::batch;
  clear_shared(shared, Tile::shared_bytes);
  if constexpr (Tile::arranged) wait_for_previous_kernel();
  __syncthreads();
  Tile::Order::prepare();

  const int warp = warp_number();
  if (warp >= Tile::compute_warps) {
    give_registers<Tile::compute_registers>();
    const int io_warp = warp - Tile::compute_warps, lane = static_cast<int>(threadIdx.x & 31);
    forward_io<Tile>(p, shared, io_warp, lane, head, first_row);
    return;
  }
  take_registers<Tile::compute_registers>();

  const typename Tile::Order order(warp);
  const Lane lane;
  const int head_dim = static_cast<int>(p.shape.head_dim);
  const int row_unit = (8 * warp + lane.row) * Tile::units;  // first unit of the fragment row
  const int share = Share::first(lane);
  const int first_unit = row_unit + share;  // first unit of this lane's cells

  typename Tile::Matrix matrix;
  matrix.rest = shared + Tile::matrix_at + warp * Tile::Matrix::bytes_per_warp +
                16 * (static_cast<int>(threadIdx.x) & 31);
  if constexpr (Tile::held < Tile::parts) pin(matrix.rest);
  const float matrix_inverse = load_fragments<Tile>(p, head, warp, lane, matrix);
  matrix.keep();

  float bias[cells][Cell::gates], state[cells][rows][Cell::states];
  bool valid[cells][rows];
#pragma unroll
  for (int c = 0; c < cells; ++c) {
    const int unit = first_unit + c;
#pragma unroll
    for (int n = 0; n < Cell::gates; ++n)
      bias[c][n] =
          has_gate(Cell::bias_gates, n) && p.b.data != nullptr && unit < head_dim
              ? load_element<Storage>(p.b, gate_position(Cell::bias_gates, n), 0, 0, head, unit) *
                    (has_gate(Tile::halved, n) ? 0.5f : 1.0f)
              : 0.0f;
  }
#pragma unroll
  for (int r = 0; r < rows; ++r)
#pragma unroll
    for (int c = 0; c < cells; ++c)
      valid[c][r] = first_unit + c < head_dim && first_row + Share::row(lane, r) < p.shape.batch;
#pragma unroll
  for (int s = 0; s < Cell::states; ++s) {
    const Bits<Storage>* const first = row_of<Storage>(p.s0, s, 0, first_row, head);
#pragma unroll
    for (int r = 0; r < rows; ++r) {
      const Bits<Storage>* const from = first + Share::row(lane, r) * p.s0.strides.batch;
#pragma unroll
      for (int c = 0; c < cells; ++c)
        state[c][r][s] =
            valid[c][r] && p.s0.data != nullptr ? widen<Storage>(from[first_unit + c]) : 0.0f;
    }
  }

  // What rows of h are multiplied with before the product, and what that is multiplied with.
  float scale[rows], inverse[rows];
#pragma unroll
  for (int r = 0; r < rows; ++r) {
    if constexpr (Tile::scaled) {
      const Index row = first_row + Share::row(lane, r);
      const Scale of_row = scale_of_row<Storage>(
          row < p.shape.batch ? row_of<Storage>(p.s0, 0, 0, row, head) : nullptr, head_dim, lane);
      scale[r] = of_row.factor;
      inverse[r] = of_row.inverse * matrix_inverse;
    }
  }
  const auto store_hidden = [&](SharedAddress to, const float(&h)[cells], int r) {
    float scaled[cells];
#pragma unroll
    for (int c = 0; c < cells; ++c) scaled[c] = Tile::scaled ? h[c] * scale[r] : h[c];
    store_factor<Storage, typename Tile::Hidden>(to, scaled);
  };

  const SharedAddress hidden = shared + Tile::hidden_at;
  SharedAddress supplied = hidden + Tile::Hidden::supplied(lane) + 16 * lane.column;
  int own_copy = lane.column % Share::copies;
  pin(supplied);
  pin(own_copy);
  SharedAddress own_hidden[rows], own_input[rows], own_output[rows], own_quads[rows];
#pragma unroll
  for (int r = 0; r < rows; ++r) {
    const int row = Share::row(lane, r);
    own_hidden[r] = hidden + Tile::Hidden::offset(row) + 2 * first_unit;
    own_input[r] = shared + Tile::first_input_at + Tile::Input::offset(0, row) + bytes * first_unit;
    own_output[r] = shared + Tile::output_at + Tile::Output::offset(0, row) + bytes * first_unit;
    if (r < tile_rows) {
      pin(own_hidden[r]);
      pin(own_input[r]);
      pin(own_output[r]);
    } else {  // constant distances, which instructions hold
      const int n = r / tile_rows;
      own_hidden[r] = own_hidden[r % tile_rows] + n * Tile::Hidden::bytes / Tile::n_tiles;
      own_input[r] = own_input[r % tile_rows] + n * 8 * Tile::Input::row_bytes;
      own_output[r] = own_output[r % tile_rows] + n * 8 * Tile::Output::row_bytes;
    }
    own_quads[r] = shared + Tile::output_at + Tile::Output::offset(Tile::first_saved, row) +
                   4 * bytes * first_unit;
    if (Tile::quads > 0) pin(own_quads[r]);
    float h[cells];
#pragma unroll
    for (int c = 0; c < cells; ++c) h[c] = state[c][r][0];
    store_hidden(own_hidden[r] + 2 * Tile::hidden_group - Tile::Hidden::bytes, h, r);
  }
  order.publish();
  order.meet_moving();

  // Pre-activations without R·h of the step to come, and x of the step after it.
  float gate[cells][rows][Cell::gates];
  Elements<cells, bytes> x[rows][Tile::inputs];
  const auto load_x = [&](SharedAddress offset) {
#pragma unroll
    for (int r = 0; r < rows; ++r)
#pragma unroll
      for (int q = 0; q < Tile::inputs; ++q)
        x[r][q] = load_shared<cells, bytes>(own_input[r] + offset + q * Tile::Input::channel_bytes);
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
            gate[c][r][n] += element<Storage>(x[r][gate_position(Cell::input_gates, n)], c) *
                             (has_gate(Tile::halved, n) ? 0.5f : 1.0f);
        }
  };
  // Other states and saved values go out in the shadow of the next step's product.
  Elements<cells, bytes> staged[rows][Tile::staged_extent];
  constexpr int quad_cells = Tile::quads > 0 ? 4 * cells : 1;
  Elements<quad_cells, bytes> staged_quad[rows][Tile::quads + 1];
  const auto in_quads = [](int row) {
    return row >= Tile::first_saved && row < Tile::first_saved + 4 * Tile::quads;
  };
  const auto store_staged = [&](SharedAddress offset) {
#pragma unroll
    for (int r = 0; r < rows; ++r) {
#pragma unroll
      for (int row = 0; row < Tile::staged_rows; ++row)
        if ((Tile::all_states || row < Tile::stages_hidden) && !in_quads(row))
          store_shared(own_output[r] + offset + row * Tile::Output::channel_bytes, staged[r][row]);
#pragma unroll
      for (int q = 0; q < Tile::quads; ++q)
        store_shared(own_quads[r] + offset + 4 * q * Tile::Output::channel_bytes,
                     staged_quad[r][q]);
    }
  };

  if (Tile::reads_ahead) {
    load_x(0);
    add_bias();
  }
  order.meet_moving();

  float sum[Tile::n_tiles][Tile::chains][Tile::m_tiles][4];
#pragma unroll
  for (int m = 0; m < Tile::m_tiles; ++m)
#pragma unroll
    for (int e = 0; e < 4; ++e) sum[0][0][m][e] = 0;

  using Product = typename Tile::Product;
  SharedAddress input_group = 0, hidden_group = 0, output_group = 0;
  // Step s of a group, up to the barrier behind it.
  const auto step = [&](int s) {
    const SharedAddress before =
        s > 0 ? hidden_group + (s - 1) * Tile::Hidden::bytes
              : (hidden_group ^ Tile::hidden_group) + Tile::hidden_group - Tile::Hidden::bytes;
    const SharedAddress from = supplied + before;
    const SharedAddress output = output_group + s * Tile::Output::bytes;
    order.begin_first_part(s == 0);
    const auto others = [&] {
      if (!Tile::reads_ahead) load_x(input_group + (s + 1) * Tile::Input::step_bytes);
      if (s > 0) store_staged(output - Tile::Output::bytes);
      if (Tile::reads_ahead) load_x(input_group + (s + 1) * Tile::Input::step_bytes);
    };
    float product[cells][rows][Tile::recurrent];
    Word b[Tile::n_tiles][Tile::k_tiles][2];
    // The product, on top of x + b where a lane works on all units of its rows. Nobody reads the
    // columns that repeat a row; what they start from is what they held.
    const auto multiply = [&](int t) {
      if constexpr (Tile::parts == 1) {
#pragma unroll
        for (int k = 0; k < Tile::k_tiles; ++k) {
          if (Tile::staggered && k == Tile::first_k_tiles) {
            constexpr int asked = Tile::asked_k_tiles;
            order.begin_second_part();
            load_columns<Tile::first_k_tiles, asked>(from, lane.column, b[t]);
            order.let_follow();
            load_columns<asked, Tile::k_tiles>(from, lane.column, b[t]);
          }
#pragma unroll
          for (int m = 0; m < Tile::m_tiles; ++m) {
            float(&to)[4] = sum[t][k % Tile::chains][m];
            if (k >= Tile::chains) {
              Packed<Storage>::multiply_add(to, matrix.a[0][m][k], b[t][k][0], b[t][k][1]);
              continue;
            }
            float start[4] = {0, 0, 0, 0};
            if (k == 0 && Tile::starts_from_gates) {
#pragma unroll
              for (int e = 0; e < 4; ++e) {
                const int i = 2 * m + e / 2;
                if (e % 2 >= tile_rows) start[e] = to[e];
#pragma unroll
                for (int n = 0; n < Cell::gates; ++n)
                  if (i < Tile::slots && e % 2 < tile_rows && has_gate(Cell::recurrent_gates, n) &&
                      gate_position(Cell::recurrent_gates, n) == i % Tile::recurrent)
                    start[e] = gate[i / Tile::recurrent % cells][t * tile_rows + e % 2][n];
              }
            }
            Packed<Storage>::multiply_add(to, matrix.a[0][m][k], b[t][k][0], b[t][k][1], start);
          }
        }
#pragma unroll
        for (int chain = 1; chain < Tile::chains; ++chain)
#pragma unroll
          for (int m = 0; m < Tile::m_tiles; ++m)
#pragma unroll
            for (int e = 0; e < 4; ++e) sum[t][0][m][e] += sum[t][chain][m][e];
      }
    };
    // The pointwise function of the rows of a tile.
    const auto apply_cells = [&](int t) {
#pragma unroll
      for (int r = t * tile_rows; r < (t + 1) * tile_rows; ++r) {
        float h[cells], save[cells][Complete::saved_extent];
#pragma unroll
        for (int c = 0; c < cells; ++c) {
          Real own[Cell::gates], previous[Cell::states], next[Cell::states],
              saved[Complete::saved_extent];
#pragma unroll
          for (int n = 0; n < Cell::gates; ++n) {
            float value = gate[c][r][n];
            if (has_gate(Cell::recurrent_gates, n)) {
              const int position = gate_position(Cell::recurrent_gates, n);
              if constexpr (Tile::parts > 1) {
                value = Tile::scaled ? __fmaf_rn(product[c][r][position], inverse[r], value)
                                     : value + product[c][r][position];
              } else {
                float choice[Share::copies];
#pragma unroll
                for (int copy = 0; copy < Share::copies; ++copy) {
                  const int i = (copy * cells + c) * Tile::recurrent + position;
                  choice[copy] = sum[t][0][i / 2][2 * (i % 2) + r % tile_rows];
                }
                value = Tile::starts_from_gates ? choice[0] : pick_and_add(choice, own_copy, value);
              }
            }
            own[n] = Math::gate(value, has_gate(Tile::halved, n));
          }
#pragma unroll
          for (int n = 0; n < Cell::states; ++n) previous[n] = state[c][r][n];
          Complete::template forward<Math>(own, previous, next, saved);
          h[c] = Math::whole(next[0]);
          if constexpr (Tile::clips) h[c] = clipped(h[c], p.forward_clip);
          // R's padding is zero, and 0·inf would not be.
          if (!Tile::exact && !valid[c][r]) h[c] = 0;
#pragma unroll
          for (int n = 1; n < Cell::states; ++n) state[c][r][n] = Math::whole(next[n]);
#pragma unroll
          for (int n = 0; n < Complete::saved; ++n) save[c][n] = Math::whole(saved[n]);
        }
        const SharedAddress to = own_hidden[r] + hidden_group + s * Tile::Hidden::bytes;
        const Elements<cells, bytes> rounded = elements<Storage>(h);
        if constexpr (Tile::parts > 1) {
          store_hidden(to, h, r);
        } else {
          store_shared(to, rounded);
        }
#pragma unroll
        for (int c = 0; c < cells; ++c)
          state[c][r][0] = element<Storage>(rounded, c);  // everybody else sees the rounded h
        if constexpr (Tile::stages_hidden == 1) staged[r][0] = rounded;
          // The other states, then what is saved.
#pragma unroll
        for (int row = Tile::stages_hidden; row < Tile::staged_rows; ++row) {
          if (in_quads(row)) continue;
          const int n = row - Tile::stages_hidden + 1;
          float channel[cells];
#pragma unroll
          for (int c = 0; c < cells; ++c)
            channel[c] = n < Cell::states ? state[c][r][n < Cell::states ? n : 0]
                                          : save[c][n < Cell::states ? 0 : n - Cell::states];
          staged[r][row] = elements<Storage>(channel);
        }
#pragma unroll
        for (int q = 0; q < Tile::quads; ++q) {
          float quad[quad_cells];
#pragma unroll
          for (int c = 0; c < cells; ++c)
#pragma unroll
            for (int n = 0; n < 4; ++n) quad[(4 * c + n) % quad_cells] = save[c][4 * q + n];
          staged_quad[r][q] = elements<Storage>(quad);
        }
      }
    };

    if constexpr (Tile::parts > 1) {
      Product::template multiply<Tile::first_k_tiles>(matrix, from, lane, own_copy, order, others,
                                                      product);
    } else {
#pragma unroll
      for (int t = 0; t < Tile::n_tiles; ++t)
        load_columns<0, Tile::first_k_tiles>(from + t * Tile::Hidden::bytes / Tile::n_tiles,
                                             lane.column, b[t]);
      others();
      if (Tile::n_tiles > 1) add_bias();
      multiply(0);
    }
    if (!Tile::reads_ahead && Tile::n_tiles == 1) add_bias();
      // One tile's product beside another's functions.
#pragma unroll
    for (int t = 0; t < Tile::n_tiles; ++t) {
      if (t + 1 < Tile::n_tiles) multiply(t + 1);
      apply_cells(t);
    }
    order.publish();
    if (Tile::reads_ahead) add_bias();
  };
  const auto end_group = [&](int count) {
    store_staged(output_group + (count - 1) * Tile::Output::bytes);
    order.meet_moving();
  };
  Index left = p.shape.steps;
  for (; Tile::long_steps ? left > 0 : left >= Tile::group; left -= Tile::group) {
    const int count = Tile::long_steps && left < Tile::group ? static_cast<int>(left) : Tile::group;
#pragma unroll
    for (int s = 0; s < Tile::group; ++s) {
      if (s > 0 && s >= count) continue;
      step(s);
      if (s < Tile::group - 1) order.end_step();
    }
    end_group(count);
    hidden_group ^= Tile::hidden_group;
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
  order.leave();

  if (p.last.data == nullptr) return;
  const int block = block_number();
#pragma unroll
  for (int s = 0; s < Cell::states; ++s) {
    Bits<Storage>* const first =
        row_of<Storage>(p.last, s, 0, Index(block / heads) * Tile::batch, block % heads);
#pragma unroll
    for (int r = 0; r < rows; ++r) {
      Bits<Storage>* const to = first + Share::row(lane, r) * p.last.strides.batch;
#pragma unroll
      for (int c = 0; c < cells; ++c)
        if (valid[c][r]) to[first_unit + c] = narrow<Storage>(state[c][r][s]);
    }
  }
}

}  // namespace flashrnn::cuda
