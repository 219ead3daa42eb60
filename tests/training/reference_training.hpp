// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <random>
#include <vector>

#include "compare.hpp"
#include "flashrnn/architecture.hpp"
#include "flashrnn/network.hpp"
#include "flashrnn/reference/reference.hpp"

namespace flashrnn::test {

/// A small regression for a network of one layer with a head, and how it is trained: Adam on the
/// mean of (y - target)²/2. All numbers are representable in single precision.
struct TrainingCase {
  NetworkProblem problem;
  std::vector<float> parameters, u, target;
  int updates = 200;
  double learning_rate = 1e-2, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;
};

/// What is asked for at every step: running means of the inputs, so that memory is needed.
inline TrainingCase training_case(const std::string& cell) {
  TrainingCase c;
  Architecture& a = c.problem.architecture;
  a.cell = cell;
  a.input_size = 3;
  a.heads = 2;
  a.head_dim = 5;
  a.output_size = 2;
  c.problem.steps = 12;
  c.problem.batch = 6;
  c.problem.training = true;
  std::mt19937 random(11);
  std::uniform_real_distribution<float> between(-1, 1);
  const auto fill = [&](std::vector<float>& values, Index size, float bound) {
    values.resize(static_cast<std::size_t>(size));
    for (float& value : values) value = bound * between(random);
  };
  fill(c.parameters, ParameterLayout(a).size(), 0.5F);
  fill(c.u, c.problem.steps * c.problem.batch * a.input_size, 1);
  const auto rows = static_cast<std::size_t>(c.problem.batch);
  c.target.resize(static_cast<std::size_t>(c.problem.steps) * rows * 2);
  for (std::size_t n = 0; n < rows; ++n)
    for (std::size_t o = 0; o < 2; ++o) {
      float mean = 0;
      for (std::size_t t = 0; t < static_cast<std::size_t>(c.problem.steps); ++t) {
        mean += 0.25F * (c.u[(t * rows + n) * 3 + o] - mean);
        c.target[(t * rows + n) * 2 + o] = mean;
      }
    }
  return c;
}

/// Mean of (y - target)²/2; dy gets its gradient.
template <class Real>
double squared_error(const std::vector<Real>& y, const std::vector<float>& target,
                     std::vector<Real>& dy) {
  double sum = 0;
  const double share = 1 / static_cast<double>(y.size());
  dy.resize(y.size());
  for (std::size_t i = 0; i < y.size(); ++i) {
    const double apart = static_cast<double>(y[i]) - static_cast<double>(target[i]);
    sum += apart * apart / 2;
    dy[i] = static_cast<Real>(apart * share);
  }
  return sum * share;
}

/// The training in plain loops of double around the serial reference of the recurrence. The two
/// functions, if given, disturb what a backend computes: y, and the gradient of one parameter
/// tensor.
template <class Cell>
class ReferenceTraining {
 public:
  using Disturb = std::function<void(double* values, std::size_t size)>;

  explicit ReferenceTraining(const TrainingCase& c)
      : case_(c), layout_(c.problem.architecture), recurrence_(recurrence_problem(c.problem)) {}

  /// The loss before each update.
  std::vector<double> losses(const Disturb& disturb_output = {},
                             const Disturb& disturb_gradient = {}) const {
    std::vector<double> theta(case_.parameters.begin(), case_.parameters.end());
    std::vector<double> m(theta.size()), v(theta.size()), out, y, dy;
    for (int update = 1; update <= case_.updates; ++update) {
      reference::Tensors<double> t;
      y = forward(theta, t);
      if (disturb_output) disturb_output(y.data(), y.size());
      out.push_back(squared_error(y, case_.target, dy));
      std::vector<double> gradient = backward(theta, t, dy);
      if (disturb_gradient)
        for (const Parameter& p : layout_.parameters())
          disturb_gradient(&gradient[size(p.offset)], size(p.size));
      const double correction1 = 1 - std::pow(case_.beta1, update);
      const double correction2 = 1 - std::pow(case_.beta2, update);
      for (std::size_t i = 0; i < theta.size(); ++i) {
        m[i] = case_.beta1 * m[i] + (1 - case_.beta1) * gradient[i];
        v[i] = case_.beta2 * v[i] + (1 - case_.beta2) * gradient[i] * gradient[i];
        theta[i] -= case_.learning_rate * (m[i] / correction1) /
                    (std::sqrt(v[i] / correction2) + case_.epsilon);
      }
    }
    return out;
  }

 private:
  static std::size_t size(Index i) { return static_cast<std::size_t>(i); }

  static Problem recurrence_problem(const NetworkProblem& n) {
    Problem p;
    p.cell = n.architecture.cell;
    p.dtype = DataType::float64;
    p.shape = {n.steps, n.batch, n.architecture.heads, n.architecture.head_dim};
    p.training = true;
    return p;
  }

  std::vector<double> part(const std::vector<double>& theta, const char* name) const {
    const Parameter& p = layout_.at(name);
    return {theta.begin() + p.offset, theta.begin() + p.offset + p.size};
  }

