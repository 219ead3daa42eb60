// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

namespace constrint::detail {

/// Values of a row that are moved at once.
inline constexpr std::size_t kRowChunk = 4;

using RowChunk [[gnu::vector_size(kRowChunk * sizeof(std::int64_t))]] = std::int64_t;

/// By reference: how a vector is returned depends on the processor.
[[gnu::always_inline]] inline void load(const std::int64_t* from, RowChunk& chunk) {
  std::memcpy(&chunk, from, sizeof chunk);
}
[[gnu::always_inline]] inline void store(const RowChunk& chunk, std::int64_t* to) {
  std::memcpy(to, &chunk, sizeof chunk);
}
/// chunk += from
[[gnu::always_inline]] inline void add(const std::int64_t* from, RowChunk& chunk) {
  RowChunk own;
  load(from, own);
  chunk += own;
}
/// to = from + added
[[gnu::always_inline]] inline void store_sum(const std::int64_t* from, const RowChunk& added,
                                             std::int64_t* to) {
  RowChunk chunk;
  load(from, chunk);
  chunk += added;
  store(chunk, to);
}
[[gnu::always_inline]] inline void store_sum(const std::int64_t* from, const std::int64_t* added,
                                             std::int64_t* to) {
  RowChunk chunk;
  load(added, chunk);
  store_sum(from, chunk, to);
}

/// f(0), f(1), ..., f(count - 1), without a loop: the compiler leaves short loops over an array of
/// chunks in memory, where a chunk that was stored in halves and is loaded whole waits for them.
template <class F, std::size_t... I>
[[gnu::always_inline]] inline void unrolled(std::index_sequence<I...>, [[maybe_unused]] F f) {
  (f(I), ...);
}
template <std::size_t count, class F>
[[gnu::always_inline]] inline void unrolled(F f) {
  unrolled(std::make_index_sequence<count>{}, f);
}

/// The same until one is false; whether none was.
template <class F, std::size_t... I>
[[gnu::always_inline]] inline bool while_unrolled(std::index_sequence<I...>, F& f) {
  return (f(I) && ...);
}
template <std::size_t count, class F>
[[gnu::always_inline]] inline bool while_unrolled(F& f) {
  return while_unrolled(std::make_index_sequence<count>{}, f);
}

}  // namespace constrint::detail
