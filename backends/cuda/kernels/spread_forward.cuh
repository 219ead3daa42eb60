// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "flashrnn/cells/differentiate.hpp"
#include "spread_results.cuh"

// The forward recurrence of a head that several blocks share: each owns `units` units with all
// their gates, and h is handed around once a step. docs/cuda_kernels.md has the picture.

namespace flashrnn::cuda {

/// What is fixed when the kernel is compiled.
///   in_cluster      whether the blocks of a head are one cluster; else they meet in L2
///   blocks, units   blocks per head, and units per block
///   batch           rows of the batch per block: 1, 2, 4, 8, 16, …
///   row_groups, k_groups   how a block's warps are dealt over rows and k of the product
///   register_tiles  fragments of R per warp in registers; the others are in shared memory
///   at_once         packets of the vector that a lane reads at once
///   whole           whether floats of R are kept unsplit
///   input_steps     steps of x that are on their way into shared memory
///   staged          whether results leave through shared memory (spread_results.cuh)
///   saving, clips   as in ForwardTile
template <class Cell_, class Storage_, bool in_cluster_, int blocks_, int units_, int batch_,
          int row_groups_, int k_groups_, int register_tiles_, int at_once_, bool whole_,
          int input_steps_, bool staged_, bool saving_, bool clips_>
struct SpreadForwardTile {
  using Cell = Cell_;
  using Storage = Storage_;
  using Complete = CompleteCell<Cell>;
  static constexpr int blocks = blocks_, units = units_, batch = batch_;
  static constexpr bool in_cluster = in_cluster_, staged = staged_, saving = saving_,
                        clips = clips_;
  static constexpr int recurrent = count_gates(Cell::recurrent_gates);
  static constexpr int inputs = count_gates(Cell::input_gates);
  static constexpr int input_extent = inputs > 0 ? inputs : 1;
  static constexpr int vectors = 1, input_steps = input_steps_;
  static constexpr bool scaled = Parts<Storage>::scaled;
  static_assert(!scaled || is_bounded<Cell>(),
                "SpreadForwardTile: h has bounds where it is scaled");

  using Shape =
      ExchangeShape<blocks * units / 8, batch, k_groups_, blocks, sizeof(Bits<Storage>) / 2>;
  using Exchange = ExchangeOf<in_cluster, Shape>;
  using Product = SpreadProduct<Storage, Exchange, recurrent, units, row_groups_, register_tiles_,
                                at_once_, whole_>;
  static constexpr int threads = 32 * Product::warps;

  // A warp works on 4 chunks of a row of the batch at a time, 8 lanes each.
  static constexpr int group_chunks = Product::group_units / 8 * batch;
  static constexpr int rounds = (group_chunks + 4 * k_groups_ - 1) / (4 * k_groups_);
  // Warps that have pointwise work, of every row group and of the block.
  static constexpr int working = rounds > 1 || group_chunks > 4 * (k_groups_ - 1)
                                     ? k_groups_
                                     : (group_chunks + 3) / 4;
  static constexpr int input_warps = row_groups_ * working;
  static constexpr int vector_packets = units / 8 * Shape::chunk_packets;
  // x + b of the next step is ready before the vector is, where there are registers for it.
  static constexpr bool reads_ahead = rounds == 1 && (in_cluster || batch < 16);
  static constexpr bool helped = reads_ahead && 2 * working <= k_groups_;
  static_assert(!staged || (rounds == 1 && 2 * working <= k_groups_),
                "SpreadForwardTile: results are moved by warps without units");
  // h and the other states, saved values; h goes to two places.
  static constexpr int result_channels = Complete::states + (saving ? Complete::saved : 0);
  // After the packets are sent and results stored; measured, docs/cuda_spread_heads.md.
  // In training and with floats waiting cost time.
  static constexpr bool asks_at_once = saving || Exchange::Shape::halves > 1;
  static constexpr unsigned cycles_before_asking = batch <= 2 ? 140 : asks_at_once ? 0 : 60;

