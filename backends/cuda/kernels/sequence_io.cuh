// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "parameters.hpp"
#include "shared_memory.cuh"

// Moving rows [channel, row of the batch tile, unit] of one head between global memory and shared
// memory, step by step, by warps that do nothing else. "Wide" sequences are moved in pieces of 16
// bytes (every address and stride is a multiple of 16 bytes), others element by element.
//
// Where a row lies in global memory is a functor (channel, row, step) -> pointer to unit 0, or null
// for a row that is not there. Steps count in the order of the recurrence, so that the backward
// pass counts from the last to the first.

namespace flashrnn::cuda {

template <class Storage>
__device__ float load_element(const Sequence& s, int channel, Index step, Index row, int head,
                              int unit) {
  const Index at = s.strides.at(channel, step, row, head) + unit;
  return widen<Storage>(static_cast<const unsigned short*>(s.data)[at]);
}
template <class Storage>
__device__ void store_element(const Sequence& s, int channel, Index step, Index row, int head,
                              int unit, float value) {
  const Index at = s.strides.at(channel, step, row, head) + unit;
  static_cast<unsigned short*>(s.data)[at] = narrow<Storage>(value);
}
/// Unit 0 of a row, or null if the tensor is not given.
__device__ inline unsigned short* row_of(const Sequence& s, int channel, Index step, Index row,
                                         int head) {
  if (s.data == nullptr) return nullptr;
  return static_cast<unsigned short*>(s.data) + s.strides.at(channel, step, row, head);
}

/// `depth` steps of [row, channel, padded] in shared memory.
template <int batch_, int channels_, int padded_, int depth_>
struct Ring {
  static constexpr int batch = batch_, channels = channels_, padded = padded_, depth = depth_;
  static constexpr int channel_bytes = 2 * padded;
  static constexpr int row_bytes = channels * channel_bytes + (batch == 8 ? 16 : 32);
  static constexpr int step_bytes = batch * row_bytes;
  static constexpr int bytes = depth * step_bytes;
  static __device__ int offset(int channel, int row) {
    return row * row_bytes + channel * channel_bytes;
  }
};

/// One step of [channel, row, padded] on its way out.
template <int batch_, int channels_, int padded_>
struct Staged {
  static constexpr int row_bytes = 2 * padded_ + 16;
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

/// What this warp does: warps below Tile::compute_warps compute. Warp w of a block runs on quarter
/// w % 4 of the multiprocessor; where compute warps leave quarters free, blocks that run beside
/// each other, `at_once` (the multiprocessors) apart, compute on different ones.
template <class Tile>
__device__ int role(int at_once) {
  constexpr int warps = Tile::threads / 32;
  const int warp = static_cast<int>(threadIdx.x) / 32;
  if constexpr (warps % 4 != 0 || Tile::compute_warps >= 4) return warp;
  const int wave = static_cast<int>(blockIdx.x) / at_once;
  return (warp + wave % warps * (warps - Tile::compute_warps)) % warps;
}

/// Fills a ring by `lanes` threads, `group` steps at a time, so that these threads meet those that
/// compute once per group and have many copies under way.
template <class Ring, int lanes, int group, bool wide>
class RingLoader {
 public:
  static constexpr int groups = Ring::depth / group;
  static_assert(Ring::depth % group == 0 && groups >= 4,
                "RingLoader: what is read now, what is read next, and two groups under way");

