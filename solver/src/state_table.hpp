// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "constrint/count.hpp"
#include "recycler.hpp"

namespace constrint::detail {

/// The distinct states before one level, column by column.
class StateTable {
 public:
  explicit StateTable(std::size_t width) : columns_(width) {}

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::size_t width() const { return columns_.size(); }
  [[nodiscard]] const std::int64_t* column(std::size_t c) const { return columns_[c].data(); }
  /// numbers[i]: that of the state with the values keys[c][i], added if it is new.
  void insert(const std::int64_t* const* keys, const std::uint64_t* hashes, std::size_t count,
              std::uint32_t* numbers);
  /// The one state of width 0.
  std::uint32_t insert_empty() {
    size_ = 1;
    return 0;
  }
  void clear();
  [[nodiscard]] std::size_t bytes() const {
    return size_ * (columns_.size() * 8 + 16) + buckets_.size() * 8;
  }

  RecyclingVector<Uint128> weights;  // number of ways to reach each state, where counted

 private:
  void make_room(std::size_t states);
  void grow_buckets();

  std::vector<RecycledArray<std::int64_t>> columns_;
  RecyclingVector<std::uint64_t> buckets_;  // upper half: hash; lower half: number + 1
  std::size_t capacity_ = 0;                // of the columns
  std::size_t size_ = 0;
};

}  // namespace constrint::detail
