// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "flashrnn/recurrence/backward_reads.hpp"
#include "flashrnn/recurrence/describe_cell.hpp"
#include "flashrnn/recurrence/sigmoid_gates.hpp"

namespace flashrnn {

/// A cell as a backend sees it that compiles kernels of its own at run time.
struct NativeCell {
  CellDescription description;
  unsigned recurrent_gates = 0, input_gates = 0, bias_gates = 0;  ///< masks of gates
  BackwardReads reads;
  unsigned sigmoid_gates = 0;  ///< mask of the gates that enter nothing but a sigmoid
};

template <class Cell>
NativeCell native_cell() {
  return {describe_cell<Cell>(), Cell::recurrent_gates,  Cell::input_gates,
          Cell::bias_gates,      backward_reads<Cell>(), sigmoid_gates<Cell>()};
}

}  // namespace flashrnn