  /// Fills groups - 1 groups and `ahead` steps (0 or 1; as many as the sequence has), and waits for
  /// the first of them.
  template <class Source>
  __device__ void start(SharedAddress ring, int lane, int rows, int head_dim, Index steps,
                        int ahead, const Source& source) {
    ring_ = ring;
    lane_ = lane;
    rows_ = rows;
    head_dim_ = head_dim;
    steps_ = steps;
    next_ = 0;
    if constexpr (wide) {
#pragma unroll
      for (int i = 0; i < pieces; ++i) {
        const int channel = channel_of(i), row = row_of_piece(i), unit = unit_of(i);
        const bool valid = number(i) < count && row < rows && unit < head_dim;
        from_[i] = nullptr;
        stride_[i] = 0;
        if (valid) {
          const unsigned short* const first = source(channel, row, Index(0));
          if (first != nullptr) {
            from_[i] = first + unit;
            stride_[i] = source(channel, row, Index(1)) - first;
          }
        }
      }
    }
    if (ahead > 0) fill<1>(source);
#pragma unroll 1
    for (int n = 0; n < groups - 1; ++n) refill(source);
    wait();
  }

  /// Fills the next group of steps. The slots are those of the group that was read last.
  template <class Source>
  __device__ void refill(const Source& source) {
    fill<group>(source);
    if constexpr (wide) copy_async_commit();
  }

  /// Before the barrier that ends a group: what the next one reads is there.
  __device__ void wait() const {
    if constexpr (wide) copy_async_wait<groups - 2>();
  }

 private:
  static constexpr int per_row = Ring::padded / 8;
  static constexpr int count = Ring::batch * Ring::channels * per_row;
  static constexpr int pieces = wide ? (count + lanes - 1) / lanes : 1;

  __device__ int number(int i) const {
    return lane_ + i * lanes;
  }
  __device__ int channel_of(int i) const {
    return number(i) / per_row % Ring::channels;
  }
  __device__ int row_of_piece(int i) const {
    return number(i) / per_row / Ring::channels;
  }
  __device__ int unit_of(int i) const {
    return number(i) % per_row * 8;
  }
  __device__ SharedAddress slot(Index step) const {
    return ring_ + (static_cast<int>(step) & (Ring::depth - 1)) * Ring::step_bytes;
  }

  template <int some, class Source>
  __device__ void fill(const Source& source) {
    if constexpr (wide) {
#pragma unroll
      for (int s = 0; s < some; ++s)
        if (next_ + s < steps_) fill_step(next_ + s, source);
    } else {
      fill_elements<some>(source);
    }
    next_ += some;
  }

  template <class Source>
  __device__ void fill_step(Index step, const Source& source) {
    const SharedAddress to_step = slot(step);
    if (Source::last_step_differs && step == steps_ - 1) {
#pragma unroll
      for (int i = 0; i < pieces; ++i) {
        const int row = row_of_piece(i), unit = unit_of(i);
        if (number(i) >= count || row >= rows_ || unit >= head_dim_) continue;
        const SharedAddress to = to_step + Ring::offset(channel_of(i), row) + 2 * unit;
        const unsigned short* const from = source(channel_of(i), row, step);
        if (from != nullptr) {
          copy_async_16(to, from + unit);
        } else {
          store_shared_16(to, {0, 0, 0, 0});
        }
      }
      return;
    }
#pragma unroll
    for (int i = 0; i < pieces; ++i) {
      if (from_[i] == nullptr) continue;
      copy_async_16(to_step + Ring::offset(channel_of(i), row_of_piece(i)) + 2 * unit_of(i),
                    from_[i]);
      from_[i] += stride_[i];
    }
  }

  /// Element by element, with 8 loads in flight.
  template <int some, class Source>
  __device__ void fill_elements(const Source& source) {
    constexpr int elements = Ring::batch * Ring::channels * Ring::padded;
    constexpr int beside = 8 / some;
    for (int first = lane_; first < elements; first += beside * lanes) {
      unsigned short value[8];
#pragma unroll
      for (int k = 0; k < 8; ++k) {
        const int e = first + k / some * lanes, unit = e % Ring::padded,
                  channel = e / Ring::padded % Ring::channels,
                  row = e / Ring::padded / Ring::channels;
        value[k] = 0;
        if (e < elements && row < rows_ && unit < head_dim_ && next_ + k % some < steps_) {
          const unsigned short* const from = source(channel, row, next_ + k % some);
          if (from != nullptr) value[k] = from[unit];
        }
      }
#pragma unroll
      for (int k = 0; k < 8; ++k) {
        const int e = first + k / some * lanes;
        if (e < elements)
          store_shared_bits(slot(next_ + k % some) +
                                Ring::offset(e / Ring::padded % Ring::channels,
                                             e / Ring::padded / Ring::channels) +
                                2 * (e % Ring::padded),
                            value[k]);
      }
    }
  }

