// SPDX-License-Identifier: Apache-2.0
// The pointwise functions of the built-in cells at random points, in long double: each hand-written
// backward against the one derived by dual numbers and against finite differences.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "flashrnn/cells/elman.hpp"
#include "flashrnn/cells/gru.hpp"
#include "flashrnn/cells/lstm.hpp"
#include "flashrnn/cells/slstm.hpp"
#include "flashrnn/reference/reference.hpp"

namespace flashrnn {
namespace {

using Real = long double;
using Math = reference::StandardMath<Real>;
constexpr Real epsilon = std::numeric_limits<Real>::epsilon();
constexpr Real step = 1e-4L;  // of finite differences

/// NaN if either is, so that no comparison with it holds.
Real distance(Real x, Real y) {
  return std::abs(x - y);
}

/// Math for finite differences: what stop_gradient returned at the point itself is returned again
/// at its neighbours, which is what "a constant for differentiation" means.
struct FrozenMath : Math {
  static inline std::vector<Real> values;
  static inline std::size_t next = 0;
  static inline bool replay = false;
  static Real stop_gradient(Real x) {
    if (!replay) values.push_back(x);
    return replay ? values[next++] : x;
  }
};

template <class Cell>
struct Point {
  Real gate[Cell::gates];
  Real previous[Cell::states];
  Real d_next[Cell::states];

  Real& input(int n) { return n < Cell::gates ? gate[n] : previous[n - Cell::gates]; }
};

template <class Cell>
Point<Cell> random_point(std::mt19937& random) {
  std::uniform_real_distribution<Real> between(-2, 2);
  Point<Cell> out;
  for (Real& value : out.gate) value = between(random);
  for (Real& value : out.previous) value = between(random);
  for (Real& value : out.d_next) value = between(random);
  return out;
}

/// Points of an sLSTM have a normaliser n' > 0.
template <>
Point<Slstm> random_point(std::mt19937& random) {
  std::uniform_real_distribution<Real> between(-2, 2), normaliser(Real(0.02), 3);
  Point<Slstm> out;
  for (Real& value : out.gate) value = between(random);
  for (Real& value : out.previous) value = between(random);
  for (Real& value : out.d_next) value = between(random);
  out.previous[2] = normaliser(random);
  return out;
}

/// Distance of a point from where the function has a corner; infinite if it has none.
template <class Cell>
Real distance_to_corner(const Point<Cell>&) {
  return std::numeric_limits<Real>::infinity();
}
template <>
Real distance_to_corner(const Point<ElmanRelu>& p) {
  return std::abs(p.gate[0]);
}
template <>
Real distance_to_corner(const Point<Slstm>& p) {
  Real next[Slstm::states], save[Slstm::saved];
  Slstm::forward<Math>(p.gate, p.previous, next, save);
  Real i = 0, f = 0;
  Slstm::weights<Math>(save[0], i, f);
  return std::abs(f * p.previous[2] + i - 1);
}

/// d_next · states(point), the function whose gradient backward computes.
template <class Cell>
Real value_at(const Point<Cell>& p) {
  Real next[Cell::states], save[CompleteCell<Cell>::saved_extent], sum = 0;
  FrozenMath::next = 0;
  CompleteCell<Cell>::template forward<FrozenMath>(p.gate, p.previous, next, save);
  for (int s = 0; s < Cell::states; ++s) sum += p.d_next[s] * next[s];
  return sum;
}

template <class Cell>
struct Gradient {
  Real d_gate[Cell::gates];
  Real d_previous[Cell::states];
  Real at(int n) const { return n < Cell::gates ? d_gate[n] : d_previous[n - Cell::gates]; }
};

template <class Cell>
Gradient<Cell> own_gradient(const Point<Cell>& p) {
  using Complete = CompleteCell<Cell>;
  static_assert(Complete::has_own_backward);
  Gradient<Cell> out;
  Real next[Cell::states], save[Complete::saved_extent];
  Complete::template forward<Math>(p.gate, p.previous, next, save);
  Complete::template backward<Math>(save, p.previous, next, p.d_next, out.d_gate, out.d_previous);
  return out;
}

template <class Cell>
Gradient<Cell> derived_gradient(const Point<Cell>& p) {
  Gradient<Cell> out;
  CompleteCell<Cell>::template derived_backward<Math>(p.gate, p.previous, p.d_next, out.d_gate,
                                                      out.d_previous);
  return out;
}

template <class Cell>
class Cells : public testing::Test {
 protected:
  static constexpr int inputs = Cell::gates + Cell::states;
  static constexpr int points = 500;

