// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cell.hpp"

namespace flashrnn {

// Elman network (J. L. Elman, "Finding structure in time", Cognitive Science 14, 1990).
// One gate g, one state h:   h = φ(g).

/// h = tanh(g), as torch.nn.RNN(nonlinearity="tanh").
struct Elman {
  static constexpr const char* name = "elman";
  static constexpr int states = 1;
  static constexpr int gates = 1;
  static constexpr unsigned recurrent_gates = 0b1;
  static constexpr unsigned input_gates = 0b1;
  static constexpr unsigned bias_gates = 0b1;
  static constexpr bool bounded = true;

  template <class Math, class Real = typename Math::Real>
  FLASHRNN_FUNCTION static void forward(const Real (&gate)[gates], const Real (&)[states],
                                        Real (&next)[states]) {
    next[0] = Math::tanh(gate[0]);
  }

  // tanh' = 1 - tanh², so the state itself is all that backward needs.
  template <class Math, class Real = typename Math::Real>
  FLASHRNN_FUNCTION static void backward(const Real (&)[states], const Real (&next)[states],
                                         const Real (&d_next)[states], Real (&d_gate)[gates],
                                         Real (&d_previous)[states]) {
    d_gate[0] = d_next[0] * (Real(1) - next[0] * next[0]);
    d_previous[0] = Real(0);
  }
};

/// h = max(g, 0), as torch.nn.RNN(nonlinearity="relu"). The derivative at 0 is 0.
struct ElmanRelu {
  static constexpr const char* name = "elman_relu";
  static constexpr int states = 1;
  static constexpr int gates = 1;
  static constexpr unsigned recurrent_gates = 0b1;
  static constexpr unsigned input_gates = 0b1;
  static constexpr unsigned bias_gates = 0b1;

  template <class Math, class Real = typename Math::Real>
  FLASHRNN_FUNCTION static void forward(const Real (&gate)[gates], const Real (&)[states],
                                        Real (&next)[states]) {
    next[0] = Math::max(gate[0], Real(0));
  }

  template <class Math, class Real = typename Math::Real>
  FLASHRNN_FUNCTION static void backward(const Real (&)[states], const Real (&next)[states],
                                         const Real (&d_next)[states], Real (&d_gate)[gates],
                                         Real (&d_previous)[states]) {
    d_gate[0] = Math::select(Math::less(Real(0), next[0]), d_next[0], Real(0));
    d_previous[0] = Real(0);
  }
};

}  // namespace flashrnn
