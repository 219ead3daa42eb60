// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "spread_input.cuh"

// How results of a step leave a block that shares a head, where at most half of its warps have
// units: these put the results into shared memory and go on to wait for the next vector. The other
// warps, which have little to do, move them on in the step after that, while its vector is on its
// way (at its beginning their reads and stores would be in the way of the units' work), in pieces
// of 16 bytes where all places begin at multiples of that. There are two buffers, one of which is
// filled while the other is emptied.

namespace flashrnn::cuda {

/// Where an output of a lane lies in the first step, null if nobody wants it, how far the next step
/// is from it, and which of the staged channels it gets.
template <class Element>
struct SpreadOutput {
  Element* first;
  Index stride;
  int channel;
};

/// `channels` values per unit are staged and go to `outputs` places. `Tile::Shape`, `Tile::working`
/// and so on are those of the spread tiles.
template <class Tile, int channels, int outputs>
class SpreadResults {
 public:
  using Element = Bits<typename Tile::Storage>;
  static constexpr int halves = sizeof(Element) / 2;
  static constexpr int chunk_bytes = 16 * halves, channel_bytes = 4 * chunk_bytes,
                       buffer_bytes = channels * channel_bytes, warp_bytes = 2 * buffer_bytes;

  /// By all warps; `shared` has warp_bytes per warp with units. `wide`: pieces can be moved.
  /// `output(n, unit)` is the SpreadOutput of number n for a unit.
  template <class Output>
  __device__ void start(const Shape& shape, SharedAddress shared, bool wide, Index first_row,
                        int part, int row_group, int k_group, const Output& output) {
    wide_ = wide;
    const int l = static_cast<int>(threadIdx.x) & 31;
    const bool has_units = k_group < Tile::working;
    const int from = has_units ? k_group : partner<Tile>(k_group);
    const SharedAddress own = shared + working_warp<Tile>(row_group, from) * warp_bytes;
    // Those that move stand at the second buffer, that of the step before the first.
    at_ = has_units ? own + l * static_cast<int>(sizeof(Element)) : own + buffer_bytes;
    distance_ = has_units ? buffer_bytes : -buffer_bytes;
    keep(at_);
#pragma unroll
    for (int i = 0; i < pieces; ++i) {
      to_[i] = nullptr;
      stride_[i] = 0;
      from_[i] = count_[i] = 0;
      const int piece = l + 32 * i, half = piece % halves, chunk = piece / halves % 4,
                n = piece / halves / 4;
      if (has_units || from >= Tile::working || n >= outputs) continue;
      const SpreadUnit unit = spread_unit<Tile>(shape, first_row, part, 0, from, 8 * chunk);
      const SpreadOutput<Element> out = output(n, unit);
      if (!unit.valid || out.first == nullptr) continue;
      to_[i] = out.first + half * piece_elements;
      count_[i] = static_cast<int>(shape.head_dim) - unit.unit - half * piece_elements;
      stride_[i] = out.stride;
      from_[i] = out.channel * channel_bytes + chunk * chunk_bytes + 16 * half;
    }
  }
  /// By warps with units.
  __device__ void put(int channel, Element bits) const {
    store_shared_bits(at_ + channel * channel_bytes, bits);
  }
  /// By the other warps, after the barrier that follows put() and before the next one.
  __device__ void move() {
#pragma unroll
    for (int i = 0; i < pieces; ++i) {
      if (to_[i] == nullptr) continue;
      if (wide_) {
        Word piece[4];
        load_shared_16(at_ + from_[i], piece);
        *reinterpret_cast<uint4*>(to_[i]) = make_uint4(piece[0], piece[1], piece[2], piece[3]);
      } else {
#pragma unroll 1
        for (int e = 0; e < ::min(count_[i], piece_elements); ++e)
          to_[i][e] = static_cast<Element>(
              load_shared<1, element_bytes>(at_ + from_[i] + element_bytes * e).word[0]);
      }
      to_[i] += stride_[i];
    }
  }
  /// By all warps at the end of a step: to the other buffer.
  __device__ void turn() {
    at_ += distance_;
    distance_ = -distance_;
    keep(at_);
  }

 private:
  static constexpr int element_bytes = sizeof(Element), piece_elements = 16 / element_bytes;
  static constexpr int pieces = (outputs * 4 * halves + 31) / 32;
  SharedAddress at_;
  int distance_;
  Element* to_[pieces];
  Index stride_[pieces];
  int from_[pieces], count_[pieces];  ///< count_: elements from there on to the head's last unit
  bool wide_;
};

}  // namespace flashrnn::cuda
