// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "row_chunks.hpp"

namespace constrint::detail {

/// Rows that begin alike and end like the rows of a table, many such groups one after the other.
/// They are put together in whole chunks of registers, from memory that was written a while ago: a
/// wide load from what narrow stores have just written would wait for them.
class RowWriter {
 public:
  static constexpr std::size_t kChunk = kRowChunk;

  /// width: of a row; column: the first one that the tables give.
  RowWriter(std::size_t width, std::size_t column);

  /// Whether rows of this shape can be written so.
  static bool can_write(std::size_t width, std::size_t column);
  /// Values from row to row of a table, a multiple of kChunk. The first one stands for column
  /// table_column(); what a table does not give, before `column` and behind the row, is 0 there.
  [[nodiscard]] std::size_t stride() const { return table_chunks_ * kChunk; }
  [[nodiscard]] std::size_t table_column() const { return fixed_chunks_ * kChunk; }

  /// Adds `rows` rows for `out`, which must be where the group before ended. row[0 .. column) is
  /// copied; the table must stay until flush().
  void add(std::int64_t* out, const std::int64_t* row, const std::int64_t* table,
           std::size_t rows) {
    std::int64_t* prefix = prefixes_.data() + groups_.size() * prefix_stride_;
    for (std::size_t c = 0; c < column_; ++c) prefix[c] = row[c];
    groups_.push_back({out, table, rows});
  }
  [[nodiscard]] bool full() const { return groups_.size() == kGroups; }
  /// Where the first group begins that is not written yet, or null.
  [[nodiscard]] std::int64_t* begin() const { return groups_.empty() ? nullptr : groups_[0].out; }
  /// Writes all groups.
  void flush();

  struct Group {
    std::int64_t* out;
    const std::int64_t* table;
    std::size_t rows;
  };

 private:
  static constexpr std::size_t kGroups = 64;
  std::size_t width_;
  std::size_t column_;
  std::size_t fixed_chunks_;
  std::size_t table_chunks_;
  std::size_t prefix_stride_;
  std::vector<std::int64_t> prefixes_;
  std::vector<Group> groups_;
};

}  // namespace constrint::detail
