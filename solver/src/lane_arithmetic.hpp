// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

namespace constrint::detail {

/// The quotient and remainder of two 32-bit values.
struct LaneDivision {
  std::int32_t quotient;
  std::int32_t remainder;
};

/// The quotient of two 32-bit values by double precision is right after truncation: it differs from
/// the next integer by at least 1 / |b|, far more than it is rounded by. A divisor of 0 and the
/// lowest dividend, which only rows have that fail elsewhere, are taken for other values. Written
/// without branches and with one conversion each way, so that it runs on vectors.
[[gnu::always_inline]] inline LaneDivision divide_lane(std::int32_t a, std::int32_t b) {
  using U = std::uint32_t;
  constexpr std::int32_t kLowest = std::numeric_limits<std::int32_t>::min();
  const std::int32_t dividend = a + (a == kLowest ? 1 : 0);
  const std::int32_t divisor = b + (b == 0 ? 1 : 0);
  const auto truncated =
      static_cast<std::int32_t>(static_cast<double>(dividend) / static_cast<double>(divisor));
  const auto rest = static_cast<std::int32_t>(static_cast<U>(dividend) -
                                              static_cast<U>(truncated) * static_cast<U>(divisor));
  // All ones where truncation rounded up: the rest is not 0 and has not the sign of the divisor.
  const std::int32_t up = (rest != 0 ? -1 : 0) & ((rest ^ divisor) >> 31);
  return {truncated + up, rest + (divisor & up)};
}

[[gnu::always_inline]] inline std::int32_t power_lane(std::int32_t base, std::int64_t exponent) {
  std::uint32_t result = 1;
  auto factor = static_cast<std::uint32_t>(base);
  for (std::int64_t left = exponent; left > 0; left >>= 1, factor *= factor) {
    if ((left & 1) != 0) result *= factor;
  }
  return static_cast<std::int32_t>(result);
}

/// Whether a value is in the ascending list pool[0 .. count).
[[gnu::always_inline]] inline std::int32_t member_lane(std::int32_t value, const std::int64_t* pool,
                                                       std::int64_t count) {
  return std::binary_search(pool, pool + count, std::int64_t{value}) ? 1 : 0;
}

}  // namespace constrint::detail
