// SPDX-License-Identifier: Apache-2.0
// The reference's gradients through time against central differences of its forward pass, in long
// double. The oracle of all other tests is itself checked here.
#include <gtest/gtest.h>

#include "random_tensors.hpp"
#include "spaces.hpp"

namespace flashrnn::test {
namespace {

using Real = long double;
using Tensors = reference::Tensors<Real>;

/// The loss whose gradient backward gives: the upstream gradients times the outputs.
Real loss(const Tensors& t) {
  Real sum = 0;
  for (std::size_t i = 0; i < t.dh.size(); ++i) sum += t.dh[i] * t.states[i];
  for (std::size_t i = 0; i < t.d_last.size(); ++i) sum += t.d_last[i] * t.last[i];
  return sum;
}

template <class Cell>
void check(const Problem& problem) {
  const reference::Tensors<double> random = random_tensors<Cell>(problem, 7);
  const auto widen = [](const std::vector<double>& v) {
    return std::vector<Real>(v.begin(), v.end());
  };
  Tensors t{.x = widen(random.x),
            .R = widen(random.R),
            .b = widen(random.b),
            .s0 = widen(random.s0),
            .dh = widen(random.dh),
            .d_last = widen(random.d_last)};
  const std::size_t state = t.s0.size() / Cell::states;
  if (std::string(Cell::name) == "slstm") {
    // c, n and m are one number in three parts: only h is the same whatever m is, so the loss may
    // not look at the last c, n, m.
    std::fill(t.d_last.begin() + static_cast<std::ptrdiff_t>(state), t.d_last.end(), Real(0));
  }
  const reference::Recurrence<Cell, Real, Real> recurrence(problem);
  recurrence.forward(t);
  recurrence.backward(t);

  // Central differences of step e: error e²·f'''/6 from the formula, 2^-64·|f|/e from rounding. At
  // e = 2^-20 both are below 1e-12 of the loss, whose size is that of the number of its terms.
  const Real e = 0x1p-20L;
  const auto tolerance = static_cast<double>(t.dh.size() + t.d_last.size()) * 1e-12;
  const auto differentiate = [&](const char* name, std::vector<Real> Tensors::*input,
                                 const std::vector<Real>& gradient) {
    for (std::size_t i = 0; i < gradient.size(); ++i) {
      Tensors above = t, below = t;
      (above.*input)[i] += e;
      (below.*input)[i] -= e;
      recurrence.forward(above);
      recurrence.forward(below);
      const Real difference = (loss(above) - loss(below)) / (2 * e);
      EXPECT_NEAR(static_cast<double>(gradient[i]), static_cast<double>(difference), tolerance)
          << name << " element " << i;
    }
  };
  differentiate("dx", &Tensors::x, t.dx);
  differentiate("dR", &Tensors::R, t.dR);
  differentiate("db", &Tensors::b, t.db);
  differentiate("ds0", &Tensors::s0, t.ds0);
}

TEST(FiniteDifference, EveryCellThroughTime) {
  Cells::for_each([]<class Cell>() {
    SCOPED_TRACE(Cell::name);
    Problem problem;
    problem.cell = Cell::name;
    problem.dtype = DataType::float64;
    problem.shape = Shape{6, 2, 2, 3};
    check<Cell>(problem);
  });
}

// With clips the gradient is that of the clipped function, away from its kinks.
TEST(FiniteDifference, ForwardClip) {
  Cells::for_each([]<class Cell>() {
    SCOPED_TRACE(Cell::name);
    Problem problem;
    problem.cell = Cell::name;
    problem.dtype = DataType::float64;
    problem.shape = Shape{4, 2, 1, 3};
    problem.forward_clip = 0.3;
    check<Cell>(problem);
  });
}

}  // namespace
}  // namespace flashrnn::test
