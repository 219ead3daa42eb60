// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

#include "arithmetic.hpp"

namespace constrint::detail {

/// The ends of 64 bits stand for "unbounded": an interval that ends there may contain anything
/// beyond. Every operation rounds outwards, so an interval always contains every possible value.
inline constexpr std::int64_t kInfinity = std::numeric_limits<std::int64_t>::max();
inline constexpr std::int64_t kMinusInfinity = std::numeric_limits<std::int64_t>::min();

struct Interval {
  std::int64_t low = kMinusInfinity;
  std::int64_t high = kInfinity;

  [[nodiscard]] bool empty() const { return low > high; }
  /// Whether exactly one value is possible (never at the ends, which stand for more than
  /// themselves).
  [[nodiscard]] bool fixed() const {
    return low == high && low != kInfinity && low != kMinusInfinity;
  }
  [[nodiscard]] bool contains(std::int64_t value) const { return low <= value && value <= high; }
};

constexpr std::int64_t saturate(Int128 value) {
  if (value > kInfinity) return kInfinity;
  if (value < kMinusInfinity) return kMinusInfinity;
  return static_cast<std::int64_t>(value);
}

inline std::int64_t saturating_multiply(std::int64_t a, std::int64_t b) {
  std::int64_t result = 0;
  if (__builtin_mul_overflow(a, b, &result)) return (a < 0) == (b < 0) ? kInfinity : kMinusInfinity;
  return result;
}

inline std::int64_t add_low(std::int64_t a, std::int64_t b) {
  std::int64_t result = 0;
  if (a == kMinusInfinity || b == kMinusInfinity) return kMinusInfinity;
  if (__builtin_add_overflow(a, b, &result)) return a < 0 ? kMinusInfinity : kInfinity;
  return result;
}

inline std::int64_t add_high(std::int64_t a, std::int64_t b) {
  std::int64_t result = 0;
  if (a == kInfinity || b == kInfinity) return kInfinity;
  if (__builtin_add_overflow(a, b, &result)) return a < 0 ? kMinusInfinity : kInfinity;
  return result;
}

/// The low end of -a from the high end of a.
inline std::int64_t negate_high(std::int64_t high) {
  if (high == kMinusInfinity) return kInfinity;
  return high == kInfinity ? kMinusInfinity : -high;
}
/// The high end of -a from the low end of a. A low end of kInfinity is a number: a is at least
/// that.
inline std::int64_t negate_low(std::int64_t low) {
  return low == kMinusInfinity ? kInfinity : -low;
}

inline Interval negate(Interval a) {
  return {negate_high(a.high), negate_low(a.low)};
}
inline Interval add(Interval a, Interval b) {
  return {add_low(a.low, b.low), add_high(a.high, b.high)};
}
inline Interval subtract(Interval a, Interval b) {
  return add(a, negate(b));
}

/// A product of ends: unbounded times anything but zero is unbounded.
inline std::int64_t multiply_ends(std::int64_t a, std::int64_t b) {
  const auto unbounded = [](std::int64_t end) { return end == kInfinity || end == kMinusInfinity; };
  if (unbounded(a) || unbounded(b)) {
    if (a == 0 || b == 0) return 0;
    return (a < 0) == (b < 0) ? kInfinity : kMinusInfinity;
  }
  return saturating_multiply(a, b);
}

/// The product where a whole interval lies at or beyond an end of 64 bits: there the end is a
/// number, and only the other one unbounded.
Interval multiply_far(Interval a, Interval b);

inline Interval multiply(Interval a, Interval b) {
  if (a.low >= 0 && b.low >= 0) {
    return {saturating_multiply(a.low, b.low), saturating_multiply(a.high, b.high)};
  }
  if (a.low == kInfinity || b.low == kInfinity || a.high == kMinusInfinity ||
      b.high == kMinusInfinity) {
    return multiply_far(a, b);
  }
  const std::int64_t ends[] = {multiply_ends(a.low, b.low), multiply_ends(a.low, b.high),
                               multiply_ends(a.high, b.low), multiply_ends(a.high, b.high)};
  return {std::min({ends[0], ends[1], ends[2], ends[3]}),
          std::max({ends[0], ends[1], ends[2], ends[3]})};
}

/// Floor division by a divisor that is not zero (zero is left out of b).
Interval divide(Interval a, Interval b);
Interval modulo(Interval a, Interval b);
Interval power(Interval a, std::int64_t exponent);
/// Values x with x * b == result for some b: what is left of a factor. Unbounded if b may be zero
/// with result.
Interval factor(Interval result, Interval b);
/// Values x with x ^ exponent in result.
Interval root(Interval result, std::int64_t exponent, Interval base);

inline Interval intersect(Interval a, Interval b) {
  return {std::max(a.low, b.low), std::min(a.high, b.high)};
}
inline Interval absolute(Interval a) {
  if (a.low >= 0) return a;
  if (a.high <= 0) return negate(a);
  return {0, std::max(negate_low(a.low), a.high)};
}

}  // namespace constrint::detail
