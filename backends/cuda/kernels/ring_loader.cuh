// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "sequence_io.cuh"

namespace flashrnn::cuda {

/// Fills a ring by `lanes` threads, `group` steps at a time, so that these threads meet those that
/// compute once per group, have many copies under way and count few instructions per step. Groups
/// are copied in pieces of `piece` bytes where `in_pieces` allows it, else element by element. What
/// is no whole group has code of its own, which stands here once: it is as long as all the rest,
/// and the loops that most steps go through have to be short. `one_place`: the groups in front of
/// the first meeting go through the code of the others, which makes for less of it; but a branch
/// more per group is 5 % of what some small heads need for a step of inference.
template <class Ring, int lanes, int group, int piece, bool one_place>
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
    int ahead = groups - 2;  // groups to fill before the first meeting; negative after it
#pragma unroll 1
    while (ahead >= 0 || left > 0) {
      const bool before = next_ < first_step;
      if (piece > 0 && !before && !one_place && ahead > 0) {
#pragma unroll 1
        for (; ahead > 0 && next_ <= last_whole_; --ahead, --left) copy_group();
      }
      if (piece > 0 && !before && (one_place ? ahead != 0 : ahead < 0)) {
        const Index whole = next_ <= last_whole_ ? (last_whole_ - next_) / group + 1 : 0;
        const Index wanted = one_place && ahead > 0 ? Index(ahead) : left;
        // As many as a 32-bit counter holds.
        const int count = static_cast<int>(::min(::min(whole, wanted), Index(1) << 30));
#pragma unroll 1
        for (int n = count; n > 0; --n) {
          copy_group();
          if (one_place && ahead > 0) continue;
          copy_async_wait<groups - 2>();
          meet();
        }
        left -= count;
        if (one_place && ahead > 0) {
          ahead -= count;
        } else if (left == 0) {
          break;
        }
      }
      if (ahead == 0) {
        if constexpr (piece > 0) copy_async_wait<groups - 3>();
        ahead = -1;
        meet();
        continue;
      }
      fill_any(before ? ring - Ring::step_bytes : slots_, next_, before ? 1 : group, source);
      if (before) {
        next_ = first_step;
        continue;
      }
      advance();
      --left;
      if (ahead > 0) {
        --ahead;
      } else {
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
    next_ = first_step > 0 ? first_step - 1 : 0;
    in_pieces_ = in_pieces;
    last_whole_ = in_pieces ? steps - group - (Source::last_step_differs ? 1 : 0) : -1;
    if (piece == 0 || !in_pieces) return;
    if constexpr (walks_rows) {
      start_walk(lane, rows, head_dim, first_step, source);
      return;
    }
    places_.start(lane, [&](int n) -> RowPlace<const Element> {
      const int channel = n % Ring::channels, row = n / Ring::channels;
      const Element* const from = row < rows ? source(channel, row, first_step) : nullptr;
      return {from, static_cast<int>(source.stride(channel) / per_piece),
              Ring::offset(channel, row)};
    });
    if constexpr (keeps_addresses) {
      // Many are found one after the other, as the places are, for less code; few side by side, for
      // the sake of who waits for the first step.
      constexpr bool one_by_one = pieces > 8;
#pragma unroll(one_by_one ? 1 : pieces)
      for (int i = 0; i < pieces; ++i) {
        const Dealt dealt(lane, i);
        const int unit = dealt.unit * per_piece;
        const RowPlace<const Element> place =
            places_.between(one_by_one ? 0 : Dealt::first_row(i),
                            one_by_one ? all_rows - 1 : Dealt::last_row(i), dealt.row);
        int to = dealt.step * Ring::step_bytes + place.offset + Ring::element_bytes * unit;
        pin(to);
        const bool there = place.first != nullptr && dealt.there && unit < head_dim;
        const Element* const from =
            there ? moved(place.first + unit, dealt.step * place.stride) : nullptr;
#pragma unroll
        for (int j = 0; j < pieces; ++j) {
          if (j != i) continue;
          to_[j] = to;
          from_[j] = from;
          stride_[j] = there ? place.stride * at_once : 0;  // what is nowhere stays there
        }
      }
    }
  }

  template <class Source>
  __device__ void start_walk(int lane, int rows, int head_dim, Index first_step,
                             const Source& source) {
    const int n = lane / per_row, channel = n % Ring::channels, row = n / Ring::channels,
              unit = lane % per_row * per_piece;
    const Element* const first = source(channel, row, first_step);
    from_[0] = first + unit;
    to_[0] = Ring::offset(channel, row) + Ring::element_bytes * unit;
    stride_[0] = static_cast<int>(source.stride(channel) / per_piece);
    row_stride_ = source(channel, row + row_step, first_step) - first;
    const bool any = first != nullptr && unit < head_dim && row < rows;
    rows_here_ = any ? (rows - row + row_step - 1) / row_step : 0;
  }

  __device__ void advance() {
    if constexpr (piece > 0) copy_async_commit();
    next_ += group;
    slots_ += group * Ring::step_bytes;
    if (slots_ == ring_ + Ring::bytes) slots_ = ring_;
  }

  /// The next group in pieces, all of whose steps are there.
  __device__ void copy_group() {
    if constexpr (walks_rows) {
#pragma unroll
      for (int n = 0; n < group; ++n) {
        const Element* from = from_[0];
#pragma unroll
        for (int i = 0; i < walked_rows; ++i) {
          if (i < rows_here_)
            copy_async<piece>(
                slots_ + to_[0] + n * Ring::step_bytes + i * row_step * Ring::row_bytes, from);
          from += row_stride_;
          asm volatile("" : "+l"(from));  // multiples of the stride would be kept, or formed anew
        }
        from_[0] = moved(from_[0], stride_[0]);
      }
    } else if constexpr (keeps_addresses) {
#pragma unroll
      for (int n = 0; n < group; n += at_once)
#pragma unroll
        for (int i = 0; i < pieces; ++i) {
          if (from_[i] != nullptr)
            copy_async<piece>(slots_ + n * Ring::step_bytes + to_[i], from_[i]);
          asm volatile("" : "+r"(stride_[i]));  // its 64-bit multiples would fill registers
          from_[i] = moved(from_[i], stride_[i]);
        }
    } else if constexpr (piece > 0) {
      copy_rows();
    }
    advance();
  }

  /// `count` steps from `first` on, of which steps or rows may be missing, into the slots from
  /// `slots` on.
  template <class Source>
  __device__ void fill_any(SharedAddress slots, Index first, int count, const Source& source) {
    if (first >= steps_) return;
    if constexpr (piece > 0) {
      if (copies_elements || in_pieces_) {
        fill_pieces(slots, first, count, source);
        return;
      }
    }
    if constexpr (!copies_elements) fill_elements(slots, first, count, source);
  }

  /// The same in pieces, by asynchronous copies that nothing has committed; in elements where rows
  /// are not placed for pieces, if elements can be copied so.
  template <class Source>
  __device__ void fill_pieces(SharedAddress slots, Index first, int count,
                              const Source& source) const {
    const bool elements = copies_elements && !in_pieces_;
#pragma unroll 1
    for (int n = lane_; n < count * per_step * (elements ? per_piece : 1); n += lanes) {
      const int e = elements ? n / per_piece : n;
      const int unit = e % per_row * per_piece + (elements ? n % per_piece : 0),
                channel = e / per_row % Ring::channels,
                row = e / per_row / Ring::channels % Ring::batch;
      const Index step = first + e / per_step;
      if (row >= rows_ || unit >= head_dim_ || step >= steps_) continue;
      const SharedAddress to = slots + e / per_step * Ring::step_bytes +
                               Ring::offset(channel, row) + Ring::element_bytes * unit;
      const Element* const from = source(channel, row, step);
      if (elements) {
        if (from != nullptr) {
          copy_async<4>(to, from + unit);
        } else {
          store_shared_bits(to, Element(0));
        }
      } else if (from != nullptr) {
        copy_async<piece>(to, from + unit);
      } else {
        store_shared(to, Elements<per_piece, Ring::element_bytes>{});
      }
    }
  }

  /// The next group in pieces that are too many for their addresses to be kept: those of rows are.
  __device__ void copy_rows() {
    const auto copy = [this](const RowPlace<const Element>& place, int unit) {
      const SharedAddress to = slots_ + place.offset + Ring::element_bytes * unit;
      const Element* from = place.first + unit;
#pragma unroll
      for (int step = 0; step < group; ++step, from = moved(from, place.stride))
        copy_async<piece>(to + step * Ring::step_bytes, from);
    };
    places_.template for_each_piece<lanes / 32, per_row, per_piece, 4>(lane_, head_dim_, copy);
    places_.advance(group * piece);
  }

  /// The same element by element.
  template <class Source>
  __device__ void fill_elements(SharedAddress slots, Index first, int count,
                                const Source& source) const {
    const int there = static_cast<int>(::min(Index(count), steps_ - first));
    // The last step by itself where its rows may be elsewhere.
    const bool ends = Source::last_step_differs && first + there == steps_;
#pragma unroll 1
    for (int done = 0, length; done < there; done += length) {
      length = there - done - (ends && done < there - 1 ? 1 : 0);
      fill_rows(slots + done * Ring::step_bytes, first + done, length, source);
    }
  }

  /// `count` steps whose rows are the same distance apart, with `in_flight` loads on their way.
  template <class Source>
  __device__ void fill_rows(SharedAddress slots, Index first, int count,
                            const Source& source) const {
    using Walk = RowWalk<Ring::padded>;
    constexpr int all = all_rows, warps = lanes / 32;
    // Fewer where this hardly ever runs and addresses of pieces are kept meanwhile, or where many
    // blocks run beside each other and have few registers.
    constexpr bool frugal = Ring::element_bytes == 4 || piece > 0 || Ring::channels <= 2;
    constexpr int at_once = frugal ? 4 : 8;
    constexpr int most = at_once / group > 1 ? at_once / group : 1;
    constexpr int turns = Walk::turns < most ? Walk::turns : most;  // of a row, at the same time
    constexpr int beside = most / turns;                            // rows
    constexpr int in_flight = beside * turns * group;
    const int unit = Walk::unit(lane_);
#pragma unroll 1
    for (int begin = lane_ / 32 * Walk::rows; begin < all; begin += beside * warps * Walk::rows) {
      const Element* from[beside];
      Index to_next[beside];
#pragma unroll
      for (int i = 0; i < beside; ++i) {
        const int n = begin + i * warps * Walk::rows + Walk::row(lane_),
                  channel = n % Ring::channels, row = n / Ring::channels;
        from[i] = row < rows_ ? source(channel, row, first) : nullptr;
        to_next[i] = source.stride(channel);
      }
#pragma unroll 1
      for (int turn = 0; turn < Walk::turns; turn += turns) {
        Element value[in_flight];
        const auto each = [&](const auto& what) {
#pragma unroll
          for (int i = 0; i < beside; ++i)
#pragma unroll
            for (int j = 0; j < turns; ++j)
              what(i, unit + (turn + j) * Walk::across, (i * turns + j) * group);
        };
        each([&](int i, int u, int k) {
          const Element* at = from[i] + u;
          const bool given = from[i] != nullptr && u < head_dim_;
#pragma unroll
          for (int step = 0; step < group; ++step, at += to_next[i])
            value[k + step] = given && step < count ? *at : Element(0);
        });
        each([&](int i, int u, int k) {
          const int n = begin + i * warps * Walk::rows + Walk::row(lane_);
          if (n >= all || u >= Ring::padded) return;
          const SharedAddress to = slots + Ring::offset(n % Ring::channels, n / Ring::channels) +
                                   Ring::element_bytes * u;
#pragma unroll
          for (int step = 0; step < group; ++step)
            if (step < count) store_shared_bits(to + step * Ring::step_bytes, value[k + step]);
        });
      }
    }
  }

  /// So many pieces on; asked for anew where it is needed, as 64-bit multiples of strides would
  /// fill registers.
  static __device__ const Element* moved(const Element* from, int count) {
    return RowPlaces<const Element, all_rows>::moved(from, count, piece);
  }

  static constexpr int per_piece = piece > 0 ? piece / Ring::element_bytes : 1;
  /// Whether an element is as long as the shortest asynchronous copy.
  static constexpr bool copies_elements = piece > 0 && Ring::element_bytes == 4;
  static constexpr int all_rows = Ring::batch * Ring::channels;
  static constexpr int per_row = Ring::padded / per_piece;
  static constexpr int per_step = all_rows * per_row;
  // Where all pieces of a lane are of one channel and one place in rows, `row_step` rows apart, it
  // walks these in place of keeping an address of each.
  static constexpr int row_step = lanes / (per_row * Ring::channels),
                       walked_rows = row_step > 0 ? (Ring::batch + row_step - 1) / row_step : 0;
  static constexpr bool walks_rows =
      piece == 16 && walked_rows > 1 && row_step* per_row* Ring::channels == lanes;
  static constexpr bool keeps_addresses = piece == 16 && !walks_rows;
  static constexpr int at_once = steps_at_once(per_step, lanes, group);
  using Dealt = DealtPiece<lanes, per_row, all_rows, at_once>;
  static constexpr int pieces = keeps_addresses ? Dealt::per_lane : 1;

  SharedAddress ring_, slots_;  // all slots; those that are filled next
  int lane_, rows_, head_dim_;
  bool in_pieces_;
  Index steps_, next_, last_whole_;  // steps; the last one a group in pieces may begin at
  int to_[pieces];                   // bytes behind slots_
  const Element* from_[pieces];
  int stride_[pieces];  // in pieces
  // Where rows are walked: how far they are apart, which may be very far; how many there are.
  Index row_stride_;
  int rows_here_;
  RowPlaces<const Element, all_rows> places_;
};

}  // namespace flashrnn::cuda
