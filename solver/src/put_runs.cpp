// SPDX-License-Identifier: Apache-2.0
// Runs of rows, each with an outer row added.
#include <algorithm>
#include <array>
#include <cstring>
#include <numeric>

#include "put_rows.hpp"
#include "row_kernels.hpp"

namespace constrint::detail {

namespace {

// A run is one stretch of values, in which the outer row repeats: chunks need not begin where rows
// do, so that hardly one is written twice, and they can be aligned. fixed: the width, or 0 for any.
template <std::size_t fixed>
[[gnu::always_inline]] inline void put(const RunsJob& job) {
  // Chunks after which the outer row begins anew at the beginning of a chunk.
  constexpr std::size_t kPeriod = fixed == 0 ? 1 : fixed / std::gcd(fixed, kRowChunk);
  constexpr std::size_t kInRegisters = 9;
  // Chunks of one pass of the loop.
  constexpr std::size_t kPass = (7 + kPeriod) / kPeriod * kPeriod;
  const std::size_t width = fixed == 0 ? job.width : fixed;
  const std::size_t stride = cycle_stride(width);
  const std::int64_t* outer = job.outer;
  const Run* run = job.runs;
  std::int64_t* out = job.out;
  std::int64_t* const end = out + job.count * width;
  for (std::size_t skipped = job.skipped; out != end; outer += stride, ++run, skipped = 0) {
    const std::int64_t* inner = run->rows + skipped * width;
    store_sum(inner, outer, out);
    const std::size_t shift =
        (0 - reinterpret_cast<std::uintptr_t>(out) / sizeof(std::int64_t)) % kRowChunk;
    std::int64_t* to = out + shift;
    out = std::min(out + (run->count - skipped) * width, end);
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
          store_sum(inner + at, cycle[c % kPeriod], to + at);
        } else {
          store_sum(inner + at, own + at % fixed, to + at);
        }
      };
      constexpr std::ptrdiff_t kValues = kPass * kRowChunk;
      auto left = out - to;
      for (; left >= kValues; left -= kValues, to += kValues, inner += kValues) {
        unrolled<kPass>(each);
      }
      // One way out of each place: a loop for the rest would be mispredicted more often.
      const auto more = [&](std::size_t c) __attribute__((always_inline)) {
        if (left <= static_cast<std::ptrdiff_t>(c * kRowChunk)) return false;
        each(c);
        return true;
      };
      while_unrolled<kPass>(more);
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
          if (job.plus != nullptr) add(job.plus + c, own);
          store(own, cycle + begin + c);
        }
      }
    } else {
      constexpr std::size_t kChunks = (fixed + kRowChunk - 1) / kRowChunk;
      std::array<RowChunk, kChunks> own;
      unrolled<kChunks>([&](std::size_t c) __attribute__((always_inline)) {
        load(row + c * kRowChunk, own[c]);
        if (job.plus != nullptr) add(job.plus + c * kRowChunk, own[c]);
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

void put_runs(const RunsJob& job) {
  run_kernel<WidthKernels<RunsJob>>(job);
}

}  // namespace constrint::detail
