// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "flashrnn/recurrence/backward_reads.hpp"
#include "flashrnn/recurrence/describe_cell.hpp"

namespace flashrnn {

/// A cell as a backend sees it that compiles kernels of its own at run time.
struct NativeCell {
  CellDescription description;
  unsigned recurrent_gates = 0, input_gates = 0, bias_gates = 0;  ///< masks of gates
  BackwardReads reads;
};

template <class Cell>
NativeCell native_cell() {
  return {describe_cell<Cell>(), Cell::recurrent_gates, Cell::input_gates, Cell::bias_gates,
          backward_reads<Cell>()};
}

}  // namespace flashrnn
