// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cell.hpp"

namespace flashrnn {

/// Long short-term memory (S. Hochreiter, J. Schmidhuber, Neural Computation 9, 1997; with the
/// forget gate of F. Gers et al., 2000). Gates i, f, z, o; states h, c:
///
///     c = σ(f)·c' + σ(i)·tanh(z)        h = σ(o)·tanh(c)
///
/// The gate order is that of torch.nn.LSTM, which calls them i, f, g, o.
struct Lstm {
  static constexpr const char* name = "lstm";
  static constexpr int states = 2;
  static constexpr int gates = 4;
  static constexpr unsigned recurrent_gates = 0b1111;
  static constexpr unsigned input_gates = 0b1111;
  static constexpr unsigned bias_gates = 0b1111;
  static constexpr bool bounded = true;
  static constexpr int saved = 4;  // σ(i), σ(f), tanh(z), σ(o)

  template <class Math, class Real = typename Math::Real>
  FLASHRNN_FUNCTION static void forward(const Real (&gate)[gates], const Real (&previous)[states],
                                        Real (&next)[states], Real (&save)[saved]) {
    const Real i = Math::sigmoid(gate[0]);
    const Real f = Math::sigmoid(gate[1]);
    const Real z = Math::tanh(gate[2]);
    const Real o = Math::sigmoid(gate[3]);
    next[1] = f * previous[1] + i * z;
    next[0] = o * Math::tanh(next[1]);
    save[0] = i;
    save[1] = f;
    save[2] = z;
    save[3] = o;
  }

  template <class Math, class Real = typename Math::Real>
  FLASHRNN_FUNCTION static void backward(const Real (&save)[saved], const Real (&previous)[states],
                                         const Real (&next)[states], const Real (&d_next)[states],
                                         Real (&d_gate)[gates], Real (&d_previous)[states]) {
    const Real i = save[0], f = save[1], z = save[2], o = save[3];
    const Real tanh_c = Math::tanh(next[1]);
    // d_next is what the step waits for; everything else can be multiplied before it is there.
    const Real d_c = d_next[1] + d_next[0] * (o * (Real(1) - tanh_c * tanh_c));
    d_gate[0] = d_c * (z * i * (Real(1) - i));
    d_gate[1] = d_c * (previous[1] * f * (Real(1) - f));
    d_gate[2] = d_c * (i * (Real(1) - z * z));
    d_gate[3] = d_next[0] * (tanh_c * o * (Real(1) - o));
    d_previous[0] = Real(0);
    d_previous[1] = d_c * f;
  }
};

}  // namespace flashrnn
