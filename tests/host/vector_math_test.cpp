// SPDX-License-Identifier: Apache-2.0
// The vector mathematics of the host kernels in single precision, for the instruction set that this
// file is compiled for, against the C library's functions in double precision. By default every
// 251st float and 64 on either side of every power of two; all 2^32 with the environment variable
// FLASHRNN_TEST_ALL_FLOATS=1 (about a minute per function and core).
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <limits>

#include "flashrnn/recurrence/host/vector_math.hpp"

namespace flashrnn::host {
namespace {

using Isa = IsaOfThisFile;
using Real = Vector<Isa, float>;
using Math = VectorMath<Isa, float>;
constexpr int lanes = Real::lanes;

// What the host kernels promise, with and without a fused multiply-add.
constexpr double most_ulps = 2.0;

bool all_floats() {
  const char* const text = std::getenv("FLASHRNN_TEST_ALL_FLOATS");
  return text != nullptr && *text == '1';
}

/// Distance in units in the last place of the float nearest to `exact`: 2^-149 below the smallest
/// normal float.
double ulps(float found, double exact) {
  const int exponent = exact == 0 ? -126 : std::max(std::ilogb(exact), -126);
  return std::abs(static_cast<double>(found) - exact) / std::ldexp(1.0, exponent - 23);
}

/// Floats in increasing order: 0 is -inf's neighbour below, the last is +inf's above.
float in_order(std::uint32_t n) {
  return std::bit_cast<float>(n < 0x80000000u ? ~n : n & 0x7fffffffu);
}

struct Outcome {
  double worst = 0;  ///< ulps
  float worst_at = 0;
  std::uint64_t tested = 0, not_monotone = 0;
  float first_fall = 0;
};

/// Runs `function` over the floats in increasing order and compares with `exact`.
template <class Function, class Exact>
Outcome sweep(const Function& function, const Exact& exact) {
  const bool all = all_floats();
  Outcome out;
  float before = -std::numeric_limits<float>::infinity();
  std::array<float, lanes> x{}, y{};
  int filled = 0;
  const auto flush = [&] {
    function(Real::load(x.data())).store(y.data());
    for (int lane = 0; lane < filled; ++lane) {
      const auto n = static_cast<std::size_t>(lane);
      const double wanted = exact(static_cast<double>(x[n]));
      // What exceeds the largest float by half an ulp is infinite.
      const float nearest = static_cast<float>(wanted);
      double error = std::isinf(nearest) ? (y[n] == nearest ? 0 : 1e9) : ulps(y[n], wanted);
      if (std::isnan(error)) error = 1e9;
      if (error > out.worst) {
        out.worst = error;
        out.worst_at = x[n];
      }
      if (!(y[n] >= before) && out.not_monotone++ == 0) out.first_fall = x[n];
      before = y[n];
    }
    out.tested += static_cast<std::uint64_t>(filled);
    filled = 0;
  };
  // Exponent by exponent: all floats, or every 251st and 64 on either side of a power of two.
  constexpr std::uint32_t block = 1u << 23, near = 64, stride = 251;
  for (std::uint32_t exponent = 0; exponent < 512; ++exponent) {
    for (std::uint32_t offset = 0; offset < block;) {
      const float value = in_order(exponent * block + offset);
      const bool skip = !all && offset >= near && offset < block - near;
      offset = skip ? std::min(offset + stride, block - near) : offset + 1;
      if (std::isnan(value)) continue;
      x[static_cast<std::size_t>(filled++)] = value;
      if (filled == lanes) flush();
    }
  }
  flush();
  return out;
}

void report(const char* name, const Outcome& outcome) {
  std::printf("%s on %s: %llu floats, largest error %.3f ulp at %a, %llu falls (first at %a)\n",
              name, Isa::name, static_cast<unsigned long long>(outcome.tested), outcome.worst,
              static_cast<double>(outcome.worst_at),
              static_cast<unsigned long long>(outcome.not_monotone),
              static_cast<double>(outcome.first_fall));
}

class VectorMath : public testing::Test {
 protected:
  void SetUp() override {
#if defined(FLASHRNN_HOST_AVX512)
    if (!__builtin_cpu_supports("avx512f")) GTEST_SKIP() << "this processor has no AVX-512";
#elif defined(FLASHRNN_HOST_AVX2)
    if (!__builtin_cpu_supports("avx2")) GTEST_SKIP() << "this processor has no AVX2";
#endif
  }
};

void check(const char* name, const Outcome& outcome) {
  report(name, outcome);
  EXPECT_GT(outcome.tested, std::uint64_t{1} << 24);
  EXPECT_LE(outcome.worst, most_ulps) << name << " at " << outcome.worst_at;
  EXPECT_EQ(outcome.not_monotone, 0u) << name << " first falls at " << outcome.first_fall;
}

double exact_sigmoid(double x) {
  return x < 0 ? std::exp(x) / (1 + std::exp(x)) : 1 / (1 + std::exp(-x));
}

TEST_F(VectorMath, Exp) {
  check("exp", sweep([](Real x) { return Math::exp(x); }, [](double x) { return std::exp(x); }));
}
TEST_F(VectorMath, Tanh) {
  check("tanh", sweep([](Real x) { return Math::tanh(x); }, [](double x) { return std::tanh(x); }));
}
TEST_F(VectorMath, Sigmoid) {
  check("sigmoid", sweep([](Real x) { return Math::sigmoid(x); }, exact_sigmoid));
}

// No promise that these never fall.
TEST_F(VectorMath, LogSigmoid) {
  const Outcome outcome =
      sweep([](Real x) { return Math::log_sigmoid(x); },
            [](double x) { return std::min(x, 0.0) - std::log1p(std::exp(-std::abs(x))); });
  report("log_sigmoid", outcome);
#if defined(FLASHRNN_HOST_AVX512) || defined(FLASHRNN_HOST_AVX2)
  EXPECT_LE(outcome.worst, 2.0);
#else
  EXPECT_LE(outcome.worst, 2.1);  // what the division loses is not put back
#endif
}
TEST_F(VectorMath, Log1p) {
  // Below -1 there is no result: those arguments are mapped to (-1, 0).
  const Outcome outcome = sweep(
      [](Real x) {
        return Math::log1p(Math::select(Math::less(x, Real(-1)), Real(-1) / (Real(1) - x), x));
      },
      [](double x) { return std::log1p(x < -1 ? -1.0f / (1.0f - static_cast<float>(x)) : x); });
  report("log1p", outcome);
  EXPECT_LE(outcome.worst, 2.0);
}

template <class Function>
float one(const Function& function, float x) {
  std::array<float, lanes> out{};
  function(Real(x)).store(out.data());
  for (int lane = 1; lane < lanes; ++lane)
    EXPECT_EQ(std::bit_cast<std::uint32_t>(out[static_cast<std::size_t>(lane)]),
              std::bit_cast<std::uint32_t>(out[0]));
  return out[0];
}

TEST_F(VectorMath, LimitsSignsAndNan) {
  constexpr float inf = std::numeric_limits<float>::infinity();
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const auto exp = [](Real x) { return Math::exp(x); };
  const auto tanh = [](Real x) { return Math::tanh(x); };
  const auto sigmoid = [](Real x) { return Math::sigmoid(x); };
  const auto log1p = [](Real x) { return Math::log1p(x); };
  const auto log_sigmoid = [](Real x) { return Math::log_sigmoid(x); };
  EXPECT_EQ(one(exp, -inf), 0.0f);
  EXPECT_EQ(one(exp, inf), inf);
  EXPECT_EQ(one(exp, 0.0f), 1.0f);
  EXPECT_EQ(one(tanh, -inf), -1.0f);
  EXPECT_EQ(one(tanh, inf), 1.0f);
  EXPECT_TRUE(std::signbit(one(tanh, -0.0f)));
  EXPECT_FALSE(std::signbit(one(tanh, 0.0f)));
  EXPECT_EQ(one(sigmoid, -inf), 0.0f);
  EXPECT_EQ(one(sigmoid, inf), 1.0f);
  EXPECT_EQ(one(sigmoid, 0.0f), 0.5f);
  EXPECT_EQ(one(log_sigmoid, -inf), -inf);
  EXPECT_EQ(one(log_sigmoid, inf), 0.0f);
  EXPECT_EQ(one(log1p, -1.0f), -inf);
  EXPECT_EQ(one(log1p, inf), inf);
  EXPECT_TRUE(std::isnan(one(log1p, -1.5f)));
  for (const float bad : {nan, -nan}) {
    EXPECT_TRUE(std::isnan(one(exp, bad)));
    EXPECT_TRUE(std::isnan(one(tanh, bad)));
    EXPECT_TRUE(std::isnan(one(sigmoid, bad)));
    EXPECT_TRUE(std::isnan(one(log1p, bad)));
    EXPECT_TRUE(std::isnan(one(log_sigmoid, bad)));
  }
  const auto negative = [](Real x) { return Math::select(Math::negative(x), Real(1), Real(0)); };
  for (const float value : {0.0f, 1.5f, inf}) {
    EXPECT_EQ(one(negative, value), 0.0f);
    EXPECT_EQ(one(negative, -value), 1.0f);
  }
  // Subnormal arguments and results.
  constexpr float tiny = std::numeric_limits<float>::denorm_min();
  EXPECT_EQ(one(tanh, tiny), tiny);
  EXPECT_EQ(one(tanh, -tiny), -tiny);
  EXPECT_EQ(one(exp, tiny), 1.0f);
  EXPECT_EQ(one(exp, -100.0f), static_cast<float>(std::exp(-100.0)));
  EXPECT_EQ(one(sigmoid, -100.0f), static_cast<float>(exact_sigmoid(-100.0)));
}

}  // namespace
}  // namespace flashrnn::host