  static constexpr int matrix_at = Exchange::shared_bytes;
  static constexpr int sums_at = matrix_at + Product::matrix_bytes;
  static constexpr int bias_at = sums_at + Product::all_sums_bytes;
  static constexpr int bias_bytes = 4 * units * count_gates(Cell::bias_gates);
  static constexpr int scales_at = bias_at + bias_bytes;  // of rows of the batch tile
  static constexpr int gather_at = (scales_at + (scaled ? 4 * batch : 0) + 15) / 16 * 16;
  static constexpr int input_at = gather_at + input_warps * PacketGatherer<Storage, vectors>::bytes;
  static constexpr int results_at =
      input_at + input_warps * spread_input_bytes(inputs, rounds, Shape::halves, input_steps);
  static constexpr int shared_bytes =
      results_at + (staged ? input_warps * 2 * result_channels * 64 * Shape::halves : 0);
};

/// Where x lies.
template <class Storage>
struct SpreadInputRows {
  static constexpr bool last_step_differs = false;
  const ForwardParameters& p;
  int head;
  __device__ const Bits<Storage>* operator()(int channel, Index row, Index step) const {
    return row_of<Storage>(p.x, channel, step, row, head);
  }
  __device__ Index stride(int) const { return p.x.strides.step; }
};
template <class Tile>
using SpreadForwardInput = SpreadInput<Tile, Tile::inputs, SpreadInputRows<typename Tile::Storage>,
                                       Tile::reads_ahead ? 1 : 0>;

/// R as the product's left-hand factor: rows are the block's gates, k the units of the head. Its
/// rows begin at multiples of 16 bytes and are zero beyond head_dim, up to a multiple of 8 units.
template <class Tile>
__device__ void load_spread_rows(const ForwardParameters& p, typename Tile::Product& product,
                                 SharedAddress matrix, int part, int head, const Lane& lane) {
  using Product = typename Tile::Product;
  const int warp = warp_number();
  const int row_group = warp / Product::k_groups, k_group = warp % Product::k_groups;
  const int first_unit = part * Tile::units + row_group * Product::group_units;
  const int first_chunk = Tile::Exchange::Shape::group_chunks * k_group + lane.column;
  const int head_dim = static_cast<int>(p.shape.head_dim);
  const auto* const matrix_of_head = static_cast<const Bits<typename Tile::Storage>*>(p.R.data);
  product.load(matrix, warp, static_cast<int>(threadIdx.x) & 31,
               [&](int slot, int pair, Word(&words)[4 * Product::halves]) {
                 const int unit = first_unit + Product::slot_unit(slot, lane.row);
                 const int first = 8 * (first_chunk + 4 * pair);
                 if (unit < head_dim && first < head_dim)
                   load_global_chunk(
                       matrix_of_head + p.R.strides.at(Product::slot_row(slot), head, unit) + first,
                       words);
               });
}

/// The block's biases [gate, unit] in shared memory, as floats.
template <class Tile>
__device__ void store_bias(const ForwardParameters& p, SharedAddress to, int part, int head) {
  using Cell = typename Tile::Cell;
  for (int i = static_cast<int>(threadIdx.x); i < Tile::bias_bytes / 4; i += Tile::threads) {
    const int unit = part * Tile::units + i % Tile::units;
    const bool given = p.b.data != nullptr && unit < p.shape.head_dim;
    store_shared_float(to + 4 * i, given ? load_element<typename Tile::Storage>(
                                               p.b, i / Tile::units, 0, 0, head, unit)
                                         : 0.0f);
  }
}

/// What h of the rows of the batch tile is multiplied with before the product, in shared memory:
/// scales that hold in all steps, as a bounded h is at most 1 behind the first.
template <class Tile>
__device__ void store_row_scales(const ForwardParameters& p, SharedAddress to, Index first_row,
                                 int head) {
  using Storage = typename Tile::Storage;
  const int lane = static_cast<int>(threadIdx.x) & 31;
  for (int row = warp_number(); row < Tile::batch; row += Tile::Product::warps) {
    const Bits<Storage>* const initial = first_row + row < p.shape.batch
                                             ? row_of<Storage>(p.s0, 0, 0, first_row + row, head)
                                             : nullptr;
    float largest = 1;
    if (initial != nullptr)
      for (int unit = lane; unit < p.shape.head_dim; unit += 32)
        largest = larger_finite(largest, widen<Storage>(initial[unit]));
    const Scale scale = Scale::of(largest_of_warp(largest));
    if (lane == 0) store_shared_float(to + 4 * row, scale.factor);
  }
}

/// The kernel; SpreadPlace says what a block does.
template <class Tile>
__device__ void spread_forward(const SpreadForwardParameters& parameters) {
  using Cell = typename Tile::Cell;
  using Complete = typename Tile::Complete;
  using Storage = typename Tile::Storage;
  using Product = typename Tile::Product;
  using Exchange = typename Tile::Exchange;
  constexpr int rounds = Tile::rounds;
  const ForwardParameters& p = parameters.recurrence;

  extern __shared__ __align__(128) unsigned char shared_bytes[];
  const SharedAddress shared = shared_address(shared_bytes);
  const auto [part, head, local_group, first_row] =
      SpreadPlace(p.shape, parameters.spread.first_group, Tile::blocks, Tile::batch);
  const int warp = warp_number();
  const int row_group = warp / Product::k_groups, k_group = warp % Product::k_groups;
  const Lane lane;

  clear_shared(shared, Tile::shared_bytes);
  __syncthreads();
  Exchange exchange;
  exchange.start(shared, parameters.spread.exchange + local_group * Exchange::memory_bytes, lane,
                 k_group);
  Product product;
  product.place_sums(shared + Tile::sums_at, row_group, k_group, lane);
  load_spread_rows<Tile>(p, product, shared + Tile::matrix_at, part, head, lane);

  // What a lane works on, and what it keeps from step to step.
  using Input = SpreadForwardInput<Tile>;
  SpreadUnit own[rounds], brought[rounds];
  float state[rounds][Cell::states];
  Bits<Storage>*h_at[rounds], *states_at[rounds], *saved_at[rounds];
#pragma unroll
  for (int r = 0; r < rounds; ++r) {
    const int l = static_cast<int>(threadIdx.x) & 31;
    own[r] = spread_unit<Tile>(p.shape, first_row, part, r, k_group, l);
    brought[r] = spread_unit<Tile>(p.shape, first_row, part, r, Input::brings_for(k_group), l);
    h_at[r] = place_in<Storage>(p.h, 0, own[r], head);
    states_at[r] = place_in<Storage>(p.states, 0, own[r], head);
    saved_at[r] = place_in<Storage>(p.saved, 0, own[r], head);
#pragma unroll
    for (int s = 0; s < Cell::states; ++s)
      state[r][s] = own[r].valid && p.s0.data != nullptr
                        ? load_element<Storage>(p.s0, s, 0, own[r].row, head, own[r].unit)
                        : 0.0f;
  }
  store_bias<Tile>(p, shared + Tile::bias_at, part, head);
  if constexpr (Tile::scaled) store_row_scales<Tile>(p, shared + Tile::scales_at, first_row, head);
  SpreadResults<Tile, Tile::result_channels, Tile::result_channels + 1> results;
  if constexpr (Tile::staged)
    results.start(p.shape, shared + Tile::results_at, p.wide_results != 0, first_row, part,
                  row_group, k_group, [&](int n, const SpreadUnit& unit) {
                    const int channel = n == 0 ? 0 : n - 1;
                    const bool saves = channel >= Cell::states;
                    const Sequence& to = n == 0 ? p.h : saves ? p.saved : p.states;
                    Bits<Storage>* const first =
                        row_of<Storage>(to, saves ? channel - Cell::states : channel, 0,
                                        unit.valid ? unit.row : 0, head);
                    return SpreadOutput<Bits<Storage>>{first == nullptr ? first : first + unit.unit,
                                                       to.strides.step, channel};
                  });
  const SpreadInputRows<Storage> input_rows{p, head};
  Input x;
  x.start(input_rows, p.wide_sequences != 0, shared + Tile::input_at, brought, p.shape.steps);
  // Everybody is ready to receive before anybody sends.
  __syncthreads();
  Exchange::meet();

  SpreadGatherer<Tile> gatherer;
  gatherer.start(own_gather_bytes<Tile>(shared + Tile::gather_at, row_group, k_group));
  // What this lane sends, and what its unit gets of the product: addresses that are kept where
  // there is one round, and computed anew where there are many.
  const auto place_of = [&](int r) { return Exchange::place_of(own[r].place); };
  const auto sums_of = [&](int r) {
    return Product::sums_place(row_group, own[r].group_unit, own[r].tile_row);
  };
  typename Exchange::Place place = place_of(0);
  int sums_place = sums_of(0);
  if constexpr (rounds == 1) {
    Exchange::hold(place);
    pin(sums_place);
  }
  // Of the row of the batch, which is the same in all rounds where tasks of a round fill its tile.
  constexpr int scaled_rounds =
      !Tile::scaled || 4 * Product::k_groups % Tile::batch == 0 ? 1 : rounds;
  float row_factor[scaled_rounds], row_inverse[scaled_rounds];
  if constexpr (Tile::scaled) {
#pragma unroll
    for (int r = 0; r < scaled_rounds; ++r) {
      row_factor[r] = load_shared_float(shared + Tile::scales_at + 4 * own[r].tile_row);
      row_inverse[r] = Scale::inverse_of(row_factor[r]);
    }
  }
  const auto send = [&](int r, Bits<Storage> h) {
    Word packet[4];
    if (r > 0) gatherer.again();
    if constexpr (Tile::scaled)
      h = narrow<Storage>(widen<Storage>(h) * row_factor[r % scaled_rounds]);
    gatherer.put({h});
    gatherer.get(0, packet);
    exchange.send(rounds == 1 ? place : place_of(r), own[r].sends, packet);
  };
  const SharedAddress bias_at = shared + Tile::bias_at;
  float gate[rounds][Cell::gates];  // without R·h
  const auto read_input = [&](int r) {
    float input[Tile::input_extent];
    x.read(r, input);
#pragma unroll
    for (int n = 0; n < Cell::gates; ++n) {
      gate[r][n] =
          has_gate(Cell::bias_gates, n)
              ? load_shared_float(bias_at + 4 * (gate_position(Cell::bias_gates, n) * Tile::units +
                                                 own[r].block_unit))
              : 0.0f;
      if (has_gate(Cell::input_gates, n)) gate[r][n] += input[gate_position(Cell::input_gates, n)];
    }
  };
#pragma unroll
  for (int r = 0; r < rounds; ++r)
    if (own[r].active) {
      send(r, narrow<Storage>(state[r][0]));
      if (Tile::reads_ahead) read_input(r);
    }
  if (Tile::reads_ahead) x.to_next();
  exchange.begin();
  ask_when_sent<Tile>(product, exchange, Tile::cycles_before_asking, row_group, own[0].active);

  const auto steps = static_cast<unsigned>(p.shape.steps);
  for (unsigned step = 0; step < steps; ++step) {
    const unsigned number = step;
    product.run(exchange, number, lane);
    if (row_group == 0 && (threadIdx.x & 31) == 0) exchange.rearm();
    exchange.has_read(number + 1);
    x.wait();
    row_group_barrier<Product::k_groups>(row_group);

#pragma unroll
    for (int r = 0; r < rounds; ++r) {
      if (!own[r].active) continue;
      float sum[Product::rows];
      product.read_sums(rounds == 1 ? sums_place : sums_of(r), sum);
      if (!Tile::reads_ahead) read_input(r);
#pragma unroll
      for (int n = 0; n < Cell::gates; ++n)
        if (has_gate(Cell::recurrent_gates, n)) {
          const float product_of_gate = sum[gate_position(Cell::recurrent_gates, n)];
          if constexpr (Tile::scaled) {
            gate[r][n] = __fmaf_rn(product_of_gate, row_inverse[r % scaled_rounds], gate[r][n]);
          } else {
            gate[r][n] += product_of_gate;
          }
        }
      float next[Cell::states], save[Complete::saved_extent];
      Complete::template forward<MathOf<Storage>>(gate[r], state[r], next, save);
      if constexpr (Tile::clips) next[0] = clipped(next[0], p.forward_clip);
      if (!own[r].valid) next[0] = 0;  // R's padding is zero, and 0·inf would not be
      const Bits<Storage> h = narrow<Storage>(next[0]);
      if (step + 1 < steps) send(r, h);
      state[r][0] = widen<Storage>(h);  // everybody else sees the rounded h
#pragma unroll
      for (int s = 1; s < Cell::states; ++s) state[r][s] = next[s];

      // While the vector is on its way: results out, x of the next step in.
      if constexpr (Tile::staged) {
#pragma unroll
        for (int s = 0; s < Cell::states; ++s)
          results.put(s, s == 0 ? h : narrow<Storage>(next[s]));
#pragma unroll
        for (int k = 0; k < (Tile::saving ? Complete::saved : 0); ++k)
          results.put(Cell::states + k, narrow<Storage>(save[k]));
        continue;
      }
      if (own[r].valid) {
        if (p.h.data != nullptr) *h_at[r] = h;
        if (p.states.data != nullptr) {
#pragma unroll
          for (int s = 0; s < Cell::states; ++s)
            states_at[r][s * p.states.strides.channel] = s == 0 ? h : narrow<Storage>(next[s]);
        }
        if constexpr (Tile::saving) {
#pragma unroll
          for (int k = 0; k < Complete::saved; ++k)
            saved_at[r][k * p.saved.strides.channel] = narrow<Storage>(save[k]);
        }
      }
      h_at[r] += p.h.strides.step;
      states_at[r] += p.states.strides.step;
      if constexpr (Tile::saving) saved_at[r] += p.saved.strides.step;
    }
    if (step + 1 < steps) {
      ask_when_sent<Tile>(product, exchange, Tile::cycles_before_asking, row_group, own[0].active);
      renew_slots<Tile>(exchange, number + 1, own);
    }
    if (!Input::helped || !own[0].active) x.advance(input_rows, step, brought);
    if constexpr (Tile::staged)
      if (!own[0].active && step > 0) results.move();
    if (Tile::reads_ahead && own[0].active) read_input(0);
    x.to_next();
    product.turn(number);
    exchange.turn(number);
    if constexpr (Tile::staged) results.turn();
  }

  if constexpr (Tile::staged) {
    row_group_barrier<Product::k_groups>(row_group);
    if (!own[0].active && steps > 0) results.move();
  }
  if (p.last.data != nullptr) {
#pragma unroll
    for (int r = 0; r < rounds; ++r)
      if (own[r].valid)
#pragma unroll
        for (int s = 0; s < Cell::states; ++s)
          store_element<Storage>(p.last, s, 0, own[r].row, head, own[r].unit, state[r][s]);
  }
  Exchange::meet();
}

}  // namespace flashrnn::cuda
