// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "parameters.hpp"
#include "shared_memory.cuh"

// Moving rows [channel, row of the batch tile, unit] of one head between global memory and shared
// memory, step by step, by warps that do nothing else. Sequences are moved in pieces of 16 bytes
// where every address and stride is a multiple of 16 bytes, or of 8 or 4 where the head's rows
// allow no more; others element by element (`piece` 0).
//
// Where a row lies in global memory is a functor (channel, row, step) -> pointer to unit 0, or null
// for a row that is not there; its stride(channel) is the distance of a step from the one before.
// Steps count in the order of the recurrence, so that the backward pass counts from the last to the
// first. `last_step_differs`: the last step's rows may be elsewhere.

namespace flashrnn::cuda {

template <class Storage>
__device__ float load_element(const Sequence& s, int channel, Index step, Index row, int head,
                              int unit) {
  const Index at = s.strides.at(channel, step, row, head) + unit;
  return widen<Storage>(static_cast<const Bits<Storage>*>(s.data)[at]);
}
template <class Storage>
__device__ void store_element(const Sequence& s, int channel, Index step, Index row, int head,
                              int unit, float value) {
  const Index at = s.strides.at(channel, step, row, head) + unit;
  static_cast<Bits<Storage>*>(s.data)[at] = narrow<Storage>(value);
}
/// Unit 0 of a row, or null if the tensor is not given. Without Storage: of a type of 16 bits.
template <class Storage = bfloat16>
__device__ Bits<Storage>* row_of(const Sequence& s, int channel, Index step, Index row, int head) {
  if (s.data == nullptr) return nullptr;
  return static_cast<Bits<Storage>*>(s.data) + s.strides.at(channel, step, row, head);
}

/// How a warp walks rows of `length` elements or pieces one by one: lanes side by side in a row, or
/// in several short ones, so that an address, which takes dozens of instructions, serves a lane as
/// often as possible. The last lanes may have no row.
template <int length>
struct RowWalk {
  static constexpr int across = length < 32 ? length : 32, rows = 32 / across,
                       turns = (length + across - 1) / across;
  static __device__ int row(int lane) { return lane % 32 / across; }
  static __device__ int unit(int lane) { return lane % 32 % across; }
  static __device__ bool has_row(int lane) { return across * rows == 32 || row(lane) < rows; }
};

/// The pieces of `steps` steps of `rows` rows of `per_row` pieces, dealt to `lanes` threads one by
/// one: which one a thread gets as its i-th.
template <int lanes, int per_row, int rows, int steps>
struct DealtPiece {
  static constexpr int per_lane = (steps * rows * per_row + lanes - 1) / lanes;
  int unit;    ///< of the row, in pieces
  int row;     ///< at most `rows` - 1 where `there`
  int step;    ///< of `steps`
  bool there;  ///< the last ones may be left without
  // Whole rows at a time: what differs from piece to piece is known when the kernel is compiled.
  static constexpr bool by_rows = lanes % per_row == 0;
  __device__ DealtPiece(int lane, int i) {
    // Unsigned, because signed numbers are rounded to zero, which takes three instructions.
    const auto l = static_cast<unsigned>(lane);
    const unsigned n = by_rows ? l / per_row + i * (lanes / per_row) : (l + i * lanes) / per_row;
    unit = static_cast<int>(by_rows ? l % per_row : (l + i * lanes) % per_row);
    row = static_cast<int>(steps == 1 ? n : n % rows);
    step = static_cast<int>(steps == 1 ? 0 : n / rows);
    there = (steps * rows * per_row) % lanes == 0 || n < steps * rows;
  }
  /// The first and last row that any thread gets as its i-th.
  static __device__ constexpr int first_row(int i) { return one_step(i) ? low(i) % rows : 0; }
  static __device__ constexpr int last_row(int i) {
    return one_step(i) ? high(i) % rows : rows - 1;
  }

