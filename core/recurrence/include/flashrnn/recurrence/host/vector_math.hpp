// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "flashrnn/recurrence/host/elementary.hpp"

namespace flashrnn::host {

/// The Math of cells (cells/cell.hpp) on vector registers. The general case, double, calls the
/// platform's functions lane by lane.
template <class Isa, class Scalar>
struct VectorMath {
  using Real = Vector<Isa, Scalar>;
  using Mask = typename Real::Mask;

  [[gnu::always_inline]] static Real exp(Real x) {
    for (int n = 0; n < Real::lanes; ++n) x.value[n] = __builtin_exp(x.value[n]);
    return x;
  }
  [[gnu::always_inline]] static Real log1p(Real x) {
    for (int n = 0; n < Real::lanes; ++n) x.value[n] = __builtin_log1p(x.value[n]);
    return x;
  }
  [[gnu::always_inline]] static Real tanh(Real x) {
    for (int n = 0; n < Real::lanes; ++n) x.value[n] = __builtin_tanh(x.value[n]);
    return x;
  }
  [[gnu::always_inline]] static Real sqrt(Real x) {
    for (int n = 0; n < Real::lanes; ++n) x.value[n] = __builtin_sqrt(x.value[n]);
    return x;
  }
  [[gnu::always_inline]] static Real sigmoid(Real x) { return Real(1) / (Real(1) + exp(-x)); }
  [[gnu::always_inline]] static Real log_sigmoid(Real x) {
    return min(x, Real(0)) - log1p(exp(-abs(x)));
  }
  [[gnu::always_inline]] static Real abs(Real x) { return select(Mask(x.value < -x.value), -x, x); }
  [[gnu::always_inline]] static Real max(Real x, Real y) { return select(less(x, y), y, x); }
  [[gnu::always_inline]] static Real min(Real x, Real y) { return select(less(y, x), y, x); }
  [[gnu::always_inline]] static Mask less(Real x, Real y) { return x.value < y.value; }
  [[gnu::always_inline]] static Mask equal(Real x, Real y) { return x.value == y.value; }
  [[gnu::always_inline]] static Real select(Mask mask, Real x, Real y) {
    return Real::of(mask ? x.value : y.value);
  }
  [[gnu::always_inline]] static Real stop_gradient(Real x) { return x; }
};

/// Single precision. Range reduction by multiples of log 2 and polynomials fitted by us (Chebyshev
/// interpolation in 40 digits); errors over all 2^32 floats are found by
/// tests/core/vector_math_test.cpp: at most 2 ulp, monotone, right at infinities, NaN and subnormal
/// arguments and results.
template <class Isa>
struct VectorMath<Isa, float> {
  using Real = Vector<Isa, float>;
  using Mask = typename Real::Mask;
  using Basic = Elementary<Isa>;

  static constexpr float log2_e = 0x1.715476p0f;
  static constexpr float log_2 = 0x1.62e430p-1f;
  // log 2 in two parts; n·log_2_high is exact for the n that occur.
  static constexpr float log_2_high = 0x1.62e400p-1f;
  static constexpr float log_2_low = 0x1.7f7d1cp-20f;

  [[gnu::always_inline]] static Real exp(Real x) {
    // Beyond these bounds the result is infinite or rounds to 0; NaN passes both.
    return bounded_exp(Basic::min(Basic::max(x, Real(-104.0f)), Real(89.0f)));
  }

  /// 1 / (1 + exp(-x)), as exp(min(x, 0)) / (1 + exp(-|x|)): keeps the precision of small results.
  [[gnu::always_inline]] static Real sigmoid(Real x) {
    const Real e = bounded_exp(Basic::max(-Basic::abs(x), Real(-104.0f)));
    return Basic::divide_by_sum(Basic::select(x.value < 0.0f, e, Real(1)), Real(1), e);
  }

  /// With u = exp(-2|x|) - 1, computed without cancellation: |tanh x| = -u / (2 + u).
  [[gnu::always_inline]] static Real tanh(Real x) {
    const Real magnitude = Basic::abs(x);
    const Real y = Basic::min(magnitude + magnitude, Real(20.0f));  // tanh(10) rounds to 1
    const Real n = Basic::round(y * Real(log2_e));
    const Real r = multiply_add(n, Real(log_2), -y);  // -2|x| = -n·log 2 + r
    const Real s = Basic::scale_down(n);
    const Real u = multiply_add(s, exp_minus_1(r), s - Real(1));
    return Basic::copy_sign(Basic::divide_by_sum(-u, Real(2), u), x);
  }

