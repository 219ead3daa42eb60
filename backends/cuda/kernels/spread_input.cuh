// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "packet_gatherer.cuh"
#include "sequence_io.cuh"
#include "spread_product.cuh"

// How the pointwise work of a block that shares a head is dealt to lanes, and how what it reads
// from sequences reaches them ahead of time.

namespace flashrnn::cuda {

/// What a block of a launch works on. Block x = group · blocks + part of the head; group = batch
/// tile · heads + head, counted from the launch's first. `rows` of the batch make up a tile.
struct SpreadPlace {
  int part, head;
  int local_group;  ///< of this launch
  Index first_row;  ///< of the batch
  __device__ SpreadPlace(const Shape& shape, Index first_group, int blocks, int rows)
      : part(static_cast<int>(blockIdx.x) % blocks),
        local_group(static_cast<int>(blockIdx.x) / blocks) {
    const int heads = static_cast<int>(shape.heads);
    const Index group = first_group + local_group;
    head = static_cast<int>(group % heads);
    first_row = group / heads * rows;
  }
};

/// A unit and row of the batch that a lane works on.
struct SpreadUnit {
  bool active;               ///< whether the warp has anything to do in this round
  bool valid;                ///< whether the lane's unit and row exist
  bool sends;                ///< whether `place` exists
  int place;                 ///< in the vector, of the packet that this lane sends
  int group_unit, tile_row;  ///< within the row group and the batch tile
  int block_unit;            ///< of the block
  int unit;                  ///< of the head
  int row;                   ///< of the batch
};

/// Of the unit of a round which is not known when the kernel is compiled, what addresses take.
struct SpreadPosition {
  bool valid = false;
  int unit = 0, row = 0;
  template <int rounds>
  __device__ SpreadPosition(const SpreadUnit (&units)[rounds], int round) {
#pragma unroll
    for (int r = 0; r < rounds; ++r) {
      valid = r == round ? units[r].valid : valid;
      unit = r == round ? units[r].unit : unit;
      row = r == round ? units[r].row : row;
    }
  }
};

/// Deals the units of a block, 8 to a chunk and 4 chunks of a row of the batch to a warp: those of
/// warp `k_group` of the row group, to `lane`. `Tile::vectors` chunks of a unit follow each other
/// per block: 1 forward, the gates backward.
template <class Tile>
__device__ SpreadUnit spread_unit(const Shape& shape, Index first_row, int part, int round,
                                  int k_group, int lane) {
  using Product = typename Tile::Product;
  constexpr int halves = Tile::Shape::halves, group_units = Tile::units / Product::row_groups;
  // Not warp_number(): some lanes of a warp may ask alone.
  const int row_group = static_cast<int>(threadIdx.x) / 32 / Product::k_groups;
  const int task = k_group + Product::k_groups * round;
  const int mine = 4 * task + lane / 8, sent = 4 * task + lane % 4;
  const int chunk = mine < Tile::group_chunks ? mine : 0;
  SpreadUnit out;
  out.active = 4 * task < Tile::group_chunks;
  out.tile_row = chunk % Tile::batch;
  out.group_unit = 8 * (chunk / Tile::batch) + lane % 8;
  out.block_unit = row_group * group_units + out.group_unit;
  out.unit = part * Tile::units + out.block_unit;
  out.row = static_cast<int>(first_row) + out.tile_row;
  out.valid = mine < Tile::group_chunks && out.unit < shape.head_dim && out.row < shape.batch;
  out.sends = Tile::group_chunks % 4 == 0 ? out.active : sent < Tile::group_chunks;
  out.place = part * Tile::vectors * Tile::vector_packets +
              halves * (row_group * Tile::group_chunks + sent - sent % Tile::batch) +
              lane / 4 % halves * Tile::batch + sent % Tile::batch;
  return out;
}

/// The number, among the block's warps with units, of warp `k_group` of a row group; that of the
/// last one for a warp without units.
template <class Tile>
__device__ int working_warp(int row_group, int k_group) {
  return row_group * Tile::working + ::min(k_group, Tile::working - 1);
}
/// The warp of the row group that warp `k_group` works for, or that works for it, where at most
/// half of them have units: the first for the last.
template <class Tile>
__device__ int partner(int k_group) {
  return Tile::Product::k_groups - 1 - k_group;
}

/// Asks for the vector `cycles` after the warps of the row group that have work, `sender`,
/// have sent their part of it. Others would ask in vain before that, and be in the way in L2; who
/// asks too early waits for two answers instead of one.
template <class Tile>
__device__ void ask_when_sent(typename Tile::Product& product,
                              const typename Tile::Exchange& exchange, unsigned cycles,
                              int row_group, bool sender) {
  using Product = typename Tile::Product;
  if constexpr (Tile::Exchange::asks_early) {
    if constexpr (Tile::working < Product::k_groups || !Product::alternates) {
      const int barrier = Product::row_groups + 1 + row_group;
#ifdef FLASHRNN_RACECHECK
      sender = false;  // racecheck takes the others' arrivals for no order at all
#endif
      if (!Product::alternates) {
        // Their sums are overwritten after this. Not .aligned: warps stand at different places.
        asm volatile("barrier.sync %0, %1;" ::"r"(barrier), "n"(32 * Product::k_groups) : "memory");
      } else if (sender) {
        asm volatile("bar.arrive %0, %1;" ::"r"(barrier), "n"(32 * Product::k_groups) : "memory");
      } else {
        asm volatile("bar.sync %0, %1;" ::"r"(barrier), "n"(32 * Product::k_groups) : "memory");
      }
    }
    const auto begin = static_cast<unsigned>(clock());
    while (static_cast<unsigned>(clock()) - begin < cycles) {
    }
    product.ask(exchange);
  }
}

/// After vector `number` is sent, by all threads: what the exchange does twice per ring of slots.
template <class Tile>
__device__ void renew_slots(const typename Tile::Exchange& exchange, unsigned number,
                            const SpreadUnit (&own)[Tile::rounds]) {
  if (!exchange.orders(number)) return;
  if (exchange.empties(number)) {
#pragma unroll
    for (int r = 0; r < Tile::rounds; ++r)
#pragma unroll
      for (int vector = 0; vector < Tile::vectors; ++vector)
        exchange.empty(number, own[r].place + vector * Tile::vector_packets,
                       own[r].active && own[r].sends);
  }
  device_fence();
}

/// What the warps with work need to put packets together, `spread_gather_bytes` in shared memory.
template <class Tile>
using SpreadGatherer = PacketGatherer<typename Tile::Storage, Tile::vectors>;
template <class Tile>
__device__ SharedAddress own_gather_bytes(SharedAddress all, int row_group, int k_group) {
  return all + working_warp<Tile>(row_group, k_group) * SpreadGatherer<Tile>::bytes;
}

/// Where a lane's unit, a SpreadUnit or its position, lies in a sequence, channel 0; null stays
/// null.
template <class Storage, class Unit>
__device__ Bits<Storage>* place_in(const Sequence& s, Index step, const Unit& own, int head) {
  Bits<Storage>* const row = row_of<Storage>(s, 0, step, own.valid ? own.row : 0, head);
  return row == nullptr ? nullptr : row + (own.valid ? own.unit : 0);
}

/// Brings the line of an address into L2, and waits for nothing.
__device__ inline void bring_to_l2(const void* from) {
  asm volatile("prefetch.global.L2 [%0];" ::"l"(from));
}

/// Bytes of `depth` steps of what is read, which a warp has in shared memory. Loads return in
/// order, so that one which waits for memory holds up those by which vectors are read from L2:
/// there, steps are brought into L2 first, and into shared memory shortly before their use.
__device__ constexpr int spread_input_bytes(int channels, int rounds, int halves, int depth) {
  return depth * rounds * 4 * 16 * halves * (channels > 0 ? channels : 1);
}

/// Values of the units of a block on their way into shared memory, several steps ahead.
/// `Source(channel, row, step)` gives unit 0 of a row of the batch, or null for zeros, steps in the
/// order of the recurrence, as in sequence_io.cuh. The barrier of the row group, once a step after
/// wait(), hands values over and slots back.
/// `steps_ahead`: 1 if values of the next step are read before that barrier, else 0. Where at most
/// half of the warps have units the others bring their values (`Tile::helped`): a warp with units
/// has no time to lose between two vectors.
template <class Tile, int channels, class Source, int steps_ahead>
class SpreadInput {
 public:
  static constexpr int rounds = Tile::rounds, k_groups = Tile::Product::k_groups;
  static constexpr bool from_l2 = !Tile::in_cluster;
  static constexpr int depth = Tile::input_steps, l2_steps_ahead = 8;
  static_assert(depth >= 3 + steps_ahead,
                "SpreadInput: one step is read, one arrives, one is asked for");
  using Element = Bits<typename Tile::Storage>;
  static constexpr int halves = Tile::Shape::halves, chunk_bytes = 16 * halves;
  static constexpr int unit_bytes = chunk_bytes * (channels > 0 ? channels : 1);
  static constexpr int round_bytes = 4 * unit_bytes, step_bytes = rounds * round_bytes;
  static constexpr int warp_bytes = depth * step_bytes;
  static_assert(warp_bytes == spread_input_bytes(channels, rounds, halves, depth));
  static constexpr bool helped = Tile::helped;

