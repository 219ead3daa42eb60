// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cell.hpp"

namespace flashrnn {

/// Gated recurrent unit (K. Cho et al., EMNLP 2014) with the linear map before the reset gate, as
/// torch.nn.GRU and cuDNN have it. Pre-activations g, r, z, n; state h:
///
///     r = σ(gate r)    z = σ(gate z)    n = tanh(gate n + r·(gate g))    h = z·h' + (1 - z)·n
///
/// R enters g, r, z; x enters r, z, n; the bias has all four. So gate g is R_g·h' + b_g, what the
/// reset gate scales, and gate n is x_n + b_n.
struct Gru {
  static constexpr const char* name = "gru";
  static constexpr int states = 1;
  static constexpr int gates = 4;  // g, r, z, n
  static constexpr unsigned recurrent_gates = 0b0111;
  static constexpr unsigned input_gates = 0b1110;
  static constexpr unsigned bias_gates = 0b1111;
  static constexpr bool bounded = true;
  static constexpr int saved = 4;  // g, r, z, n after their activations (g has none)

  template <class Math, class Real = typename Math::Real>
  FLASHRNN_FUNCTION static void forward(const Real (&gate)[gates], const Real (&previous)[states],
                                        Real (&next)[states], Real (&save)[saved]) {
    const Real g = gate[0];
    const Real r = Math::sigmoid(gate[1]);
    const Real z = Math::sigmoid(gate[2]);
    const Real n = Math::tanh(gate[3] + r * g);
    next[0] = z * previous[0] + (Real(1) - z) * n;
    save[0] = g;
    save[1] = r;
    save[2] = z;
    save[3] = n;
  }

  template <class Math, class Real = typename Math::Real>
  FLASHRNN_FUNCTION static void backward(const Real (&save)[saved], const Real (&previous)[states],
                                         const Real (&)[states], const Real (&d_next)[states],
                                         Real (&d_gate)[gates], Real (&d_previous)[states]) {
    const Real g = save[0], r = save[1], z = save[2], n = save[3];
    // d_next is what the step waits for; everything else can be multiplied before it is there.
    const Real through_n = (Real(1) - z) * (Real(1) - n * n);
    d_gate[0] = d_next[0] * (through_n * r);
    d_gate[1] = d_next[0] * (through_n * g * r * (Real(1) - r));
    d_gate[2] = d_next[0] * ((previous[0] - n) * z * (Real(1) - z));
    d_gate[3] = d_next[0] * through_n;
    d_previous[0] = d_next[0] * z;
  }
};

}  // namespace flashrnn
