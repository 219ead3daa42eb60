// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "backward.cuh"
#include "spread_input.cuh"
#include "spread_sums.cuh"

// The backward recurrence of a head that several blocks share: as spread_forward.cuh, with R^T for
// R, the gradients of recurrent gates for h, and the sequence walked from its end.
//
// The vector of gate gradients is several times as long as h. So that not every block reads all of
// it, `split` blocks, a cluster, may divide k among them: each multiplies its part of the vector
// for the units of them all, and the sums go to the blocks of their units (spread_sums.cuh).

namespace flashrnn::cuda {

/// What is fixed when the kernel is compiled; names as in SpreadForwardTile and BackwardTile.
template <class Cell_, class Storage_, bool in_cluster_, int blocks_, int units_, int batch_,
          int row_groups_, int k_groups_, int register_tiles_, int at_once_, bool whole_,
          int input_steps_, int split_, bool clips_h_, bool clips_gradient_, bool cuts_,
          unsigned reads_states_, unsigned reads_saved_>
struct SpreadBackwardTile {
  using Cell = Cell_;
  using Storage = Storage_;
  using Complete = CompleteCell<Cell>;
  static constexpr int blocks = blocks_, units = units_, batch = batch_;
  static constexpr bool in_cluster = in_cluster_;
  static constexpr bool clips_h = clips_h_, clips_gradient = clips_gradient_, cuts = cuts_;
  static constexpr unsigned reads_states = reads_states_, reads_saved = reads_saved_;
  static constexpr int vectors = count_gates(Cell::recurrent_gates);
  static constexpr int input_steps = input_steps_, split = split_;
  static_assert(Cell::gates <= max_gates, "SpreadBackwardTile: more gates than max_gates");

  using Shape = ExchangeShape<blocks * vectors * units / 8, batch, k_groups_, blocks,
                              sizeof(Bits<Storage>) / 2, split>;
  using Exchange = ExchangeOf<in_cluster, Shape>;
  using Product = SpreadProduct<Storage, Exchange, 1, units * split, row_groups_, register_tiles_,
                                at_once_, whole_>;
  using Sums = SumsOf<split, Product, units>;
  static constexpr int threads = 32 * Product::warps;
  static constexpr int group_chunks = units / row_groups_ / 8 * batch;
  static constexpr int rounds = (group_chunks + 4 * k_groups_ - 1) / (4 * k_groups_);
  // Warps that have pointwise work, of every row group and of the block.
  static constexpr int working = rounds > 1 || group_chunks > 4 * (k_groups_ - 1)
                                     ? k_groups_
                                     : (group_chunks + 3) / 4;
  static constexpr int input_warps = row_groups_ * working;
  static constexpr int vector_packets = units / 8 * Shape::chunk_packets;
  // Whether warps without units bring what the others read. In clusters that gave nothing.
  static constexpr bool helped = false;
  // After the packets are sent; gradients are stored meanwhile. Measured,
  // docs/cuda_spread_heads.md.
  static constexpr unsigned cycles_before_asking = batch <= 2 ? 240 : 100;

  // Channels of what is read: saved values, states of the previous step, upstream gradient of h.
  static constexpr int saved_channels = count_gates(reads_saved);
  static constexpr int state_channels = count_gates(reads_states);
  static constexpr int upstream_channel = saved_channels + state_channels;

