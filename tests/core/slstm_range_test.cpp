// SPDX-License-Identifier: Apache-2.0
// sLSTM stays finite in single precision for gate pre-activations of ±100, in every combination and
// over many steps, forward and backward, and both of its forms (Math::either) give the same
// numbers.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "flashrnn/cells/differentiate.hpp"
#include "flashrnn/cells/slstm.hpp"
#include "flashrnn/reference/reference.hpp"
#include "flashrnn/types.hpp"

namespace flashrnn {
namespace {

/// Math that takes the quick one of two expressions.
template <class Real>
struct QuickMath : reference::StandardMath<Real> {
  static Real either(Real quick, Real) { return quick; }
};
constexpr int combinations = 16;

void set_gates(int combination, float (&gate)[4]) {
  for (int n = 0; n < 4; ++n) gate[n] = ((combination >> n) & 1) != 0 ? 100.0f : -100.0f;
}

template <std::size_t count>
bool all_finite(const float (&values)[count]) {
  for (const float value : values)
    if (!std::isfinite(value)) return false;
  return true;
}

/// Runs a sequence of gate combinations from zero states, then backward with dh = 1 everywhere.
template <class Math>
testing::AssertionResult stays_finite(const std::vector<int>& sequence) {
  struct Step {
    float previous[4], next[4], save[Slstm::saved];
  };
  std::vector<Step> steps(sequence.size());
  float state[4] = {};
  for (std::size_t t = 0; t < sequence.size(); ++t) {
    Step& s = steps[t];
    float gate[4];
    set_gates(sequence[t], gate);
    std::copy(std::begin(state), std::end(state), s.previous);
    Slstm::forward<Math>(gate, s.previous, s.next, s.save);
    if (!all_finite(s.next) || !all_finite(s.save))
      return testing::AssertionFailure() << "forward, step " << t << ", gates " << sequence[t];
    // |c| <= n in exact arithmetic; every step rounds both by a few epsilon.
    const float bound = 1 + 4 * static_cast<float>(t + 1) * std::numeric_limits<float>::epsilon();
    if (std::abs(s.next[0]) > bound || s.next[2] < 1)
      return testing::AssertionFailure()
             << "step " << t << ": h = " << s.next[0] << ", n = " << s.next[2];
    std::copy(std::begin(s.next), std::end(s.next), state);
  }
  float d_state[4] = {};
  for (std::size_t t = sequence.size(); t-- > 0;) {
    const Step& s = steps[t];
    float d_gate[4], d_previous[4];
    d_state[0] += 1;
    Slstm::backward<Math>(s.save, s.previous, s.next, d_state, d_gate, d_previous);
    if (!all_finite(d_gate) || !all_finite(d_previous))
      return testing::AssertionFailure() << "backward, step " << t << ", gates " << sequence[t];
    std::copy(std::begin(d_previous), std::end(d_previous), d_state);
  }
  return testing::AssertionSuccess();
}

template <class Math>
class SlstmRange : public testing::Test {};
using Maths = testing::Types<reference::StandardMath<float>, QuickMath<float>>;
TYPED_TEST_SUITE(SlstmRange, Maths);

TYPED_TEST(SlstmRange, EveryCombinationHeldAndAlternating) {
  for (int first = 0; first < combinations; ++first)
    for (int second = 0; second < combinations; ++second) {
      std::vector<int> sequence(2000);
      for (std::size_t t = 0; t < sequence.size(); ++t) sequence[t] = t % 2 == 0 ? first : second;
      ASSERT_TRUE(stays_finite<TypeParam>(sequence)) << first << " and " << second;
    }
}

TYPED_TEST(SlstmRange, EveryCombinationAfterALongRunOfAnother) {
  for (int first = 0; first < combinations; ++first)
    for (int second = 0; second < combinations; ++second) {
      std::vector<int> sequence(1000, first);
      sequence.resize(2000, second);
      ASSERT_TRUE(stays_finite<TypeParam>(sequence)) << first << " then " << second;
    }
}

TYPED_TEST(SlstmRange, RandomSequences) {
  std::mt19937 random(3);
  std::uniform_int_distribution<int> any(0, combinations - 1);
  for (int n = 0; n < 20; ++n) {
    std::vector<int> sequence(20000);
    for (int& combination : sequence) combination = any(random);
    ASSERT_TRUE(stays_finite<TypeParam>(sequence)) << "sequence " << n;
  }
}

/// One step from the same arguments in both forms. States and weights are at most as large as the
/// terms that they are made of, |c'| + 1 and n' + 1, and the errors of r's two exponents are
/// proportional to the pre-activations and m'. Bounds are relative to that.
template <class Real>
void expect_same(const Real (&gate)[4], const Real (&previous)[4]) {
  Real next[2][4], save[2][Slstm::saved];
  Slstm::forward<reference::StandardMath<Real>>(gate, previous, next[0], save[0]);
  Slstm::forward<QuickMath<Real>>(gate, previous, next[1], save[1]);
  Real i[2], f[2];
  for (int form = 0; form < 2; ++form)
    Slstm::weights<reference::StandardMath<Real>>(save[form][0], i[form], f[form]);
  const Real exponents = std::abs(gate[0]) + std::abs(gate[1]) + std::abs(previous[3]);
  // r is bounded from below by 2^-115; 1/r is f⁺ where that exceeds 1.
  const Real error =
      std::numeric_limits<Real>::epsilon() * (8 + 4 * exponents) + Real(0x1p-115) * f[0];
  const Real terms = 1 + std::abs(previous[1]) * std::max(Real(1), f[0]);
  const auto near = [&](Real quick, Real plain, Real bound) {
    return std::abs(quick - plain) <= bound;
  };
  testing::Message where;
  where << "gates " << gate[0] << " " << gate[1] << " " << gate[2] << " " << gate[3]
        << ", previous " << previous[1] << " " << previous[2] << " " << previous[3];
  EXPECT_TRUE(near(next[1][0], next[0][0], error * terms))
      << next[1][0] << " " << next[0][0] << where;
  EXPECT_TRUE(near(next[1][1], next[0][1], error * terms))
      << next[1][1] << " " << next[0][1] << where;
  EXPECT_TRUE(near(next[1][2], next[0][2], error * next[0][2]))
      << next[1][2] << " " << next[0][2] << where;
  EXPECT_EQ(next[1][3], next[0][3]) << where;
  EXPECT_TRUE(near(i[1], i[0], error)) << i[1] << " " << i[0] << where;
  EXPECT_TRUE(near(f[1], f[0], error * std::max(Real(1), f[0]))) << f[1] << " " << f[0] << where;
  for (int n = 1; n < Slstm::saved; ++n) EXPECT_EQ(save[1][n], save[0][n]) << where;
}

/// In the first step f⁺ is what exp(a - i) is, beyond float16's range where gate i is below -11. No
/// gradient of a gate depends on it, as n' and c' are zero.
TEST(SlstmSaved, ForgetGateOfFirstStepBeyondFloat16) {
  using Math = reference::StandardMath<float>;
  const float gate[4] = {-14, 2, 0.5, 1}, previous[4] = {}, d_next[4] = {1, 0.5, 0.25, 0};
  float next[4], save[Slstm::saved], rounded[Slstm::saved], d_gate[4], expected[4], d_previous[4];
  Slstm::forward<Math>(gate, previous, next, save);
  for (int n = 0; n < Slstm::saved; ++n) rounded[n] = static_cast<float>(float16(save[n]));
  ASSERT_TRUE(std::isinf(rounded[0]));
  Slstm::backward<Math>(save, previous, next, d_next, expected, d_previous);
  Slstm::backward<Math>(rounded, previous, next, d_next, d_gate, d_previous);
  for (int n = 0; n < 4; ++n) EXPECT_NEAR(d_gate[n], expected[n], 1e-3f) << "gate " << n;
}

/// i⁺ or f⁺ is one of a step's two weights, and the other one is 1. Where it is too small for
/// float16, which rounds it to zero, the other one remains.
TEST(SlstmSaved, WeightThatIsZeroInFloat16) {
  using Math = reference::StandardMath<float>;
  const float previous[4] = {0.1f, 0.5f, 2, 0.3f}, d_next[4] = {1, 0.5, 0.25, 0};
  for (const float ahead : {-20.0f, 20.0f}) {
    const float gate[4] = {ahead, 2, 0.5, 1};
    float next[4], save[Slstm::saved], rounded[Slstm::saved], d_gate[4], expected[4], d_previous[4],
        expected_previous[4];
    Slstm::forward<Math>(gate, previous, next, save);
    for (int n = 0; n < Slstm::saved; ++n) rounded[n] = static_cast<float>(float16(save[n]));
    ASSERT_EQ(rounded[0], 0.0f);
    float i = -1, f = -1;
    Slstm::weights<Math>(rounded[0], i, f);
    EXPECT_EQ(i, ahead < 0 ? 0.0f : 1.0f);
    EXPECT_EQ(f, ahead < 0 ? 1.0f : 0.0f);
    Slstm::backward<Math>(save, previous, next, d_next, expected, expected_previous);
    Slstm::backward<Math>(rounded, previous, next, d_next, d_gate, d_previous);
    for (int n = 0; n < 4; ++n) {
      EXPECT_NEAR(d_gate[n], expected[n], 1e-3f) << "gate " << n << ", i = " << ahead;
      EXPECT_NEAR(d_previous[n], expected_previous[n], 1e-3f) << "state " << n << ", i = " << ahead;
    }
  }
}

template <class Real>
class SlstmForms : public testing::Test {};
using Reals = testing::Types<float, double>;
TYPED_TEST_SUITE(SlstmForms, Reals);

TYPED_TEST(SlstmForms, AgreeFromAnyState) {
  using Real = TypeParam;
  std::mt19937 random(5);
  std::uniform_real_distribution<Real> unit(-1, 1);
  for (const Real size : {Real(1), Real(5), Real(30), Real(100)})
    for (const Real n : {Real(0), Real(0.25), Real(1), Real(3), Real(1000)})
      for (int repeat = 0; repeat < 500; ++repeat) {
        Real gate[4], previous[4];
        for (Real& value : gate) value = size * unit(random);
        previous[0] = unit(random);
        previous[1] = n * unit(random);
        previous[2] = n;
        previous[3] = size * unit(random);
        expect_same(gate, previous);
        if (testing::Test::HasFailure()) return;
      }
}

/// With n' = 0 the past has no weight in n, but a c' that is not zero has in c.
TYPED_TEST(SlstmForms, AgreeWithoutNormaliser) {
  using Real = TypeParam;
  for (const Real i : {Real(-60), Real(-5), Real(0), Real(5), Real(60)})
    for (const Real f : {Real(-60), Real(-5), Real(0), Real(5), Real(60)})
      for (const Real c : {Real(0), Real(0.5)}) expect_same<Real>({i, f, 0.5, 1}, {0, c, 0, 0});
}

}  // namespace
}  // namespace flashrnn
