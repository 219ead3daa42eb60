// SPDX-License-Identifier: Apache-2.0
// Rows written as runs: what completes a beginning, or all inner solutions, as rows that stand one
// behind the other.
#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "listing.hpp"
#include "put_rows.hpp"

namespace constrint::detail {

namespace {

// Outer rows are prepared in blocks that stay in the cache.
constexpr std::size_t kBlockValues = 1536;
constexpr std::size_t kBlock = kBlockValues / cycle_stride(kLeastRowWidth);

// The endings of each mask, once.
class EndingRuns {
 public:
  EndingRuns(const std::int64_t* endings, std::size_t width, std::int64_t* packed)
      : endings_(endings), width_(width), packed_(packed) {}

  /// Where the endings of a mask stand; null if there are too many different masks.
  [[nodiscard]] const std::int64_t* find(std::uint64_t mask) {
    // Without gaps they stand there already.
    if ((mask & (mask + (mask & (0 - mask)))) == 0) {
      return endings_ + static_cast<std::size_t>(std::countr_zero(mask)) * width_;
    }
    std::size_t slot = mask * 0x9E3779B97F4A7C15ULL >> kShift;
    for (; places_[slot] != 0; slot = (slot + 1) % kSlots) {
      const Known& known = known_[places_[slot]];
      if (known.mask == mask) return known.rows;
    }
    if (count_ == kMostMasks) return nullptr;
    places_[slot] = static_cast<std::uint8_t>(++count_);
    known_[count_] = {mask, pack(mask)};
    return known_[count_].rows;
  }
  /// Rows that were packed.
  [[nodiscard]] std::size_t packed() const { return rows_; }

 private:
  [[gnu::noinline]] const std::int64_t* pack(std::uint64_t mask) {
    const std::size_t first = rows_;
    while (mask != 0) {
      // What stands one behind the other.
      const auto from = static_cast<std::size_t>(std::countr_zero(mask));
      const auto rows = static_cast<std::size_t>(std::countr_one(mask >> from));
      std::memcpy(packed_ + rows_ * width_, endings_ + from * width_,
                  rows * width_ * sizeof(std::int64_t));
      rows_ += rows;
      mask &= mask + (std::uint64_t{1} << from);
    }
    return packed_ + first * width_;
  }

