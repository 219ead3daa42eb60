// SPDX-License-Identifier: Apache-2.0
// A cell of one's own: written as one forward function (peephole_lstm.hpp), run forward and
// backward in every execution space of this build. Its derived gradient is compared with finite
// differences and with a backward written by hand.
#include <Kokkos_Core.hpp>
#include <cmath>
#include <cstdio>

#include "network.hpp"
#include "peephole_lstm.hpp"

namespace {

double dot(const Parameters& x, const Parameters& y) {
  double sum = 0;
  const auto add = [&](const std::vector<double>& u, const std::vector<double>& v) {
    for (std::size_t n = 0; n < u.size(); ++n) sum += u[n] * v[n];
  };
  add(x.x, y.x);
  add(x.R, y.R);
  add(x.b, y.b);
  add(x.s0, y.s0);
  return sum;
}

/// at + factor·direction
Parameters moved(Parameters at, double factor, const Parameters& direction) {
  const auto add = [&](std::vector<double>& u, const std::vector<double>& v) {
    for (std::size_t n = 0; n < u.size(); ++n) u[n] += factor * v[n];
  };
  add(at.x, direction.x);
  add(at.R, direction.R);
  add(at.b, direction.b);
  add(at.s0, direction.s0);
  return at;
}

template <class ExecutionSpace>
bool show() {
  const flashrnn::Shape shape{.steps = 12, .batch = 3, .heads = 2, .head_dim = 8};
  Network<PeepholeLstm, ExecutionSpace> derived(shape, 1);
  Network<PeepholeLstmByHand, ExecutionSpace> by_hand(shape, 1);
  const Parameters at = derived.random_parameters(2);
  Parameters direction = derived.random_parameters(3);
  direction = moved(direction, 1 / std::sqrt(dot(direction, direction)) - 1, direction);
  const Parameters gradient = derived.gradient(at);

  // Central differences of order 4 along a direction of length 1. With step = epsilon^(1/5) the
  // truncation error, of the order of step^4, and the rounding error, epsilon/step, are both about
  // 1e-13 of the loss and its derivatives; 1e-10 leaves room for the constants.
  const double step = std::pow(2.2e-16, 0.2);
  const auto loss = [&](double factor) { return derived.loss(moved(at, factor, direction)); };
  const double difference =
      (8 * (loss(step) - loss(-step)) - (loss(2 * step) - loss(-2 * step))) / (12 * step);
  const double slope = dot(gradient, direction);
  const double norm = std::sqrt(dot(gradient, gradient));
  const double allowed = 1e-10 * (norm + std::abs(loss(0)));

  const Parameters apart = moved(gradient, -1, by_hand.gradient(at));
  const double distance = std::sqrt(dot(apart, apart)) / norm;

  std::printf("%s", derived.describe().c_str());
  std::printf("slope of the loss: derived backward %.12f, finite differences %.12f\n", slope,
              difference);
  std::printf("derived and hand-written gradient differ by %.1e (relative)\n\n", distance);
  // The two gradients differ by rounding alone: some ten operations per step and term.
  return std::abs(slope - difference) < allowed && distance < 1e-13;
}

}  // namespace

// NOLINTNEXTLINE(bugprone-exception-escape): an error is to end the program with its message
int main(int argc, char** argv) {
  const Kokkos::ScopeGuard kokkos(argc, argv);
  bool good = true;
#ifdef KOKKOS_ENABLE_SERIAL
  good = show<Kokkos::Serial>() && good;
#endif
#ifdef KOKKOS_ENABLE_OPENMP
  good = show<Kokkos::OpenMP>() && good;
#endif
#ifdef KOKKOS_ENABLE_CUDA
  good = show<Kokkos::Cuda>() && good;
#endif
#ifdef KOKKOS_ENABLE_HIP
  good = show<Kokkos::HIP>() && good;
#endif
  if (!good) std::printf("the gradients do not agree\n");
  return good ? 0 : 1;
}
