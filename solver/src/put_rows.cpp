// SPDX-License-Identifier: Apache-2.0
#include "put_rows.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "row_chunks.hpp"
#include "row_kernels.hpp"

namespace constrint::detail {

namespace {

constexpr std::size_t kMostRowChunks = kMostRowWidth / kRowChunk;

// Chunks before `first` are the beginning's alone. What a row's last chunk writes too much is
// overwritten by the next row.
template <std::size_t chunks, std::size_t first, bool with_columns>
[[gnu::always_inline]] inline void put(const GroupsJob& job) {
  constexpr std::size_t kStride = chunks * kRowChunk;
  const std::int64_t* beginning = job.beginning;
  std::int64_t* out = job.out;
  for (std::size_t g = 0; g < job.groups; ++g, beginning += kStride) {
    std::array<RowChunk, chunks> own;
    unrolled<chunks>([&](std::size_t c) __attribute__((always_inline)) {
      RowChunk outer;
      load(job.outer + c * kRowChunk, outer);
      load(beginning + c * kRowChunk, own[c]);
      own[c] += outer;
    });
    std::uint64_t mask = g + 1 == job.groups ? job.last_mask
                         : g == 0            ? job.first_mask
                                             : job.masks[g - 1];
    for (; mask != 0; mask &= mask - 1, out += job.width) {
      const auto combination = static_cast<std::size_t>(std::countr_zero(mask));
      const std::int64_t* ending = job.endings + combination * job.width;
      unrolled<chunks>([&](std::size_t c) __attribute__((always_inline)) {
        const std::size_t at = c * kRowChunk;
        if (c < first) {
          store(own[c], out + at);
        } else {
          store_sum(ending + at, own[c], out + at);
        }
      });
      for (std::size_t i = 0; with_columns && i < job.column_count; ++i) {
        const GroupsColumn& column = job.columns[i];
        out[column.column] = column.values[g * column.places + column.place[combination]];
      }
    }
  }
}

// What functions are made for: the number of chunks of a row, and the first that is not the
// beginning's alone; with computed columns they are not told apart.
struct GroupsKernels {
  using Job = GroupsJob;
  static constexpr std::size_t kPlain = kMostRowChunks * kMostRowChunks;
  static constexpr std::size_t kCount = kPlain + kMostRowChunks;
  static std::size_t of(const Job& job) {
    const std::size_t last = job.stride / kRowChunk - 1;
    return job.column_count > 0 ? kPlain + last
                                : last * kMostRowChunks + std::min(job.first_chunk, last);
  }
  template <std::size_t kernel>
  [[gnu::always_inline]] static void run(const Job& job) {
    if constexpr (kernel >= kPlain) {
      put<kernel - kPlain + 1, 0, true>(job);
    } else {
      constexpr std::size_t kLast = kernel / kMostRowChunks;
      put<kLast + 1, std::min(kernel % kMostRowChunks, kLast), false>(job);
    }
  }
};

}  // namespace

void put_groups(const GroupsJob& job) {
  run_kernel<GroupsKernels>(job);
}

namespace {

struct CopyJob {
  const std::int64_t* from;
  const std::uint32_t* places;
  std::int64_t* to;
  std::size_t rows;
  std::size_t stride;
};

// What functions are made for: the number of chunks of a row, 0 for any.
struct CopyKernels {
  using Job = CopyJob;
  static constexpr std::size_t kCount = kMostRowChunks + 1;
  static std::size_t of(const Job& job) {
    const std::size_t chunks = job.stride / kRowChunk;
    return chunks < kCount ? chunks : 0;
  }
  template <std::size_t kernel>
  [[gnu::always_inline]] static void run(const Job& job) {
    const std::size_t stride = kernel == 0 ? job.stride : kernel * kRowChunk;
    std::int64_t* to = job.to;
    for (std::size_t i = 0; i < job.rows; ++i, to += stride) {
      const std::int64_t* const row = job.from + job.places[i] * stride;
      const auto copy = [&](std::size_t c) __attribute__((always_inline)) {
        RowChunk own;
        load(row + c * kRowChunk, own);
        store(own, to + c * kRowChunk);
      };
      if constexpr (kernel == 0) {
        for (std::size_t c = 0; c < stride / kRowChunk; ++c) copy(c);
      } else {
        unrolled<kernel>(copy);
      }
    }
  }
};

}  // namespace

void copy_rows(const std::int64_t* from, const std::uint32_t* places, std::int64_t* to,
               std::size_t rows, std::size_t stride) {
  run_kernel<CopyKernels>({from, places, to, rows, stride});
}

}  // namespace constrint::detail
