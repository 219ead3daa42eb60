// SPDX-License-Identifier: Apache-2.0
// A diagram from solutions that were found in another order.
#include <algorithm>
#include <numeric>

#include "diagram.hpp"
#include "unique_level.hpp"

namespace constrint::detail {

namespace {

// Brings the rows into the preferred order.
void sort_rows(const VariableOrder& variables, std::vector<std::int64_t>& rows) {
  const std::size_t width = variables.size();
  std::vector<std::uint32_t> source(rows.size() / width);  // by place in the order
  std::iota(source.begin(), source.end(), std::uint32_t{0});
  std::ranges::sort(source, [&](std::uint32_t a, std::uint32_t b) {
    const std::int64_t* left = rows.data() + a * width;
    const std::int64_t* right = rows.data() + b * width;
    for (std::size_t c = 0; c < width; ++c) {
      if (left[c] != right[c]) return (left[c] < right[c]) != variables[c].largest;
    }
    return false;
  });
  // Along the cycles of the permutation, since there may be no memory for a second copy.
  std::vector<std::int64_t> kept(width);
  for (std::uint32_t begin = 0; begin < source.size(); ++begin) {
    if (source[begin] == begin) continue;
    std::copy_n(rows.begin() + static_cast<std::ptrdiff_t>(begin * width), width, kept.begin());
    std::uint32_t at = begin;
    for (;;) {
      const std::uint32_t from = source[at];
      source[at] = at;
      std::int64_t* to = rows.data() + at * width;
      if (from == begin) {
        std::ranges::copy(kept, to);
        break;
      }
      std::copy_n(rows.data() + from * width, width, to);
      at = from;
    }
  }
}

}  // namespace

Diagram::Diagram(const VariableOrder& variables, std::vector<std::int64_t> rows,
                 std::size_t memory_bytes) {
  const std::size_t width = variables.size();
  const std::size_t count = rows.size() / width;
  if (count == 0) {
    status_ = Status::unsatisfiable;
    return;
  }
  sort_rows(variables, rows);
  // By row: how many values it shares with the row before it.
  std::vector<std::uint32_t> shared(count, 0);
  for (std::size_t r = 1; r < count; ++r) {
    const std::int64_t* row = rows.data() + r * width;
    shared[r] =
        static_cast<std::uint32_t>(std::mismatch(row, row + width, row - width).first - row);
  }
  levels_.resize(width);
  std::vector<std::uint32_t> below;  // by row: the node of what lies below the level in work
  std::size_t used = rows.size() * 8 + count * 12;
  for (std::size_t l = width; l-- > 0;) {
    levels_[l].variable = variables[l].variable;
    levels_[l].largest = variables[l].largest;
    UniqueLevel level(levels_[l]);
    std::vector<std::uint32_t> own;
    // A node is a run of rows that share the values before this level, an edge one that shares this
    // level's value as well.
    std::size_t edge = 0;
    for (std::size_t r = 0; r < count; ++r) {
      if (r > 0 && shared[r] < l) own.push_back(level.finish());
      if (r > 0 && shared[r] > l) continue;
      const std::uint32_t child = below.empty() ? 0 : below[edge];
      const Uint128 completions = below.empty() ? Uint128{1} : levels_[l + 1].counts[child];
      ++edge;
      level.add(rows[r * width + l], nullptr, child, completions);
      if (edge % 4096 == 0 && used + level.bytes() > memory_bytes) return;
    }
    own.push_back(level.finish());
    used += level.bytes();
    if (used > memory_bytes) return;
    below = std::move(own);
  }
  status_ = Status::satisfiable;
}

}  // namespace constrint::detail
