// SPDX-License-Identifier: Apache-2.0
// A plan for a struct that is no cell: the same one sentence, although all of the library's kernels
// stand behind it.
#include "flashrnn/user_cell.hpp"

struct MissingForward {
  static constexpr int states = 1, gates = 1;
  static constexpr unsigned recurrent_gates = 1, input_gates = 1, bias_gates = 1;
};

void make_plan(const Kokkos::DefaultHostExecutionSpace& space) {
  flashrnn::Plan<Kokkos::DefaultHostExecutionSpace>::for_cell<MissingForward>(space, {});
}