  SharedAddress ring_;
  int lane_, rows_, head_dim_;
  Index steps_, next_;
  const unsigned short* from_[pieces];
  Index stride_[pieces];
};

/// Stores rows [channel, row of the batch tile, unit] from shared memory by `lanes` threads, one
/// step after the other. Wide rows are read first and written later, so that the reads of several
/// storers overlap.
template <int batch, int channels, int padded, int lanes, bool wide>
class RowStorer {
 public:
  static constexpr int per_row = padded / 8;
  static constexpr int count = channels * batch * per_row;  // 0 if there are no channels
  static constexpr int pieces = wide && count > 0 ? (count + lanes - 1) / lanes : 1;
  using Words = Word[pieces][4];

  template <class Target>
  __device__ void start(int lane, int rows, int head_dim, const Target& target) {
    lane_ = lane;
    rows_ = rows;
    head_dim_ = head_dim;
#pragma unroll
    for (int i = 0; i < pieces; ++i) {
      to_[i] = nullptr;
      stride_[i] = 0;
      if (!wide || !valid(i)) continue;
      unsigned short* const first = target(channel(i), row(i), Index(0));
      if (first != nullptr) {
        to_[i] = first + number(i) % per_row * 8;
        stride_[i] = target(channel(i), row(i), Index(1)) - first;
      }
    }
  }

  /// `offset(channel, row)` is where a row begins behind `shared`.
  template <class Offset>
  __device__ void read(SharedAddress shared, const Offset& offset, Words& words) const {
    if constexpr (wide) {
#pragma unroll
      for (int i = 0; i < pieces; ++i)
        if (valid(i))
          load_shared_16(shared + offset(channel(i), row(i)) + number(i) % per_row * 16, words[i]);
    }
  }

  /// Writes what was read. Element by element, `read` has done nothing and both happen here.
  template <class Target, class Offset>
  __device__ void write(const Words& words, SharedAddress shared, Index step, const Target& target,
                        const Offset& offset) {
    if constexpr (wide) {
#pragma unroll
      for (int i = 0; i < pieces; ++i) {
        if (to_[i] == nullptr) continue;
        *reinterpret_cast<uint4*>(to_[i]) =
            make_uint4(words[i][0], words[i][1], words[i][2], words[i][3]);
        to_[i] += stride_[i];
      }
    } else {
      for (int e = lane_; e < channels * batch * padded; e += lanes) {
        const int unit = e % padded, r = e / padded % batch, c = e / padded / batch;
        if (r >= rows_ || unit >= head_dim_) continue;
        unsigned short* const to = target(c, r, step);
        if (to != nullptr)
          to[unit] =
              static_cast<unsigned short>(load_shared<1>(shared + offset(c, r) + 2 * unit).word[0]);
      }
    }
  }

 private:
  __device__ int number(int i) const {
    return lane_ + i * lanes;
  }
  __device__ int channel(int i) const {
    return number(i) / per_row / batch;
  }
  __device__ int row(int i) const {
    return number(i) / per_row % batch;
  }
  __device__ bool valid(int i) const {
    return number(i) < count && row(i) < rows_ && number(i) % per_row * 8 < head_dim_;
  }

  int lane_, rows_, head_dim_;
  unsigned short* to_[pieces];
  Index stride_[pieces];
};

}  // namespace flashrnn::cuda
