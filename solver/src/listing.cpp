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

template <std::size_t chunks>
[[gnu::always_inline]] inline std::array<Chunk, chunks> load_row(const std::int64_t* from) {
  std::array<Chunk, chunks> row;
  for (std::size_t c = 0; c < chunks; ++c) {
    std::memcpy(&row[c], from + c * kChunkValues, sizeof(Chunk));
  }
  return row;
}

// The sum of a beginning and an ending. Chunks before `first` are the beginning's alone. What the
// last chunk writes too much is overwritten by the next row.
template <std::size_t chunks, std::size_t first>
[[gnu::always_inline]] inline void put_row(const std::array<Chunk, chunks>& beginning,
                                           const std::int64_t* ending, std::int64_t* out) {
  for (std::size_t c = 0; c < first; ++c) {
    std::memcpy(out + c * kChunkValues, &beginning[c], sizeof(Chunk));
  }
  for (std::size_t c = first; c < chunks; ++c) {
    Chunk chunk;
    std::memcpy(&chunk, ending + c * kChunkValues, sizeof(Chunk));
    chunk += beginning[c];
    std::memcpy(out + c * kChunkValues, &chunk, sizeof(Chunk));
  }
}

// Rows that begin alike, many such groups one after the other.
struct RowsJob {
  const std::int64_t* outer;      // added to all rows
  const std::int64_t* beginning;  // of the first group
  const std::int64_t* endings;
  const std::uint64_t* masks;  // of all groups but the first and the last
  std::uint64_t first_mask;
  std::uint64_t last_mask;
  std::size_t groups;
  std::int64_t* out;
  std::size_t width;
};

template <std::size_t chunks, std::size_t first>
[[gnu::always_inline]] inline void put_together(const RowsJob& job) {
  constexpr std::size_t kStride = chunks * kChunkValues;
  const auto outer = load_row<chunks>(job.outer);
  const std::int64_t* beginning = job.beginning;
  std::int64_t* out = job.out;
  for (std::size_t g = 0; g < job.groups; ++g, beginning += kStride) {
    auto own = load_row<chunks>(beginning);
    for (std::size_t c = 0; c < chunks; ++c) own[c] += outer[c];
    std::uint64_t mask = g + 1 == job.groups ? job.last_mask
                         : g == 0            ? job.first_mask
                                             : job.masks[g - 1];
    for (; mask != 0; mask &= mask - 1, out += job.width) {
      const std::int64_t* ending =
          job.endings + static_cast<std::size_t>(std::countr_zero(mask)) * kStride;
      put_row<chunks, first>(own, ending, out);
    }
  }
}

// All pairs of rows of two tables, from one of them on.
struct PairsJob {
  const std::int64_t* outer;
  const std::int64_t* inner;
  std::size_t inner_rows;
  std::size_t skipped;  // inner rows of the first outer one
  std::size_t count;
  std::int64_t* out;
  std::size_t width;
};

template <std::size_t chunks, std::size_t first>
[[gnu::always_inline]] inline void put_together(const PairsJob& job) {
  constexpr std::size_t kStride = chunks * kChunkValues;
  const std::int64_t* outer = job.outer;
  std::int64_t* out = job.out;
  std::size_t skipped = job.skipped;
  for (std::size_t left = job.count; left > 0; outer += kStride, skipped = 0) {
    const auto own = load_row<chunks>(outer);
    const std::size_t rows = std::min(left, job.inner_rows - skipped);
    const std::int64_t* inner = job.inner + skipped * kStride;
    left -= rows;
    for (std::size_t r = rows; r > 0; --r, inner += kStride, out += job.width) {
      put_row<chunks, first>(own, inner, out);
    }
  }
}

template <class Job>
using PutTogether = void (*)(const Job&);

template <class Job, std::size_t chunks, std::size_t first>
void put_plainly(const Job& job) {
  put_together<chunks, first>(job);
}

// By the number of chunks, from 1, and the first that is not the beginning's alone.
template <class Job, std::size_t... I>
constexpr auto plain_functions(std::index_sequence<I...>) {
  return std::array<PutTogether<Job>, sizeof...(I)>{
      &put_plainly<Job, I / kMostChunks + 1, std::min(I % kMostChunks, I / kMostChunks)>...};
}

#if defined(__x86_64__) && defined(__GNUC__)
// A chunk is one register of AVX2, which not every processor has.
template <class Job, std::size_t chunks, std::size_t first>
[[gnu::target("avx2,bmi")]] void put_with_avx2(const Job& job) {
  put_together<chunks, first>(job);
}

template <class Job, std::size_t... I>
constexpr auto avx2_functions(std::index_sequence<I...>) {
  return std::array<PutTogether<Job>, sizeof...(I)>{
      &put_with_avx2<Job, I / kMostChunks + 1, std::min(I % kMostChunks, I / kMostChunks)>...};
}
#endif

