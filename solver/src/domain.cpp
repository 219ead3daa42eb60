// SPDX-License-Identifier: Apache-2.0
#include "domain.hpp"

#include <algorithm>
#include <numeric>

#include "arithmetic.hpp"

namespace constrint::detail {

namespace {

constexpr std::uint64_t kShort = 1024;  // intervals up to this size get holes by becoming lists

std::int64_t inverse(std::int64_t value, std::int64_t modulus) {
  // Extended Euclid in 128 bits; value and modulus have no common factor.
  Int128 a = value % modulus;
  Int128 b = modulus;
  Int128 x = 1;
  Int128 y = 0;
  while (b != 0) {
    const Int128 quotient = a / b;
    std::swap(a -= quotient * b, b);
    std::swap(x -= quotient * y, y);
  }
  return static_cast<std::int64_t>(floor_modulo<Int128>(x, modulus));
}

}  // namespace

bool Domain::contains(std::int64_t value) const {
  if (value < low || value > high) return false;
  if (is_list()) return std::binary_search(values, values + count, value);
  return step == 1 || (static_cast<std::uint64_t>(value) - static_cast<std::uint64_t>(low)) %
                              static_cast<std::uint64_t>(step) ==
                          0;
}

Uint128 Domain::size() const {
  if (empty()) return 0;
  if (is_list()) return count;
  const std::uint64_t span = static_cast<std::uint64_t>(high) - static_cast<std::uint64_t>(low);
  return static_cast<Uint128>(span / static_cast<std::uint64_t>(step)) + 1;
}

void Domain::set_list(const std::int64_t* sorted, std::size_t size) {
  if (size == 0) {
    clear();
    return;
  }
  values = sorted;
  count = size;
  low = sorted[0];
  high = sorted[size - 1];
  step = 1;
}

void Domain::restrict_to(std::int64_t new_low, std::int64_t new_high) {
  if (new_low <= low && new_high >= high) return;
  if (new_low > high || new_high < low || new_low > new_high) {
    clear();
    return;
  }
  if (is_list()) {
    const std::int64_t* first = values;
    const std::int64_t* last = values + count;
    while (first != last && *first < new_low) ++first;
    while (last != first && *(last - 1) > new_high) --last;
    set_list(first, static_cast<std::size_t>(last - first));
    return;
  }
  if (step == 1) {
    low = std::max(low, new_low);
    high = std::min(high, new_high);
    return;
  }
  const auto wide_step = static_cast<Int128>(step);
  if (new_low > low) {
    const Int128 distance = static_cast<Int128>(new_low) - low;
    const Int128 next = low + ceil_divide<Int128>(distance, wide_step) * wide_step;
    if (next > high) {
      clear();
      return;
    }
    low = static_cast<std::int64_t>(next);
  }
  if (new_high < high) {
    if (new_high < low) {
      clear();
      return;
    }
    high = static_cast<std::int64_t>(
        static_cast<Int128>(low) +
        floor_divide<Int128>(static_cast<Int128>(new_high) - low, wide_step) * wide_step);
  }
  if (low > high) clear();
}

void Domain::make_list(ListArena& arena) {
  if (is_list() || empty()) return;
  const auto length = static_cast<std::size_t>(size());
  std::int64_t* all = arena.allocate(length);
  for (std::size_t i = 0; i < length; ++i) all[i] = at(i);
  set_list(all, length);
}

void Domain::restrict_to_list(std::span<const std::int64_t> sorted, ListArena& arena) {
  std::int64_t* kept = arena.allocate(sorted.size());
  if (!is_list() && step == 1 && !sorted.empty() && sorted.front() >= low &&
      sorted.back() <= high) {
    std::copy(sorted.begin(), sorted.end(), kept);
    set_list(kept, sorted.size());
    return;
  }
  std::size_t size = 0;
  for (const std::int64_t value : sorted) {
    if (contains(value)) kept[size++] = value;
  }
  arena.shrink(sorted.size() - size);
  set_list(kept, size);
}

void Domain::restrict_to_lasting_list(std::span<const std::int64_t> sorted, ListArena& arena) {
  if (is_list() || step != 1 || sorted.empty() || sorted.front() < low || sorted.back() > high) {
    return restrict_to_list(sorted, arena);
  }
  set_list(sorted.data(), sorted.size());
}

void Domain::restrict_to_congruence(std::int64_t modulus, std::int64_t remainder,
                                    ListArena& arena) {
  if (empty() || modulus == 1) return;
  if (is_list()) {
    filter([=](std::int64_t v) { return floor_modulo(v, modulus) == remainder; }, arena);
    return;
  }
  const std::int64_t common = std::gcd(step, modulus);
  const Int128 distance = static_cast<Int128>(remainder) - low;
  if (distance % common != 0) {
    clear();
    return;
  }
  const Int128 combined = static_cast<Int128>(step) / common * modulus;
  // Congruences beyond 62 bits leave at most a few values, which other propagation finds.
  if (combined > (Int128{1} << 62)) return;
  // The smallest k >= 0 with low + k * step == remainder modulo modulus.
  const std::int64_t reduced = modulus / common;
  const Int128 k =
      reduced == 1 ? Int128{0}
                   : floor_modulo<Int128>(
                         floor_modulo<Int128>(distance / common, reduced) *
                             inverse(static_cast<std::int64_t>(step / common % reduced), reduced),
                         reduced);
  const Int128 first = static_cast<Int128>(low) + k * step;
  if (first > high) {
    clear();
    return;
  }
  low = static_cast<std::int64_t>(first);
  step = static_cast<std::int64_t>(combined);
  high = static_cast<std::int64_t>(
      first + floor_divide<Int128>(static_cast<Int128>(high) - first, combined) * combined);
}

void Domain::remove(std::int64_t value, ListArena& arena) {
  if (!contains(value)) return;
  if (low == high) {
    clear();
    return;
  }
  if (!is_list()) {
    if (value == low) {
      low += step;
      return;
    }
    if (value == high) {
      high -= step;
      return;
    }
    if (size() > kShort) return;
    make_list(arena);
  }
  filter([=](std::int64_t v) { return v != value; }, arena);
}

}  // namespace constrint::detail
