// SPDX-License-Identifier: Apache-2.0
#include "listing.hpp"

#include <algorithm>
#include <bit>

#include "put_rows.hpp"

namespace constrint::detail {

namespace {

// By mask: the bits of those before it; behind them: of all.
[[gnu::always_inline]] inline void sum_each(const std::uint64_t* masks, std::uint32_t* sums,
                                            std::size_t n) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < n; ++i) {
    sums[i] = sum;
    sum += static_cast<std::uint32_t>(std::popcount(masks[i]));
  }
  sums[n] = sum;
}

#if defined(__x86_64__) && defined(__GNUC__)
[[gnu::target("popcnt")]] void sum_with_popcnt(const std::uint64_t* masks, std::uint32_t* sums,
                                               std::size_t n) {
  sum_each(masks, sums, n);
}
#endif

void sum_bits(const std::uint64_t* masks, std::uint32_t* sums, std::size_t n) {
#if defined(__x86_64__) && defined(__GNUC__)
  static const bool has_popcnt = __builtin_cpu_supports("popcnt") != 0;
  if (has_popcnt) return sum_with_popcnt(masks, sums, n);
#endif
  sum_each(masks, sums, n);
}

// Without the lowest `count` bits that are set.
std::uint64_t without_lowest(std::uint64_t mask, std::uint64_t count) {
  for (; count > 0; --count) mask &= mask - 1;
  return mask;
}

}  // namespace

void Listing::rank_beginnings(const std::uint64_t* masks, std::size_t count) {
  masks_.assign(masks, masks + count);
  first_ = RecycledArray<std::uint32_t>(count + 1);
  sum_bits(masks, first_.data(), count);
  inner_ = first_[count];
}

Listing::Range Listing::range_from(std::uint64_t rank) const {
  if (rank == 0 && masks_[0] != 0) return {0, masks_[0]};
  // The last beginning whose first solution is not behind: those without solutions come before it.
  const std::uint32_t* const first = first_.data();
  const auto beginning =
      static_cast<std::size_t>(std::upper_bound(first, first + first_.size(), rank) - first) - 1;
  return {beginning, without_lowest(masks_[beginning], rank - first_[beginning])};
}

void Listing::write_row(Range at, const std::int64_t* outer, std::int64_t* out) const {
  const auto combination = static_cast<std::size_t>(std::countr_zero(at.mask));
  const std::int64_t* begin = beginnings_.data() + at.beginning * stride_;
  const std::int64_t* end = endings_.data() + combination * width_;
  const std::size_t first = std::min(first_chunk_ * kRowChunk, width_);
  for (std::size_t c = 0; c < first; ++c) out[c] = outer[c] + begin[c];
  for (std::size_t c = first; c < width_; ++c) out[c] = outer[c] + begin[c] + end[c];
  for (const Computed& computed : computed_) {
    out[computed.column] =
        computed.values[at.beginning * computed.places + computed.place[combination]];
  }
}

// Rows are put together group by group unless there is something to gain.
void Listing::choose_form() {
  constexpr std::uint64_t kTableValues = std::uint64_t{1} << 16;
  constexpr std::uint64_t kManyOuter = 16;
  if (width_ < kLeastRowWidth) return;
  const bool small = outer_ > 1 && inner_ * width_ <= kTableValues;
  if (small && outer_ > kManyOuter) return make_table();
  make_runs();
  if (small && runs_.data() == nullptr) make_table();
}

void Listing::write(std::uint64_t rank, std::int64_t* rows, std::size_t count) const {
  constexpr std::size_t kFew = 16;
  if (count == 0) return;
  if (table_.data() != nullptr) return write_pairs(rank, rows, count);
  if (runs_.data() != nullptr && count >= kFew) return write_runs(rank, rows, count);
  const std::int64_t* outer = outer_rows_.data() + rank / inner_ * stride_;
  for (rank %= inner_; count > 0; rank = 0, outer += stride_) {
    const auto some = static_cast<std::size_t>(std::min<std::uint64_t>(count, inner_ - rank));
    write_inner(rank, outer, rows, some);
    rows += some * width_;
    count -= some;
  }
}

// Solutions with one outer row.
void Listing::write_inner(std::uint64_t rank, const std::int64_t* outer, std::int64_t* out,
                          std::size_t count) const {
  Range at = range_from(rank);
  const bool together = count > 1 && width_ >= kLeastRowWidth && stride_ <= kMostRowWidth;
  if (together) {
    // Behind the last row nothing may be written, so that one is put together value by value.
    const Range end = range_from(rank + count - 1);
    const std::uint64_t before = masks_[end.beginning] & ~end.mask;
    const bool one = at.beginning == end.beginning;
    std::vector<GroupsColumn> columns;
    for (const Computed& computed : computed_) {
      columns.push_back({computed.column, computed.places, computed.place.data(),
                         computed.values.get() + at.beginning * computed.places});
    }
    put_groups({outer, beginnings_.data() + at.beginning * stride_, endings_.data(),
                masks_.data() + at.beginning + 1, at.mask, one ? at.mask & before : before,
                end.beginning - at.beginning + 1, out, width_, stride_, first_chunk_,
                columns.data(), columns.size()});
    write_row(end, outer, out + (count - 1) * width_);
    return;
  }
  for (;; at.mask = masks_[++at.beginning]) {
    for (; at.mask != 0; at.mask &= at.mask - 1, out += width_) {
      write_row(at, outer, out);
      if (--count == 0) return;
    }
  }
}

std::uint64_t Listing::rank(const VariableOrder& order, std::span<const std::int64_t> values,
                            bool& present) const {
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
