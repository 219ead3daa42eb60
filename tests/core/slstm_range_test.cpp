// SPDX-License-Identifier: Apache-2.0
// sLSTM stays finite in single precision for gate pre-activations of ±100, in every combination and
// over many steps, forward and backward.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "flashrnn/cells/differentiate.hpp"
#include "flashrnn/cells/slstm.hpp"
#include "flashrnn/reference/reference.hpp"

namespace flashrnn {
namespace {

using Math = reference::StandardMath<float>;
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

TEST(SlstmRange, EveryCombinationHeldAndAlternating) {
  for (int first = 0; first < combinations; ++first)
    for (int second = 0; second < combinations; ++second) {
      std::vector<int> sequence(2000);
      for (std::size_t t = 0; t < sequence.size(); ++t) sequence[t] = t % 2 == 0 ? first : second;
      ASSERT_TRUE(stays_finite(sequence)) << first << " and " << second;
    }
}

TEST(SlstmRange, EveryCombinationAfterALongRunOfAnother) {
  for (int first = 0; first < combinations; ++first)
    for (int second = 0; second < combinations; ++second) {
      std::vector<int> sequence(1000, first);
      sequence.resize(2000, second);
      ASSERT_TRUE(stays_finite(sequence)) << first << " then " << second;
    }
}

TEST(SlstmRange, RandomSequences) {
  std::mt19937 random(3);
  std::uniform_int_distribution<int> any(0, combinations - 1);
  for (int n = 0; n < 20; ++n) {
    std::vector<int> sequence(20000);
    for (int& combination : sequence) combination = any(random);
    ASSERT_TRUE(stays_finite(sequence)) << "sequence " << n;
  }
}

}  // namespace
}  // namespace flashrnn
