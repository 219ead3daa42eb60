// SPDX-License-Identifier: Apache-2.0
// The conversions of the 16-bit types: all 2^16 patterns to float, and float to them at every
// halfway point, beside it, and at random, against a computation in double that shares nothing.
#include "flashrnn/types.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>

namespace flashrnn {
namespace {

/// A binary format by its numbers.
struct Format {
  int fraction_bits;
  int lowest_exponent;  // of normal numbers
  int exponent_bits;
  int bias() const { return (1 << (exponent_bits - 1)) - 1; }
  unsigned infinity() const { return ((1u << exponent_bits) - 1) << fraction_bits; }
  double largest() const { return std::ldexp(2.0 - std::ldexp(1.0, -fraction_bits), bias()); }
};
template <class Type>
constexpr Format format{};
template <>
constexpr Format format<bfloat16>{7, -126, 8};
template <>
constexpr Format format<float16>{10, -14, 5};

template <class Type>
Type from_bits(unsigned bits) {
  Type out;
  out.bits = static_cast<unsigned short>(bits);
  return out;
}

bool is_nan(const Format& f, unsigned bits) {
  return (bits & 0x7fffu) > f.infinity();
}

/// The value of a pattern, by the definition of the format.
double value_of(const Format& f, unsigned bits) {
  const unsigned magnitude = bits & 0x7fffu;
  const int exponent = static_cast<int>(magnitude >> f.fraction_bits);
  const double fraction = static_cast<double>(magnitude & ((1u << f.fraction_bits) - 1));
  double value = 0;
  if (magnitude == f.infinity()) {
    value = std::numeric_limits<double>::infinity();
  } else if (exponent == 0) {
    value = std::ldexp(fraction, f.lowest_exponent - f.fraction_bits);
  } else {
    value = std::ldexp(fraction + std::ldexp(1.0, f.fraction_bits),
                       exponent - f.bias() - f.fraction_bits);
  }
  return (bits & 0x8000u) != 0 ? -value : value;
}

/// Round to nearest, ties to even, by scaling to an integer: nearbyint does it in double.
double rounded(const Format& f, double value) {
  if (value == 0 || std::isinf(value)) return value;
  const int exponent = std::max(std::ilogb(value), f.lowest_exponent);
  const double quantum = std::ldexp(1.0, exponent - f.fraction_bits);
  const double out = std::nearbyint(value / quantum) * quantum;
  return std::abs(out) > f.largest() ? std::copysign(std::numeric_limits<double>::infinity(), value)
                                     : out;
}

template <class Type>
class Types : public testing::Test {
 protected:
  static void expect_rounded(float value) {
    const Type found(value);
    const double expected = rounded(format<Type>, static_cast<double>(value));
    ASSERT_EQ(value_of(format<Type>, found.bits), expected) << std::hexfloat << value;
    ASSERT_EQ((found.bits & 0x8000u) != 0, std::signbit(value)) << std::hexfloat << value;
  }
};
using SixteenBits = testing::Types<bfloat16, float16>;
TYPED_TEST_SUITE(Types, SixteenBits);

TYPED_TEST(Types, EveryPatternHasItsValueAndComesBack) {
  for (unsigned bits = 0; bits < 0x10000u; ++bits) {
    const float value = from_bits<TypeParam>(bits);
    if (is_nan(format<TypeParam>, bits)) {
      ASSERT_TRUE(std::isnan(value)) << bits;
      ASSERT_TRUE(is_nan(format<TypeParam>, TypeParam(value).bits)) << bits;
    } else {
      ASSERT_EQ(static_cast<double>(value), value_of(format<TypeParam>, bits)) << bits;
      ASSERT_EQ(std::signbit(value), (bits & 0x8000u) != 0) << bits;
      ASSERT_EQ(TypeParam(value).bits, bits);
    }
  }
}

TYPED_TEST(Types, HalfwayBetweenNeighboursGoesToEven) {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  for (unsigned bits = 0; bits < format<TypeParam>.infinity(); ++bits) {
    const double low = value_of(format<TypeParam>, bits);
    // The neighbour of the largest number is where rounding to infinity begins.
    const double high = bits + 1 == format<TypeParam>.infinity()
                            ? std::ldexp(1.0, format<TypeParam>.bias() + 1)
                            : value_of(format<TypeParam>, bits + 1);
    const auto middle = static_cast<float>((low + high) / 2);
    ASSERT_EQ(static_cast<double>(middle), (low + high) / 2);  // a float can hold it
    ASSERT_EQ(TypeParam(middle).bits, bits + (bits & 1)) << std::hexfloat << middle;
    for (const float sign : {1.0f, -1.0f}) {
      this->expect_rounded(sign * middle);
      this->expect_rounded(sign * std::nextafter(middle, 0.0f));
      this->expect_rounded(sign * std::nextafter(middle, infinity));
    }
  }
}

TYPED_TEST(Types, RandomFloats) {
  std::mt19937 random(16);
  for (int n = 0; n < 4'000'000; ++n) {
    const auto value = std::bit_cast<float>(static_cast<std::uint32_t>(random()));
    if (std::isnan(value)) {
      ASSERT_TRUE(is_nan(format<TypeParam>, TypeParam(value).bits));
    } else {
      this->expect_rounded(value);
    }
  }
}

TYPED_TEST(Types, EndsOfTheRange) {
  using Limits = std::numeric_limits<float>;
  for (const float value :
       {0.0f, -0.0f, Limits::infinity(), -Limits::infinity(), Limits::max(), Limits::lowest(),
        Limits::min(), Limits::denorm_min(), -Limits::denorm_min()})
    this->expect_rounded(value);
  for (const std::uint32_t pattern : {0x7f800001u, 0xff800001u, 0x7fffffffu, 0x7fc00000u})
    EXPECT_TRUE(is_nan(format<TypeParam>, TypeParam(std::bit_cast<float>(pattern)).bits));
}

static_assert(sizeof(bfloat16) == 2 && sizeof(float16) == 2);
static_assert(__is_same(AccumulateType<bfloat16>, float));
static_assert(__is_same(AccumulateType<float16>, float));
static_assert(__is_same(AccumulateType<float>, float));
static_assert(__is_same(AccumulateType<double>, double));
static_assert(__is_same(AccumulateType<long double>, long double));

TEST(RoundedTo, IsWhatReadsBack) {
  EXPECT_EQ(rounded_to<bfloat16>(1.0f + 1.0f / 256), 1.0f);
  EXPECT_EQ(rounded_to<float16>(1.0f + 3.0f / 2048), 1.0f + 2.0f / 1024);
  EXPECT_EQ(rounded_to<float>(0.1f), 0.1f);
  EXPECT_EQ(rounded_to<double>(0.1), 0.1);
}

}  // namespace
}  // namespace flashrnn
