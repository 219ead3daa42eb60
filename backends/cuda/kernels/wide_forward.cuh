// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "spread_forward.cuh"
#include "wide_input.cuh"
#include "wide_product.cuh"
#include "wide_vector.cuh"

// Forward of heads that several blocks share, for batch tiles of 8 to 64 rows (sm_90a). As in
// spread_forward.cuh a block owns some units of a head and h goes around through L2 once a step.
// Here the product is wgmma's, which reads the vector from shared memory once for 64 rows of R, so
// that R is multiplied with many rows of the batch for the price of a few:
//
//   one group of four warps   brings the packets of vector n from L2 into shared memory, section by
//                             section of k, and says so at a barrier per section
//   the other groups          each multiply 64 rows of R (16 units of 4 gates) with the sections as
//                             they come, compute their units and send packets of vector n + 1
//
// A block may have several batch tiles, streams, which take turns: while one's vector travels, the
// block computes the other's step.
//
// docs/cuda_spread_heads.md has the picture.

namespace flashrnn::cuda {

/// What is fixed when the kernel is compiled.
///   blocks, units    blocks per head, and units per block
///   batch            rows of the batch per stream, a multiple of 8
///   streams          batch tiles per block
///   row_groups       groups of four warps that multiply
///   register_tiles   of R's k-tiles (16 columns), those that lie in registers
///   saving, clips    as in ForwardTile
template <class Cell_, class Storage_, int blocks_, int units_, int batch_, int streams_,
          int row_groups_, int register_tiles_, bool saving_, bool clips_>
struct WideForwardTile {
  using Cell = Cell_;
  using Storage = Storage_;
  using Complete = CompleteCell<Cell>;
  static_assert(sizeof(Bits<Storage>) == 2, "WideForwardTile: elements of 16 bits");
  static constexpr int blocks = blocks_, units = units_, batch = batch_, streams = streams_;
  static constexpr int row_groups = row_groups_;
  static constexpr bool saving = saving_, clips = clips_;
  static constexpr int rows = count_gates(Cell::recurrent_gates);
  static constexpr int inputs = count_gates(Cell::input_gates);
  static constexpr int input_extent = inputs > 0 ? inputs : 1;
  static constexpr int group_units = units / row_groups;
  static_assert(batch % 8 == 0 && batch <= 64, "WideForwardTile: columns of a product");
  static constexpr int group_chunks = group_units / 8;
  static_assert(group_units * rows <= 64, "WideForwardTile: 64 rows of a product");
  static_assert(group_chunks == 1 || group_chunks == 2 || group_chunks == 4,
                "WideForwardTile: every warp of a group has one chunk of units");

  // One group of four warps brings vectors, the others compute.
  static constexpr int warps = 4 * row_groups, bringing = 128;
  static constexpr int threads = 32 * warps + bringing;
  static_assert(row_groups == 2 || row_groups == 3, "WideForwardTile: registers are handed on");
  static constexpr int bringing_registers = 80;
  static constexpr int computing_registers = row_groups == 2 ? 208 : 144;

  static constexpr int chunks = blocks * units / 8, packets = chunks * batch;
  static constexpr int k_tiles = (chunks + 1) / 2;
  static constexpr int register_tiles = register_tiles_, shared_tiles = k_tiles - register_tiles;
  static_assert(register_tiles >= 0 && shared_tiles >= 0);
  // A section is as many k-tiles as 3 packets per thread make up; a thread asks for 4 sections at
  // once, as an answer takes long.
  static constexpr int questions = 3, ahead = 4;
  static constexpr int most_tiles = bringing * questions / (2 * batch);
  static constexpr int section_tiles = most_tiles < k_tiles ? most_tiles : k_tiles;
  static constexpr int sections = (k_tiles + section_tiles - 1) / section_tiles;
  static constexpr int section_packets = 2 * section_tiles * batch;

  // A warp has one chunk of 8 units and works on 4 rows of the batch at a time, 8 lanes each.
  static constexpr int chunk_warps = 4 / group_chunks, quads = batch / 4;
  static constexpr int rounds = (quads + chunk_warps - 1) / chunk_warps;
  static constexpr int round_rows = 4 * chunk_warps;        // from a round to the next
  static constexpr int together = rounds < 4 ? rounds : 4;  // whose latencies overlap