  static constexpr std::size_t kMostMasks = 64;
  static constexpr std::size_t kSlots = 256;
  static constexpr int kShift = 56;
  struct Known {
    std::uint64_t mask;
    const std::int64_t* rows;
  };
  const std::int64_t* endings_;
  std::size_t width_;
  std::int64_t* packed_;
  std::size_t rows_ = 0;
  std::size_t count_ = 0;
  std::array<std::uint8_t, kSlots> places_{};  // in known_, 0: none
  std::array<Known, kMostMasks + 1> known_;    // from 1 on, count_ are set
};

}  // namespace

// Pays where beginnings have several rows and the same few masks, and what is written stays in the
// cache: otherwise it waits for memory however it is put together.
void Listing::make_runs() {
  constexpr std::uint64_t kRowsEach = 3;
  constexpr std::uint64_t kMostPacked = std::size_t{1} << 14;     // values
  constexpr std::uint64_t kMostWritten = std::uint64_t{1} << 17;  // values
  const std::size_t beginnings = masks_.size();
  if (!computed_.empty() || inner_ < kRowsEach * beginnings) return;
  if (count() > kMostWritten / width_) return;
  // A part of what is written from them.
  const auto most = static_cast<std::size_t>(std::min(kMostPacked / width_, count() / 8));
  Rows packed((most + ListingPlan::kCombinations) * width_ + kReadBehind);
  EndingRuns runs(endings_.data(), width_, packed.data());
  RecycledArray<Run> all(beginnings);
  const std::uint64_t* const masks = masks_.data();
  const std::uint32_t* const first = first_.data();
  std::uint64_t before = 0;
  const std::int64_t* rows = nullptr;
  for (std::size_t b = 0; b < beginnings; ++b) {
    // Mostly that of the beginning before.
    if (masks[b] != before) {
      before = masks[b];
      rows = runs.find(before);
      if (rows == nullptr || runs.packed() > most) return;
    }
    all[b].rows = rows;
    all[b].count = first[b + 1] - first[b];
  }
  runs_ = std::move(all);
  if (runs.packed() == 0) return;
  std::fill_n(packed.data() + runs.packed() * width_, kReadBehind, 0);
  packed_ = std::move(packed);
}

// The inner solutions, for all outer rows.
void Listing::make_table() {
  const auto values = static_cast<std::size_t>(inner_) * width_;
  Rows table(values + kReadBehind);
  const std::vector<std::int64_t> none(stride_, 0);
  write_inner(0, none.data(), table.data(), static_cast<std::size_t>(inner_));
  std::fill_n(table.data() + values, kReadBehind, 0);
  table_ = std::move(table);
}

void Listing::write_runs(std::uint64_t rank, std::int64_t* out, std::size_t count) const {
  const std::size_t length = cycle_stride(width_);
  const std::size_t block = std::clamp<std::size_t>(kBlockValues / length, 1, kBlock);
  const std::size_t beginnings = masks_.size();
  Rows cycles(block * length + kRowChunk - 1);
  auto outer = static_cast<std::size_t>(rank / inner_);
  Range at = range_from(rank % inner_);
  auto skipped = static_cast<std::size_t>(rank % inner_ - first_[at.beginning]);
  // Behind the last row nothing may be written, so that one is put together value by value.
  for (std::size_t left = count - 1; left > 0; skipped = 0) {
    const std::size_t some = std::min(block, beginnings - at.beginning);
    const std::size_t end = at.beginning + some;
    const std::size_t rows =
        std::min<std::size_t>(left, first_[end] - first_[at.beginning] - skipped);
    make_cycles({beginnings_.data() + at.beginning * stride_, outer_rows_.data() + outer * stride_,
                 stride_, cycles.data(), some, width_});
    put_runs({cycles.data(), runs_.data() + at.beginning, skipped, rows, out, width_});
    left -= rows;
    out += rows * width_;
    at.beginning = end;
    if (end < beginnings) continue;
    at.beginning = 0;
    ++outer;
  }
  const std::uint64_t last = rank + count - 1;
  write_row(range_from(last % inner_), outer_rows_.data() + last / inner_ * stride_, out);
}

void Listing::write_pairs(std::uint64_t rank, std::int64_t* out, std::size_t count) const {
  const auto inner = static_cast<std::size_t>(inner_);
  const std::size_t length = cycle_stride(width_);
  const std::size_t block =
      std::min<std::size_t>(std::clamp<std::size_t>(kBlockValues / length, 1, kBlock), outer_);
  Rows cycles(block * length + kRowChunk - 1);
  RecycledArray<Run> runs(block);
  std::fill_n(runs.data(), block, Run{table_.data(), inner});
  while (count > 1) {
    const auto first = static_cast<std::size_t>(rank / inner_);
    const auto skipped = static_cast<std::size_t>(rank % inner_);
    const std::size_t outer = std::min(block, (skipped + count - 2) / inner + 1);
    const std::size_t rows = std::min(count - 1, outer * inner - skipped);
    make_cycles(
        {outer_rows_.data() + first * stride_, nullptr, stride_, cycles.data(), outer, width_});
    put_runs({cycles.data(), runs.data(), skipped, rows, out, width_});
    rank += rows;
    out += rows * width_;
    count -= rows;
  }
  const std::int64_t* begin = outer_rows_.data() + rank / inner_ * stride_;
  const std::int64_t* end = table_.data() + rank % inner_ * width_;
  for (std::size_t c = 0; c < width_; ++c) out[c] = begin[c] + end[c];
}

}  // namespace constrint::detail