 private:
  static __device__ constexpr int low(int i) { return i * lanes / per_row; }
  static __device__ constexpr int high(int i) {
    const int last = (i * lanes + lanes - 1) / per_row;
    return last < steps * rows ? last : steps * rows - 1;
  }
  static __device__ constexpr bool one_step(int i) { return low(i) / rows == high(i) / rows; }
};

/// Where a row lies: unit 0 in global memory (null: nowhere), how far a step is from the one before
/// in pieces, and the bytes in front of it in its slot.
template <class Element>
struct RowPlace {
  Element* first;
  int stride;
  int offset;
};

/// The places of `count` rows, kept by the lanes of a warp: each knows every 32nd row and tells the
/// others. Computing a place takes dozens of instructions, asking for it four.
template <class Element, int count>
class RowPlaces {
 public:
  /// `place(n)` is where row n lies, from 0 to count - 1.
  template <class Place>
  __device__ void start(int lane, const Place& place) {
    // One after the other, as the code of a place is long; which one it is, a comparison says.
#pragma unroll 1
    for (int k = 0; k < per_lane; ++k) {
      const int n = lane % 32 + 32 * k;
      const RowPlace<Element> found = place(n < count ? n : count - 1);
#pragma unroll
      for (int j = 0; j < per_lane; ++j)
        if (j == k) own_[j] = found;
    }
  }
  /// By all lanes of the warp, each with a row of its own choice.
  __device__ RowPlace<Element> operator[](int n) const {
    return between(0, count - 1, n);
  }
  /// The same where the choice of every lane is known to be from `first` to `last`.
  __device__ RowPlace<Element> between(int first, int last, int n) const {
    RowPlace<Element> out = from(own_[first / 32], n);
#pragma unroll
    for (int k = 0; k < per_lane; ++k) {
      if (k <= first / 32 || k > last / 32) continue;
      const RowPlace<Element> other = from(own_[k], n);
      if (n / 32 == k) out = other;
    }
    return out;
  }
  /// Hands `warps` warps the pieces of all rows, of `per_piece` elements: what(place, unit). Places
  /// of `rows_at_once` rows are asked for together, in front of what is done with them, where lanes
  /// part.
  template <int warps, int per_row, int per_piece, int rows_at_once, class What>
  __device__ void for_each_piece(int lane, int head_dim, const What& what) const {
    using Walk = RowWalk<per_row>;
    constexpr int apart = warps * Walk::rows;
    const int first = lane / 32 * Walk::rows + Walk::row(lane);
#pragma unroll 1
    for (int begin = 0; begin < count; begin += rows_at_once * apart) {
      RowPlace<Element> place[rows_at_once];
#pragma unroll
      for (int i = 0; i < rows_at_once; ++i) {
        const int n = begin + first + i * apart;
        place[i] = (*this)[n < count ? n : 0];
        if (n >= count) place[i].first = nullptr;
      }
#pragma unroll
      for (int i = 0; i < rows_at_once; ++i) {
        if (place[i].first == nullptr || !Walk::has_row(lane)) continue;
#pragma unroll
        for (int turn = 0; turn < Walk::turns; ++turn) {
          const int unit = (Walk::unit(lane) + turn * Walk::across) * per_piece;
          if (unit < head_dim) what(place[i], unit);
        }
      }
    }
  }
  /// To a later step: `bytes` are a piece's times the number of steps.
  __device__ void advance(int bytes) {
#pragma unroll
    for (int k = 0; k < per_lane; ++k)
      if (own_[k].first != nullptr) own_[k].first = moved(own_[k].first, own_[k].stride, bytes);
  }
  static __device__ Element* moved(Element* row, int stride, int bytes) {
    return reinterpret_cast<Element*>(reinterpret_cast<Address>(row) +
                                      static_cast<Index>(stride) * bytes);
  }

 private:
  using Address = unsigned long long;
  static_assert(sizeof(Element*) == sizeof(Address));
  static constexpr int per_lane = (count + 31) / 32;
  static __device__ RowPlace<Element> from(const RowPlace<Element>& own, int n) {
    return {reinterpret_cast<Element*>(
                __shfl_sync(0xffffffffu, reinterpret_cast<Address>(own.first), n)),
            __shfl_sync(0xffffffffu, own.stride, n), __shfl_sync(0xffffffffu, own.offset, n)};
  }

