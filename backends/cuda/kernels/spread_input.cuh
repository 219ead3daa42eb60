// SPDX-License-Identifier: Apache-2.0
#pragma once

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

/// Deals the units of a block, 8 to a chunk and 4 chunks of a row of the batch to a warp.
/// `Tile::vectors` chunks of a unit follow each other per block: 1 forward, the gates backward.
template <class Tile>
__device__ SpreadUnit spread_unit(const Shape& shape, Index first_row, int part, int round) {
  using Product = typename Tile::Product;
  constexpr int halves = Tile::Shape::halves;
  const int lane = static_cast<int>(threadIdx.x) & 31, warp = static_cast<int>(threadIdx.x) / 32;
  const int row_group = warp / Product::k_groups;
  const int task = warp % Product::k_groups + Product::k_groups * round;
  const int mine = 4 * task + lane / 8, sent = 4 * task + lane % 4;
  const int chunk = mine < Tile::group_chunks ? mine : 0;
  SpreadUnit out;
  out.active = 4 * task < Tile::group_chunks;
  out.tile_row = chunk % Tile::batch;
  out.group_unit = 8 * (chunk / Tile::batch) + lane % 8;
  out.block_unit = row_group * Product::group_units + out.group_unit;
  out.unit = part * Tile::units + out.block_unit;
  out.row = static_cast<int>(first_row) + out.tile_row;
  out.valid = mine < Tile::group_chunks && out.unit < shape.head_dim && out.row < shape.batch;
  out.sends = sent < Tile::group_chunks;
  out.place = part * Tile::vectors * Tile::vector_packets +
              halves * (row_group * Tile::group_chunks + sent - sent % Tile::batch) +
              lane / 4 % halves * Tile::batch + sent % Tile::batch;
  return out;
}

/// Where a lane's unit lies in a sequence, channel 0; null stays null.
template <class Storage>
__device__ Bits<Storage>* place_in(const Sequence& s, Index step, const SpreadUnit& own, int head) {
  Bits<Storage>* const row = row_of<Storage>(s, 0, step, own.valid ? own.row : 0, head);
  return row == nullptr ? nullptr : row + (own.valid ? own.unit : 0);
}

/// Brings the line of an address into L2, and waits for nothing.
__device__ inline void bring_to_l2(const void* from) {
  asm volatile("prefetch.global.L2 [%0];" ::"l"(from));
}

/// Steps of what is read that a warp has in shared memory, and their bytes. Loads return in order,
/// so that one which waits for memory holds up those by which vectors are read from L2: there,
/// steps are brought into L2 first, and into shared memory shortly before their use.
__device__ constexpr int spread_input_depth(bool in_cluster) {
  return in_cluster ? 8 : 3;
}
__device__ constexpr int spread_input_bytes(int channels, int rounds, int halves, bool in_cluster) {
  return spread_input_depth(in_cluster) * rounds * 4 * 16 * halves * (channels > 0 ? channels : 1);
}

/// Values of the units of a block on their way into shared memory, several steps ahead. Each warp
/// brings what its own lanes use. `Source(channel, row, step)` gives unit 0 of a row of the batch,
/// or null for zeros, steps in the order of the recurrence, as in sequence_io.cuh.
template <class Tile, int channels, class Source>
class SpreadInput {
 public:
  static constexpr int rounds = Tile::rounds;
  static constexpr bool from_l2 = !Tile::in_cluster;
  static constexpr int depth = spread_input_depth(Tile::in_cluster), steps_ahead = 8;
  using Element = Bits<typename Tile::Storage>;
  static constexpr int halves = Tile::Shape::halves, chunk_bytes = 16 * halves;
  static constexpr int unit_bytes = chunk_bytes * (channels > 0 ? channels : 1);
  static constexpr int round_bytes = 4 * unit_bytes, step_bytes = rounds * round_bytes;
  static constexpr int warp_bytes = depth * step_bytes;
  static_assert(warp_bytes == spread_input_bytes(channels, rounds, halves, Tile::in_cluster));

