// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>

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
  [[gnu::always_inline]] static Mask negative(Real x) {
    return std::bit_cast<Mask>(x.value) < Mask{};
  }
  [[gnu::always_inline]] static Real select(Mask mask, Real x, Real y) {
    return Real::of(mask ? x.value : y.value);
  }
  [[gnu::always_inline]] static Real stop_gradient(Real x) { return x; }
  [[gnu::always_inline]] static Real either(Real, Real plain) { return plain; }
};

/// Single precision. Range reduction by multiples of log 2 and polynomials fitted by us (Chebyshev
/// interpolation in 40 digits); errors over all 2^32 floats are found by
/// tests/host/vector_math_test.cpp: at most 2 ulp, monotone, right at infinities, NaN and subnormal
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

  /// 1 / (1 + exp(-x)) as s / (s + exp(r)) with s = 2^n and -x = r - n·log 2. The sum is formed as
  /// (1 + s) + (exp(r) - 1), so that exp(r) itself is never rounded; 2^24 in the quotient keeps it
  /// normal where the result is not.
  [[gnu::always_inline]] static Real sigmoid(Real x) {
    const Real bounded = Basic::max(Basic::min(x, Real(40.0f)), Real(-104.0f));
    const auto n = Basic::round_product(bounded, log2_e);
    Real r = multiply_add(n.value, Real(log_2_high), -bounded);
    r = multiply_add(n.value, Real(log_2_low), r);
    const Real scaled = Basic::power_of(n, 24), s = scaled * Real(0x1p-24f);
    const Real most = Real(1) + s, lost = s - (most - Real(1));
    const Real sum = most + (exp_minus_1(r) + lost);
    return Basic::divide(scaled, sum) * Real(0x1p-24f);
  }

  /// |tanh x| = (1 - e) / (1 + e) with e = exp(-2|x|) = s·(1 + p), s = 2^-n: numerator (1 - s) -
  /// s·p and denominator (1 + s) + s·p are rounded once each, without cancellation.
  [[gnu::always_inline]] static Real tanh(Real x) {
    const Real magnitude = Basic::abs(x);
    const Real y = Basic::min(magnitude + magnitude, Real(20.0f));  // tanh(10) rounds to 1
    const auto n = Basic::round_product(y, log2_e);
    const Real p = exp_minus_1(multiply_add(n.value, Real(log_2), -y));
    const Real s = Basic::inverse_power_of(n);
    return Basic::copy_sign(
        Basic::divide(multiply_add(-s, p, Real(1) - s), multiply_add(s, p, Real(1) + s)), x);
  }

  /// log σ(x) = min(x, 0) - log(1 + e) with e = exp(-|x|): no overflow and no cancellation on
  /// either side. As e is at most 1, log(1 + e) = 2·artanh(w/2) with w = 2e / (2 + e): w +
  /// w³·q(w²), whose relative error of the fit is 1e-9, without a search for the exponent as in
  /// log1p. What the sum 2 + e and the division lose is put back, as 1 / (2 + e) = 1/2 - w/4.
  [[gnu::always_inline]] static Real log_sigmoid(Real x) {
    const Real e = exp(-Basic::abs(x));
    const Real sum = Real(2) + e, lost = e - (sum - Real(2));
    const Real w = Basic::divide(e + e, sum), w2 = w * w;
    const Real rest = multiply_add(-w, lost, Basic::remainder(e + e, sum, w));
    const Real put_back = rest * multiply_add(w, Real(-0.25f), Real(0.5f));
    Real q = Real(0x1.dba26p-14f);
    q = multiply_add(q, w2, Real(0x1.bc8cf8p-12f));
    q = multiply_add(q, w2, Real(0x1.24c926p-9f));
    q = multiply_add(q, w2, Real(0x1.9998d4p-7f));
    q = multiply_add(q, w2, Real(0x1.555556p-4f));
    return Basic::min(x, Real(0)) - (w + multiply_add(w * w2, q, put_back));
  }

  /// log(1 + x) = k·log 2 + log(1 + f) + c/(1 + x), where 1 + x rounds to 2^k·(1 + f) with f in
  /// [√½ - 1, √2 - 1], and c is what the rounding lost.
  [[gnu::always_inline]] static Real log1p(Real x) {
    using Int = typename Basic::Int;
    const Real u = Real(1) + x;
    const Real larger = Basic::max(x, Real(1)), smaller = Basic::min(x, Real(1));
    const Real lost = smaller - (u - larger);
    constexpr unsigned root_half = 0x3f3504f3;                        // √½
    using Bits __attribute__((vector_size(sizeof(Int)))) = unsigned;  // NaN's may wrap around
    const Bits bits = (Bits)u.value + (0x3f800000 - root_half);
    const Real k = Real::of(convert_lanes<typename Real::Native>(((Int)bits >> 23) - 127));
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
  [[gnu::always_inline]] static Mask negative(Real x) {
    return std::bit_cast<Mask>(x.value) < Mask{};
  }
  [[gnu::always_inline]] static Real select(Mask mask, Real x, Real y) {
    return Basic::select(mask, x, y);
  }
  [[gnu::always_inline]] static Real stop_gradient(Real x) { return x; }
  [[gnu::always_inline]] static Real either(Real, Real plain) { return plain; }

 private:
  /// exp(r) - 1 for |r| <= log(2)/2: r + r²·q(r), relative error of the fit 1.4e-8.
  [[gnu::always_inline]] static Real exp_minus_1(Real r) {
    return multiply_add(r * r, exp_tail(r), r);
  }
  /// q(r) = (exp(r) - 1 - r) / r².
  [[gnu::always_inline]] static Real exp_tail(Real r) {
    Real q = Real(0x1.6c57cap-10f);
    q = multiply_add(q, r, Real(0x1.1223bap-7f));
    q = multiply_add(q, r, Real(0x1.5555b8p-5f));
    q = multiply_add(q, r, Real(0x1.5554b6p-3f));
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
