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

/// `depth` steps of [row, channel, padded] in shared memory, elements of Storage.
template <class Storage_, int batch_, int channels_, int padded_, int depth_>
struct Ring {
  using Storage = Storage_;
  static constexpr int batch = batch_, channels = channels_, padded = padded_, depth = depth_;
  static constexpr int element_bytes = sizeof(Bits<Storage>);
  static constexpr int channel_bytes = element_bytes * padded;
  static constexpr int row_bytes = channels * channel_bytes + (batch == 8 ? 16 : 32);
  static constexpr int step_bytes = batch * row_bytes;
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

/// Stores rows [channel, row of the batch tile, unit] of a group of steps from shared memory by
/// `lanes` threads, one group after the other. The slots of a group lie `slot_bytes` apart.
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
    while (given < channels && target(given, 0, Index(0)) == nullptr) ++given;
    any_ = given < channels;
    if (!keeps_addresses || !any_) return;
#pragma unroll
    for (int i = 0; i < pieces; ++i) {
      int n = lane + i * lanes;
      n = n < at_once * per_step ? n : 0;
      int unit = n % per_row * per_piece, row = n / per_row % batch,
          channel = n / per_row / batch % channels;
      const int step = n / per_step;
      unit = unit < head_dim ? unit : 0;
      row = row < rows ? row : 0;
      channel = target(channel, row, Index(0)) != nullptr ? channel : given;
      Element* const first = target(channel, row, Index(0));
      const Index stride = target.stride(channel);
      from_[i] = step * slot_bytes + offset(channel, row) + element_bytes * unit;
      pin(from_[i]);
      to_[i] = reinterpret_cast<char*>(first + unit + step * stride);
      stride_[i] = static_cast<int>(stride * at_once / per_piece);
    }
  }

  /// The group of `count` steps from `first` on, `count` being less at the end of the sequence.
  template <class Target, class Offset>
  __device__ void store(SharedAddress slots, Index first, int count, const Target& target,
                        const Offset& offset) {
    if (piece == 0 || count < group) {
      store_elements(slots, first, count, lane_, rows_, head_dim_, target, offset);
      return;
    }
    if (!any_) return;
    if constexpr (keeps_addresses) {
      store_kept(slots);
    } else if constexpr (piece > 0) {
      store_group(slots, first, target, offset);
    }
  }

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
          to_[i] += 16 * static_cast<Index>(stride_[i]);
        }
      }
  }

  /// A whole group of steps in pieces that are too many for their addresses to be kept.
  template <class Target, class Offset>
  __device__ void store_group(SharedAddress slots, Index first, const Target& target,
                              const Offset& offset) const {
#pragma unroll 1
    for (int e = lane_; e < per_step; e += lanes) {
      const int unit = e % per_row * per_piece, row = e / per_row % batch,
                channel = e / per_row / batch;
      if (row >= rows_ || unit >= head_dim_) continue;
      Element* to = target(channel, row, first);
      if (to == nullptr) continue;
      const Index stride = target.stride(channel);
      const SharedAddress from = slots + offset(channel, row) + element_bytes * unit;
      to += unit;
      Elements<per_piece, element_bytes> value[group];
#pragma unroll
      for (int step = 0; step < group; ++step)
        value[step] = load_shared<per_piece, element_bytes>(from + step * slot_bytes);
#pragma unroll
      for (int step = 0; step < group; ++step, to += stride) store_global(to, value[step]);
    }
  }

  /// The same where `start` was not called: every address is computed anew.
  template <class Target, class Offset>
  static __device__ void store_elements(SharedAddress slots, Index first, int count, int lane,
                                        int rows, int head_dim, const Target& target,
                                        const Offset& offset) {
#pragma unroll 1
    for (int e = lane; e < group * channels * batch * padded; e += lanes) {
      const int u = e % padded, r = e / padded % batch, c = e / padded / batch % channels,
                n = e / padded / batch / channels;
      if (r >= rows || u >= head_dim || n >= count) continue;
      Element* const to = target(c, r, first + n);
      if (to != nullptr)
        to[u] = static_cast<Element>(
            load_shared<1, element_bytes>(slots + n * slot_bytes + offset(c, r) + element_bytes * u)
                .word[0]);
    }
  }

 private:
  static constexpr bool keeps_addresses = piece == 16;
  static constexpr int element_bytes = sizeof(Element),
                       per_piece = piece > 0 ? piece / element_bytes : 1;
  static constexpr int per_row = padded / per_piece;
  static constexpr int per_step = channels * batch * per_row;
  static constexpr int at_once = steps_at_once(per_step, lanes, group);
  static constexpr int pieces = keeps_addresses ? (at_once * per_step + lanes - 1) / lanes : 1;

  int lane_, rows_, head_dim_;
  bool any_;          // whether any channel is wanted
  int from_[pieces];  // bytes behind the group's first slot
  char* to_[pieces];
  int stride_[pieces];  // in pieces
};

}  // namespace flashrnn::cuda
