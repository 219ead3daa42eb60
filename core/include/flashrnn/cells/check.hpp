// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cell.hpp"

// Checks a struct against the contract of cells/cell.hpp. The first fault alone is reported, in one
// sentence, and nothing that depends on a faulty struct is instantiated, so that no page of
// templates hides the sentence.

namespace flashrnn {

/// What may be wrong with a cell.
enum class CellFault {
  none,
  sizes,
  masks,
  name,
  states,
  gates,
  mask_bits,
  no_recurrent_gate,
  no_input_gate,
  saved,
  saved_without_backward,
  backward,
  forward
};

/// The Math with which signatures are checked; declared, never called. Its Real is a type of its
/// own, so that a cell which insists on float is found out.
struct ProbeMath {
  struct Real {
    Real() = default;
    // NOLINTNEXTLINE(google-explicit-constructor): as dual numbers, which it stands for
    FLASHRNN_FUNCTION Real(double) {}
    FLASHRNN_FUNCTION friend Real operator+(Real x, Real) { return x; }
    FLASHRNN_FUNCTION friend Real operator-(Real x, Real) { return x; }
    FLASHRNN_FUNCTION friend Real operator*(Real x, Real) { return x; }
    FLASHRNN_FUNCTION friend Real operator/(Real x, Real) { return x; }
    FLASHRNN_FUNCTION friend Real operator-(Real x) { return x; }
  };
  struct Mask {};
  static Real exp(Real), log1p(Real), tanh(Real), sigmoid(Real), log_sigmoid(Real), sqrt(Real),
      abs(Real), max(Real, Real), min(Real, Real), select(Mask, Real, Real), stop_gradient(Real),
      either(Real, Real);
  static Mask less(Real, Real), equal(Real, Real), negative(Real);
};

// Whether the functions of a cell can be called as the contract says. Concepts over named types,
// because nvcc and NVRTC 13.0 crash on a requires-expression within a function one of whose
// parameters is an array with a bound that depends on a template parameter.
template <int count>
using ProbeIn = const ProbeMath::Real (&)[count];
template <int count>
using ProbeOut = ProbeMath::Real (&)[count];
template <class Cell, int gates, int states>
concept HasForward = requires(ProbeIn<gates> gate, ProbeIn<states> in, ProbeOut<states> out) {
  Cell::template forward<ProbeMath>(gate, in, out);
};
template <class Cell, int gates, int states, int saved>
concept HasSavingForward = requires(ProbeIn<gates> gate, ProbeIn<states> in, ProbeOut<states> out,
                                    ProbeOut<saved> save) {
  Cell::template forward<ProbeMath>(gate, in, out, save);
};
template <class Cell, int gates, int states>
concept HasBackward = requires(ProbeIn<states> in, ProbeOut<gates> d_gate,
                               ProbeOut<states> d_previous) {
  Cell::template backward<ProbeMath>(in, in, in, d_gate, d_previous);
};
template <class Cell, int gates, int states, int saved>
concept HasSavingBackward = requires(ProbeIn<saved> save, ProbeIn<states> in,
                                     ProbeOut<gates> d_gate, ProbeOut<states> d_previous) {
  Cell::template backward<ProbeMath>(save, in, in, in, d_gate, d_previous);
};

/// Finds the fault of a cell.
template <class Cell>
class CellFaults {
 public:
  static constexpr CellFault find() {
    if constexpr (!has_sizes) {
      return CellFault::sizes;
    } else if constexpr (!has_masks) {
      return CellFault::masks;
    } else {
      constexpr CellFault fault = in_constants();
      if constexpr (fault != CellFault::none) {
        return fault;
      } else {
        return in_functions();
      }
    }
  }

 private:
  template <int>
  struct Constant {};
  template <unsigned>
  struct Mask {};
  // A name that two base classes have is ambiguous: the test for any member called backward.
  struct NameOfBackward {
    int backward;
  };
  template <class Base>
  struct BothBackwards : Base, NameOfBackward {};

  static constexpr bool has_sizes = requires {
    Constant<int{Cell::states}>{};
    Constant<int{Cell::gates}>{};
  };
  static constexpr bool has_masks = requires {
    Mask<unsigned{Cell::recurrent_gates}>{};
    Mask<unsigned{Cell::input_gates}>{};
    Mask<unsigned{Cell::bias_gates}>{};
  };
  static constexpr bool has_saved = requires { Cell::saved; };

