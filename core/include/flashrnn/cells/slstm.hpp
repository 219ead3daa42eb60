// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cell.hpp"

namespace flashrnn {

/// sLSTM: LSTM with exponential gating, a normaliser n and a stabiliser m (M. Beck et al., "xLSTM",
/// NeurIPS 2024; K. Pöppel et al., "FlashRNN", ICLR 2025). Gates i, f, z, o; states h, c, n, m:
///
///     a  = log σ(f) + m'                 m  = i if n' = 0, else max(i, a)
///     i⁺ = exp(i - m)                    f⁺ = exp(a - m)
///     c  = f⁺·c' + i⁺·tanh(z)            n  = max(f⁺·n' + i⁺, 1)            h = σ(o)·c/n
///
/// Both exponents are at most 0 once n' > 0, and n >= 1, so nothing overflows. With n' = 0 the past
/// carries no weight and a - m may be positive; it is bounded by 80, so that f⁺ stays finite in
/// single precision and f⁺·c' = 0 for the usual c' = 0. The stabiliser cancels in h and carries no
/// gradient: backward takes m as a constant of the step that made it, so that what reaches m' comes
/// from the one step that read it.
struct Slstm {
  static constexpr const char* name = "slstm";
  static constexpr int states = 4;
  static constexpr int gates = 4;
  static constexpr unsigned recurrent_gates = 0b1111;
  static constexpr unsigned input_gates = 0b1111;
  static constexpr unsigned bias_gates = 0b1111;
  static constexpr int saved = 4;  // weights() of i⁺ and f⁺, tanh(z), σ(o), σ(-f)

  template <class Math, class Real = typename Math::Real>
  FLASHRNN_FUNCTION static void forward(const Real (&gate)[gates], const Real (&previous)[states],
                                        Real (&next)[states], Real (&save)[saved]) {
    const auto empty = Math::equal(previous[2], Real(0));
    const Real a = Math::log_sigmoid(gate[1]) + previous[3];
    const Real m = Math::stop_gradient(Math::select(empty, gate[0], Math::max(gate[0], a)));
    const Real z = Math::tanh(gate[2]);
    const Real o = Math::sigmoid(gate[3]);

    // r = exp(i - a), the weight of this step in terms of the past's, by 1/σ(f) = (1 + exp(-|f|)) ·
    // exp(-min(f, 0)): one exponential after the gates, where a, m and i⁺ are three functions one
    // after the other. The bounds keep r and 1/r finite; beyond them the smaller weight no longer
    // counts.
    const Real ahead = gate[0] - previous[3] - Math::min(gate[1], Real(0));
    const Real r =
        Math::min(Math::exp(ahead) * (Real(1) + Math::exp(-Math::abs(gate[1]))) + Real(0x1p-115),
                  Real(0x1p100));
    const Real least = Math::select(empty, Real(0), Real(1));
    const Real i =
        Math::either(Math::select(empty, Real(1), Math::min(r, Real(1))), Math::exp(gate[0] - m));
    const Real f = Math::either(Math::min(Real(1) / r, Math::select(empty, Real(0x1p116), Real(1))),
                                Math::exp(Math::min(a - m, Real(80))));
    next[1] = f * previous[1] + i * z;
    next[2] = Math::max(f * previous[2] + i, Real(1));
    next[3] = m;
    // c/n with both multiplied by max(r, 1), or by r if n' = 0.
    next[0] = Math::either(o * (r * z + previous[1]) *
                               (Real(1) / Math::max(Math::max(previous[2], Real(0)) + r, least)),
                           o * next[1] / next[2]);
    save[0] = Math::select(Math::less(i, Real(1)), i, -f);
    save[1] = z;
    save[2] = o;
    save[3] = Math::sigmoid(-gate[1]);
  }

  /// i⁺ and f⁺ from the one number that is saved for both: at least one of them is 1, the other one
  /// is saved, f⁺ with its sign changed. Rounded to zero it still has that sign.
  template <class Math, class Real = typename Math::Real>
  FLASHRNN_FUNCTION static void weights(const Real& both, Real& i, Real& f) {
    const auto is_f = Math::negative(both);
    i = Math::select(is_f, Real(1), both);
    f = Math::select(is_f, -both, Real(1));
  }

  template <class Math, class Real = typename Math::Real>
  FLASHRNN_FUNCTION static void backward(const Real (&save)[saved], const Real (&previous)[states],
                                         const Real (&next)[states], const Real (&d_next)[states],
                                         Real (&d_gate)[gates], Real (&d_previous)[states]) {
    const Real z = save[1], o = save[2], one_minus_sigmoid_f = save[3];
    Real i, f;
    weights<Math>(save[0], i, f);
    // f⁺ may be infinite in 16 bits where n' = 0; what it is multiplied by is 0 then.
    f = Math::min(f, Real(0x1p123));
    const Real inverse = Real(1) / next[2], normalised = next[1] * inverse;
    // d_next is what the step waits for; everything else can be multiplied before it is there.
    const Real through_c = o * inverse;
    const Real d_c = d_next[1] + d_next[0] * through_c;
    const Real d_n_out = d_next[2] - d_next[0] * (through_c * normalised);
    // Where the lower bound 1 was active, n does not depend on its inputs. Where it was just met,
    // as after every step from n' = 0, n' has two one-sided derivatives; their mean is taken. (i⁺
    // takes the upper one: it is what makes the gradient of gate i vanish there, as it must,
    // because h does not depend on i while n' = 0 and c' = 0.)
    const Real unbounded = f * previous[2] + i;
    const Real d_n = Math::select(Math::less(unbounded, Real(1)), Real(0), d_n_out);
    const Real share = Math::select(Math::equal(unbounded, Real(1)), Real(0.5), Real(1));
    const Real d_i = d_c * z + d_n;
    const Real d_f = d_c * previous[1] + d_n * previous[2];
    d_gate[0] = d_i * i;
    d_gate[1] = d_f * (f * one_minus_sigmoid_f);
    d_gate[2] = d_c * (i * (Real(1) - z * z));
    d_gate[3] = d_next[0] * (normalised * o * (Real(1) - o));
    d_previous[0] = Real(0);
    d_previous[1] = d_c * f;
    d_previous[2] = share * d_n * f;
    d_previous[3] = d_f * f;
  }
};

}  // namespace flashrnn