using Combinations = std::make_index_sequence<kMostChunks * kMostChunks>;

template <class Job>
void run(const Job& job, std::size_t chunks, std::size_t first) {
  const std::size_t at = (chunks - 1) * kMostChunks + std::min(first, chunks - 1);
#if defined(__x86_64__) && defined(__GNUC__)
  static constexpr auto kWithAvx2 = avx2_functions<Job>(Combinations{});
  static const bool has_avx2 =
      __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("bmi") != 0;
  if (has_avx2) return kWithAvx2[at](job);
#endif
  static constexpr auto kPlain = plain_functions<Job>(Combinations{});
  kPlain[at](job);
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

void Listing::write_row(Range at, const std::int64_t* outer, std::int64_t* out) const {
  const auto combination = static_cast<std::size_t>(std::countr_zero(at.mask));
  const std::int64_t* begin = beginnings_.data() + at.beginning * stride_;
  const std::int64_t* end = endings_.data() + combination * stride_;
  for (std::size_t c = 0; c < width_; ++c) out[c] = outer[c] + begin[c] + end[c];
  write_computed(at, out);
}

void Listing::write_computed(Range at, std::int64_t* out) const {
  const auto combination = static_cast<std::size_t>(std::countr_zero(at.mask));
  for (const Computed& computed : computed_) {
    out[computed.column] =
        computed.values[computed.place[combination] * masks_.size() + at.beginning];
  }
}

void Listing::make_table() {
  constexpr std::uint64_t kTableValues = std::uint64_t{1} << 16;
  if (outer_ == 1 || inner_ * stride_ > kTableValues) return;
  const std::vector<std::int64_t> none(width_, 0);
  table_ = Rows(static_cast<std::size_t>(inner_) * stride_);
  std::int64_t* out = table_.data();
  for (std::size_t beginning = 0; beginning < masks_.size(); ++beginning) {
    for (std::uint64_t mask = masks_[beginning]; mask != 0; mask &= mask - 1, out += stride_) {
      write_row({beginning, mask}, none.data(), out);
      std::fill(out + width_, out + stride_, 0);
    }
  }
}

void Listing::write(std::uint64_t rank, std::int64_t* rows, std::size_t count) const {
  if (count == 0) return;
  if (table_.data() != nullptr) return write_pairs(rank, rows, count);
  const std::int64_t* outer = outer_rows_.data() + rank / inner_ * stride_;
  for (rank %= inner_; count > 0; rank = 0, outer += stride_) {
    const auto some = static_cast<std::size_t>(std::min<std::uint64_t>(count, inner_ - rank));
    write_inner(rank, outer, rows, some);
    rows += some * width_;
    count -= some;
  }
}

void Listing::write_pairs(std::uint64_t rank, std::int64_t* out, std::size_t count) const {
  const std::size_t chunks = stride_ / kChunk;
  if (width_ >= kChunk && chunks <= kMostChunks) {
    // Behind the last row nothing may be written, so that one is put together value by value.
    const std::size_t all = count - 1;
    const auto inner = static_cast<std::size_t>(inner_);
    run(PairsJob{outer_rows_.data() + rank / inner_ * stride_, table_.data(), inner,
                 static_cast<std::size_t>(rank % inner_), all, out, width_},
        chunks, first_chunk_);
    rank += all;
    out += all * width_;
    count = 1;
  }
  for (; count > 0; --count, ++rank, out += width_) {
    const std::int64_t* begin = outer_rows_.data() + rank / inner_ * stride_;
    const std::int64_t* end = table_.data() + rank % inner_ * stride_;
    for (std::size_t c = 0; c < width_; ++c) out[c] = begin[c] + end[c];
  }
}

// Solutions with one outer row.
void Listing::write_inner(std::uint64_t rank, const std::int64_t* outer, std::int64_t* out,
                          std::size_t count) const {
  const std::size_t chunks = stride_ / kChunk;
  Range at = range_from(rank);
  const bool together = count > 1 && width_ >= kChunk && chunks <= kMostChunks;
  if (together) {
    // Behind the last row nothing may be written, so that one is put together value by value.
    const Range end = range_from(rank + count - 1);
    const std::uint64_t before = masks_[end.beginning] & ~end.mask;
    const bool one = at.beginning == end.beginning;
    run(RowsJob{outer, beginnings_.data() + at.beginning * stride_, endings_.data(),
                masks_.data() + at.beginning + 1, at.mask, one ? at.mask & before : before,
                end.beginning - at.beginning + 1, out, width_},
        chunks, first_chunk_);
    write_row(end, outer, out + (count - 1) * width_);
    if (computed_.empty()) return;
  }
  for (;; at.mask = masks_[++at.beginning]) {
    for (; at.mask != 0; at.mask &= at.mask - 1, out += width_) {
      if (together) {
        write_computed(at, out);
      } else {
        write_row(at, outer, out);
      }
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