  static constexpr int width = rows == 3 ? 4 : rows;  // floats per unit among the sums
  static constexpr int sum_stride = group_units * width + 4;
  static constexpr int vector_bytes = 32 * k_tiles * batch;  // per stream
  static constexpr int matrix_at = streams * vector_bytes;
  static constexpr int matrix_bytes = 2048 * shared_tiles;  // per group
  static constexpr int sums_at = matrix_at + row_groups * matrix_bytes;
  static constexpr int sums_bytes = 4 * batch * sum_stride;  // per group
  static constexpr int states_at = sums_at + row_groups * sums_bytes;
  static constexpr int states_bytes = 128 * Cell::states * rounds;  // per warp and stream
  static constexpr int input_at = states_at + streams * warps * states_bytes;
  static constexpr int round_bytes = 64 * inputs;           // 4 pairs × inputs × 8 units
  static constexpr int input_bytes = rounds * round_bytes;  // per warp and stream
  static constexpr int barriers_at = input_at + streams * warps * input_bytes;
  static constexpr int barriers = sections + 1;  // per stream: a section is there; all are read
  static constexpr int shared_bytes = (barriers_at + 8 * streams * barriers + 15) / 16 * 16;

  /// What lies in L2 of a stream.
  static constexpr Index exchange_bytes = Index(wide_exchange_slots) * 16 * packets;
};

/// The warps of one group that multiplies.
__device__ inline void group_barrier(int row_group) {
  row_group_barrier<4>(row_group);
}

/// The part of the kernel that computes: of the groups of warps that multiply.
template <class Tile>
__device__ void wide_forward_compute(const ForwardParameters& p, unsigned char* memory,
                                     SharedAddress shared, int part, int head, Index first_row) {
  using Cell = typename Tile::Cell;
  using Complete = typename Tile::Complete;
  using Storage = typename Tile::Storage;
  constexpr int rounds = Tile::rounds, together = Tile::together;
  const int lane = static_cast<int>(threadIdx.x) & 31;
  const int warp = warp_number(), row_group = warp / 4;
  const Index steps = p.shape.steps;
  const SharedAddress barriers = shared + Tile::barriers_at;
  const SharedAddress sums = shared + Tile::sums_at + row_group * Tile::sums_bytes;
  const SharedAddress states_of_lane =
      shared + Tile::states_at + warp * Tile::states_bytes + 4 * lane;

  WideMatrix<Tile> matrix;
  matrix.load(p, shared + Tile::matrix_at + row_group * Tile::matrix_bytes, head,
              part * Tile::units + row_group * Tile::group_units);
  publish_to_products();  // of R, to this group
  group_barrier(row_group);

  const WideUnit<Tile> unit(p.shape, first_row, part, row_group);
  WideInput<Tile> x(p, head, shared + Tile::input_at + warp * Tile::input_bytes, unit);
  SharedAddress sums_of_lane = sums + 4 * (unit.tile_row * Tile::sum_stride +
                                           unit.block_unit % Tile::group_units * Tile::width);
  keep(sums_of_lane);
  const auto element_of = [&](const Sequence& s) {
    Bits<Storage>* const row = row_of<Storage>(s, 0, 0, unit.rows > 0 ? unit.row : 0, head);
    return row == nullptr || unit.rows <= 0 ? row : row + unit.unit;
  };
  Bits<Storage>*h_at = element_of(p.h), *states_at = element_of(p.states),
  *saved_at = element_of(p.saved);
  float bias[Cell::gates];
#pragma unroll
  for (int n = 0; n < Cell::gates; ++n)
    bias[n] =
        has_gate(Cell::bias_gates, n) && p.b.data != nullptr && unit.rows > 0
            ? load_element<Storage>(p.b, gate_position(Cell::bias_gates, n), 0, 0, head, unit.unit)
            : 0.0f;
  const auto state_at = [&](int stream, int round, int s) {
    return states_of_lane + Tile::warps * Tile::states_bytes * stream +
           128 * (round * Cell::states + s);
  };
  const auto packet_at = [&](int stream, unsigned number, int round) {
    return memory + stream * Tile::exchange_bytes +
           static_cast<Index>(number % wide_exchange_slots) * (16 * Tile::packets) +
           16 * (unit.place + Tile::round_rows * round);
  };
  const auto send = [&](int stream, unsigned number, int round, Bits<Storage> h) {
    Word packet[4];
    gather_packet(h, packet);
    if (lane < 4 && unit.works(round)) store_relaxed_16(packet_at(stream, number, round), packet);
  };
#pragma unroll 1
  for (int n = 0; n < Tile::streams * rounds; ++n) {
    const int stream = n / rounds, round = n % rounds;
    Bits<Storage> h = 0;
#pragma unroll
    for (int s = 0; s < Cell::states; ++s) {
      const float state =
          unit.valid(stream, round) && p.s0.data != nullptr
              ? load_element<Storage>(p.s0, s, 0,
                                      unit.row + stream * Tile::batch + Tile::round_rows * round,
                                      head, unit.unit)
              : 0.0f;
      store_shared_float(state_at(stream, round, s), state);
      if (s == 0) h = narrow<Storage>(state);
    }
    x.fill(stream, round, unit);
    if (round == rounds - 1) copy_async_commit();
    send(stream, 0, round, h);
  }

  // A turn is a step of a stream; the streams' turns alternate.
  for (Index step = 0; step < steps; ++step) {
    const auto number = static_cast<unsigned>(step);
    x.advance();
#pragma unroll 1
    for (int stream = 0; stream < Tile::streams; ++stream) {
      const SharedAddress arrivals = barriers + 8 * Tile::barriers * stream;
      {
        float sum[Tile::batch / 2];
        matrix.multiply(shared + Tile::vector_bytes * stream, arrivals, number & 1, sum);
        if (lane == 0) arrive(arrivals + 8 * Tile::sections);  // the vector's place is free
        group_barrier(row_group);  // all of the group have read the sums of the turn before
        store_wide_sums<Tile>(sums, sum);
      }
      copy_async_wait<Tile::streams - 1>();
      group_barrier(row_group);  // the group's sums are there

      // Some rounds at a time: first what is read, then the cell, then what is sent, so that their
      // latencies overlap (volatile accesses keep their order).
      Bits<Storage> h[rounds], save[rounds][Complete::saved_extent];
#pragma unroll
      for (int first = 0; first < rounds; first += together) {
        float gate[together][Cell::gates], state[together][Cell::states];
#pragma unroll
        for (int t = 0; t < together; ++t) {
          const int round = first + t;
          if (round >= rounds) continue;
          float sum[Tile::rows];
          read_wide_sums<Tile>(sums_of_lane + 4 * Tile::round_rows * Tile::sum_stride * round, sum);
#pragma unroll
          for (int n = 0; n < Cell::gates; ++n) {
            gate[t][n] = bias[n];
            if (has_gate(Cell::input_gates, n))
              gate[t][n] += x.value(stream, round, gate_position(Cell::input_gates, n));
            if (has_gate(Cell::recurrent_gates, n))
              gate[t][n] += sum[gate_position(Cell::recurrent_gates, n)];
          }
#pragma unroll
          for (int s = 0; s < Cell::states; ++s)
            state[t][s] = load_shared_float(state_at(stream, round, s));
        }
#pragma unroll
        for (int t = 0; t < together; ++t) {
          const int round = first + t;
          if (round >= rounds) continue;
          float next[Cell::states], kept[Complete::saved_extent];
          Complete::template forward<MathOf<Storage>>(gate[t], state[t], next, kept);
          if constexpr (Tile::clips) next[0] = clipped(next[0], p.forward_clip);
          if (!unit.valid(stream, round)) next[0] = 0;  // R's padding is zero, and 0·inf is not
          h[round] = narrow<Storage>(next[0]);
          next[0] = widen<Storage>(h[round]);  // everybody else sees the rounded h
#pragma unroll
          for (int s = 0; s < Cell::states; ++s)
            store_shared_float(state_at(stream, round, s), next[s]);
          if constexpr (Tile::saving) {
#pragma unroll
            for (int k = 0; k < Complete::saved; ++k) save[round][k] = narrow<Storage>(kept[k]);
          }
        }
        if (step + 1 < steps)
#pragma unroll
          for (int t = 0; t < together; ++t)
            if (first + t < rounds) send(stream, number + 1, first + t, h[first + t]);
      }

      // While the vector is on its way: x of the next step in, results out.
      __syncwarp();  // all lanes have read x
      if (step + 1 < steps)
#pragma unroll
        for (int round = 0; round < rounds; ++round) x.fill(stream, round, unit);
      copy_async_commit();
      const bool h_wanted = p.h.data != nullptr, states_wanted = p.states.data != nullptr;
#pragma unroll
      for (int round = 0; round < rounds; ++round) {
        if (!unit.valid(stream, round)) continue;
        const int rows = stream * Tile::batch + Tile::round_rows * round;
        if (h_wanted) h_at[rows * p.h.strides.batch] = h[round];
        if (states_wanted) {
          Bits<Storage>* const to = states_at + rows * p.states.strides.batch;
          to[0] = h[round];
#pragma unroll
          for (int s = 1; s < Cell::states; ++s)
            to[s * p.states.strides.channel] =
                narrow<Storage>(load_shared_float(state_at(stream, round, s)));
        }
        if constexpr (Tile::saving) {
          Bits<Storage>* const to = saved_at + rows * p.saved.strides.batch;
#pragma unroll
          for (int k = 0; k < Complete::saved; ++k)
            to[k * p.saved.strides.channel] = save[round][k];
        }
      }
    }
    h_at += p.h.strides.step;
    states_at += p.states.strides.step;
    if constexpr (Tile::saving) saved_at += p.saved.strides.step;

    // Slots that everybody has read are emptied twice per ring, as by ThroughL2::empty.
    constexpr unsigned half = wide_exchange_slots / 2;
    if ((number + 1) % half == 0) {
      const Word pattern[4] = {absent, absent, absent, absent};
#pragma unroll 1
      for (int n = 0; n < Tile::streams * rounds; ++n) {
        const int stream = n / rounds, round = n % rounds;
        if (!unit.works(round) || lane >= 4) continue;
#pragma unroll 1
        for (unsigned slot = number > half ? number - half : 0; slot < number; ++slot)
          store_relaxed_16(packet_at(stream, slot, round), pattern);
      }
      device_fence();
    }
  }
  if (p.last.data == nullptr) return;
#pragma unroll 1
  for (int n = 0; n < Tile::streams * rounds; ++n) {
    const int stream = n / rounds, round = n % rounds;
    for (int s = 0; s < Cell::states && unit.valid(stream, round); ++s)
      store_element<Storage>(p.last, s, 0,
                             unit.row + stream * Tile::batch + Tile::round_rows * round, head,
                             unit.unit, load_shared_float(state_at(stream, round, s)));
  }
}

/// The kernel; SpreadPlace says what a block does.
template <class Tile>
__device__ void wide_forward(const SpreadForwardParameters& parameters) {
  const ForwardParameters& p = parameters.recurrence;
  extern __shared__ __align__(128) unsigned char shared_bytes[];
  const SharedAddress shared = shared_address(shared_bytes);
  const auto [part, head, local_group, first_row] = SpreadPlace(
      p.shape, parameters.spread.first_group, Tile::blocks, Tile::streams * Tile::batch);
  unsigned char* const memory = parameters.spread.exchange + static_cast<Index>(local_group) *
                                                                 Tile::streams *
                                                                 Tile::exchange_bytes;

  clear_shared(shared, Tile::barriers_at);
  __syncthreads();
  if (threadIdx.x == 0) {
    for (int n = 0; n < Tile::streams * Tile::barriers; ++n)
      arrivals_init(shared + Tile::barriers_at + 8 * n,
                    n % Tile::barriers < Tile::sections ? Tile::bringing / 32 : Tile::warps);
  }
  publish_to_products();  // of what is cleared: columns of k that no packet has
  __syncthreads();

  if (warp_number() >= Tile::warps) {
    keep_registers<Tile::bringing_registers>();
    bring_vectors<Tile>(memory, shared, shared + Tile::barriers_at, p.shape.steps);
  } else {
    take_registers<Tile::computing_registers>();
    wide_forward_compute<Tile>(p, memory, shared, part, head, first_row);
  }
}

}  // namespace flashrnn::cuda
