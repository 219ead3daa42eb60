// SPDX-License-Identifier: Apache-2.0
#include "listing.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <utility>

namespace constrint::detail {

namespace {

constexpr std::size_t kChunkValues = 4;
constexpr std::size_t kMostChunks = 6;  // of rows that are put together in registers

using Chunk [[gnu::vector_size(kChunkValues * sizeof(std::int64_t))]] = std::int64_t;

struct RowsJob {
  const std::int64_t* outer;      // added to all rows
  const std::int64_t* beginning;  // of the first row
  const std::int64_t* endings;
  const std::uint64_t* masks;  // of the beginnings behind the first
  std::uint64_t mask;          // of the first
  std::int64_t* out;
  std::size_t count;  // rows, all but the last
  std::size_t width;
};

// Rows as sums of a beginning and an ending, whole chunks at a time: what the last chunk of a row
// writes too much is overwritten by the next row.
template <std::size_t chunks, std::size_t first>
[[gnu::always_inline]] inline void put_together(RowsJob job) {
  constexpr std::size_t kStride = chunks * kChunkValues;
  std::array<Chunk, chunks> outer;
  for (std::size_t c = 0; c < chunks; ++c) {
    std::memcpy(&outer[c], job.outer + c * kChunkValues, sizeof(Chunk));
  }
  const std::int64_t* beginning = job.beginning;
  const std::uint64_t* masks = job.masks;
  std::uint64_t mask = job.mask;
  std::int64_t* out = job.out;
  std::size_t left = job.count;
  while (left > 0) {
    std::array<Chunk, chunks> own;
    for (std::size_t c = 0; c < chunks; ++c) {
      std::memcpy(&own[c], beginning + c * kChunkValues, sizeof(Chunk));
      own[c] += outer[c];
    }
    for (; mask != 0 && left > 0; mask &= mask - 1, --left) {
      const std::int64_t* ending =
          job.endings + static_cast<std::size_t>(std::countr_zero(mask)) * kStride;
      for (std::size_t c = 0; c < first; ++c) {
        std::memcpy(out + c * kChunkValues, &own[c], sizeof(Chunk));
      }
      for (std::size_t c = first; c < chunks; ++c) {
        Chunk chunk;
        std::memcpy(&chunk, ending + c * kChunkValues, sizeof(Chunk));
        chunk += own[c];
        std::memcpy(out + c * kChunkValues, &chunk, sizeof(Chunk));
      }
      out += job.width;
    }
    if (left == 0) return;
    mask = *masks++;
    beginning += kStride;
  }
}

using PutTogether = void (*)(RowsJob);

template <std::size_t chunks, std::size_t first>
void put_plainly(RowsJob job) {
  put_together<chunks, first>(job);
}

// The number of chunks, from 1, and the first that is not the beginning's alone.
template <std::size_t... I>
constexpr auto plain_functions(std::index_sequence<I...>) {
  return std::array<PutTogether, sizeof...(I)>{
      &put_plainly<I / kMostChunks + 1, std::min(I % kMostChunks, I / kMostChunks + 1)>...};
}

#if defined(__x86_64__) && defined(__GNUC__)
// A chunk is one register of AVX2, which not every processor has.
template <std::size_t chunks, std::size_t first>
[[gnu::target("avx2,bmi")]] void put_with_avx2(RowsJob job) {
  put_together<chunks, first>(job);
}

template <std::size_t... I>
constexpr auto avx2_functions(std::index_sequence<I...>) {
  return std::array<PutTogether, sizeof...(I)>{
      &put_with_avx2<I / kMostChunks + 1, std::min(I % kMostChunks, I / kMostChunks + 1)>...};
}
#endif

using Combinations = std::make_index_sequence<kMostChunks * kMostChunks>;

PutTogether choose_function(std::size_t chunks, std::size_t first) {
  const std::size_t at = (chunks - 1) * kMostChunks + std::min(first, kMostChunks - 1);
#if defined(__x86_64__) && defined(__GNUC__)
  static constexpr auto kWithAvx2 = avx2_functions(Combinations{});
  static const bool has_avx2 =
      __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("bmi") != 0;
  if (has_avx2) return kWithAvx2[at];
#endif
  static constexpr auto kPlain = plain_functions(Combinations{});
  return kPlain[at];
}

[[gnu::always_inline]] inline void count_each(const std::uint64_t* masks, std::uint32_t* counts,
                                              std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) {
    counts[i] = static_cast<std::uint32_t>(std::popcount(masks[i]));
  }
}

#if defined(__x86_64__) && defined(__GNUC__)
[[gnu::target("popcnt")]] void count_with_popcnt(const std::uint64_t* masks, std::uint32_t* counts,
                                                 std::size_t n) {
  count_each(masks, counts, n);
}
#endif

void count_bits(const std::uint64_t* masks, std::uint32_t* counts, std::size_t n) {
#if defined(__x86_64__) && defined(__GNUC__)
  static const bool has_popcnt = __builtin_cpu_supports("popcnt") != 0;
  if (has_popcnt) return count_with_popcnt(masks, counts, n);
#endif
  count_each(masks, counts, n);
}

// Without the lowest `count` bits that are set.
std::uint64_t without_lowest(std::uint64_t mask, std::uint64_t count) {
  for (; count > 0; --count) mask &= mask - 1;
  return mask;
}

}  // namespace

