// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "flashrnn/cells/differentiate.hpp"

// Which gates a cell's forward function passes to nothing but a sigmoid, found as backward_reads
// finds what backward reads: by calling it once. Kernels that compute σ(g) = (1 + tanh(g/2))/2
// halve R, x and b of such gates beforehand.

namespace flashrnn {

/// A value that may be one of the pre-activations, and knows the gates that it was computed from by
/// other ways than through a sigmoid.
struct GateUse {
  int gate = -1;
  unsigned plain = 0;

  GateUse() = default;
  // NOLINTNEXTLINE(google-explicit-constructor): constants of a cell's formulas
  FLASHRNN_FUNCTION GateUse(double) {}
  /// All gates that take part once this value is used for anything but a sigmoid.
  FLASHRNN_FUNCTION unsigned used() const { return plain | (gate >= 0 ? 1u << gate : 0u); }
  FLASHRNN_FUNCTION static GateUse of(GateUse x, GateUse y) {
    GateUse out;
    out.plain = x.used() | y.used();
    return out;
  }
  FLASHRNN_FUNCTION friend GateUse operator+(GateUse x, GateUse y) { return of(x, y); }
  FLASHRNN_FUNCTION friend GateUse operator-(GateUse x, GateUse y) { return of(x, y); }
  FLASHRNN_FUNCTION friend GateUse operator*(GateUse x, GateUse y) { return of(x, y); }
  FLASHRNN_FUNCTION friend GateUse operator/(GateUse x, GateUse y) { return of(x, y); }
  FLASHRNN_FUNCTION friend GateUse operator-(GateUse x) { return of(x, x); }
  FLASHRNN_FUNCTION GateUse& operator+=(GateUse y) { return *this = *this + y; }
  FLASHRNN_FUNCTION GateUse& operator-=(GateUse y) { return *this = *this - y; }
  FLASHRNN_FUNCTION GateUse& operator*=(GateUse y) { return *this = *this * y; }
  FLASHRNN_FUNCTION GateUse& operator/=(GateUse y) { return *this = *this / y; }
};

/// The Math of such values.
struct GateUseMath {
  using Real = GateUse;
  FLASHRNN_FUNCTION static Real exp(Real x) { return Real::of(x, x); }
  FLASHRNN_FUNCTION static Real log1p(Real x) { return Real::of(x, x); }
  FLASHRNN_FUNCTION static Real tanh(Real x) { return Real::of(x, x); }
  FLASHRNN_FUNCTION static Real sigmoid(Real x) {
    Real out;
    out.plain = x.plain;
    return out;
  }
  FLASHRNN_FUNCTION static Real log_sigmoid(Real x) { return Real::of(x, x); }
  FLASHRNN_FUNCTION static Real sqrt(Real x) { return Real::of(x, x); }
  FLASHRNN_FUNCTION static Real abs(Real x) { return Real::of(x, x); }
  FLASHRNN_FUNCTION static Real max(Real x, Real y) { return Real::of(x, y); }
  FLASHRNN_FUNCTION static Real min(Real x, Real y) { return Real::of(x, y); }
  FLASHRNN_FUNCTION static Real less(Real x, Real y) { return Real::of(x, y); }
  FLASHRNN_FUNCTION static Real equal(Real x, Real y) { return Real::of(x, y); }
  FLASHRNN_FUNCTION static Real negative(Real x) { return Real::of(x, x); }
  FLASHRNN_FUNCTION static Real select(Real mask, Real x, Real y) {
    return Real::of(mask, Real::of(x, y));
  }
  FLASHRNN_FUNCTION static Real stop_gradient(Real x) { return Real::of(x, x); }
  FLASHRNN_FUNCTION static Real either(Real x, Real y) { return Real::of(x, y); }
};

/// The mask of these gates.
template <class Cell>
unsigned sigmoid_gates() {
  using Complete = CompleteCell<Cell>;
  GateUse gate[Cell::gates], previous[Cell::states], next[Cell::states],
      save[Complete::saved_extent];
  for (int n = 0; n < Cell::gates; ++n) gate[n].gate = n;
  Complete::template forward<GateUseMath>(gate, previous, next, save);
  unsigned plain = 0;
  for (const GateUse& value : next) plain |= value.used();
  for (const GateUse& value : save) plain |= value.used();
  return ((1u << Cell::gates) - 1u) & ~plain;
}

}  // namespace flashrnn
