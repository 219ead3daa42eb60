// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cell.hpp"

// Forward-mode automatic differentiation (A. Griewank, A. Walther, "Evaluating Derivatives", 2008,
// ch. 3): a number that carries its derivatives, and the Math that cells compute with on it.

namespace flashrnn {

/// A value and its derivatives by N inputs.
template <class Real, int N>
struct Dual {
  Real value;
  Real derivative[N];

  Dual() = default;
  /// A constant: all derivatives are zero. Implicit, so that cells can mix constants and variables.
  // NOLINTNEXTLINE(google-explicit-constructor)
  FLASHRNN_FUNCTION constexpr Dual(Real constant) : value(constant), derivative{} {}

  /// The derivatives of this, each times `factor`, with the new value: the chain rule.
  FLASHRNN_FUNCTION Dual chain(Real new_value, Real factor) const {
    Dual out;
    out.value = new_value;
    for (int n = 0; n < N; ++n) out.derivative[n] = factor * derivative[n];
    return out;
  }

  // Friends and not templates, so that one of the operands may be a constant.
  friend FLASHRNN_FUNCTION Dual operator+(const Dual& x, const Dual& y) {
    Dual out;
    out.value = x.value + y.value;
    for (int n = 0; n < N; ++n) out.derivative[n] = x.derivative[n] + y.derivative[n];
    return out;
  }
  friend FLASHRNN_FUNCTION Dual operator-(const Dual& x, const Dual& y) {
    Dual out;
    out.value = x.value - y.value;
    for (int n = 0; n < N; ++n) out.derivative[n] = x.derivative[n] - y.derivative[n];
    return out;
  }
  friend FLASHRNN_FUNCTION Dual operator*(const Dual& x, const Dual& y) {
    Dual out;
    out.value = x.value * y.value;
    for (int n = 0; n < N; ++n)
      out.derivative[n] = x.derivative[n] * y.value + x.value * y.derivative[n];
    return out;
  }
  friend FLASHRNN_FUNCTION Dual operator/(const Dual& x, const Dual& y) {
    Dual out;
    out.value = x.value / y.value;
    for (int n = 0; n < N; ++n)
      out.derivative[n] = (x.derivative[n] - out.value * y.derivative[n]) / y.value;
    return out;
  }
  friend FLASHRNN_FUNCTION Dual operator-(const Dual& x) { return x.chain(-x.value, Real(-1)); }
  FLASHRNN_FUNCTION Dual& operator+=(const Dual& y) { return *this = *this + y; }
  FLASHRNN_FUNCTION Dual& operator-=(const Dual& y) { return *this = *this - y; }
  FLASHRNN_FUNCTION Dual& operator*=(const Dual& y) { return *this = *this * y; }
  FLASHRNN_FUNCTION Dual& operator/=(const Dual& y) { return *this = *this / y; }
};

/// The Math of dual numbers over the Math of their values.
template <class ValueMath, int N>
struct DualMath {
  using Value = typename ValueMath::Real;
  using Real = Dual<Value, N>;

  FLASHRNN_FUNCTION static Real exp(const Real& x) {
    const Value y = ValueMath::exp(x.value);
    return x.chain(y, y);
  }
  FLASHRNN_FUNCTION static Real log1p(const Real& x) {
    return x.chain(ValueMath::log1p(x.value), Value(1) / (Value(1) + x.value));
  }
  FLASHRNN_FUNCTION static Real tanh(const Real& x) {
    const Value y = ValueMath::tanh(x.value);
    return x.chain(y, Value(1) - y * y);
  }
  FLASHRNN_FUNCTION static Real sigmoid(const Real& x) {
    const Value y = ValueMath::sigmoid(x.value);
    return x.chain(y, y * (Value(1) - y));
  }
  FLASHRNN_FUNCTION static Real log_sigmoid(const Real& x) {
    return x.chain(ValueMath::log_sigmoid(x.value), ValueMath::sigmoid(-x.value));
  }
  FLASHRNN_FUNCTION static Real sqrt(const Real& x) {
    const Value y = ValueMath::sqrt(x.value);
    return x.chain(y, Value(1) / (y + y));
  }
  FLASHRNN_FUNCTION static Real abs(const Real& x) {
    return select(less(x, Real(Value(0))), -x, x);
  }
  FLASHRNN_FUNCTION static Real max(const Real& x, const Real& y) {
    return select(less(x, y), y, x);
  }
  FLASHRNN_FUNCTION static Real min(const Real& x, const Real& y) {
    return select(less(y, x), y, x);
  }
  FLASHRNN_FUNCTION static auto less(const Real& x, const Real& y) {
    return ValueMath::less(x.value, y.value);
  }
  FLASHRNN_FUNCTION static auto equal(const Real& x, const Real& y) {
    return ValueMath::equal(x.value, y.value);
  }
  FLASHRNN_FUNCTION static auto negative(const Real& x) { return ValueMath::negative(x.value); }
  template <class Mask>
  FLASHRNN_FUNCTION static Real select(const Mask& mask, const Real& x, const Real& y) {
    Real out;
    out.value = ValueMath::select(mask, x.value, y.value);
    for (int n = 0; n < N; ++n)
      out.derivative[n] = ValueMath::select(mask, x.derivative[n], y.derivative[n]);
    return out;
  }
  FLASHRNN_FUNCTION static Real stop_gradient(const Real& x) { return Real(x.value); }
  FLASHRNN_FUNCTION static Real either(const Real& quick, const Real& plain) {
    Real out = plain;
    out.value = ValueMath::either(quick.value, plain.value);
    return out;
  }
};

}  // namespace flashrnn
