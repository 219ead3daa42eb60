// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

#include "flashrnn/types.hpp"

namespace flashrnn::io {

/// `value` as a float, rounded to odd: where it lies between two floats, the one with an odd last
/// bit is taken, which keeps the memory of being inexact. Rounding the result to nearest in a type
/// of at least two bits fewer then gives what rounding `value` itself would (S. Boldo,
/// G. Melquiond, "Emulation of FMA and correctly rounded sums", IEEE Trans. Computers 2008).
[[nodiscard]] inline float round_to_odd(double value) {
  const auto nearest = static_cast<float>(value);
  if (static_cast<double>(nearest) == value || std::isnan(value)) return nearest;
  auto bits = std::bit_cast<std::uint32_t>(nearest);
  if (std::fabs(static_cast<double>(nearest)) > std::fabs(value)) --bits;  // towards zero
  return std::bit_cast<float>(bits | 1U);
}

/// The value of a bit pattern of Half (float16 or bfloat16); exact.
template <class Half>
[[nodiscard]] double decode_half(std::uint16_t bits) {
  Half half;
  half.bits = bits;
  return static_cast<float>(half);
}

/// The bit pattern of Half nearest to `value`, ties to even, rounded once.
template <class Half>
[[nodiscard]] std::uint16_t encode_half(double value) {
  return Half(round_to_odd(value)).bits;
}

}  // namespace flashrnn::io
