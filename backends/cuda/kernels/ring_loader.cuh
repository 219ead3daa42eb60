// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "sequence_io.cuh"

namespace flashrnn::cuda {

/// Fills a ring by `lanes` threads, `group` steps at a time, so that these threads meet those that
/// compute once per group, have many copies under way and count few instructions per step.
template <class Ring, int lanes, int group, int piece>
class RingLoader {
 public:
  using Element = Bits<typename Ring::Storage>;
  static constexpr int groups = Ring::depth / group;
  static_assert(Ring::depth % group == 0 && groups >= 4,
                "RingLoader: what is read now, what is read next, and two groups under way");

  /// Fills all slots but one group with the steps from `first_step` on (as many as the sequence
  /// has), and the slot before the ring with the step before them if there is one; waits for the
  /// first group and that step.
  template <class Source>
  __device__ void start(SharedAddress ring, int lane, int rows, int head_dim, Index steps,
                        Index first_step, const Source& source) {
    ring_ = slots_ = ring;
    lane_ = lane;
    rows_ = rows;
    head_dim_ = head_dim;
    steps_ = steps;
    next_ = first_step;
    if constexpr (keeps_addresses) {
#pragma unroll
      for (int i = 0; i < pieces; ++i) {
        const int n = lane + i * lanes, unit = n % per_row * per_piece,
                  channel = n / per_row % Ring::channels,
                  row = n / per_row / Ring::channels % Ring::batch;
        from_[i] = nullptr;
        stride_[i] = 0;
        to_[i] = n / per_step * Ring::step_bytes + Ring::offset(channel, row) +
                 Ring::element_bytes * unit;
        pin(to_[i]);
        if (n >= at_once * per_step || row >= rows || unit >= head_dim) continue;
        const Element* const first = source(channel, row, Index(0));
        if (first == nullptr) continue;
        const Index stride = source.stride(channel);
        from_[i] =
            reinterpret_cast<const char*>(first + unit + (first_step + n / per_step) * stride);
        stride_[i] = static_cast<int>(stride * at_once / per_piece);
      }
    }
    if (first_step > 0) {
      const SharedAddress before = ring - Ring::step_bytes;
      if constexpr (piece > 0) {
        fill_pieces(before, first_step - 1, 1, source);  // arrives with the first group
      } else {
        fill_elements<1, 2>(before, first_step - 1, source);
      }
    }
#pragma unroll 1
    for (int n = 0; n < groups - 1; ++n) refill(source);
    wait();
  }

  /// Fills the next group of steps. The slots are those of the group that was read last.
  template <class Source>
  __device__ void refill(const Source& source) {
    if constexpr (piece > 0) {
      if (next_ + group + (Source::last_step_differs ? 1 : 0) > steps_) {
        fill_pieces(slots_, next_, group, source);
      } else if constexpr (keeps_addresses) {
#pragma unroll
        for (int n = 0; n < group; n += at_once)
#pragma unroll
          for (int i = 0; i < pieces; ++i) {
            if (from_[i] != nullptr)
              copy_async<piece>(slots_ + n * Ring::step_bytes + to_[i], from_[i]);
            from_[i] += piece * static_cast<Index>(stride_[i]);
          }
      } else {
        fill_group(source);
      }
      copy_async_commit();
    } else {
      fill_elements<group, 8>(slots_, next_, source);
    }
    next_ += group;
    slots_ += group * Ring::step_bytes;
    if (slots_ == ring_ + Ring::bytes) slots_ = ring_;
  }

  /// Before the barrier that ends a group: what the next one reads is there.
  __device__ void wait() const {
    if constexpr (piece > 0) copy_async_wait<groups - 2>();
  }