void Listing::rank_beginnings(const std::uint64_t* masks, std::size_t count) {
  masks_.assign(masks, masks + count);
  first_.resize(count + 1);
  count_bits(masks, first_.data(), count);
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < count; ++i) sum += std::exchange(first_[i], sum);
  first_[count] = sum;
  inner_ = sum;
}

Listing::Range Listing::range_from(std::uint64_t rank) const {
  if (rank == 0 && masks_[0] != 0) return {0, masks_[0]};
  // The last beginning whose first solution is not behind: those without solutions come before it.
  const auto beginning =
      static_cast<std::size_t>(std::ranges::upper_bound(first_, rank) - first_.begin()) - 1;
  return {beginning, without_lowest(masks_[beginning], rank - first_[beginning])};
}

void Listing::write_row(std::size_t outer, std::size_t beginning, unsigned combination,
                        std::int64_t* out) const {
  const std::int64_t* begin = beginnings_.data() + beginning * stride_;
  const std::int64_t* end = endings_.data() + combination * stride_;
  for (std::size_t c = 0; c < width_; ++c) out[c] = begin[c] + end[c];
  if (outer_rows_.data() == nullptr) return;
  const std::int64_t* before = outer_rows_.data() + outer * stride_;
  for (std::size_t c = 0; c < width_; ++c) out[c] += before[c];
}

void Listing::write(std::uint64_t rank, std::int64_t* rows, std::size_t count) const {
  std::size_t outer = static_cast<std::size_t>(rank / inner_);
  for (rank %= inner_; count > 0; rank = 0, ++outer) {
    const auto some = static_cast<std::size_t>(std::min<std::uint64_t>(count, inner_ - rank));
    const Range from = range_from(rank);
    count -= some;
    write_inner(outer, from, rows, some, count > 0);
    if (!computed_.empty()) write_computed(from, rows, some);
    rows += some * width_;
  }
}

// more: there is room behind the rows, for what comes next.
void Listing::write_inner(std::size_t outer, Range from, std::int64_t* out, std::size_t count,
                          bool more) const {
  static constexpr std::array<std::int64_t, kMostChunks * kChunkValues> kNoOuter{};
  const std::size_t chunks = stride_ / kChunk;
  std::size_t beginning = from.beginning;
  std::uint64_t mask = from.mask;
  if (width_ >= kChunk && chunks <= kMostChunks) {
    const std::int64_t* before =
        outer_rows_.data() == nullptr ? kNoOuter.data() : outer_rows_.data() + outer * stride_;
    // Behind the last row nothing may be written, so that one is copied value by value.
    const std::size_t all = more ? count : count - 1;
    choose_function(
        chunks, first_chunk_)({before, beginnings_.data() + beginning * stride_, endings_.data(),
                               masks_.data() + beginning + 1, mask, out, all, width_});
    if (more) return;
    const auto done =
        static_cast<std::uint64_t>(std::popcount(masks_[beginning]) - std::popcount(mask));
    const Range last = range_from(first_[beginning] + done + all);
    write_row(outer, last.beginning, static_cast<unsigned>(std::countr_zero(last.mask)),
              out + all * width_);
    return;
  }
  for (;; mask = masks_[++beginning]) {
    for (; mask != 0; mask &= mask - 1) {
      write_row(outer, beginning, static_cast<unsigned>(std::countr_zero(mask)), out);
      out += width_;
      if (--count == 0) return;
    }
  }
}

void Listing::write_computed(Range from, std::int64_t* rows, std::size_t count) const {
  std::size_t beginning = from.beginning;
  std::uint64_t mask = from.mask;
  for (;; mask = masks_[++beginning]) {
    for (; mask != 0; mask &= mask - 1) {
      const auto combination = static_cast<std::size_t>(std::countr_zero(mask));
      for (const Computed& computed : computed_) {
        rows[computed.column] =
            computed.values[computed.place[combination] * masks_.size() + beginning];
      }
      rows += width_;
      if (--count == 0) return;
    }
  }
}

std::uint64_t Listing::rank(const std::vector<OrderedVariable>& order,
                            std::span<const std::int64_t> values, bool& present) const {
  std::vector<std::int64_t> row(width_);
  // The first solution that does not come before the values.
  const auto compare = [&](std::uint64_t rank) {
    write(rank, row.data(), 1);
    for (const OrderedVariable& entry : order) {
      const auto v = static_cast<std::size_t>(entry.variable);
      if (row[v] != values[v]) return (row[v] < values[v]) != entry.largest ? -1 : 1;
    }
    return 0;
  };
  std::uint64_t low = 0;
  std::uint64_t high = count();
  while (low < high) {
    const std::uint64_t middle = low + (high - low) / 2;
    if (compare(middle) < 0) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  present = low < count() && compare(low) == 0;
  return low;
}

}  // namespace constrint::detail
