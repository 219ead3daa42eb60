// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

#include "arena.hpp"
#include "constrint/count.hpp"

namespace constrint::detail {

/// The values that a variable may still take: an ascending list if `values` is set, otherwise low,
/// low + step, ..., high. low and high are values of the domain unless it is empty (low > high).
/// Lists belong to an arena or to the model.
struct Domain {
  std::int64_t low = 1;
  std::int64_t high = 0;
  std::int64_t step = 1;
  const std::int64_t* values = nullptr;
  std::size_t count = 0;  // of values

  [[nodiscard]] bool empty() const { return low > high; }
  [[nodiscard]] bool fixed() const { return low == high; }
  [[nodiscard]] bool is_list() const { return values != nullptr; }
  [[nodiscard]] bool contains(std::int64_t value) const;
  [[nodiscard]] Uint128 size() const;
  /// The place'th value, ascending.
  [[nodiscard]] std::int64_t at(std::uint64_t place) const {
    return is_list() ? values[place]
                     : static_cast<std::int64_t>(static_cast<std::uint64_t>(low) +
                                                 place * static_cast<std::uint64_t>(step));
  }
  [[nodiscard]] std::span<const std::int64_t> list() const { return {values, count}; }

  void clear() {
    low = 1;
    high = 0;
    values = nullptr;
    count = 0;
  }
  /// Leaves the values between low and high.
  void restrict_to(std::int64_t new_low, std::int64_t new_high);
  /// Leaves the values of an ascending list, which is copied.
  void restrict_to_list(std::span<const std::int64_t> sorted, ListArena& arena);
  /// The same for a list that lives as long as the domain, not copied where all of it is left.
  void restrict_to_lasting_list(std::span<const std::int64_t> sorted, ListArena& arena);
  /// Leaves the values congruent to remainder modulo modulus > 0. Does nothing where the combined
  /// modulus is too large.
  void restrict_to_congruence(std::int64_t modulus, std::int64_t remainder, ListArena& arena);
  /// Takes one value out, where that can be expressed (an end, a list, or a short interval).
  void remove(std::int64_t value, ListArena& arena);
  /// Turns a short interval into a list.
  void make_list(ListArena& arena);
  /// Leaves the values for which keep(value); the domain must be a list.
  template <class Keep>
  void filter(Keep keep, ListArena& arena);

 private:
  void set_list(const std::int64_t* sorted, std::size_t size);
};

template <class Keep>
void Domain::filter(Keep keep, ListArena& arena) {
  std::size_t first = 0;
  while (first < count && keep(values[first])) ++first;
  if (first == count) return;
  std::int64_t* kept = arena.allocate(count);
  std::size_t size = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (i < first || (i > first && keep(values[i]))) kept[size++] = values[i];
  }
  arena.shrink(count - size);
  set_list(kept, size);
}

inline bool operator==(const Domain& a, const Domain& b) {
  return a.low == b.low && a.high == b.high && a.step == b.step && a.values == b.values &&
         a.count == b.count;
}

}  // namespace constrint::detail
