// SPDX-License-Identifier: Apache-2.0
#include "write_rows.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

namespace constrint::detail {

namespace {

constexpr std::size_t kChunk = 4;  // values that are moved at once
constexpr std::size_t kPrefixChunks = 5;
constexpr std::size_t kTableChunks = 4;

struct Rows {
  std::int64_t* out;
  const std::int64_t* prefix;  // readable up to a multiple of kChunk
  std::size_t prefix_size;
  const std::int64_t* table;
  std::size_t stride;
  std::size_t width;
  std::size_t rows;
};

// Both parts of a row are moved in whole chunks: what the prefix writes too much is overwritten by
// the table's part, and what that writes too much by the next row. The last row is not for this.
template <std::size_t prefix_chunks, std::size_t table_chunks>
[[gnu::always_inline]] inline void move_rows(Rows job) {
  std::array<std::array<std::int64_t, kChunk>, prefix_chunks> prefix;
  for (std::size_t c = 0; c < prefix_chunks; ++c) {
    std::memcpy(&prefix[c], job.prefix + c * kChunk, sizeof(prefix[c]));
  }
  for (std::size_t r = 0; r < job.rows; ++r) {
    for (std::size_t c = 0; c < prefix_chunks; ++c) {
      std::memcpy(job.out + c * kChunk, &prefix[c], sizeof(prefix[c]));
    }
    for (std::size_t c = 0; c < table_chunks; ++c) {
      std::memcpy(job.out + job.prefix_size + c * kChunk, job.table + c * kChunk,
                  kChunk * sizeof(std::int64_t));
    }
    job.out += job.width;
    job.table += job.stride;
  }
}

using Move = void (*)(Rows);

template <std::size_t prefix_chunks, std::size_t table_chunks>
void move_plainly(Rows job) {
  move_rows<prefix_chunks, table_chunks>(job);
}

template <std::size_t... I>
constexpr auto plain_moves(std::index_sequence<I...>) {
  return std::array<Move, sizeof...(I)>{&move_plainly<I / kTableChunks, I % kTableChunks + 1>...};
}

#if defined(__x86_64__) && defined(__GNUC__)
// A chunk is one register of AVX2, which not every processor has.
template <std::size_t prefix_chunks, std::size_t table_chunks>
[[gnu::target("avx2")]] void move_with_avx2(Rows job) {
  move_rows<prefix_chunks, table_chunks>(job);
}

template <std::size_t... I>
constexpr auto avx2_moves(std::index_sequence<I...>) {
  return std::array<Move, sizeof...(I)>{&move_with_avx2<I / kTableChunks, I % kTableChunks + 1>...};
}
#endif

using Combinations = std::make_index_sequence<(kPrefixChunks + 1) * kTableChunks>;

Move choose_move(std::size_t prefix_chunks, std::size_t table_chunks) {
  const std::size_t at = prefix_chunks * kTableChunks + table_chunks - 1;
#if defined(__x86_64__) && defined(__GNUC__)
  static constexpr auto kWithAvx2 = avx2_moves(Combinations{});
  static const bool has_avx2 = __builtin_cpu_supports("avx2") != 0;
  if (has_avx2) return kWithAvx2[at];
#endif
  static constexpr auto kPlain = plain_moves(Combinations{});
  return kPlain[at];
}

}  // namespace

void write_rows(std::int64_t* out, const std::int64_t* prefix, std::size_t prefix_size,
                const std::int64_t* table, std::size_t table_size, std::size_t stride,
                std::size_t rows) {
  const std::size_t width = prefix_size + table_size;
  const std::size_t prefix_chunks = (prefix_size + kChunk - 1) / kChunk;
  const std::size_t table_chunks = stride / kChunk;
  std::size_t done = 0;
  if (rows > 1 && prefix_chunks <= kPrefixChunks && table_chunks >= 1 &&
      table_chunks <= kTableChunks && prefix_chunks * kChunk <= 2 * width) {
    std::array<std::int64_t, kPrefixChunks * kChunk> padded{};
    std::copy_n(prefix, prefix_size, padded.begin());
    // As many of the last rows are left out as could be written beyond.
    const std::size_t beyond = (std::max(prefix_chunks * kChunk, prefix_size + stride) - 1) / width;
    if (rows > beyond) {
      done = rows - beyond;
      choose_move(prefix_chunks,
                  table_chunks)({out, padded.data(), prefix_size, table, stride, width, done});
    }
  }
  for (; done < rows; ++done) {
    std::int64_t* row = std::copy_n(prefix, prefix_size, out + done * width);
    std::copy_n(table + done * stride, table_size, row);
  }
}

}  // namespace constrint::detail
