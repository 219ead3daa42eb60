// SPDX-License-Identifier: Apache-2.0
#include "state_table.hpp"

#include <algorithm>
#include <bit>
#include <utility>

namespace constrint::detail {

void StateTable::clear() {
  buckets_.assign(buckets_.size(), 0);
  weights.clear();
  size_ = 0;
}

void StateTable::grow_buckets() {
  RecyclingVector<std::uint64_t> larger(2 * buckets_.size(), 0);
  const std::size_t mask = larger.size() - 1;
  for (const std::uint64_t entry : buckets_) {
    if (entry == 0) continue;
    // The upper half of the hash places the entry, so it need not be computed again.
    std::size_t slot = (entry >> 32) & mask;
    while (larger[slot] != 0) slot = (slot + 1) & mask;
    larger[slot] = entry;
  }
  buckets_ = std::move(larger);
}

// For so many more states, however many of them are new.
void StateTable::make_room(std::size_t states) {
  constexpr std::size_t kFirst = 64;
  if (buckets_.empty()) buckets_.assign(kFirst, 0);
  if (size_ + states <= capacity_) return;
  const std::size_t capacity = std::bit_ceil(size_ + states);
  for (RecycledArray<std::int64_t>& column : columns_) {
    RecycledArray<std::int64_t> larger(capacity);
    std::copy_n(column.data(), size_, larger.data());
    column = std::move(larger);
  }
  capacity_ = capacity;
}

void StateTable::insert(const std::int64_t* const* keys, const std::uint64_t* hashes,
                        std::size_t count, std::uint32_t* numbers) {
  make_room(count);
  const std::size_t width = columns_.size();
  for (std::size_t row = 0; row < count; ++row) {
    if (size_ * 2 >= buckets_.size()) grow_buckets();
    const std::uint64_t tag = hashes[row] >> 32;
    const std::size_t mask = buckets_.size() - 1;
    std::size_t slot = tag & mask;
    std::uint64_t entry = 0;
    for (; (entry = buckets_[slot]) != 0; slot = (slot + 1) & mask) {
      if (entry >> 32 != tag) continue;
      const std::uint32_t number = static_cast<std::uint32_t>(entry) - 1;
      std::size_t c = 0;
      while (c < width && columns_[c][number] == keys[c][row]) ++c;
      if (c == width) break;
    }
    if (entry == 0) {
      for (std::size_t c = 0; c < width; ++c) columns_[c][size_] = keys[c][row];
      entry = tag << 32 | ++size_;
      buckets_[slot] = entry;
    }
    numbers[row] = static_cast<std::uint32_t>(entry) - 1;
  }
}

}  // namespace constrint::detail
