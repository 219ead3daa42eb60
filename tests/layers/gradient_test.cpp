// SPDX-License-Identifier: Apache-2.0
// Gradients of layers and networks against central differences of a scalar loss, in float64. Not
// for slstm, whose gradient by definition leaves out its stabiliser.
#include <limits>
#include <type_traits>

#include "layers_support.hpp"

namespace flashrnn::test {
namespace {

/// A network and the loss  sum(y · dy) + sum(last · d_last)  as a function of all that it reads.
template <class Space>
class Loss {
 public:
  using Values = std::vector<double>;
  struct Arguments {
    Values parameters, u, s0;
  };

  explicit Loss(NetworkProblem problem)
      : network_(Space(), as_training(problem)),
        rows_(problem.steps * problem.batch),
        dy_(random_values(rows_ * problem.architecture.features(), 1)),
        d_last_(random_values(static_cast<Index>(network_.state_size()), 2)) {}

  Arguments random_arguments() const {
    const Architecture& a = network_.problem().architecture;
    return {random_values(network_.parameters().size(), 3, 0.7),
            random_values(rows_ * a.input_size, 4),
            random_values(static_cast<Index>(network_.state_size()), 5, 0.5)};
  }

  double operator()(const Arguments& at) const {
    const Run run(*this, at);
    const Values y = run.y.values(), last = run.last.values();
    double sum = 0;
    for (std::size_t n = 0; n < y.size(); ++n) sum += y[n] * dy_[n];
    for (std::size_t n = 0; n < last.size(); ++n) sum += last[n] * d_last_[n];
    return sum;
  }

  /// The gradient by Network::backward.
  Arguments gradient(const Arguments& at) const {
    const Run run(*this, at);
    const Memory<Space> dy(dy_, type), d_last(d_last_, type);
    const Memory<Space> du(unwritten(at.u.size()), type), ds0(unwritten(at.s0.size()), type);
    const Memory<Space> d_parameters(unwritten(at.parameters.size()), type);
    const Memory<Space> workspace(network_.backward_workspace_bytes());
    NetworkBackwardTensors t;
    t.parameters = run.parameters.data();
    t.u.data = run.u.data();
    t.s0 = run.s0.data();
    t.reserve = run.reserve.data();
    t.dy.data = dy.data();
    t.d_last = d_last.data();
    t.du.data = du.data();
    t.d_parameters = d_parameters.data();
    t.ds0 = ds0.data();
    t.workspace = workspace.data();
    network_.backward(Space(), t);
    Kokkos::fence();
    return {d_parameters.values(), du.values(), ds0.values()};
  }

 private:
  static constexpr DataType type = DataType::float64;

  static NetworkProblem as_training(NetworkProblem problem) {
    problem.dtype = type;
    problem.training = true;
    return problem;
  }

  /// One forward pass and the memory that it leaves.
  struct Run {
    Run(const Loss& loss, const Arguments& at)
        : parameters(at.parameters, type),
          u(at.u, type),
          s0(at.s0, type),
          y(unwritten(loss.dy_.size()), type),
          last(unwritten(loss.d_last_.size()), type),
          reserve(loss.network_.reserve_bytes()) {
      const Memory<Space> workspace(loss.network_.forward_workspace_bytes());
      NetworkForwardTensors t;
      t.parameters = parameters.data();
      t.u.data = u.data();
      t.s0 = s0.data();
      t.y.data = y.data();
      t.last = last.data();
      t.reserve = reserve.data();
      t.workspace = workspace.data();
      loss.network_.forward(Space(), t);
      Kokkos::fence();
    }
    Memory<Space> parameters, u, s0, y, last, reserve;
  };

  Network<Space> network_;
  Index rows_;
  Values dy_, d_last_;
};

template <class Space>
class Gradient : public ::testing::Test {
 protected:
  using Arguments = typename Loss<Space>::Arguments;

  using Values = std::vector<double>;

  /// Checks the gradients along random directions, and in the serial space, where a pass costs
  /// little, also element by element: every `every`-th parameter and all of u and s0.
  static void check(const NetworkProblem& problem, std::size_t every = 1) {
    const Loss<Space> loss(problem);
    const Arguments at = loss.random_arguments();
    const Arguments gradient = loss.gradient(at);
    expect("parameters", loss, at, gradient, &Arguments::parameters, every);
    expect("u", loss, at, gradient, &Arguments::u, 1);
    expect("s0", loss, at, gradient, &Arguments::s0, 1);
  }