  static constexpr CellFault in_constants() {
    constexpr unsigned all_masks = Cell::recurrent_gates | Cell::input_gates | Cell::bias_gates;
    if constexpr (requires { Cell::name; }) {
      if (!requires(const char* text) { text = Cell::name; }) return CellFault::name;
    }
    if (Cell::states < 1) return CellFault::states;
    if (Cell::gates < 1 || Cell::gates > 31) return CellFault::gates;
    if ((all_masks >> Cell::gates) != 0) return CellFault::mask_bits;
    if (Cell::recurrent_gates == 0) return CellFault::no_recurrent_gate;
    if (Cell::input_gates == 0) return CellFault::no_input_gate;
    if constexpr (has_saved) {
      if constexpr (requires { Constant<int{Cell::saved}>{}; }) {
        if (Cell::saved < 1) return CellFault::saved;
      } else {
        return CellFault::saved;
      }
    }
    return CellFault::none;
  }

  /// Only once the constants are right: they are the lengths of the arrays.
  static constexpr CellFault in_functions() {
    constexpr bool names_backward = mentions_backward();
    if constexpr (has_saved && !names_backward) {
      return CellFault::saved_without_backward;
    } else if constexpr (names_backward && !has_backward()) {
      return CellFault::backward;
    } else if constexpr (!has_forward()) {
      return CellFault::forward;
    } else {
      return CellFault::none;
    }
  }

  static constexpr bool mentions_backward() {
    if constexpr (__is_final(Cell)) {
      return has_backward();
    } else {
      return !requires {
        &BothBackwards<Cell>::backward;
      };
    }
  }

 public:
  /// Only for a cell whose constants are right.
  static constexpr bool has_backward() {
    if constexpr (has_saved) {
      return HasSavingBackward<Cell, Cell::gates, Cell::states, Cell::saved>;
    } else {
      return HasBackward<Cell, Cell::gates, Cell::states>;
    }
  }
  static constexpr bool has_forward() {
    if constexpr (has_saved) {
      return HasSavingForward<Cell, Cell::gates, Cell::states, Cell::saved>;
    } else {
      return HasForward<Cell, Cell::gates, Cell::states>;
    }
  }
};

/// Reports a cell's fault to whoever compiles it. Code that needs a valid cell stands in
/// `if constexpr (CheckedCell<Cell>::valid)`, so that the report stands alone.
template <class Cell>
struct CheckedCell {
  static constexpr CellFault fault = CellFaults<Cell>::find();
  static constexpr bool valid = fault == CellFault::none;

  static_assert(fault != CellFault::sizes,
                "flashrnn: a cell declares `static constexpr int states` and `static constexpr int "
                "gates`; this one lacks one of them (see flashrnn/cells/cell.hpp).");
  static_assert(fault != CellFault::masks,
                "flashrnn: a cell declares `static constexpr unsigned recurrent_gates`, "
                "`input_gates` and `bias_gates`, one bit per gate; this one lacks one of them (see "
                "flashrnn/cells/cell.hpp).");
  static_assert(fault != CellFault::name,
                "flashrnn: the name of a cell is a `static constexpr const char*`.");
  static_assert(fault != CellFault::states,
                "flashrnn: a cell has at least one state: state 0 is h, which enters R.");
  static_assert(fault != CellFault::gates, "flashrnn: a cell has between 1 and 31 gates.");
  static_assert(fault != CellFault::mask_bits,
                "flashrnn: a gate mask of this cell names a gate that does not exist (a bit at or "
                "above `gates` is set).");
  static_assert(fault != CellFault::no_recurrent_gate,
                "flashrnn: no gate of this cell receives R*h; a cell without recurrence needs no "
                "recurrent network.");
  static_assert(fault != CellFault::no_input_gate,
                "flashrnn: no gate of this cell receives the input x.");
  static_assert(fault != CellFault::saved,
                "flashrnn: `saved` of a cell is a `static constexpr int` of at least 1; leave it "
                "out if backward needs nothing but the states.");
  static_assert(fault != CellFault::saved_without_backward,
                "flashrnn: a cell that declares `saved` also has its own backward, which reads "
                "them; this one has none (see flashrnn/cells/cell.hpp).");
  static_assert(fault != CellFault::backward,
                "flashrnn: the backward of this cell is not a static function template "
                "backward<Math>([const Real (&save)[saved],] const Real (&previous)[states], const "
                "Real (&next)[states], const Real (&d_next)[states], Real (&d_gate)[gates], Real "
                "(&d_previous)[states]), with `save` if and only if it declares `saved` (see "
                "flashrnn/cells/cell.hpp).");
  static_assert(fault != CellFault::forward,
                "flashrnn: a cell has a static function template forward<Math>(const Real "
                "(&gate)[gates], const Real (&previous)[states], Real (&next)[states]), with a "
                "fourth argument Real (&save)[saved] if and only if it declares `saved`; this one "
                "has none with that signature (see flashrnn/cells/cell.hpp).");
};

}  // namespace flashrnn
