// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Kokkos_Core.hpp>
#include <cstddef>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "flashrnn/error.hpp"
#include "flashrnn/problem.hpp"

namespace flashrnn {

// Losses of a network's output y with the gradients that Network::backward begins with. Arrays are
// contiguous and in the memory of Space; Real is float or double. Each waits for its result.
//
// Kernels of public headers are functors with names: nvcc crashes on extended lambdas of templates
// that several source files instantiate.

/// A classification of some rows.
struct Score {
  double loss = 0;      ///< mean of -log(probability of the right class)
  double accuracy = 0;  ///< share of rows whose largest value is that of the right class
};

/// The kernel of cross_entropy, for one row.
template <class Space, class Value>
struct CrossEntropyOfRow {
  Kokkos::View<const Value*, Space> logits;
  Kokkos::View<const int*, Space> answer;
  Kokkos::View<Value*, Space> dy;
  std::size_t classes;
  Value share;
  bool with_gradient;

  KOKKOS_FUNCTION void operator()(std::size_t row, double& loss_sum, double& hit_sum) const {
    const std::size_t first = row * classes;
    std::size_t best = first;
    for (std::size_t k = first + 1; k < first + classes; ++k)
      if (logits(k) > logits(best)) best = k;
    // Relative to the largest, so that no exponential overflows.
    const Value largest = logits(best);
    Value sum = 0;
    for (std::size_t k = first; k < first + classes; ++k) sum += Kokkos::exp(logits(k) - largest);
    const std::size_t right = first + static_cast<std::size_t>(answer(row));
    loss_sum += Kokkos::log(sum) - (logits(right) - largest);
    hit_sum += best == right ? 1 : 0;
    if (!with_gradient) return;
    for (std::size_t k = first; k < first + classes; ++k)
      dy(k) = share * (Kokkos::exp(logits(k) - largest) / sum - (k == right ? Value(1) : Value(0)));
  }
};

/// Mean cross entropy of y [rows, classes], which are logarithms of probabilities up to a constant
/// per row, with the class that each row should name, answer [rows], in 0 .. classes - 1. Rows are
/// those of [T, B] in any order. If dy [rows, classes] is given, it gets the gradient of the mean,
/// (softmax(y) - onehot(answer)) / rows.
/// @throws InvalidArgument if the size of y or dy is not a whole number of rows.
template <class Space, class Real, class... Properties>
Score cross_entropy(
    const Space& space, const Kokkos::View<Real*, Properties...>& y,
    const std::type_identity_t<Kokkos::View<const int*, Space>>& answer,
    const std::type_identity_t<Kokkos::View<std::remove_const_t<Real>*, Space>>& dy = {}) {
  const std::size_t rows = answer.size(), classes = rows == 0 ? 0 : y.size() / rows;
  if (classes == 0 || y.size() != rows * classes || (dy.size() != 0 && dy.size() != y.size()))
    throw InvalidArgument(
        "cross_entropy: expected y and dy of one size that is a multiple of the " +
        std::to_string(rows) + " answers, found " + std::to_string(y.size()) + " and " +
        std::to_string(dy.size()));
  using Value = std::remove_const_t<Real>;
  const CrossEntropyOfRow<Space, Value> kernel{
      y, answer, dy, classes, 1 / static_cast<Value>(rows), dy.size() != 0};
  double loss = 0, hits = 0;
  Kokkos::parallel_reduce(
      "cross entropy", Kokkos::RangePolicy<Space, Kokkos::IndexType<std::size_t>>(space, 0, rows),
      kernel, loss, hits);
  return {loss / static_cast<double>(rows), hits / static_cast<double>(rows)};
}

/// The score of each step of y [T, B, classes] with answer [T, B], T = `steps`: how a network fares
/// the longer a sequence is.
/// @throws InvalidArgument if a size is not a whole number of steps, or as cross_entropy.
template <class Space, class Real>
std::vector<Score> scores_by_step(const Space& space, const Kokkos::View<Real*, Space>& y,
                                  const Kokkos::View<int*, Space>& answer, Index steps) {
  const auto count = static_cast<std::size_t>(steps);
  if (steps < 1 || answer.size() % count != 0 || y.size() % count != 0)
    throw InvalidArgument("scores_by_step: expected multiples of " + std::to_string(steps) +
                          " steps, found " + std::to_string(y.size()) + " outputs and " +
                          std::to_string(answer.size()) + " answers");
  const std::size_t rows = answer.size() / count, values = y.size() / count;
  std::vector<Score> scores;
  for (std::size_t t = 0; t < count; ++t)
    scores.push_back(cross_entropy(space,
                                   Kokkos::subview(y, std::pair(t * values, (t + 1) * values)),
                                   Kokkos::subview(answer, std::pair(t * rows, (t + 1) * rows))));
  return scores;
}

/// The kernel of mean_squared_error, for one element.
template <class Space, class Value>
struct SquaredErrorOfElement {
  Kokkos::View<const Value*, Space> output, target;
  Kokkos::View<Value*, Space> dy;
  Value share;
  bool with_gradient;

  KOKKOS_FUNCTION void operator()(std::size_t i, double& sum) const {
    const Value error = output(i) - target(i);
    sum += static_cast<double>(error * error);
    if (with_gradient) dy(i) = 2 * share * error;
  }
};

/// Mean of (y - target)² over all elements. If dy is given, it gets the gradient of the mean,
/// 2·(y - target) / elements.
/// @throws InvalidArgument if the sizes differ or are 0.
template <class Space, class Real, class... Properties>
double mean_squared_error(
    const Space& space, const Kokkos::View<Real*, Properties...>& y,
    const std::type_identity_t<Kokkos::View<const Real*, Space>>& target,
    const std::type_identity_t<Kokkos::View<std::remove_const_t<Real>*, Space>>& dy = {}) {
  if (y.size() == 0 || target.size() != y.size() || (dy.size() != 0 && dy.size() != y.size()))
    throw InvalidArgument("mean_squared_error: expected y, target and dy of one size, found " +
                          std::to_string(y.size()) + ", " + std::to_string(target.size()) +
                          " and " + std::to_string(dy.size()));
  using Value = std::remove_const_t<Real>;
  const Value share = 1 / static_cast<Value>(y.size());
  const SquaredErrorOfElement<Space, Value> kernel{y, target, dy, share, dy.size() != 0};
  double total = 0;
  Kokkos::parallel_reduce(
      "mean squared error",
      Kokkos::RangePolicy<Space, Kokkos::IndexType<std::size_t>>(space, 0, y.size()), kernel,
      total);
  return total * static_cast<double>(share);
}

}  // namespace flashrnn