  static void expect(const char* name, const Loss<Space>& loss, const Arguments& at,
                     const Arguments& gradients, Values Arguments::*part, std::size_t every) {
    const std::size_t size = (at.*part).size();
    ASSERT_EQ((gradients.*part).size(), size) << name;
    EXPECT_GT(max_norm(gradients.*part), 1e-2) << name << ": nothing to compare";
    for (unsigned n = 0; n < 4; ++n) {
      SCOPED_TRACE(std::string(name) + " along direction " + std::to_string(n));
      Values direction = random_values(static_cast<Index>(size), 100 + n);
      double square = 0;
      for (const double value : direction) square += value * value;
      for (double& value : direction) value /= std::sqrt(square);
      expect_along(direction, loss, at, gradients, part);
    }
    if constexpr (!std::is_same_v<Space, Kokkos::Serial>) return;
    for (std::size_t n = 0; n < size; n += every) {
      SCOPED_TRACE(std::string(name) + " element " + std::to_string(n));
      Values direction(size, 0.0);
      direction[n] = 1;
      expect_along(direction, loss, at, gradients, part);
    }
  }

  /// Compares the derivative along a direction of length 1 with central differences of step
  /// h = epsilon^(1/3), which err by about h²·(third derivative) from the truncation and
  /// epsilon·|loss|/h from rounding: both are a moderate multiple of epsilon^(2/3). A third
  /// derivative of a few hundred times the loss' scale is allowed for; one wrong term in a gradient
  /// is off by some 1e-2, along a random direction in n dimensions by some 1e-2/√n.
  static void expect_along(const Values& direction, const Loss<Space>& loss, const Arguments& at,
                           const Arguments& gradients, Values Arguments::*part) {
    const double h = std::cbrt(std::numeric_limits<double>::epsilon());
    Arguments above = at, below = at;
    double derivative = 0;
    for (std::size_t n = 0; n < direction.size(); ++n) {
      (above.*part)[n] += h * direction[n];
      (below.*part)[n] -= h * direction[n];
      derivative += (gradients.*part)[n] * direction[n];
    }
    const double loss_above = loss(above), loss_below = loss(below);
    const double tolerance = 300 * h * h * std::max(1.0, std::abs(loss_above));
    EXPECT_NEAR(derivative, (loss_above - loss_below) / (2 * h), tolerance);
  }

  static NetworkProblem problem(const char* cell, Index layers, bool bidirectional) {
    NetworkProblem out;
    out.architecture.cell = cell;
    out.architecture.input_size = 3;
    out.architecture.head_dim = 4;
    out.architecture.layers = layers;
    out.architecture.bidirectional = bidirectional;
    out.steps = 5;
    out.batch = 2;
    return out;
  }
};
TYPED_TEST_SUITE(Gradient, TestedSpaces, SpaceName);

TYPED_TEST(Gradient, lstm_layer) {
  this->check(this->problem("lstm", 1, false));
}
TYPED_TEST(Gradient, gru_layer) {
  this->check(this->problem("gru", 1, false));
}
TYPED_TEST(Gradient, elman_layer) {
  this->check(this->problem("elman", 1, false));
}
TYPED_TEST(Gradient, lstm_both_directions) {
  this->check(this->problem("lstm", 1, true), 3);
}
TYPED_TEST(Gradient, gru_both_directions) {
  this->check(this->problem("gru", 1, true), 3);
}

TYPED_TEST(Gradient, lstm_stack_with_head) {
  NetworkProblem problem = this->problem("lstm", 3, true);
  problem.architecture.output_size = 2;
  this->check(problem, 11);
}

TYPED_TEST(Gradient, gru_stack_batch_first) {
  NetworkProblem problem = this->problem("gru", 2, true);
  problem.architecture.output_size = 3;
  problem.order = SequenceOrder::batch_first;
  this->check(problem, 7);
}

TYPED_TEST(Gradient, heads_without_biases) {
  NetworkProblem problem = this->problem("lstm", 2, false);
  problem.architecture.heads = 3;
  problem.architecture.head_dim = 2;
  problem.architecture.bias = false;
  problem.architecture.head_bias = false;
  problem.architecture.output_size = 2;
  this->check(problem, 5);
}

TYPED_TEST(Gradient, one_of_everything) {
  NetworkProblem problem = this->problem("gru", 1, true);
  problem.architecture.input_size = 1;
  problem.architecture.head_dim = 1;
  problem.architecture.output_size = 1;
  problem.steps = 1;
  problem.batch = 1;
  this->check(problem);
}

}  // namespace
}  // namespace flashrnn::test
