// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "flashrnn/cells/cell.hpp"

/// LSTM with peepholes (F. Gers, N. Schraudolph, J. Schmidhuber, "Learning precise timing with LSTM
/// recurrent networks", JMLR 3, 2002), a cell that the library does not have. Gates i, f, z, o and
/// one weight p per unit for each peephole; states h, c:
///
///     i = σ(gate i + p_i·c')    f = σ(gate f + p_f·c')    z = tanh(gate z)
///     c = f·c' + i·z            o = σ(gate o + p_o·c)     h = o·tanh(c)
///
/// The weights are gates without R and x: what is left of such a gate is its bias, so they stand
/// behind the biases in b [7, H, D], and db holds their gradients. There is no backward here: the
/// library derives it.
struct PeepholeLstm {
  static constexpr const char* name = "peephole_lstm";
  static constexpr const char* file = __FILE__;  // CUDA kernels are compiled from this text
  static constexpr int states = 2;               // h, c
  static constexpr int gates = 7;                // i, f, z, o, p_i, p_f, p_o
  static constexpr unsigned recurrent_gates = 0b000'1111;  // i, f, z, o receive R·h
  static constexpr unsigned input_gates = 0b000'1111;      // and x
  static constexpr unsigned bias_gates = 0b111'1111;       // all seven have a bias

  template <class Math, class Real = typename Math::Real>
  FLASHRNN_FUNCTION static void forward(const Real (&gate)[gates], const Real (&previous)[states],
                                        Real (&next)[states]) {
    const Real i = Math::sigmoid(gate[0] + gate[4] * previous[1]);
    const Real f = Math::sigmoid(gate[1] + gate[5] * previous[1]);
    const Real z = Math::tanh(gate[2]);
    next[1] = f * previous[1] + i * z;
    const Real o = Math::sigmoid(gate[3] + gate[6] * next[1]);
    next[0] = o * Math::tanh(next[1]);
  }
};

/// The same cell with its backward by hand, which needs no dual numbers: worth it once the cell is
/// settled.
struct PeepholeLstmByHand {
  static constexpr const char* name = "peephole_lstm_by_hand";
  static constexpr const char* file = PeepholeLstm::file;
  static constexpr int states = PeepholeLstm::states;
  static constexpr int gates = PeepholeLstm::gates;
  static constexpr unsigned recurrent_gates = PeepholeLstm::recurrent_gates;
  static constexpr unsigned input_gates = PeepholeLstm::input_gates;
  static constexpr unsigned bias_gates = PeepholeLstm::bias_gates;
  static constexpr int saved = 7;  // i, f, z, o after their activations; p_i, p_f, p_o

  template <class Math, class Real = typename Math::Real>
  FLASHRNN_FUNCTION static void forward(const Real (&gate)[gates], const Real (&previous)[states],
                                        Real (&next)[states], Real (&save)[saved]) {
    save[0] = Math::sigmoid(gate[0] + gate[4] * previous[1]);
    save[1] = Math::sigmoid(gate[1] + gate[5] * previous[1]);
    save[2] = Math::tanh(gate[2]);
    next[1] = save[1] * previous[1] + save[0] * save[2];
    save[3] = Math::sigmoid(gate[3] + gate[6] * next[1]);
    next[0] = save[3] * Math::tanh(next[1]);
    for (int n = 4; n < 7; ++n) save[n] = gate[n];
  }

  template <class Math, class Real = typename Math::Real>
  FLASHRNN_FUNCTION static void backward(const Real (&save)[saved], const Real (&previous)[states],
                                         const Real (&next)[states], const Real (&d_next)[states],
                                         Real (&d_gate)[gates], Real (&d_previous)[states]) {
    const Real i = save[0], f = save[1], z = save[2], o = save[3];
    const Real tanh_c = Math::tanh(next[1]);
    d_gate[3] = d_next[0] * tanh_c * o * (Real(1) - o);
    const Real d_c = d_next[1] + d_next[0] * o * (Real(1) - tanh_c * tanh_c) + d_gate[3] * save[6];
    d_gate[0] = d_c * z * i * (Real(1) - i);
    d_gate[1] = d_c * previous[1] * f * (Real(1) - f);
    d_gate[2] = d_c * i * (Real(1) - z * z);
    d_gate[4] = d_gate[0] * previous[1];
    d_gate[5] = d_gate[1] * previous[1];
    d_gate[6] = d_gate[3] * next[1];
    d_previous[0] = Real(0);
    d_previous[1] = d_c * f + d_gate[0] * save[4] + d_gate[1] * save[5];
  }
};