  /// In pieces, by asynchronous copies that nothing has committed: `count` steps from
  /// `first` on into the slots from `slots` on, of which steps or rows may be missing.
  template <class Source>
  __device__ void fill_pieces(SharedAddress slots, Index first, int count,
                              const Source& source) const {
#pragma unroll 1
    for (int e = lane_; e < count * per_step; e += lanes) {
      const int unit = e % per_row * per_piece, channel = e / per_row % Ring::channels,
                row = e / per_row / Ring::channels % Ring::batch;
      const Index step = first + e / per_step;
      if (row >= rows_ || unit >= head_dim_ || step >= steps_) continue;
      const SharedAddress to = slots + e / per_step * Ring::step_bytes +
                               Ring::offset(channel, row) + Ring::element_bytes * unit;
      const Element* const from = source(channel, row, step);
      if (from != nullptr) {
        copy_async<piece>(to, from + unit);
      } else {
        store_shared(to, Elements<per_piece, Ring::element_bytes>{});
      }
    }
  }

  /// A whole group of steps in pieces that are too many for their addresses to be kept. Those of a
  /// step follow from the step before.
  template <class Source>
  __device__ void fill_group(const Source& source) const {
#pragma unroll 1
    for (int e = lane_; e < per_step; e += lanes) {
      const int unit = e % per_row * per_piece, channel = e / per_row % Ring::channels,
                row = e / per_row / Ring::channels;
      if (row >= rows_ || unit >= head_dim_) continue;
      const Element* from = source(channel, row, next_);
      if (from == nullptr) continue;  // the slots are zero
      const Index stride = source.stride(channel);
      const SharedAddress to = slots_ + Ring::offset(channel, row) + Ring::element_bytes * unit;
      from += unit;
#pragma unroll
      for (int step = 0; step < group; ++step, from += stride)
        copy_async<piece>(to + step * Ring::step_bytes, from);
    }
  }

  /// Element by element, with `in_flight` loads on their way: `count` steps from `first` on into
  /// the slots from `slots` on.
  template <int count, int in_flight, class Source>
  __device__ void fill_elements(SharedAddress slots, Index first, const Source& source) const {
    constexpr int elements = Ring::batch * Ring::channels * Ring::padded;
    constexpr int beside = in_flight / count;
    for (int begin = lane_; begin < elements; begin += beside * lanes) {
      Element value[in_flight];
#pragma unroll
      for (int i = 0; i < beside; ++i) {
        const int e = begin + i * lanes, unit = e % Ring::padded,
                  channel = e / Ring::padded % Ring::channels,
                  row = e / Ring::padded / Ring::channels;
        const bool there = e < elements && row < rows_ && unit < head_dim_;
        // The address of a step follows from the one before: each of its own is a lot of code.
        const Element *from = nullptr, *last = nullptr;
        if (there) from = source(channel, row, first);
        if (there && Source::last_step_differs) last = source(channel, row, steps_ - 1);
        const bool given = from != nullptr;
        const Index stride = source.stride(channel);
#pragma unroll
        for (int step = 0; step < count; ++step, from += stride) {
          const bool is_last = Source::last_step_differs && first + step == steps_ - 1;
          const Element* const at = is_last ? last : from;
          const bool reads = first + step < steps_ && (is_last ? last != nullptr : given);
          value[i * count + step] = reads ? at[unit] : Element(0);
        }
      }
#pragma unroll
      for (int k = 0; k < in_flight; ++k) {
        const int e = begin + k / count * lanes;
        if (e < elements)
          store_shared_bits(slots + k % count * Ring::step_bytes +
                                Ring::offset(e / Ring::padded % Ring::channels,
                                             e / Ring::padded / Ring::channels) +
                                Ring::element_bytes * (e % Ring::padded),
                            value[k]);
      }
    }
  }

 private:
  static constexpr bool keeps_addresses = piece == 16;
  static constexpr int per_piece = piece > 0 ? piece / Ring::element_bytes : 1;
  static constexpr int per_row = Ring::padded / per_piece;
  static constexpr int per_step = Ring::batch * Ring::channels * per_row;
  static constexpr int at_once = steps_at_once(per_step, lanes, group);
  static constexpr int pieces = keeps_addresses ? (at_once * per_step + lanes - 1) / lanes : 1;

  SharedAddress ring_, slots_;  // all slots; those that are filled next
  int lane_, rows_, head_dim_;
  Index steps_, next_;
  int to_[pieces];  // bytes behind slots_
  const char* from_[pieces];
  int stride_[pieces];  // in pieces
};

}  // namespace flashrnn::cuda