  /// Whose values warp `k_group` of a row group brings.
  static __device__ int brings_for(int k_group) {
    return helped ? partner<Tile>(k_group) : k_group;
  }

  /// By all warps. `wide`: rows can be moved in pieces of 16 bytes. `shared` has warp_bytes per
  /// warp that has work, cleared. `brought`: the units of warp brings_for(own k group). The block
  /// meets before anything is read.
  __device__ void start(const Source& source, bool wide, SharedAddress shared,
                        const SpreadUnit (&brought)[rounds], Index steps) {
    const int l = static_cast<int>(threadIdx.x) & 31;
    wide_ = wide;
    left_ = static_cast<unsigned>(steps);
    constexpr int element = sizeof(Element);
    const int warp = warp_number(), k_group = warp % k_groups;
    const auto of_warp = [&](int k) {
      const int working = working_warp<Tile>(warp / k_groups, k);
      return shared + working * warp_bytes + l / 8 * unit_bytes;
    };
    read_ = of_warp(k_group) + l % 8 * element;
    write_ = of_warp(brings_for(k_group)) + l % 8 * (wide ? 16 : element);  // piece or unit l % 8
    keep(read_);
    keep(write_);
#pragma unroll
    for (int r = 0; r < rounds; ++r)
#pragma unroll
      for (int i = 0; i < pieces; ++i) {
        from_[r][i] = nullptr;
        stride_[r][i] = 0;
      }
#pragma unroll 1
    for (int step = 0; step < ahead(); ++step) bring<true>(source, step, brought);
    if (asynchronous()) copy_async_wait<depth - 2>();
  }
  /// Before the barrier of the row group.
  __device__ void wait() const {
    if (asynchronous()) copy_async_wait<depth - 2 - steps_ahead>();
  }
  __device__ void read(int round, float (&value)[channels > 0 ? channels : 1]) const {
#pragma unroll
    for (int n = 0; n < channels; ++n) {
      const SharedAddress from = read_ + read_slot_ + round * round_bytes + chunk_bytes * n;
      if constexpr (halves == 2) {
        value[n] = load_shared_float(from);
      } else {
        value[n] = widen<typename Tile::Storage>(
            static_cast<unsigned short>(load_shared<1>(from).word[0]));
      }
    }
  }
  /// After the reads of a step.
  __device__ void to_next() {
    read_slot_ = next(read_slot_);
  }
  /// Once a step, after the barrier of the row group.
  __device__ void advance(const Source& source, Index step, const SpreadUnit (&brought)[rounds]) {
    bring<false>(source, step + ahead(), brought);
  }

