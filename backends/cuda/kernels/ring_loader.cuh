// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "sequence_io.cuh"

namespace flashrnn::cuda {

/// Fills a ring by `lanes` threads, `group` steps at a time, so that these threads meet those that
/// compute once per group, have many copies under way and count few instructions per step. Groups
/// are copied in pieces of `piece` bytes where `in_pieces` allows it, else element by element. What
/// is no whole group has code of its own, which stands here once: it is as long as all the rest,
/// and the loops that most steps go through have to be short.
template <class Ring, int lanes, int group, int piece>
class RingLoader {
 public:
  using Element = Bits<typename Ring::Storage>;
  static constexpr int groups = Ring::depth / group;
  static_assert(Ring::depth % group == 0 && groups >= 4,
                "RingLoader: what is read now, what is read next, and two groups under way");

  /// Fills the slots with all steps from `first_step` on, and the slot before the ring with the
  /// step before them if there is one. `meet` is called when what is read first is there and all
  /// slots but two groups' are filled, or under way; again when one group more is; and from then on
  /// once per group, when the next one is there: the slots that are filled behind it are those of
  /// the group that was read before it.
  template <class Source, class Meet>
  __device__ void run(SharedAddress ring, int lane, int rows, int head_dim, Index steps,
                      Index first_step, bool in_pieces, const Source& source, const Meet& meet) {
    start(ring, lane, rows, head_dim, steps, first_step, in_pieces, source);
    Index left = groups - 1 + (steps + group - 1) / group;  // groups to fill, the last ones empty
    const Index quiet = left - (groups - 2);                // left when the first meeting comes
    bool before = first_step > 0, met = false;
#pragma unroll 1
    while (!met || left > 0) {
      if (piece > 0 && !before && !met) {
#pragma unroll 1
        for (; left > quiet && next_ <= last_whole_; --left) copy_group(source);
      }
      if (piece > 0 && met) {
        const Index whole = next_ <= last_whole_ ? (last_whole_ - next_) / group + 1 : 0;
        // As many as a 32-bit counter holds.
        const int count = static_cast<int>(::min(::min(whole, left), Index(1) << 30));
#pragma unroll 1
        for (int n = count; n > 0; --n) {
          copy_group(source);
          copy_async_wait<groups - 2>();
          meet();
        }
        left -= count;
        if (left == 0) break;
      }
      if (!met && left == quiet) {
        if constexpr (piece > 0) copy_async_wait<groups - 3>();
        met = true;
        meet();
        continue;
      }
      fill_any(before ? ring - Ring::step_bytes : slots_, before ? first_step - 1 : next_,
               before ? 1 : group, source);
      if (before) {
        before = false;
        continue;
      }
      advance();
      --left;
      if (met) {
        if constexpr (piece > 0) copy_async_wait<groups - 2>();
        meet();
      }
    }
    if constexpr (piece > 0) copy_async_wait<0>();
  }

 private:
  template <class Source>
  __device__ void start(SharedAddress ring, int lane, int rows, int head_dim, Index steps,
                        Index first_step, bool in_pieces, const Source& source) {
    ring_ = slots_ = ring;
    lane_ = lane;
    rows_ = rows;
    head_dim_ = head_dim;
    steps_ = steps;
    next_ = first_step;
    in_pieces_ = in_pieces;
    last_whole_ = in_pieces ? steps - group - (Source::last_step_differs ? 1 : 0) : -1;
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
  }

  __device__ void advance() {
    if constexpr (piece > 0) copy_async_commit();
    next_ += group;
    slots_ += group * Ring::step_bytes;
    if (slots_ == ring_ + Ring::bytes) slots_ = ring_;
  }

  /// The next group in pieces, all of whose steps are there.
  template <class Source>
  __device__ void copy_group(const Source& source) {
    if constexpr (keeps_addresses) {
#pragma unroll
      for (int n = 0; n < group; n += at_once)
#pragma unroll
        for (int i = 0; i < pieces; ++i) {
          if (from_[i] != nullptr)
            copy_async<piece>(slots_ + n * Ring::step_bytes + to_[i], from_[i]);
          asm volatile("" : "+r"(stride_[i]));  // its 64-bit multiples would fill registers
          from_[i] += piece * static_cast<Index>(stride_[i]);
        }
    } else if constexpr (piece > 0) {
      fill_group(source);
    }
    advance();
  }

  /// `count` steps from `first` on, of which steps or rows may be missing, into the slots from
  /// `slots` on.
  template <class Source>
  __device__ void fill_any(SharedAddress slots, Index first, int count, const Source& source) {
    if (first >= steps_) return;
    if (piece > 0 && in_pieces_) {
      if constexpr (piece > 0) fill_pieces(slots, first, count, source);
    } else {
      fill_elements(slots, first, count, source);
    }
  }

  /// The same in pieces, by asynchronous copies that nothing has committed.
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

  /// The same element by element, with `in_flight` loads on their way.
  template <class Source>
  __device__ void fill_elements(SharedAddress slots, Index first, int count,
                                const Source& source) const {
    constexpr int elements = Ring::batch * Ring::channels * Ring::padded;
    // Of as many elements side by side as there is room for, all steps of a group.
    constexpr int at_once = Ring::element_bytes == 4 ? 4 : 8, beside = at_once / group,
                  in_flight = beside * group;
    static_assert(beside >= 1, "RingLoader: a group's loads are on their way at once");
#pragma unroll 1
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
        for (int step = 0; step < group; ++step, from += stride) {
          const bool is_last = Source::last_step_differs && first + step == steps_ - 1;
          const Element* const at = is_last ? last : from;
          const bool reads = first + step < steps_ && (is_last ? last != nullptr : given);
          value[i * group + step] = reads ? at[unit] : Element(0);
        }
      }
#pragma unroll
      for (int k = 0; k < in_flight; ++k) {
        const int e = begin + k / group * lanes;
        if (e < elements && k % group < count)
          store_shared_bits(slots + k % group * Ring::step_bytes +
                                Ring::offset(e / Ring::padded % Ring::channels,
                                             e / Ring::padded / Ring::channels) +
                                Ring::element_bytes * (e % Ring::padded),
                            value[k]);
      }
    }
  }

  static constexpr bool keeps_addresses = piece == 16;
  static constexpr int per_piece = piece > 0 ? piece / Ring::element_bytes : 1;
  static constexpr int per_row = Ring::padded / per_piece;
  static constexpr int per_step = Ring::batch * Ring::channels * per_row;
  static constexpr int at_once = steps_at_once(per_step, lanes, group);
  static constexpr int pieces = keeps_addresses ? (at_once * per_step + lanes - 1) / lanes : 1;

  SharedAddress ring_, slots_;  // all slots; those that are filled next
  int lane_, rows_, head_dim_;
  bool in_pieces_;
  Index steps_, next_, last_whole_;  // steps; the last one a group in pieces may begin at
  int to_[pieces];                   // bytes behind slots_
  const char* from_[pieces];
  int stride_[pieces];  // in pieces
};

}  // namespace flashrnn::cuda