  static constexpr int matrix_at = Exchange::shared_bytes;
  static constexpr int sums_at = matrix_at + Product::matrix_bytes;
  static constexpr int received_at = sums_at + Product::all_sums_bytes;
  static constexpr int gather_at = (received_at + Sums::shared_bytes + 15) / 16 * 16;
  static constexpr int input_at = gather_at + input_warps * PacketGatherer<Storage, vectors>::bytes;
  static constexpr int shared_bytes =
      input_at +
      input_warps * spread_input_bytes(upstream_channel + 1, rounds, Shape::halves, input_steps);
};

/// Where what backward reads lies; the step that comes last is the first of the sequence.
template <class Tile>
struct SpreadBackwardRows {
  static constexpr bool last_step_differs = true;
  BackwardInputRows<Tile> rows;
  __device__ const Bits<typename Tile::Storage>* operator()(int channel, Index row,
                                                            Index step) const {
    return rows(channel, static_cast<int>(row), step);
  }
  __device__ Index stride(int channel) const { return rows.stride(channel); }
};
template <class Tile>
using SpreadBackwardInput =
    SpreadInput<Tile, Tile::upstream_channel + 1, SpreadBackwardRows<Tile>, 0>;

/// R^T as the product's left-hand factor: rows are the units of the block or its cluster, k runs
/// over blocks, their recurrent gates and their units, or over the block's part of that. `p.R` is
/// already transposed: its rows are columns of R, begin at multiples of 16 bytes and are zero
/// beyond head_dim, up to a multiple of 8 units.
template <class Tile>
__device__ void load_spread_columns(const BackwardParameters& p, typename Tile::Product& product,
                                    SharedAddress matrix, int part, int head, const Lane& lane) {
  using Product = typename Tile::Product;
  constexpr int unit_chunks = Tile::units / 8;
  const int warp = warp_number();
  const int row_group = warp / Product::k_groups, k_group = warp % Product::k_groups;
  using Shape = typename Tile::Shape;
  const int rank = part % Tile::split;
  const int first_unit = (part - rank) * Tile::units + row_group * Product::group_units;
  const int first_chunk = Shape::group_chunks * k_group + lane.column;
  const int head_dim = static_cast<int>(p.shape.head_dim);
  const auto* const transposed = static_cast<const Bits<typename Tile::Storage>*>(p.R.data);
  product.load(matrix, warp, static_cast<int>(threadIdx.x) & 31,
               [&](int slot, int pair, Word(&words)[4 * Product::halves]) {
                 const int unit = first_unit + Product::slot_unit(slot, lane.row);
                 const int own_chunk = first_chunk + 4 * pair;
                 const int chunk = rank * Shape::own_chunks + own_chunk;
                 const int gate = chunk / unit_chunks % Tile::vectors;
                 const int out = chunk / (unit_chunks * Tile::vectors) * Tile::units +
                                 8 * (chunk % unit_chunks);
                 if (unit < head_dim && out < head_dim && own_chunk < Shape::own_chunks)
                   load_global_chunk(transposed + p.R.strides.at(gate, head, unit) + out, words);
               });
}

/// The kernel; SpreadPlace says what a block does.
template <class Tile>
__device__ void spread_backward(const SpreadBackwardParameters& parameters) {
  using Cell = typename Tile::Cell;
  using Complete = typename Tile::Complete;
  using Storage = typename Tile::Storage;
  using Product = typename Tile::Product;
  using Exchange = typename Tile::Exchange;
  constexpr int rounds = Tile::rounds;
  const BackwardParameters& p = parameters.recurrence;

  extern __shared__ __align__(128) unsigned char shared_bytes[];
  const SharedAddress shared = shared_address(shared_bytes);
  const auto [part, head, local_group, first_row] =
      SpreadPlace(p.shape, parameters.spread.first_group, Tile::blocks, Tile::batch);
  const int warp = warp_number();
  const int row_group = warp / Product::k_groups, k_group = warp % Product::k_groups;
  const Index steps = p.shape.steps;
  const Lane lane;

  clear_shared(shared, Tile::shared_bytes);
  __syncthreads();
  Exchange exchange;
  exchange.start(shared, parameters.spread.exchange + local_group * Exchange::memory_bytes, lane,
                 k_group, part);
  Product product;
  product.place_sums(shared + Tile::sums_at, row_group, k_group, lane);
  load_spread_columns<Tile>(p, product, shared + Tile::matrix_at, part, head, lane);
  typename Tile::Sums sums;
  sums.start(shared + Tile::received_at, product, row_group, k_group, part);

  // next: states after the step at hand, of which only those in reads_states are kept.
  SpreadUnit own[rounds];
  Bits<Storage>* d_gate_at[rounds][Cell::gates];
  float next[rounds][Cell::states], d_state[rounds][Cell::states], bias_sum[rounds][Cell::gates];
#pragma unroll
  for (int r = 0; r < rounds; ++r) {
    own[r] =
        spread_unit<Tile>(p.shape, first_row, part, r, k_group, static_cast<int>(threadIdx.x) & 31);
#pragma unroll
    for (int n = 0; n < Cell::gates; ++n) bias_sum[r][n] = 0;
  }
  // One round, state and gate after the other, as the code of an address is long; which one it is,
  // comparisons say.
#pragma unroll 1
  for (int round = 0; round < rounds; ++round) {
    const SpreadPosition at(own, round);
#pragma unroll 1
    for (int state = 0; state < Cell::states; ++state) {
      const float last =
          at.valid && has_gate(Tile::reads_states, state)
              ? load_element<Storage>(p.states, state, steps - 1, at.row, head, at.unit)
              : 0.0f;
      const float d_last = at.valid && p.d_last.data != nullptr
                               ? load_element<Storage>(p.d_last, state, 0, at.row, head, at.unit)
                               : 0.0f;
#pragma unroll
      for (int r = 0; r < rounds; ++r)
#pragma unroll
        for (int s = 0; s < Cell::states; ++s) {
          if (r != round || s != state) continue;
          next[r][s] = last;
          d_state[r][s] = d_last;
        }
    }
#pragma unroll 1
    for (int gate = 0; gate < Cell::gates; ++gate) {
      Bits<Storage>* const to = place_in<Storage>(p.d_gate[gate], steps - 1, at, head);
#pragma unroll
      for (int r = 0; r < rounds; ++r)
#pragma unroll
        for (int n = 0; n < Cell::gates; ++n)
          if (r == round && n == gate) d_gate_at[r][n] = to;
    }
  }
  const SpreadBackwardRows<Tile> source{{p, head, 0}};
  SpreadBackwardInput<Tile> in;
  in.start(source, p.wide_sequences != 0, shared + Tile::input_at, own, steps);
  // Everybody is ready to receive before anybody sends.
  __syncthreads();
  Exchange::meet();
  sums.open();

  SpreadGatherer<Tile> gatherer;
  gatherer.start(own_gather_bytes<Tile>(shared + Tile::gather_at, row_group, k_group));
  const auto send = [&](int r, const Bits<Storage>(&bits)[Tile::vectors]) {
    // All at once where there are registers for it.
    constexpr int at_once = rounds == 1 ? Tile::vectors : 1;
    if (r > 0) gatherer.again();
    gatherer.put(bits);
#pragma unroll
    for (int first = 0; first < Tile::vectors; first += at_once) {
      Word packet[at_once][4];
#pragma unroll
      for (int n = 0; n < at_once; ++n) gatherer.get(first + n, packet[n]);
#pragma unroll
      for (int n = 0; n < at_once; ++n)
        exchange.send(Exchange::place_of(own[r].place + (first + n) * Tile::vector_packets),
                      own[r].sends, packet[n]);
    }
  };
  // d_state[0] += R^T · (gate gradients of the step before), clipped or cut.
  const auto add_recurrent_gradient = [&](int r) {
    float sum[1];
    sums.read(product, row_group, own[r].group_unit, own[r].tile_row, sum);
    if constexpr (Tile::clips_gradient) sum[0] = clipped(sum[0], p.recurrent_gradient_clip);
    if constexpr (!Tile::cuts) d_state[r][0] += sum[0];
  };
  // No gradient reaches the last step from a later one.
#pragma unroll
  for (int r = 0; r < rounds; ++r)
    if (own[r].active) send(r, {});
  exchange.begin();
  ask_when_sent<Tile>(product, exchange, Tile::cycles_before_asking, row_group, own[0].active);

  for (Index step = 0;; ++step) {
    const auto number = static_cast<unsigned>(step);
    product.run(exchange, number, lane);
    if (step == steps) break;  // what reaches the initial states
    if (row_group == 0 && (threadIdx.x & 31) == 0) exchange.rearm();
    exchange.has_read(number + 1);
    in.wait();
    row_group_barrier<Product::k_groups>(row_group);
    sums.send(product);
    if (own[0].active) sums.wait(number);

#pragma unroll
    for (int r = 0; r < rounds; ++r) {
      if (!own[r].active) continue;
      float value[Tile::upstream_channel + 1];
      in.read(r, value);
      add_recurrent_gradient(r);
      float save[Complete::saved_extent], previous[Cell::states], d_previous[Cell::states],
          d_gate[Cell::gates];
#pragma unroll
      for (int k = 0; k < Complete::saved_extent; ++k)
        save[k] =
            has_gate(Tile::reads_saved, k) ? value[gate_position(Tile::reads_saved, k)] : 0.0f;
#pragma unroll
      for (int s = 0; s < Cell::states; ++s)
        previous[s] = has_gate(Tile::reads_states, s)
                          ? value[Tile::saved_channels + gate_position(Tile::reads_states, s)]
                          : 0.0f;
      d_state[r][0] += value[Tile::upstream_channel];
      // Where the clip of h was active, h does not depend on the pointwise function.
      if (Tile::clips_h && p.forward_clip <= ::fabsf(next[r][0])) d_state[r][0] = 0;
      Complete::template backward<MathOf<Storage>>(save, previous, next[r], d_state[r], d_gate,
                                                   d_previous);
#pragma unroll
      for (int s = 0; s < Cell::states; ++s) {
        d_state[r][s] = d_previous[s];
        next[r][s] = previous[s];
      }
      Bits<Storage> bits[Cell::gates], recurrent[Tile::vectors];
#pragma unroll
      for (int n = 0; n < Cell::gates; ++n) {
        if (!own[r].valid) d_gate[n] = 0;  // R's padding is zero, and 0·NaN would not be
        bias_sum[r][n] += d_gate[n];
        bits[n] = narrow<Storage>(d_gate[n]);
        if (has_gate(Cell::recurrent_gates, n))
          recurrent[gate_position(Cell::recurrent_gates, n)] = bits[n];
      }
      send(r, recurrent);
      if (r + 1 == rounds || !own[r + 1].active)
        ask_when_sent<Tile>(product, exchange, Tile::cycles_before_asking, row_group, true);
#pragma unroll
      for (int n = 0; n < Cell::gates; ++n) {
        if (own[r].valid && p.d_gate[n].data != nullptr) *d_gate_at[r][n] = bits[n];
        d_gate_at[r][n] -= p.d_gate[n].strides.step;
      }
    }
    if (!own[0].active)
      ask_when_sent<Tile>(product, exchange, Tile::cycles_before_asking, row_group, false);
    renew_slots<Tile>(exchange, number + 1, own);
    in.advance(source, step, own);
    in.to_next();
    product.turn(number);
    sums.turn(number);
    exchange.turn(number);
  }

  row_group_barrier<Product::k_groups>(row_group);
  sums.send(product);
  if (own[0].active) sums.wait(static_cast<unsigned>(steps));
#pragma unroll
  for (int r = 0; r < rounds; ++r)
    if (own[r].active) add_recurrent_gradient(r);
  if (p.ds0.data != nullptr) {
#pragma unroll 1
    for (int round = 0; round < rounds; ++round) {
      const SpreadPosition at(own, round);
#pragma unroll
      for (int s = 0; s < Cell::states; ++s) {
        float value = 0;
#pragma unroll
        for (int r = 0; r < rounds; ++r) value = r == round ? d_state[r][s] : value;
        if (at.valid) store_element<Storage>(p.ds0, s, 0, at.row, head, at.unit, value);
      }
    }
  }
  Exchange::meet();
  Tile::Sums::meet();

  if (p.db_partial == nullptr) return;
  // Rows of the batch meet in shared memory, which nothing else uses any more.
  const Index tile = first_row / Tile::batch;
  constexpr int biases = count_gates(Cell::bias_gates);
  const auto place = [&](int n, int row, int unit) {
    return shared + 4 * ((n * Tile::batch + row) * Tile::units + unit);
  };
  static_assert(4 * biases * Tile::batch * Tile::units <= Tile::shared_bytes);
  __syncthreads();
#pragma unroll
  for (int r = 0; r < rounds; ++r)
#pragma unroll
    for (int n = 0; n < Cell::gates; ++n)
      if (has_gate(Cell::bias_gates, n) && own[r].valid)
        store_shared_float(
            place(gate_position(Cell::bias_gates, n), own[r].tile_row, own[r].block_unit),
            bias_sum[r][n]);
  __syncthreads();
#pragma unroll 1
  for (int e = static_cast<int>(threadIdx.x); e < biases * Tile::units; e += Tile::threads) {
    const int n = e / Tile::units, unit = part * Tile::units + e % Tile::units;
    if (unit >= p.shape.head_dim) continue;
    float sum = 0;
#pragma unroll 1
    for (int row = 0; row < Tile::batch && first_row + row < p.shape.batch; ++row)
      sum += load_shared_float(place(n, row, e % Tile::units));
    p.db_partial[((tile * biases + n) * p.shape.heads + head) * p.shape.head_dim + unit] = sum;
  }
}

}  // namespace flashrnn::cuda
