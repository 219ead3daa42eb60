// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "sequence_io.cuh"

namespace flashrnn::cuda {

/// Stores rows [channel, row of the batch tile, unit] of a group of steps from shared memory by
/// `lanes` threads, one group after the other, in pieces of `piece` bytes or element by element (as
/// RingLoader loads them). The slots of a group lie `slot_bytes` apart.
template <class Storage, int batch, int channels, int padded, int lanes, int group, int slot_bytes,
          int piece>
class RowStorer {
 public:
  using Element = Bits<Storage>;
  /// `offset(channel, row)` is where a row begins in its slot. Threads that have nothing to move
  /// repeat what others move, so that nobody asks in every step who does what.
  template <class Target, class Offset>
  __device__ void start(int lane, int rows, int head_dim, const Target& target,
                        const Offset& offset) {
    lane_ = lane;
    rows_ = rows;
    head_dim_ = head_dim;
    int given = 0;
    while (given < channels && !target.given(given)) ++given;
    any_ = given < channels;
    if (piece == 0 || !any_) return;
    places_.start(lane, [&](int n) -> RowPlace<Element> {
      int channel = n / batch, row = n % batch;
      row = row < rows ? row : 0;
      channel = target(channel, row, Index(0)) != nullptr ? channel : given;
      return {target(channel, row, Index(0)), static_cast<int>(target.stride(channel) / per_piece),
              offset(channel, row)};
    });
    if constexpr (keeps_addresses) {
      // Many are found one after the other, as the places are, for less code.
#pragma unroll(one_by_one ? 1 : pieces)
      for (int i = 0; i < pieces; ++i) {
        // What is left without a piece stores the first one once more.
        const Dealt dealt(lane, i);
        const int unit =
            dealt.there && dealt.unit * per_piece < head_dim ? dealt.unit * per_piece : 0;
        const int step = dealt.there ? dealt.step : 0;
        constexpr bool even = at_once * per_step % lanes == 0 && !one_by_one;
        const int first = even ? Dealt::first_row(i) : 0,
                  last = even ? Dealt::last_row(i) : all_rows - 1;
        const RowPlace<Element> place = places_.between(first, last, dealt.there ? dealt.row : 0);
        int from = step * slot_bytes + place.offset + element_bytes * unit;
        pin(from);
        Element* const to = moved(place.first + unit, step * place.stride);
#pragma unroll
        for (int j = 0; j < pieces; ++j) {
          if (j != i) continue;
          from_[j] = from;
          to_[j] = to;
          stride_[j] = place.stride * at_once;
        }
      }
    }
  }

  /// The next group of steps, whole, in pieces.
  __device__ void store_whole(SharedAddress slots) {
    if (!any_) return;
    if constexpr (keeps_addresses) {
      store_kept(slots);
    } else if constexpr (piece > 0) {
      store_rows(slots);
    }
  }

  /// `count` steps from `first` on, element by element. The target need not be the one of `start`.
  template <class Target, class Offset>
  __device__ void store_elements(SharedAddress slots, Index first, int count, const Target& target,
                                 const Offset& offset) const {
    using Walk = RowWalk<padded>;
#pragma unroll 1
    for (int n = lane_ / 32 * Walk::rows + Walk::row(lane_); n < channels * batch;
         n += lanes / 32 * Walk::rows) {
      const int channel = n / batch, row = n % batch;
      if (row >= rows_) continue;
      Element* const first_to = target(channel, row, first);
      if (first_to == nullptr) continue;
      const Index stride = target.stride(channel);
#pragma unroll 1
      for (int unit = Walk::unit(lane_); unit < head_dim_; unit += Walk::across) {
        const SharedAddress from = slots + offset(channel, row) + element_bytes * unit;
        Element* to = first_to + unit;
        constexpr int in_flight = group < 2 ? group : 2;
#pragma unroll
        for (int begin = 0; begin < group; begin += in_flight) {
          Elements<1, element_bytes> value[in_flight];
#pragma unroll
          for (int k = 0; k < in_flight; ++k)
            value[k] = load_shared<1, element_bytes>(from + (begin + k) * slot_bytes);
#pragma unroll
          for (int k = 0; k < in_flight; ++k, to += stride)
            if (begin + k < count) store_global(to, value[k]);
        }
      }
    }
  }

 private:
  /// A whole group of steps in pieces whose addresses are kept.
  __device__ void store_kept(SharedAddress slots) {
    constexpr int in_flight = pieces < 3 ? pieces : 3;  // words on the way from shared memory
#pragma unroll
    for (int n = 0; n < group; n += at_once)
#pragma unroll
      for (int begin = 0; begin < pieces; begin += in_flight) {
        Word words[in_flight][4];
#pragma unroll
        for (int i = begin; i < begin + in_flight; ++i)
          if (i < pieces) load_shared_16(slots + n * slot_bytes + from_[i], words[i - begin]);
#pragma unroll
        for (int i = begin; i < begin + in_flight; ++i) {
          if (i >= pieces) continue;
          const Word(&word)[4] = words[i - begin];
          *reinterpret_cast<uint4*>(to_[i]) = make_uint4(word[0], word[1], word[2], word[3]);
          asm volatile("" : "+r"(stride_[i]));  // its 64-bit multiples would fill registers
          to_[i] = moved(to_[i], stride_[i]);
        }
      }
  }

  /// A whole group of steps in pieces that are too many for their addresses to be kept: those of
  /// rows are.
  __device__ void store_rows(SharedAddress slots) {
    const auto store = [slots](const RowPlace<Element>& place, int unit) {
      const SharedAddress from = slots + place.offset + element_bytes * unit;
      Element* to = place.first + unit;
      Elements<per_piece, element_bytes> value[group];
#pragma unroll
      for (int step = 0; step < group; ++step)
        value[step] = load_shared<per_piece, element_bytes>(from + step * slot_bytes);
#pragma unroll
      for (int step = 0; step < group; ++step, to = moved(to, place.stride))
        store_global(to, value[step]);
    };
    places_.template for_each_piece<lanes / 32, per_row, per_piece, 2>(lane_, head_dim_, store);
    places_.advance(group * piece);
  }

  static __device__ Element* moved(Element* to, int count) {
    return RowPlaces<Element, all_rows>::moved(to, count, piece);
  }

  static constexpr bool keeps_addresses = piece == 16;
  static constexpr int element_bytes = sizeof(Element),
                       per_piece = piece > 0 ? piece / element_bytes : 1;
  static constexpr int per_row = padded / per_piece, all_rows = channels * batch;
  static constexpr int per_step = all_rows * per_row;
  static constexpr int at_once = steps_at_once(per_step, lanes, group);
  using Dealt = DealtPiece<lanes, per_row, all_rows, at_once>;
  static constexpr int pieces = keeps_addresses ? Dealt::per_lane : 1;
  static constexpr bool one_by_one = pieces > 5;

 public:
  /// Pieces of 16 bytes that a lane moves per group of steps, each of which stands in the code.
  static constexpr int moves = keeps_addresses ? pieces * group / at_once : 0;

 private:
  int lane_, rows_, head_dim_;
  bool any_;          // whether any channel is wanted
  int from_[pieces];  // bytes behind the group's first slot
  Element* to_[pieces];
  int stride_[pieces];  // in pieces
  RowPlaces<Element, all_rows> places_;
};

}  // namespace flashrnn::cuda
