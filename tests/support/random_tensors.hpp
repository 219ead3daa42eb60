// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <random>
#include <vector>

#include "flashrnn/cells/differentiate.hpp"
#include "flashrnn/problem.hpp"
#include "flashrnn/reference/reference.hpp"
#include "tensor_buffer.hpp"

namespace flashrnn::test {

/// Inputs of a problem, as the problem's type can hold them. R has row sums of at most 1 in
/// absolute value. States that are not h start as a run of the cell could have left them: above 1,
/// so that sLSTM's normaliser is valid.
template <class Cell>
reference::Tensors<double> random_tensors(const Problem& problem, unsigned seed) {
  const Shape& s = problem.shape;
  std::mt19937_64 engine(seed);
  const auto uniform = [&](Index count, double low, double high) {
    std::uniform_real_distribution<double> distribution(low, high);
    std::vector<double> out(static_cast<std::size_t>(count));
    for (double& value : out) value = distribution(engine);
    return as_stored(problem.dtype, out);
  };
  const Index row = s.heads * s.head_dim;
  const double r = 1.0 / static_cast<double>(s.head_dim);
  reference::Tensors<double> t;
  t.x = uniform(count_gates(Cell::input_gates) * s.steps * s.batch * row, -1.5, 1.5);
  t.R = uniform(count_gates(Cell::recurrent_gates) * row * s.head_dim, -r, r);
  t.b = uniform(count_gates(Cell::bias_gates) * row, -0.5, 0.5);
  t.s0 = uniform(s.batch * row, -0.9, 0.9);
  for (int state = 1; state < Cell::states; ++state) {
    const std::vector<double> more = uniform(s.batch * row, 1.0, 1.5);
    t.s0.insert(t.s0.end(), more.begin(), more.end());
  }
  t.dh = uniform(s.steps * s.batch * row, -1, 1);
  t.d_last = uniform(Cell::states * s.batch * row, -1, 1);
  return t;
}

}  // namespace flashrnn::test
