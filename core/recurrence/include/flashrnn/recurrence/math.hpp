// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Kokkos_MathematicalFunctions.hpp>

#include "flashrnn/cells/cell.hpp"

namespace flashrnn {

/// The Math of cells (cells/cell.hpp) on scalars, accurate, on every device that Kokkos has.
template <class Scalar>
struct KokkosMath {
  using Real = Scalar;

  FLASHRNN_FUNCTION static Real exp(Real x) { return Kokkos::exp(x); }
  FLASHRNN_FUNCTION static Real log1p(Real x) { return Kokkos::log1p(x); }
  FLASHRNN_FUNCTION static Real tanh(Real x) { return Kokkos::tanh(x); }
  FLASHRNN_FUNCTION static Real sqrt(Real x) { return Kokkos::sqrt(x); }
  FLASHRNN_FUNCTION static Real abs(Real x) { return Kokkos::fabs(x); }
  /// exp(-x) may become infinite; 1/inf = 0 is the right limit.
  FLASHRNN_FUNCTION static Real sigmoid(Real x) { return Real(1) / (Real(1) + Kokkos::exp(-x)); }
  /// log σ(x) = min(x, 0) - log(1 + exp(-|x|)): no overflow and no cancellation on either side.
  FLASHRNN_FUNCTION static Real log_sigmoid(Real x) {
    return min(x, Real(0)) - Kokkos::log1p(Kokkos::exp(-Kokkos::fabs(x)));
  }
  FLASHRNN_FUNCTION static Real max(Real x, Real y) { return x < y ? y : x; }
  FLASHRNN_FUNCTION static Real min(Real x, Real y) { return y < x ? y : x; }
  FLASHRNN_FUNCTION static bool less(Real x, Real y) { return x < y; }
  FLASHRNN_FUNCTION static bool equal(Real x, Real y) { return x == y; }
  FLASHRNN_FUNCTION static bool negative(Real x) { return Kokkos::signbit(x); }
  FLASHRNN_FUNCTION static Real select(bool mask, Real x, Real y) { return mask ? x : y; }
  FLASHRNN_FUNCTION static Real stop_gradient(Real x) { return x; }
  FLASHRNN_FUNCTION static Real either(Real, Real plain) { return plain; }
};

}  // namespace flashrnn