  /// `wide`: rows can be moved in pieces of 16 bytes. `shared` has warp_bytes per warp that
  /// has work, cleared.
  __device__ void start(const Source& source, bool wide, SharedAddress shared,
                        const SpreadUnit (&own)[rounds], Index steps) {
    const int l = static_cast<int>(threadIdx.x) & 31;
    wide_ = wide;
    steps_ = steps;
    constexpr int element = sizeof(Element);
    const int warp = static_cast<int>(threadIdx.x) / 32, k_groups = Tile::Product::k_groups;
    const int working = warp / k_groups * Tile::working + ::min(warp % k_groups, Tile::working - 1);
    read_ = shared + working * warp_bytes + l / 8 * unit_bytes + l % 8 * element;
    write_ = read_ + l % 8 * (16 - element);  // piece l % 8 of the 8 units' values
    keep(read_);
    keep(write_);
    if (!wide) {
      load(source, 0, own);
    } else {
#pragma unroll
      for (int r = 0; r < rounds; ++r)
#pragma unroll
        for (int i = 0; i < pieces; ++i) {
          from_[r][i] = nullptr;
          stride_[r][i] = 0;
          if (!own[r].valid || channel(i) >= channels) continue;
          const Element* const first = source(channel(i), own[r].row, 0);
          if (first == nullptr) continue;
          from_[r][i] = first + piece_unit(own[r]);
          stride_[r][i] = source(channel(i), own[r].row, 1) - first;
        }
      for (int step = 0; step < depth - 1; ++step) fill(source, step, own);
      copy_async_wait<depth - 2>();
    }
    __syncwarp();
  }
  /// Before the values of a step are read.
  __device__ void wait() const {
    if (wide_) copy_async_wait<depth - 2>();
    __syncwarp();
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
  /// Once a step, after its reads.
  __device__ void advance(const Source& source, Index step, const SpreadUnit (&own)[rounds]) {
    __syncwarp();
    read_slot_ = next(read_slot_);
    if (wide_) {
      fill(source, step + depth - 1, own);
    } else {
      load(source, step + 1, own);
    }
  }

 private:
  // Pieces of 16 bytes: of the values of 8 units, each of their 8 lanes moves as many.
  static constexpr int pieces = (channels * halves + 7) / 8;
  static __device__ int channel(int piece) {
    return ((static_cast<int>(threadIdx.x) & 7) + 8 * piece) / halves;
  }
  /// First unit of this lane's pieces.
  static __device__ int piece_unit(const SpreadUnit& own) {
    const int l = static_cast<int>(threadIdx.x) & 7;
    return own.unit - l + l % halves * 4;
  }
  static __device__ int next(int slot) {
    return slot + step_bytes == warp_bytes ? 0 : slot + step_bytes;
  }

  __device__ void fill(const Source& source, Index step, const SpreadUnit (&own)[rounds]) {
    if (step < steps_) {
#pragma unroll
      for (int r = 0; r < rounds; ++r)
#pragma unroll
        for (int i = 0; i < pieces; ++i) {
          const SharedAddress to = write_ + write_slot_ + r * round_bytes + 128 * i;
          if (Source::last_step_differs && step == steps_ - 1) {
            if (!own[r].valid || channel(i) >= channels) continue;
            const Element* const first = source(channel(i), own[r].row, step);
            if (first == nullptr) {
              store_shared_16(to, {0, 0, 0, 0});
            } else {
              copy_async_16(to, first + piece_unit(own[r]));
            }
          } else if (from_[r][i] != nullptr) {
            copy_async_16(to, from_[r][i]);
            from_[r][i] += stride_[r][i];
            if (from_l2 && step + steps_ahead < steps_)
              bring_to_l2(from_[r][i] + (steps_ahead - 1) * stride_[r][i]);
          }
        }
    }
    copy_async_commit();
    write_slot_ = next(write_slot_);
  }
  /// The slow way: element by element, and waiting for them.
  __device__ void load(const Source& source, Index step, const SpreadUnit (&own)[rounds]) {
    if (step >= steps_) return;
#pragma unroll
    for (int r = 0; r < rounds; ++r) {
      if (!own[r].valid) continue;
#pragma unroll 1
      for (int n = 0; n < channels; ++n) {
        const Element* const first = source(n, own[r].row, step);
        const SharedAddress to = read_ + read_slot_ + r * round_bytes + chunk_bytes * n;
        const Element bits = first == nullptr ? 0 : first[own[r].unit];
        if constexpr (halves == 2) {
          store_shared_float(to, __uint_as_float(bits));
        } else {
          store_shared_bits(to, bits);
        }
      }
    }
  }

  bool wide_;
  Index steps_;
  SharedAddress read_, write_;
  int read_slot_ = 0, write_slot_ = 0;
  const Element* from_[rounds][pieces > 0 ? pieces : 1];
  Index stride_[rounds][pieces > 0 ? pieces : 1];
};

}  // namespace flashrnn::cuda
