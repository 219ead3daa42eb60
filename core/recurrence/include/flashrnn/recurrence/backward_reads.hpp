// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "flashrnn/cells/differentiate.hpp"

// Which of its arguments a cell's backward function depends on, found by calling it once with
// numbers that remember where they come from. Kernels load nothing that is not read.

namespace flashrnn {

/// A value that knows the set of arguments it was computed from, one bit each.
struct TracedValue {
  unsigned long long sources = 0;

  TracedValue() = default;
  // NOLINTNEXTLINE(google-explicit-constructor): constants of a cell's formulas
  FLASHRNN_FUNCTION TracedValue(double) {}
  FLASHRNN_FUNCTION static TracedValue of(TracedValue x, TracedValue y) {
    TracedValue out;
    out.sources = x.sources | y.sources;
    return out;
  }
  FLASHRNN_FUNCTION friend TracedValue operator+(TracedValue x, TracedValue y) { return of(x, y); }
  FLASHRNN_FUNCTION friend TracedValue operator-(TracedValue x, TracedValue y) { return of(x, y); }
  FLASHRNN_FUNCTION friend TracedValue operator*(TracedValue x, TracedValue y) { return of(x, y); }
  FLASHRNN_FUNCTION friend TracedValue operator/(TracedValue x, TracedValue y) { return of(x, y); }
  FLASHRNN_FUNCTION friend TracedValue operator-(TracedValue x) { return x; }
};

/// The Math of such values.
struct TracedMath {
  using Real = TracedValue;
  FLASHRNN_FUNCTION static Real exp(Real x) { return x; }
  FLASHRNN_FUNCTION static Real log1p(Real x) { return x; }
  FLASHRNN_FUNCTION static Real tanh(Real x) { return x; }
  FLASHRNN_FUNCTION static Real sigmoid(Real x) { return x; }
  FLASHRNN_FUNCTION static Real log_sigmoid(Real x) { return x; }
  FLASHRNN_FUNCTION static Real sqrt(Real x) { return x; }
  FLASHRNN_FUNCTION static Real abs(Real x) { return x; }
  FLASHRNN_FUNCTION static Real max(Real x, Real y) { return Real::of(x, y); }
  FLASHRNN_FUNCTION static Real min(Real x, Real y) { return Real::of(x, y); }
  FLASHRNN_FUNCTION static Real less(Real x, Real y) { return Real::of(x, y); }
  FLASHRNN_FUNCTION static Real equal(Real x, Real y) { return Real::of(x, y); }
  FLASHRNN_FUNCTION static Real negative(Real x) { return x; }
  FLASHRNN_FUNCTION static Real select(Real mask, Real x, Real y) {
    return Real::of(mask, Real::of(x, y));
  }
  FLASHRNN_FUNCTION static Real stop_gradient(Real x) { return x; }
  FLASHRNN_FUNCTION static Real either(Real x, Real y) { return Real::of(x, y); }
};

/// Bits of the states (of the step or of the step before) and of the saved values.
struct BackwardReads {
  unsigned states = 0;
  unsigned saved = 0;
};

template <class Cell>
BackwardReads backward_reads() {
  using Complete = CompleteCell<Cell>;
  TracedValue save[Complete::saved_extent], previous[Cell::states], next[Cell::states],
      d_next[Cell::states], d_gate[Cell::gates], d_previous[Cell::states];
  for (int k = 0; k < Complete::saved; ++k) save[k].sources = 1ull << k;
  for (int s = 0; s < Cell::states; ++s)
    previous[s].sources = next[s].sources = 1ull << (Complete::saved + s);
  Complete::template backward<TracedMath>(save, previous, next, d_next, d_gate, d_previous);
  TracedValue all;
  for (const TracedValue& value : d_gate) all = all + value;
  for (const TracedValue& value : d_previous) all = all + value;
  const unsigned long long saved_bits = (1ull << Complete::saved) - 1;
  return {static_cast<unsigned>(all.sources >> Complete::saved),
          static_cast<unsigned>(all.sources & saved_bits)};
}

}  // namespace flashrnn
