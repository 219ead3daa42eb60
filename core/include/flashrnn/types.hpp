// SPDX-License-Identifier: Apache-2.0
#pragma once

// Storage types of 16 bits, the same on every compiler and device: only their conversions matter,
// because all arithmetic is done in float. Includes nothing but the function annotation.

#include "cells/cell.hpp"

namespace flashrnn {

/// bfloat16: the upper half of an IEEE binary32. Conversion from float rounds to nearest, ties to
/// even; NaN stays NaN.
struct bfloat16 {
  unsigned short bits;

  bfloat16() = default;
  FLASHRNN_FUNCTION explicit bfloat16(float value) : bits(round(value)) {}
  // NOLINTNEXTLINE(google-explicit-constructor): exact, and all arithmetic is in float
  FLASHRNN_FUNCTION operator float() const {
    return __builtin_bit_cast(float, static_cast<unsigned>(bits) << 16);
  }

 private:
  FLASHRNN_FUNCTION static unsigned short round(float value) {
    const unsigned word = __builtin_bit_cast(unsigned, value);
    const unsigned rounded = word + 0x7fffu + ((word >> 16) & 1u);
    const bool is_nan = (word & 0x7fffffffu) > 0x7f800000u;
    return static_cast<unsigned short>((is_nan ? (word | 0x400000u) : rounded) >> 16);
  }
};

/// IEEE binary16. Conversion from float rounds to nearest, ties to even; values beyond 65504 become
/// infinite, subnormals are kept, NaN stays NaN.
struct float16 {
  unsigned short bits;

  float16() = default;
  FLASHRNN_FUNCTION explicit float16(float value) : bits(round(value)) {}
  // NOLINTNEXTLINE(google-explicit-constructor): exact, and all arithmetic is in float
  FLASHRNN_FUNCTION operator float() const {
    // Shift the 15 bits into a float's exponent and mantissa and scale by 2^112, which corrects the
    // exponent's bias and normalises subnormals in one exact multiplication.
    const unsigned magnitude = static_cast<unsigned>(bits & 0x7fffu) << 13;
    const unsigned sign = static_cast<unsigned>(bits & 0x8000u) << 16;
    const float scaled = __builtin_bit_cast(float, magnitude) * 0x1p112f;
    const bool special = (bits & 0x7c00u) == 0x7c00u;
    const unsigned word =
        special ? (magnitude | 0x7f800000u) : __builtin_bit_cast(unsigned, scaled);
    return __builtin_bit_cast(float, word | sign);
  }

 private:
  FLASHRNN_FUNCTION static unsigned short round(float value) {
    const unsigned word = __builtin_bit_cast(unsigned, value);
    const unsigned sign = (word >> 16) & 0x8000u;
    const unsigned magnitude = word & 0x7fffffffu;
    unsigned half = 0;
    if (magnitude > 0x7f800000u) {
      half = 0x7e00u;
    } else if (magnitude >= 0x477ff000u) {
      half = 0x7c00u;  // at or above 65520, which rounds to infinity
    } else if (magnitude < 0x38800000u) {
      // Below 2^-14 the result is subnormal: adding 0.5 aligns the mantissa so that the addition
      // itself rounds to a multiple of 2^-24.
      const float aligned = __builtin_bit_cast(float, magnitude) + 0.5f;
      half = __builtin_bit_cast(unsigned, aligned) - 0x3f000000u;
    } else {
      half = (magnitude + 0xfffu + ((magnitude >> 13) & 1u) - 0x38000000u) >> 13;
    }
    return static_cast<unsigned short>(half | sign);
  }
};

/// The type in which sums are formed and states other than h are carried, by storage type: double
/// for double, float for float and the 16-bit types.
template <class Storage>
struct Accumulate {
  using type = float;
};
template <>
struct Accumulate<double> {
  using type = double;
};
template <>
struct Accumulate<long double> {
  using type = long double;
};
template <class Storage>
using AccumulateType = typename Accumulate<Storage>::type;

/// `value` as it reads back after being stored as Storage.
template <class Storage, class Real>
FLASHRNN_FUNCTION Real rounded_to(Real value) {
  return static_cast<Real>(static_cast<Storage>(value));
}

}  // namespace flashrnn