  /// x = W·u, the recurrence, y = head.W·h + head.b.
  std::vector<double> forward(const std::vector<double>& theta,
                              reference::Tensors<double>& t) const {
    const auto W = part(theta, "W_l0"), head = part(theta, "head.W"), bias = part(theta, "head.b");
    const std::size_t inputs = size(case_.problem.architecture.input_size),
                      units = size(case_.problem.architecture.hidden_size()),
                      rows = case_.u.size() / inputs, gates = W.size() / inputs;
    t.R = part(theta, "R_l0");
    t.b = part(theta, "b_l0");
    t.x.assign(rows * gates, 0);
    for (std::size_t r = 0; r < rows; ++r)
      for (std::size_t g = 0; g < gates; ++g)
        for (std::size_t i = 0; i < inputs; ++i)
          t.x[r * gates + g] += W[g * inputs + i] * static_cast<double>(case_.u[r * inputs + i]);
    recurrence_.forward(t);
    std::vector<double> y(rows * bias.size());
    for (std::size_t r = 0; r < rows; ++r)
      for (std::size_t o = 0; o < bias.size(); ++o) {
        y[r * bias.size() + o] = bias[o];
        for (std::size_t k = 0; k < units; ++k)
          y[r * bias.size() + o] += head[o * units + k] * t.states[r * units + k];
      }
    return y;
  }

  std::vector<double> backward(const std::vector<double>& theta, reference::Tensors<double>& t,
                               const std::vector<double>& dy) const {
    const auto head = part(theta, "head.W");
    const std::size_t inputs = size(case_.problem.architecture.input_size),
                      units = size(case_.problem.architecture.hidden_size()),
                      rows = case_.u.size() / inputs, gates = t.x.size() / rows,
                      outputs = dy.size() / rows;
    std::vector<double> gradient(theta.size());
    double* const dW = &gradient[size(layout_.at("W_l0").offset)];
    double* const d_head = &gradient[size(layout_.at("head.W").offset)];
    double* const d_bias = &gradient[size(layout_.at("head.b").offset)];
    t.dh.assign(rows * units, 0);
    for (std::size_t r = 0; r < rows; ++r)
      for (std::size_t o = 0; o < outputs; ++o) {
        const double d = dy[r * outputs + o];
        d_bias[o] += d;
        for (std::size_t k = 0; k < units; ++k) {
          d_head[o * units + k] += d * t.states[r * units + k];
          t.dh[r * units + k] += d * head[o * units + k];
        }
      }
    recurrence_.backward(t);
    for (std::size_t r = 0; r < rows; ++r)
      for (std::size_t g = 0; g < gates; ++g)
        for (std::size_t i = 0; i < inputs; ++i)
          dW[g * inputs + i] += t.dx[r * gates + g] * static_cast<double>(case_.u[r * inputs + i]);
    std::copy(t.dR.begin(), t.dR.end(), gradient.begin() + layout_.at("R_l0").offset);
    std::copy(t.db.begin(), t.db.end(), gradient.begin() + layout_.at("b_l0").offset);
    return gradient;
  }

  TrainingCase case_;
  ParameterLayout layout_;
  reference::Recurrence<Cell, double> recurrence_;
};

/// How far the losses of a training in `type` may be from those in double, update by update.
///
/// A backend's y and gradients are within error_bound (compare.hpp) of the largest element of each
/// tensor: that is what the conformance tests hold it to. How much of such errors the loss shows
/// after k updates is a property of the training, which may enlarge them (Adam divides by the size
/// of the gradient), and no formula gives it. So the reference is run again with errors of that
/// size, drawn at random in every update: `runs` times, and the largest deviation up to then is
/// taken. A rounding of the parameters and of Adam's arithmetic is less than the factor 8 in
/// error_bound leaves. Twice the largest of `runs` samples, because a backend is one more sample of
/// the same kind: were both equally distributed, one in runs + 1 would exceed the largest sample
/// itself, and few its double.
template <class Cell>
std::vector<double> allowed_deviation(const TrainingCase& c, DataType type, int runs = 8) {
  const Architecture& a = c.problem.architecture;
  const double bound = error_bound(type, {c.problem.steps, c.problem.batch, a.heads, a.head_dim});
  const ReferenceTraining<Cell> training(c);
  const std::vector<double> exact = training.losses();
  std::vector<double> allowed(exact.size());
  for (int run = 0; run < runs; ++run) {
    std::mt19937 random(100 + static_cast<unsigned>(run));
    std::uniform_real_distribution<double> between(-bound, bound);
    const auto disturb = [&](double* values, std::size_t size) {
      double largest = 0;
      for (std::size_t i = 0; i < size; ++i) largest = std::max(largest, std::abs(values[i]));
      for (std::size_t i = 0; i < size; ++i) values[i] += largest * between(random);
    };
    const std::vector<double> disturbed = training.losses(disturb, disturb);
    double so_far = 0;
    for (std::size_t k = 0; k < exact.size(); ++k) {
      so_far = std::max(so_far, std::abs(disturbed[k] - exact[k]));
      allowed[k] = std::max(allowed[k], 2 * so_far);
    }
  }
  return allowed;
}

}  // namespace flashrnn::test
