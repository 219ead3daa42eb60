// SPDX-License-Identifier: Apache-2.0
// Rows that are sums of an outer and an inner row, all pairs.
#include <algorithm>
#include <array>
#include <cstring>
#include <numeric>

#include "put_rows.hpp"
#include "row_kernels.hpp"

namespace constrint::detail {

namespace {

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
      unrolled<kPeriod>([&](std::size_t c) __attribute__((always_inline)) {
        load(own + c * kRowChunk % fixed, cycle[c]);
      });
      const auto each = [&](std::size_t c) __attribute__((always_inline)) {
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
      unrolled<kPeriod>([&](std::size_t c) __attribute__((always_inline)) {
        if (c * kRowChunk < values) each(c);
      });
    }
  }
}

// Each copy of a row overwrites what the one before wrote too much.
template <std::size_t fixed>
[[gnu::always_inline]] inline void put(const CyclesJob& job) {
  const std::size_t width = fixed == 0 ? job.width : fixed;
  const std::size_t length = cycle_stride(width);
  const std::int64_t* row = job.rows;
  std::int64_t* cycle = job.cycles;
  for (std::size_t i = 0; i < job.count; ++i, row += job.stride, cycle += length) {
    if constexpr (fixed == 0) {
      for (std::size_t begin = 0; begin < length; begin += width) {
        for (std::size_t c = 0; c < width && begin + c < length; c += kRowChunk) {
          RowChunk own;
          load(row + c, own);
          if (job.minus != nullptr) subtract(job.minus + c, own);
          store(own, cycle + begin + c);
        }
      }
    } else {
      constexpr std::size_t kChunks = (fixed + kRowChunk - 1) / kRowChunk;
      std::array<RowChunk, kChunks> own;
      unrolled<kChunks>([&](std::size_t c) __attribute__((always_inline)) {
        load(row + c * kRowChunk, own[c]);
        if (job.minus != nullptr) subtract(job.minus + c * kRowChunk, own[c]);
      });
      constexpr std::size_t kCopies = (cycle_stride(fixed) + fixed - 1) / fixed;
      unrolled<kCopies>([&](std::size_t copy) __attribute__((always_inline)) {
        unrolled<kChunks>([&](std::size_t c) __attribute__((always_inline)) {
          const std::size_t to = copy * fixed + c * kRowChunk;
          if (to < cycle_stride(fixed)) store(own[c], cycle + to);
        });
      });
    }
  }
}

// What functions are made for: the width of a row, 0 for any.
template <class AJob>
struct WidthKernels {
  using Job = AJob;
  static constexpr std::size_t kCount = kMostRowWidth - kLeastRowWidth + 2;
  static std::size_t of(const Job& job) {
    return job.width > kMostRowWidth ? 0 : job.width - kLeastRowWidth + 1;
  }
  template <std::size_t kernel>
  [[gnu::always_inline]] static void run(const Job& job) {
    put<kernel == 0 ? 0 : kernel + kLeastRowWidth - 1>(job);
  }
};

}  // namespace

void make_cycles(const CyclesJob& job) {
  run_kernel<WidthKernels<CyclesJob>>(job);
}

void put_pairs(const PairsJob& job) {
  run_kernel<WidthKernels<PairsJob>>(job);
}

}  // namespace constrint::detail
