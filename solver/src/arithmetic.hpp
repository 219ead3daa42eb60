// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <cstdlib>
#include <utility>

#include "constrint/count.hpp"
#include "model_data.hpp"

namespace constrint::detail {

/// Floor division and its remainder, as in Python. b != 0. No overflow for b == -1 in wider types
/// only.
template <class T>
constexpr T floor_divide(T a, T b) {
  const T quotient = a / b;
  return (a % b != 0 && ((a < 0) != (b < 0))) ? quotient - 1 : quotient;
}

template <class T>
constexpr T floor_modulo(T a, T b) {
  const T remainder = a % b;
  return (remainder != 0 && ((remainder < 0) != (b < 0))) ? remainder + b : remainder;
}

template <class T>
constexpr T ceil_divide(T a, T b) {
  const T quotient = a / b;
  return (a % b != 0 && ((a < 0) == (b < 0))) ? quotient + 1 : quotient;
}

/// Whether a computed value can be used.
enum class Exactness : std::uint8_t { exact, overflow, undefined };

/// base ^ exponent in 128 bits; false on overflow.
inline bool power_exact(Int128 base, std::int64_t exponent, Int128& result) {
  result = 1;
  if (base == 0 || base == 1 || base == -1) {
    result = exponent == 0 ? Int128{1} : (base == -1 && exponent % 2 == 0 ? Int128{1} : base);
    return true;
  }
  if (exponent > 127) return false;
  for (std::int64_t i = 0; i < exponent; ++i) {
    if (__builtin_mul_overflow(result, base, &result)) return false;
  }
  return true;
}

/// Applies an operator of numbers or truth values to exact operands (not the leaves, power, or
/// `in`).
inline Exactness apply_exact(Op op, Int128 a, Int128 b, Int128& result) {
  bool overflow = false;
  switch (op) {
    case Op::negate:
      overflow = __builtin_sub_overflow(Int128{0}, a, &result);
      break;
    case Op::add:
      overflow = __builtin_add_overflow(a, b, &result);
      break;
    case Op::subtract:
      overflow = __builtin_sub_overflow(a, b, &result);
      break;
    case Op::multiply:
      overflow = __builtin_mul_overflow(a, b, &result);
      break;
    case Op::divide:
      if (b == 0) return Exactness::undefined;
      if (b == -1) {
        overflow = __builtin_sub_overflow(Int128{0}, a, &result);
      } else {
        result = floor_divide(a, b);
      }
      break;
    case Op::modulo:
      if (b == 0) return Exactness::undefined;
      result = b == -1 ? Int128{0} : floor_modulo(a, b);
      break;
    case Op::minimum:
      result = a < b ? a : b;
      break;
    case Op::maximum:
      result = a < b ? b : a;
      break;
    case Op::absolute:
      if (a < 0) {
        overflow = __builtin_sub_overflow(Int128{0}, a, &result);
      } else {
        result = a;
      }
      break;
    case Op::equal:
      result = a == b;
      break;
    case Op::not_equal:
      result = a != b;
      break;
    case Op::less:
      result = a < b;
      break;
    case Op::less_equal:
      result = a <= b;
      break;
    case Op::greater:
      result = a > b;
      break;
    case Op::greater_equal:
      result = a >= b;
      break;
    case Op::logical_not:
      result = a == 0;
      break;
    case Op::logical_and:
      result = a != 0 && b != 0;
      break;
    case Op::logical_or:
      result = a != 0 || b != 0;
      break;
    case Op::implies:
      result = a == 0 || b != 0;
      break;
    default:
      std::abort();
  }
  return overflow ? Exactness::overflow : Exactness::exact;
}

/// Greatest common divisor of the magnitudes.
inline Int128 common_divisor(Int128 a, Int128 b) {
  if (a < 0) a = -a;
  if (b < 0) b = -b;
  while (b != 0) {
    a %= b;
    std::swap(a, b);
  }
  return a;
}

}  // namespace constrint::detail