 private:
  // Pieces of 16 bytes: of the values of 8 units, each of their 8 lanes moves as many.
  static constexpr int pieces = (channels * halves + 7) / 8;
  static __device__ int channel(int piece) {
    return ((static_cast<int>(threadIdx.x) & 7) + 8 * piece) / halves;
  }
  /// First unit of this lane's pieces, of the lane's own unit.
  static __device__ int piece_unit(int unit) {
    const int l = static_cast<int>(threadIdx.x) & 7;
    return unit - l + l % halves * 4;
  }
  static __device__ int next(int slot) {
    return slot + step_bytes == warp_bytes ? 0 : slot + step_bytes;
  }

  /// There is no copy of 2 bytes that a thread need not wait for.
  __device__ bool asynchronous() const {
    return halves == 2 || wide_;
  }
  /// How many steps in front of its use a step is asked for.
  __device__ int ahead() const {
    return asynchronous() ? depth - 1 : steps_ahead + 1;
  }
  /// `starts`: step 0 may be meant, at which it is found where the pieces of the others lie.
  template <bool starts>
  __device__ void bring(const Source& source, Index step, const SpreadUnit (&brought)[rounds]) {
    if (left_ > 0) {
      const bool regular =
          wide_ && !(starts && step == 0) && !(Source::last_step_differs && left_ == 1);
      if (regular) {
        copy_kept();
      } else {
        fill<starts>(source, step, brought);
      }
      --left_;
    }
    copy_async_commit();
    write_slot_ = next(write_slot_);
  }
  /// The pieces of a step whose addresses are kept.
  __device__ void copy_kept() {
#pragma unroll
    for (int r = 0; r < rounds; ++r)
#pragma unroll
      for (int i = 0; i < pieces; ++i) {
        if (from_[r][i] == nullptr) continue;
        copy_async_16(write_ + write_slot_ + r * round_bytes + 128 * i, from_[r][i]);
        from_[r][i] += stride_[r][i];
        if (from_l2 && left_ > l2_steps_ahead)
          bring_to_l2(from_[r][i] + (l2_steps_ahead - 1) * stride_[r][i]);
      }
  }
  /// Any step: piece by piece, or element by element. The code of an address is long, so it stands
  /// here once. `keeps`: at step 0, for the steps behind it.
  template <bool keeps>
  __device__ void fill(const Source& source, Index step, const SpreadUnit (&brought)[rounds]) {
#pragma unroll 1
    for (int r = 0; r < rounds; ++r) {
      const SpreadPosition place(brought, r);
      if (!place.valid) continue;
      const SharedAddress slot = write_ + write_slot_ + r * round_bytes;
      const int count = wide_ ? pieces : channels;
      constexpr int at_once = 4;  // elements that are waited for; more take too many registers
#pragma unroll 1
      for (int first = 0; first < count; first += at_once) {
        const Element* element[at_once] = {};
#pragma unroll 1
        for (int i = first; i < ::min(count, first + at_once); ++i) {
          const int n = wide_ ? channel(i) : i;
          if (n >= channels) continue;
          const Element* const row = source(n, place.row, step);
          if (wide_) {
            const Element* const from = row + piece_unit(place.unit);
            if (row == nullptr) {
              store_shared_16(slot + 128 * i, {0, 0, 0, 0});
            } else {
              copy_async_16(slot + 128 * i, from);
              if (keeps) keep_piece(r, i, from, source.stride(n));
            }
          } else if constexpr (halves == 2) {
            if (row == nullptr) {
              store_shared_float(slot + chunk_bytes * i, 0.0f);
            } else {
              copy_async<4>(slot + chunk_bytes * i, row + place.unit);
            }
          } else {
            const Element* const from = row == nullptr ? nullptr : row + place.unit;
#pragma unroll
            for (int k = 0; k < at_once; ++k) element[k] = k == i - first ? from : element[k];
          }
        }
        if (asynchronous()) continue;
        Element bits[at_once];
#pragma unroll
        for (int k = 0; k < at_once; ++k)
          bits[k] = element[k] == nullptr ? Element(0) : *element[k];
#pragma unroll
        for (int k = 0; k < at_once; ++k)
          if (first + k < channels) store_shared_bits(slot + chunk_bytes * (first + k), bits[k]);
      }
    }
  }
  __device__ void keep_piece(int round, int piece, const Element* first, Index stride) {
#pragma unroll
    for (int r = 0; r < rounds; ++r)
#pragma unroll
      for (int i = 0; i < pieces; ++i) {
        if (r != round || i != piece) continue;
        from_[r][i] = first + stride;
        stride_[r][i] = stride;
      }
  }

  bool wide_;
  unsigned left_;  ///< steps that are not brought yet
  SharedAddress read_, write_;
  int read_slot_ = 0, write_slot_ = 0;
  const Element* from_[rounds][pieces > 0 ? pieces : 1];
  Index stride_[rounds][pieces > 0 ? pieces : 1];
};

}  // namespace flashrnn::cuda