  RowPlace<Element> own_[per_lane];
};

/// `depth` steps of [row, channel, padded] in shared memory, elements of Storage.
template <class Storage_, int batch_, int channels_, int padded_, int depth_>
struct Ring {
  using Storage = Storage_;
  static constexpr int batch = batch_, channels = channels_, padded = padded_, depth = depth_;
  static constexpr int element_bytes = sizeof(Bits<Storage>);
  static constexpr int channel_bytes = element_bytes * padded;
  static constexpr int step_bytes = batch * (channels * channel_bytes + (batch >= 8 ? 16 : 32));
  // Two rows: half the banks (64 bytes) apart, with both spaces of 32 bytes between them or none.
  static constexpr int space = (64 - channels * channel_bytes % 128 + 128) % 128 < 64 ? 0 : 64;
  static constexpr int row_bytes =
      batch == 2 ? channels * channel_bytes + space : step_bytes / batch;
  static constexpr int bytes = depth * step_bytes;
  static __device__ int offset(int channel, int row) {
    return row * row_bytes + channel * channel_bytes;
  }
};

/// One step of [channel, row, padded] on its way out.
template <class Storage, int batch_, int channels_, int padded_>
struct Staged {
  static constexpr int row_bytes = static_cast<int>(sizeof(Bits<Storage>)) * padded_ + 16;
  static constexpr int channel_bytes = batch_ * row_bytes;
  static constexpr int bytes = channels_ * channel_bytes;
  static __device__ int offset(int channel, int row) {
    return channel * channel_bytes + row * row_bytes;
  }
};

/// The same as [row, channel, padded], the channels of a row one behind the other. Rows share the
/// bytes that Staged leaves free so that those which half a warp stores to at once, 8 bytes per
/// unit, lie in different banks.
template <class Storage, int batch_, int channels_, int padded_>
struct StagedRows {
  using Spread = Staged<Storage, batch_, channels_, padded_>;
  static constexpr int channel_bytes = static_cast<int>(sizeof(Bits<Storage>)) * padded_;
  static constexpr int bytes = Spread::bytes;
  // The distance of rows in words is at most what there is, and `apart` modulo `banks`.
  static constexpr int banks = batch_ == 2 ? 32 : 16;
  static constexpr int apart = (batch_ >= 8 ? 4 : batch_ == 4 ? 8 : 16) % banks;
  static constexpr int available = bytes / batch_ / 4;
  static constexpr int distance = 4 * (available - (available - apart + banks) % banks);
  static constexpr int row_bytes =
      distance >= channels_ * channel_bytes ? distance : channels_ * Spread::row_bytes;
  static __device__ int offset(int channel, int row) {
    return row * row_bytes + channel * channel_bytes;
  }
};

template <bool by_rows, class Storage, int batch, int channels, int padded>
struct StagedChoice {
  using Type = Staged<Storage, batch, channels, padded>;
};
template <class Storage, int batch, int channels, int padded>
struct StagedChoice<true, Storage, batch, channels, padded> {
  using Type = StagedRows<Storage, batch, channels, padded>;
};
template <bool by_rows, class Storage, int batch, int channels, int padded>
using StagedFor = typename StagedChoice<by_rows, Storage, batch, channels, padded>::Type;

/// Saved values that lie unit by unit do so by fours: how many fours. Element (k, unit) of the four
/// channels from 4·q on is the element 4·unit + k - 4·q behind the beginning of channel 4·q.
template <int saved, bool by_unit>
inline constexpr int saved_quads = by_unit ? saved / 4 : 0;

/// How the warps that move data share the work: some only load and some only store, in proportion
/// to what there is to do, so that neither waits for the other's latency.
template <int warps, int loads, int stores>
struct IoWarps {
  static_assert(warps >= 2, "IoWarps: at least one warp loads and one stores");
  static constexpr int rounded = (warps * loads + (loads + stores) / 2) / (loads + stores);
  static constexpr int loading = rounded < 1 ? 1 : rounded > warps - 1 ? warps - 1 : rounded;
  static constexpr int storing = warps - loading;
};

/// How many of `group` steps are moved at once by `lanes` threads: as many as give a thread no more
/// than 3 pieces of 16 bytes, whose addresses it keeps in registers.
constexpr int steps_at_once(int pieces_per_step, int lanes, int group) {
  int steps = group;
  while (steps > 1 && steps * pieces_per_step > 3 * lanes) steps /= 2;
  return steps;
}

}  // namespace flashrnn::cuda
