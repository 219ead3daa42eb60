// SPDX-License-Identifier: Apache-2.0
#include "write_rows.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "row_chunks.hpp"

namespace constrint::detail {

namespace {

constexpr std::size_t kChunk = RowWriter::kChunk;
constexpr std::size_t kFixedChunks = 5;  // most chunks that come from the prefix alone
constexpr std::size_t kTableChunks = 4;

struct Job {
  const RowWriter::Group* groups;
  std::size_t count;
  const std::int64_t* prefixes;
  std::size_t width;
};

// The chunk in which the table begins is the sum of both. What the last chunk of a row writes too
// much is overwritten by the next row.
template <std::size_t fixed, std::size_t varying>
[[gnu::always_inline]] inline void move_groups(Job job) {
  const std::int64_t* prefixes = job.prefixes;
  for (std::size_t g = 0; g < job.count; ++g, prefixes += (fixed + 1) * kChunk) {
    std::array<RowChunk, fixed + 1> prefix;
    unrolled<fixed + 1>([&](std::size_t c) { load(prefixes + c * kChunk, prefix[c]); });
    std::int64_t* out = job.groups[g].out;
    const std::int64_t* table = job.groups[g].table;
    for (std::size_t r = job.groups[g].rows; r > 0; --r) {
      unrolled<fixed>([&](std::size_t c) { store(prefix[c], out + c * kChunk); });
      store_sum(table, prefix[fixed], out + fixed * kChunk);
      unrolled<varying - 1>([&](std::size_t c) {
        RowChunk chunk;
        load(table + (c + 1) * kChunk, chunk);
        store(chunk, out + (fixed + c + 1) * kChunk);
      });
      out += job.width;
      table += varying * kChunk;
    }
  }
}

using Move = void (*)(Job);

template <std::size_t fixed, std::size_t varying>
void move_plainly(Job job) {
  move_groups<fixed, varying>(job);
}

template <std::size_t... I>
constexpr auto plain_moves(std::index_sequence<I...>) {
  return std::array<Move, sizeof...(I)>{&move_plainly<I / kTableChunks, I % kTableChunks + 1>...};
}

#if defined(__x86_64__) && defined(__GNUC__)
// A chunk is one register of AVX2, which not every processor has.
template <std::size_t fixed, std::size_t varying>
[[gnu::target("avx2")]] void move_with_avx2(Job job) {
  move_groups<fixed, varying>(job);
}

template <std::size_t... I>
constexpr auto avx2_moves(std::index_sequence<I...>) {
  return std::array<Move, sizeof...(I)>{&move_with_avx2<I / kTableChunks, I % kTableChunks + 1>...};
}
#endif

using Combinations = std::make_index_sequence<(kFixedChunks + 1) * kTableChunks>;

Move choose_move(std::size_t fixed, std::size_t varying) {
  const std::size_t at = fixed * kTableChunks + varying - 1;
#if defined(__x86_64__) && defined(__GNUC__)
  static constexpr auto kWithAvx2 = avx2_moves(Combinations{});
  static const bool has_avx2 = __builtin_cpu_supports("avx2") != 0;
  if (has_avx2) return kWithAvx2[at];
#endif
  static constexpr auto kPlain = plain_moves(Combinations{});
  return kPlain[at];
}

std::size_t chunks_of(std::size_t values) {
  return (values + kChunk - 1) / kChunk;
}

}  // namespace

bool RowWriter::can_write(std::size_t width, std::size_t column) {
  const std::size_t fixed = column / kChunk;
  return width >= kChunk && column < width && fixed <= kFixedChunks &&
         chunks_of(width) - fixed <= kTableChunks;
}

RowWriter::RowWriter(std::size_t width, std::size_t column)
    : width_(width),
      column_(column),
      fixed_chunks_(column / kChunk),
      table_chunks_(chunks_of(width) - fixed_chunks_),
      prefix_stride_((fixed_chunks_ + 1) * kChunk),
      prefixes_(prefix_stride_ * kGroups, 0) {
  groups_.reserve(kGroups);
}

void RowWriter::flush() {
  if (groups_.empty()) return;
  // Behind the last row nothing may be written, so that one is copied value by value.
  Group& last = groups_.back();
  --last.rows;
  const std::int64_t* prefix = prefixes_.data() + (groups_.size() - 1) * prefix_stride_;
  choose_move(fixed_chunks_,
              table_chunks_)({groups_.data(), groups_.size(), prefixes_.data(), width_});
  std::int64_t* row = last.out + last.rows * width_;
  const std::int64_t* table = last.table + last.rows * stride();
  std::copy_n(prefix, column_, row);
  std::copy_n(table + (column_ - table_column()), width_ - column_, row + column_);
  groups_.clear();
}

}  // namespace constrint::detail
