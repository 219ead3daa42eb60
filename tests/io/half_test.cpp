// SPDX-License-Identifier: Apache-2.0
#include "io/half.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <random>
#include <type_traits>

namespace flashrnn::io {
namespace {

/// All 2^15 non-negative patterns of a type, in order of value, up to infinity.
template <class Half>
class HalfOracle {
 public:
  static constexpr int exponent_bits = std::is_same_v<Half, float16> ? 5 : 8;
  static constexpr int infinity_bits = ((1 << exponent_bits) - 1) << (15 - exponent_bits);

  static double value(int bits) { return decode_half<Half>(static_cast<std::uint16_t>(bits)); }

  /// Nearest pattern to a non-negative number, ties to the even pattern. Infinity stands where the
  /// next power of two would, as IEEE 754 rounds.
  static int nearest(double number) {
    int low = 0;
    int high = infinity_bits;
    while (high - low > 1) {
      const int middle = (low + high) / 2;
      (value(middle) <= number ? low : high) = middle;
    }
    const double below = value(low);
    const double above =
        high == infinity_bits ? 2 * value(high - 1) - value(high - 2) : value(high);
    if (number - below != above - number) return number - below < above - number ? low : high;
    return low % 2 == 0 ? low : high;
  }
};

template <class Half>
void check_every_pattern() {
  for (int bits = 0; bits < 0x10000; ++bits) {
    const auto pattern = static_cast<std::uint16_t>(bits);
    const double value = decode_half<Half>(pattern);
    const std::uint16_t again = encode_half<Half>(value);
    if (std::isnan(value)) {
      EXPECT_TRUE(std::isnan(decode_half<Half>(again))) << bits;
    } else {
      EXPECT_EQ(again, pattern) << bits;
    }
  }
}

template <class Half>
void check_rounding() {
  using Oracle = HalfOracle<Half>;
  // Every midpoint of two neighbours is a tie; a double's last place away from it is none.
  for (int bits = 0; bits + 1 < Oracle::infinity_bits; ++bits) {
    const double middle = (Oracle::value(bits) + Oracle::value(bits + 1)) / 2;
    for (const double number :
         {middle, std::nextafter(middle, 0.0), std::nextafter(middle, 1e300)}) {
      ASSERT_EQ(encode_half<Half>(number), Oracle::nearest(number)) << bits;
      ASSERT_EQ(encode_half<Half>(-number), 0x8000 | Oracle::nearest(number)) << bits;
    }
  }
  std::mt19937_64 generator(1);
  std::uniform_real_distribution<double> exponent(-160.0, 140.0);
  for (int i = 0; i < 100000; ++i) {
    const double number = std::exp2(exponent(generator));
    ASSERT_EQ(encode_half<Half>(number), Oracle::nearest(number)) << number;
  }
}

TEST(half, every_float16_pattern_survives) {
  check_every_pattern<float16>();
}
TEST(half, every_bfloat16_pattern_survives) {
  check_every_pattern<bfloat16>();
}
TEST(half, float16_rounds_to_nearest_even) {
  check_rounding<float16>();
}
TEST(half, bfloat16_rounds_to_nearest_even) {
  check_rounding<bfloat16>();
}

TEST(half, known_values) {
  EXPECT_EQ(decode_half<float16>(0x3c00), 1.0);
  EXPECT_EQ(decode_half<float16>(0x7bff), 65504.0);
  EXPECT_EQ(decode_half<float16>(0x0001), std::ldexp(1.0, -24));
  EXPECT_EQ(encode_half<float16>(65519.99), 0x7bff);
  EXPECT_EQ(encode_half<float16>(65520.0), 0x7c00);  // half way to 65536
  EXPECT_EQ(encode_half<float16>(-1e300), 0xfc00);
  EXPECT_EQ(encode_half<float16>(std::ldexp(1.0, -25)), 0);  // tie, to even
  EXPECT_EQ(encode_half<float16>(-0.0), 0x8000);
  EXPECT_EQ(decode_half<bfloat16>(0x4049), 3.140625);
  EXPECT_EQ(decode_half<bfloat16>(0xff80), -std::numeric_limits<double>::infinity());
  EXPECT_EQ(encode_half<bfloat16>(std::numeric_limits<double>::denorm_min()), 0);
}

}  // namespace
}  // namespace flashrnn::io