  /// log σ(x) = min(x, 0) - log(1 + exp(-|x|)): no overflow and no cancellation on either side.
  [[gnu::always_inline]] static Real log_sigmoid(Real x) {
    return Basic::min(x, Real(0)) - log1p(exp(-Basic::abs(x)));
  }

  /// log(1 + x) = k·log 2 + log(1 + f) + c/(1 + x), where 1 + x rounds to 2^k·(1 + f) with f in
  /// [√½ - 1, √2 - 1], and c is what the rounding lost.
  [[gnu::always_inline]] static Real log1p(Real x) {
    using Int = typename Basic::Int;
    const Real u = Real(1) + x;
    const Real larger = Basic::max(x, Real(1)), smaller = Basic::min(x, Real(1));
    const Real lost = smaller - (u - larger);
    constexpr int root_half = 0x3f3504f3;  // √½
    const Int bits = (Int)u.value + (0x3f800000 - root_half);
    const Real k = Real::of(convert_lanes<typename Real::Native>((bits >> 23) - 127));
    const Real f = Real::of((typename Real::Native)((bits & 0x007fffff) + root_half)) - Real(1);
    Real p = Real(0x1.1d8ea6p-4f);
    p = multiply_add(p, f, Real(-0x1.d635bcp-4f));
    p = multiply_add(p, f, Real(0x1.dea282p-4f));
    p = multiply_add(p, f, Real(-0x1.fcf4c6p-4f));
    p = multiply_add(p, f, Real(0x1.23d21ap-3f));
    p = multiply_add(p, f, Real(-0x1.555b4ap-3f));
    p = multiply_add(p, f, Real(0x1.999d5ap-3f));
    p = multiply_add(p, f, Real(-0x1.fffffcp-3f));
    p = multiply_add(p, f, Real(0x1.555554p-2f));
    const Real f2 = f * f;
    Real small = multiply_add(k, Real(log_2_low), lost / u);
    small = multiply_add(p, f2 * f, small);
    small = multiply_add(f2, Real(-0.5f), small);
    const Real log = multiply_add(k, Real(log_2_high), f + small);
    const float infinity = __builtin_inff();
    // +inf and NaN as they are; -inf at -1; NaN below.
    Real out = Basic::select(x.value < infinity, log, x);
    out = Basic::select(u.value == 0.0f, Real(-infinity), out);
    return Basic::select(u.value < 0.0f, Real(__builtin_nanf("")), out);
  }

  [[gnu::always_inline]] static Real sqrt(Real x) { return Basic::sqrt(x); }
  [[gnu::always_inline]] static Real abs(Real x) { return Basic::abs(x); }
  [[gnu::always_inline]] static Real max(Real x, Real y) { return Basic::max(x, y); }
  [[gnu::always_inline]] static Real min(Real x, Real y) { return Basic::min(x, y); }
  [[gnu::always_inline]] static Mask less(Real x, Real y) { return x.value < y.value; }
  [[gnu::always_inline]] static Mask equal(Real x, Real y) { return x.value == y.value; }
  [[gnu::always_inline]] static Real select(Mask mask, Real x, Real y) {
    return Basic::select(mask, x, y);
  }
  [[gnu::always_inline]] static Real stop_gradient(Real x) { return x; }

 private:
  /// exp(r) - 1 for |r| <= log(2)/2: r + r²·q(r), relative error of the fit 8e-9.
  [[gnu::always_inline]] static Real exp_minus_1(Real r) {
    return multiply_add(r * r, exp_tail(r), r);
  }
  /// q(r) = (exp(r) - 1 - r) / r².
  [[gnu::always_inline]] static Real exp_tail(Real r) {
    Real q = Real(0x1.6d11fep-10f);
    q = multiply_add(q, r, Real(0x1.120c62p-7f));
    q = multiply_add(q, r, Real(0x1.555518p-5f));
    q = multiply_add(q, r, Real(0x1.5554dcp-3f));
    return multiply_add(q, r, Real(0.5f));
  }
  /// exp(x) for x in [-104, 89] or NaN.
  [[gnu::always_inline]] static Real bounded_exp(Real x) {
    const Real n = Basic::round(x * Real(log2_e));
    Real r = multiply_add(n, Real(-log_2_high), x);
    r = multiply_add(n, Real(-log_2_low), r);
    // In this order, what is added to 1 never falls from one float to the next: the error of
    // r²·q(r) is below their distance. (r·q(r) would be rounded in larger steps than r has.)
    return Basic::scale(Real(1) + exp_minus_1(r), n);
  }
};

}  // namespace flashrnn::host
