// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cell.hpp"
#include "check.hpp"
#include "dual.hpp"

// Supplies what a cell does not write itself: its backward function, derived from its forward
// function (cells/dual.hpp), and uniform signatures for cells with and without saved values. A
// pointwise function has few inputs (gates + states), so one dual number carries the derivatives by
// all of them.

namespace flashrnn {

/// A cell as the backends call it: whatever the cell leaves out is derived, and the signatures are
/// the same for all cells. Empty for a struct that is no cell, after the compiler has said why.
template <class Cell, bool valid = CheckedCell<Cell>::valid>
struct CompleteCell {};

template <class Cell>
struct CompleteCell<Cell, true> {
  static constexpr int states = Cell::states;
  static constexpr int gates = Cell::gates;
  static constexpr int inputs = gates + states;

  static constexpr bool declares_saved = requires { Cell::saved; };
  static constexpr bool has_own_backward = CellFaults<Cell>::has_backward();

  /// Values per unit and step that the forward pass keeps for the backward pass: the cell's own, or
  /// all pre-activations where backward is derived, or none.
  static constexpr int saved = [] {
    if constexpr (declares_saved) {
      return Cell::saved;
    } else {
      return has_own_backward ? 0 : gates;
    }
  }();
  /// Length of the arrays that hold them (C++ has no arrays of length 0).
  static constexpr int saved_extent = saved > 0 ? saved : 1;

  template <class Math, class Real = typename Math::Real>
  FLASHRNN_FUNCTION static void forward(const Real (&gate)[gates], const Real (&previous)[states],
                                        Real (&next)[states], Real (&save)[saved_extent]) {
    if constexpr (declares_saved) {
      Cell::template forward<Math>(gate, previous, next, save);
    } else {
      Cell::template forward<Math>(gate, previous, next);
      if constexpr (!has_own_backward) {
        for (int n = 0; n < gates; ++n) save[n] = gate[n];
      }
    }
  }

  template <class Math, class Real = typename Math::Real>
  FLASHRNN_FUNCTION static void backward(const Real (&save)[saved_extent],
                                         const Real (&previous)[states], const Real (&next)[states],
                                         const Real (&d_next)[states], Real (&d_gate)[gates],
                                         Real (&d_previous)[states]) {
    if constexpr (!has_own_backward) {
      derived_backward<Math>(save, previous, d_next, d_gate, d_previous);
    } else if constexpr (declares_saved) {
      Cell::template backward<Math>(save, previous, next, d_next, d_gate, d_previous);
    } else {
      Cell::template backward<Math>(previous, next, d_next, d_gate, d_previous);
    }
  }

  /// The transposed Jacobian of forward times d_next, whether or not the cell has its own backward.
  /// `gate` are the pre-activations.
  template <class Math, class Real = typename Math::Real>
  FLASHRNN_FUNCTION static void derived_backward(const Real (&gate)[gates],
                                                 const Real (&previous)[states],
                                                 const Real (&d_next)[states],
                                                 Real (&d_gate)[gates],
                                                 Real (&d_previous)[states]) {
    using Variable = Dual<Real, inputs>;
    Variable gate_variable[gates], previous_variable[states], next_variable[states];
    for (int n = 0; n < gates; ++n) {
      gate_variable[n] = Variable(gate[n]);
      gate_variable[n].derivative[n] = Real(1);
    }
    for (int s = 0; s < states; ++s) {
      previous_variable[s] = Variable(previous[s]);
      previous_variable[s].derivative[gates + s] = Real(1);
    }
    using VariableMath = DualMath<Math, inputs>;
    if constexpr (declares_saved) {
      Variable save[saved_extent];
      Cell::template forward<VariableMath>(gate_variable, previous_variable, next_variable, save);
    } else {
      Cell::template forward<VariableMath>(gate_variable, previous_variable, next_variable);
    }
    for (int n = 0; n < inputs; ++n) {
      Real sum = Real(0);
      for (int s = 0; s < states; ++s) sum = sum + d_next[s] * next_variable[s].derivative[n];
      if (n < gates) {
        d_gate[n] = sum;
      } else {
        d_previous[n - gates] = sum;
      }
    }
  }
};

}  // namespace flashrnn
