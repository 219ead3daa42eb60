// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Kokkos_Core.hpp>

/// Mean cross entropy of rows of logits with the classes they should name, and the share of rows
/// whose largest logit is that of the class.
struct Score {
  double loss = 0;
  double accuracy = 0;
};

/// One row per index: reduces loss and hits over rows and, if dy is given, writes the gradient
/// (softmax(y) - onehot(answer)) / rows of the mean.
template <class Space>
struct CrossEntropy {
  Kokkos::View<const float*, Space> y;     ///< [rows, classes]
  Kokkos::View<const int*, Space> answer;  ///< [rows]
  Kokkos::View<float*, Space> dy;          ///< [rows, classes], or empty
  int classes;
  float weight;  ///< 1 / rows

  KOKKOS_FUNCTION void operator()(int row, double& loss, double& hits) const {
    const long long first = static_cast<long long>(row) * classes;
    int best = 0;
    for (int k = 1; k < classes; ++k)
      if (y(first + k) > y(first + best)) best = k;
    float sum = 0;
    for (int k = 0; k < classes; ++k) sum += Kokkos::exp(y(first + k) - y(first + best));
    const int right = answer(row);
    loss += Kokkos::log(sum) - (y(first + right) - y(first + best));
    hits += best == right ? 1 : 0;
    if (dy.size() == 0) return;
    for (int k = 0; k < classes; ++k)
      dy(first + k) =
          weight * (Kokkos::exp(y(first + k) - y(first + best)) / sum - (k == right ? 1.0F : 0.0F));
  }
};

/// Waits for the result.
template <class Space>
Score cross_entropy(const Space& space, const Kokkos::View<float*, Space>& y,
                    const Kokkos::View<int*, Space>& answer,
                    const Kokkos::View<float*, Space>& dy = {}) {
  const auto rows = static_cast<int>(answer.size());
  const CrossEntropy<Space> body{y, answer, dy, static_cast<int>(y.size()) / rows,
                                 1.0F / static_cast<float>(rows)};
  double loss = 0, hits = 0;
  Kokkos::parallel_reduce("cross entropy", Kokkos::RangePolicy<Space>(space, 0, rows), body, loss,
                          hits);
  return {loss / rows, hits / rows};
}
