// SPDX-License-Identifier: Apache-2.0
#include "put_rows.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <numeric>
#include <utility>

#include "row_chunks.hpp"

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
    unrolled<chunks>([&](std::size_t c) {
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
      const std::int64_t* ending = job.endings + combination * kStride;
      unrolled<chunks>([&](std::size_t c) {
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

// The rows of one outer row are one run of values, in which the outer row repeats: chunks need not
// begin where rows do, so that none is written twice, and they can be aligned. fixed: the width, or
// 0 for any.
template <std::size_t fixed>
[[gnu::always_inline]] inline void put(const PairsJob& job) {
  // Chunks after which the outer row begins anew at the beginning of a chunk.
  constexpr std::size_t kPeriod = fixed == 0 ? 1 : fixed / std::gcd(fixed, kRowChunk);
  constexpr std::size_t kInRegisters = 9;
  const std::size_t width = fixed == 0 ? job.width : fixed;
  const std::size_t stride = cycle_stride(width);
  const std::int64_t* outer = job.outer;
  std::int64_t* out = job.out;
  std::size_t skipped = job.skipped;
  for (std::size_t left = job.count; left > 0; outer += stride, skipped = 0) {
    const std::size_t rows = std::min(left, job.inner_rows - skipped);
    left -= rows;
    const std::int64_t* inner = job.inner + skipped * width;
    store_sum(inner, outer, out);
    const std::size_t shift =
        (0 - reinterpret_cast<std::uintptr_t>(out) / sizeof(std::int64_t)) % kRowChunk;
    std::int64_t* to = out + shift;
    out += rows * width;
    inner += shift;
    const std::int64_t* const own = outer + shift;
    if constexpr (fixed == 0) {
      for (std::size_t at = 0; to < out; to += kRowChunk, inner += kRowChunk) {
        store_sum(inner, own + at, to);
        at += kRowChunk;
        if (at >= width) at -= width;
      }
    } else {
      std::array<RowChunk, kPeriod> cycle;
      unrolled<kPeriod>([&](std::size_t c) { load(own + c * kRowChunk % fixed, cycle[c]); });
      const auto each = [&](std::size_t c) {
        const std::size_t at = c * kRowChunk;
        if constexpr (kPeriod <= kInRegisters) {
          store_sum(inner + at, cycle[c], to + at);
        } else {
          store_sum(inner + at, own + at % fixed, to + at);
        }
      };
      constexpr std::size_t kValues = kPeriod * kRowChunk;
      auto values = static_cast<std::size_t>(out - to);
      for (; values >= kValues; values -= kValues, to += kValues, inner += kValues) {
        unrolled<kPeriod>(each);
      }
      unrolled<kPeriod>([&](std::size_t c) {
        if (c * kRowChunk < values) each(c);
      });
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

// Or the width of a row, 0 for any.
struct PairsKernels {
  using Job = PairsJob;
  static constexpr std::size_t kCount = kMostRowWidth - kLeastRowWidth + 2;
  static std::size_t of(const Job& job) {
    return job.width > kMostRowWidth ? 0 : job.width - kLeastRowWidth + 1;
  }
  template <std::size_t kernel>
  [[gnu::always_inline]] static void run(const Job& job) {
    put<kernel == 0 ? 0 : kernel + kLeastRowWidth - 1>(job);
  }
};

template <class Kernels, std::size_t kernel>
void put_plainly(const typename Kernels::Job& job) {
  Kernels::template run<kernel>(job);
}

template <class Kernels, std::size_t... I>
constexpr auto plain_kernels(std::index_sequence<I...>) {
  return std::array{&put_plainly<Kernels, I>...};
}

#if defined(__x86_64__) && defined(__GNUC__)
// A chunk is one register of AVX2, which not every processor has.
template <class Kernels, std::size_t kernel>
[[gnu::target("avx2,bmi")]] void put_with_avx2(const typename Kernels::Job& job) {
  Kernels::template run<kernel>(job);
}

template <class Kernels, std::size_t... I>
constexpr auto avx2_kernels(std::index_sequence<I...>) {
  return std::array{&put_with_avx2<Kernels, I>...};
}
#endif

template <class Kernels>
void run(const typename Kernels::Job& job) {
  using All = std::make_index_sequence<Kernels::kCount>;
#if defined(__x86_64__) && defined(__GNUC__)
  static constexpr auto kWithAvx2 = avx2_kernels<Kernels>(All{});
  static const bool has_avx2 =
      __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("bmi") != 0;
  if (has_avx2) return kWithAvx2[Kernels::of(job)](job);
#endif
  static constexpr auto kPlain = plain_kernels<Kernels>(All{});
  kPlain[Kernels::of(job)](job);
}

}  // namespace

void put_groups(const GroupsJob& job) {
  run<GroupsKernels>(job);
}

void put_pairs(const PairsJob& job) {
  run<PairsKernels>(job);
}

void make_cycles(const std::int64_t* rows, std::size_t stride, std::int64_t* cycles,
                 std::size_t count, std::size_t width) {
  const std::size_t length = cycle_stride(width);
  for (; count > 0; --count, rows += stride, cycles += length) {
    // Each copy overwrites what the one before wrote too much.
    for (std::size_t begin = 0; begin < length; begin += width) {
      for (std::size_t c = 0; c < width && begin + c < length; c += kRowChunk) {
        std::memcpy(cycles + begin + c, rows + c, sizeof(RowChunk));
      }
    }
  }
}

namespace {

template <std::size_t chunks>
void copy_chunks(const std::int64_t* from, const std::uint32_t* places, std::int64_t* to,
                 std::size_t rows) {
  constexpr std::size_t kStride = chunks * kRowChunk;
  for (std::size_t i = 0; i < rows; ++i, to += kStride) {
    std::memcpy(to, from + places[i] * kStride, kStride * sizeof(std::int64_t));
  }
}

}  // namespace

void copy_rows(const std::int64_t* from, const std::uint32_t* places, std::int64_t* to,
               std::size_t rows, std::size_t stride) {
  switch (stride / kRowChunk) {
    case 1:
      return copy_chunks<1>(from, places, to, rows);
    case 2:
      return copy_chunks<2>(from, places, to, rows);
    case 3:
      return copy_chunks<3>(from, places, to, rows);
    case 4:
      return copy_chunks<4>(from, places, to, rows);
    default:
      break;
  }
  for (std::size_t i = 0; i < rows; ++i, to += stride) {
    const std::int64_t* const row = from + places[i] * stride;
    for (std::size_t c = 0; c < stride; c += kRowChunk) {
      std::memcpy(to + c, row + c, sizeof(RowChunk));
    }
  }
}

}  // namespace constrint::detail
