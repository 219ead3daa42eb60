// SPDX-License-Identifier: Apache-2.0
#include "expander.hpp"

namespace constrint::detail {

void StateTable::clear() {
  for (RecyclingVector<std::int64_t>& column : columns_) column.clear();
  buckets_.assign(buckets_.size(), 0);
  weights.clear();
  size_ = 0;
}

void StateTable::grow() {
  const std::size_t size = buckets_.empty() ? 64 : buckets_.size() * 2;
  RecyclingVector<std::uint64_t> larger(size, 0);
  for (const std::uint64_t entry : buckets_) {
    if (entry == 0) continue;
    // The upper half of the hash places the entry, so it need not be computed again.
    std::size_t slot = (entry >> 32) & (size - 1);
    while (larger[slot] != 0) slot = (slot + 1) & (size - 1);
    larger[slot] = entry;
  }
  buckets_ = std::move(larger);
}

std::uint32_t StateTable::insert(const std::vector<const std::int64_t*>& keys, std::size_t row,
                                 std::uint64_t hash) {
  if (size_ * 2 >= buckets_.size()) grow();
  const std::uint64_t tag = hash >> 32;
  const std::size_t mask = buckets_.size() - 1;
  std::size_t slot = tag & mask;
  for (; buckets_[slot] != 0; slot = (slot + 1) & mask) {
    if ((buckets_[slot] >> 32) != tag) continue;
    const auto number = static_cast<std::uint32_t>(buckets_[slot]) - 1;
    bool same = true;
    for (std::size_t c = 0; c < columns_.size() && same; ++c) {
      same = columns_[c][number] == keys[c][row];
    }
    if (same) return number;
  }
  for (std::size_t c = 0; c < columns_.size(); ++c) columns_[c].push_back(keys[c][row]);
  const auto number = static_cast<std::uint32_t>(size_++);
  buckets_[slot] = (tag << 32) | (number + 1);
  return number;
}

}  // namespace constrint::detail
