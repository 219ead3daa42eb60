// SPDX-License-Identifier: Apache-2.0
#include "interval.hpp"

#include <cmath>

namespace constrint::detail {

namespace {

// floor(a / b) where an end may be unbounded; b is finite and not zero.
std::int64_t divide_end(std::int64_t a, std::int64_t b) {
  if (a == kInfinity) return b > 0 ? kInfinity : kMinusInfinity;
  if (a == kMinusInfinity) return b > 0 ? kMinusInfinity : kInfinity;
  if (b == -1) return -a;
  // An unbounded divisor: the quotient tends to 0 or -1.
  if (b == kInfinity) return a < 0 ? -1 : 0;
  if (b == kMinusInfinity) return a > 0 ? -1 : 0;
  return floor_divide(a, b);
}

// Quotients over a divisor interval without zero; with both its limits the extremes are at the
// corners.
Interval divide_corners(Interval a, Interval b) {
  const std::int64_t ends[] = {divide_end(a.low, b.low), divide_end(a.low, b.high),
                               divide_end(a.high, b.low), divide_end(a.high, b.high)};
  return {std::min({ends[0], ends[1], ends[2], ends[3]}),
          std::max({ends[0], ends[1], ends[2], ends[3]})};
}

Interval hull(Interval a, Interval b) {
  if (a.empty()) return b;
  if (b.empty()) return a;
  return {std::min(a.low, b.low), std::max(a.high, b.high)};
}

// The largest r >= 0 with r ^ exponent <= value, for value >= 0.
std::int64_t integer_root(std::int64_t value, std::int64_t exponent) {
  // A first power may exceed what a double can give back as an integer.
  if (exponent == 1) return value;
  auto guess = static_cast<std::int64_t>(
      std::pow(static_cast<double>(value), 1.0 / static_cast<double>(exponent)));
  const auto fits = [&](std::int64_t base) {
    Int128 result = 0;
    return power_exact(base, exponent, result) && result <= value;
  };
  while (guess > 0 && !fits(guess)) --guess;
  while (fits(guess + 1)) ++guess;
  return guess;
}

}  // namespace

Interval multiply_far(Interval a, Interval b) {
  // 2^63 stands for unbounded: its products with anything but zero saturate.
  const auto high = [](Interval of) {
    return of.high == kInfinity ? Int128{1} << 63 : Int128{of.high};
  };
  const Int128 ends[] = {Int128{a.low} * b.low, a.low * high(b), high(a) * b.low,
                         high(a) * high(b)};
  return {saturate(*std::ranges::min_element(ends)), saturate(*std::ranges::max_element(ends))};
}

Interval divide(Interval a, Interval b) {
  if (a.empty() || b.empty()) return {1, 0};
  // Beyond 64 bits on both ends: how far beyond is not known, so neither is the quotient.
  if (a.high == kMinusInfinity || a.low == kInfinity) return {};
  if (a.low >= 0 && b.low > 0) {
    return {divide_end(a.low, b.high), divide_end(a.high, b.low)};
  }
  Interval result{1, 0};
  if (b.high > 0) result = divide_corners(a, {std::max<std::int64_t>(b.low, 1), b.high});
  if (b.low < 0) {
    result = hull(result, divide_corners(a, {b.low, std::min<std::int64_t>(b.high, -1)}));
  }
  return result;
}

Interval modulo(Interval a, Interval b) {
  if (b.fixed() && b.low > 0) {
    if (a.fixed()) {
      const std::int64_t value = floor_modulo(a.low, b.low);
      return {value, value};
    }
    // Within one period the remainder rises with a.
    if (a.low != kMinusInfinity && a.high != kInfinity &&
        floor_divide(a.low, b.low) == floor_divide(a.high, b.low)) {
      return {floor_modulo(a.low, b.low), floor_modulo(a.high, b.low)};
    }
    return {0, b.low - 1};
  }
  if (a.fixed() && b.fixed() && b.low != 0) {
    const std::int64_t value = b.low == -1 ? 0 : floor_modulo(a.low, b.low);
    return {value, value};
  }
  if (b.low > 0) {
    if (a.low >= 0 && a.high < b.low) return a;
    const std::int64_t high = b.high == kInfinity ? kInfinity : b.high - 1;
    return {0, a.low >= 0 ? std::min(a.high, high) : high};
  }
  const std::int64_t low = b.low < 0 ? add_low(b.low, 1) : 0;
  const std::int64_t high = b.high > 0 ? add_high(b.high, -1) : 0;
  return {std::min<std::int64_t>(low, 0), std::max<std::int64_t>(high, 0)};
}

Interval power(Interval a, std::int64_t exponent) {
  if (exponent == 0) return {1, 1};
  const auto end = [exponent](std::int64_t base) {
    if (base == kInfinity) return kInfinity;
    if (base == kMinusInfinity) return exponent % 2 == 0 ? kInfinity : kMinusInfinity;
    Int128 result = 0;
    if (!power_exact(base, exponent, result)) {
      return base < 0 && exponent % 2 != 0 ? kMinusInfinity : kInfinity;
    }
    return saturate(result);
  };
  if (exponent % 2 != 0 || a.low >= 0) return {end(a.low), end(a.high)};
  if (a.high <= 0) return {end(a.high), end(a.low)};
  return {0, std::max(end(a.low), end(a.high))};
}

Interval factor(Interval result, Interval b) {
  // Beyond 64 bits on both ends: how far beyond is not known, so neither is the quotient.
  if (result.high == kMinusInfinity || result.low == kInfinity) return {};
  if (result.low > 0 && b.low > 0) {
    // The other factor is positive; ends that are unbounded stay so.
    const std::int64_t low = b.high == kInfinity ? 1 : ceil_divide(result.low, b.high);
    return {low, result.high == kInfinity ? kInfinity : result.high / b.low};
  }
  if (b.low <= 0 && b.high >= 0) {
    if (result.contains(0)) return {};
    // Zero is no factor of the result: each side of b on its own.
    Interval sides{1, 0};
    if (b.high > 0) sides = hull(sides, factor(result, {1, b.high}));
    if (b.low < 0) sides = hull(sides, factor(result, {b.low, -1}));
    return sides;
  }
  // |b| >= 1, so the factor lies between the quotients of the corners; 0 is the limit for an
  // unbounded b.
  const auto quotient = [](std::int64_t a, std::int64_t divisor, bool up) -> std::int64_t {
    if (a == kInfinity || a == kMinusInfinity) {
      return (a > 0) == (divisor > 0) ? kInfinity : kMinusInfinity;
    }
    if (divisor == kInfinity || divisor == kMinusInfinity) return 0;
    if (divisor == -1) return -a;
    return up ? ceil_divide(a, divisor) : floor_divide(a, divisor);
  };
  std::int64_t low = kInfinity;
  std::int64_t high = kMinusInfinity;
  for (const std::int64_t a : {result.low, result.high}) {
    for (const std::int64_t divisor : {b.low, b.high}) {
      low = std::min(low, quotient(a, divisor, true));
      high = std::max(high, quotient(a, divisor, false));
    }
  }
  return {low, high};
}

Interval root(Interval result, std::int64_t exponent, Interval base) {
  if (exponent == 0) return base;
  if (base.low >= 0) {
    const std::int64_t high = result.high == kInfinity || result.high < 0
                                  ? base.high
                                  : integer_root(result.high, exponent);
    std::int64_t low = base.low;
    if (result.low > 0 && result.low != kInfinity) {
      low = integer_root(result.low - 1, exponent) + 1;
    }
    return intersect(base, {low, high});
  }
  if (exponent % 2 == 0) {
    if (result.high == kInfinity || result.high < 0) return base;
    const std::int64_t bound = integer_root(result.high, exponent);
    return intersect(base, {-bound, bound});
  }
  return base;
}

}  // namespace constrint::detail
