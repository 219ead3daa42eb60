// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "flashrnn/cells/differentiate.hpp"
#include "flashrnn/problem.hpp"

namespace flashrnn {

/// The description of a cell, read off its type.
template <class Cell>
CellDescription describe_cell() {
  CellDescription out;
  if constexpr (requires { Cell::name; }) {
    out.name = Cell::name;
  } else {
    out.name = "user cell";
  }
  out.states = Cell::states;
  out.gates = Cell::gates;
  out.recurrent_gates = count_gates(Cell::recurrent_gates);
  out.input_gates = count_gates(Cell::input_gates);
  out.bias_gates = count_gates(Cell::bias_gates);
  out.saved = CompleteCell<Cell>::saved;
  out.bounded = is_bounded<Cell>();
  return out;
}

}  // namespace flashrnn