  /// Calls body(point) for points away from corners by more than finite differences reach.
  template <class Body>
  static void at_random_points(const Body& body) {
    std::mt19937 random(2025);
    int used = 0;
    for (int n = 0; n < points; ++n) {
      const Point<Cell> p = random_point<Cell>(random);
      if (distance_to_corner(p) < 100 * step) continue;
      body(p);
      ++used;
    }
    EXPECT_GT(used, points / 2);
  }
};
using BuiltInCells = testing::Types<Elman, ElmanRelu, Lstm, Gru, Slstm>;
TYPED_TEST_SUITE(Cells, BuiltInCells);

TYPED_TEST(Cells, OwnBackwardIsTheDerivedOne) {
  this->at_random_points([](const Point<TypeParam>& p) {
    const Gradient<TypeParam> own = own_gradient(p), derived = derived_gradient(p);
    for (int n = 0; n < TestFixture::inputs; ++n) {
      // Some 50 operations on values below 1e3 (an sLSTM's c/n with a small n), each rounded once.
      ASSERT_LE(distance(own.at(n), derived.at(n)), 50 * epsilon * 1e3L) << "input " << n;
    }
  });
}

TYPED_TEST(Cells, OwnBackwardIsTheSlopeOfForward) {
  // Central differences of order 4: step^4/30 times a fifth derivative, which is below 3e4 for
  // these functions and d_next up to 2, and the rounding of sums below 50 divided by the step.
  constexpr Real allowed = 1e3L * step * step * step * step + 50 * 4 * epsilon / step;
  static_assert(allowed < 1e-12L);
  this->at_random_points([&](const Point<TypeParam>& p) {
    const Gradient<TypeParam> own = own_gradient(p);
    FrozenMath::values.clear();
    FrozenMath::replay = false;
    value_at(p);
    FrozenMath::replay = true;
    for (int n = 0; n < TestFixture::inputs; ++n) {
      const auto value = [&](Real change) {
        Point<TypeParam> moved = p;
        moved.input(n) += change;
        return value_at(moved);
      };
      const Real slope =
          (8 * (value(step) - value(-step)) - (value(2 * step) - value(-2 * step))) / (12 * step);
      ASSERT_LE(distance(own.at(n), slope), allowed) << "input " << n;
    }
    FrozenMath::replay = false;
  });
}

/// The largest |h| over max(1, |h'|) of many points, far out as well.
template <class Cell>
Real largest_growth() {
  std::mt19937 random(11);
  std::uniform_real_distribution<Real> scale(0, 40);
  Real largest = 0;
  for (int n = 0; n < 20000; ++n) {
    Point<Cell> p = random_point<Cell>(random);
    const Real gate_scale = scale(random), state_scale = scale(random);
    for (Real& value : p.gate) value *= gate_scale;
    for (Real& value : p.previous) value *= state_scale;
    Real next[Cell::states], saved[CompleteCell<Cell>::saved_extent];
    CompleteCell<Cell>::template forward<Math>(p.gate, p.previous, next, saved);
    largest = std::max(largest, std::abs(next[0]) / std::max(Real(1), std::abs(p.previous[0])));
  }
  return largest;
}
TEST(Bounded, HoldsForCellsThatSaySo) {
  static_assert(is_bounded<Lstm>() && is_bounded<Gru>() && is_bounded<Elman>());
  EXPECT_LE(largest_growth<Lstm>(), 1 + 4 * epsilon);
  EXPECT_LE(largest_growth<Gru>(), 1 + 4 * epsilon);
  EXPECT_LE(largest_growth<Elman>(), 1 + 4 * epsilon);
}
TEST(Bounded, IsNotSaidOfOthers) {
  static_assert(!is_bounded<ElmanRelu>() && !is_bounded<Slstm>());
  EXPECT_GT(largest_growth<ElmanRelu>(), 2);
  EXPECT_GT(largest_growth<Slstm>(), 2);  // of c' that is larger than n'
}

TEST(ElmanRelu, HasNoSlopeAtZero) {
  const Point<ElmanRelu> p{{0}, {1}, {3}};
  EXPECT_EQ(own_gradient(p).d_gate[0], 0);
  EXPECT_EQ(own_gradient(p).d_previous[0], 0);
}

/// From n' = 0, n lands exactly on its lower bound 1, a corner: gate gradients are those of the
/// upper side, that of n' is the mean of both sides (see slstm.hpp).
TEST(Slstm, FirstStepTakesTheMeanOfBothSlopesForTheNormaliser) {
  std::mt19937 random(7);
  for (int n = 0; n < 100; ++n) {
    Point<Slstm> p = random_point<Slstm>(random);
    p.previous[2] = 0;
    const Gradient<Slstm> own = own_gradient(p), upper = derived_gradient(p);
    for (int gate = 0; gate < Slstm::gates; ++gate)
      ASSERT_LE(distance(own.d_gate[gate], upper.d_gate[gate]), 1e5L * epsilon) << gate;
    ASSERT_LE(distance(own.d_previous[1], upper.d_previous[1]), 1e5L * epsilon);
    ASSERT_LE(distance(own.d_previous[2], upper.d_previous[2] / 2), 1e5L * epsilon);
  }
}

TEST(Dual, ConstantsMixWithVariables) {
  using Number = Dual<double, 2>;
  Number x(3.0), y(4.0);
  x.derivative[0] = 1;
  y.derivative[1] = 1;
  Number z = 2.0 * x * y - 1.0;
  z += y / x;
  z -= 5.0;
  z *= 2.0;
  EXPECT_DOUBLE_EQ(z.value, 2 * (2 * 3 * 4 - 1 + 4.0 / 3 - 5));
  EXPECT_DOUBLE_EQ(z.derivative[0], 2 * (2 * 4 - 4.0 / 9));
  EXPECT_DOUBLE_EQ(z.derivative[1], 2 * (2 * 3 + 1.0 / 3));
  using DoubleMath = DualMath<reference::StandardMath<double>, 2>;
  const Number root = DoubleMath::sqrt(x), logarithm = DoubleMath::log1p(y),
               minus = DoubleMath::abs(-x), smaller = DoubleMath::min(x, y);
  EXPECT_DOUBLE_EQ(root.derivative[0], 0.5 / std::sqrt(3.0));
  EXPECT_DOUBLE_EQ(logarithm.derivative[1], 0.2);
  EXPECT_DOUBLE_EQ(minus.value, 3.0);
  EXPECT_DOUBLE_EQ(minus.derivative[0], 1.0);
  EXPECT_DOUBLE_EQ(smaller.derivative[0], 1.0);
  EXPECT_DOUBLE_EQ(smaller.derivative[1], 0.0);
  EXPECT_DOUBLE_EQ(DoubleMath::stop_gradient(x).derivative[0], 0.0);
  EXPECT_DOUBLE_EQ(DoubleMath::stop_gradient(x).value, 3.0);
}

}  // namespace
}  // namespace flashrnn
