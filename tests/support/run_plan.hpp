// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <vector>

#include "flashrnn/plan.hpp"
#include "flashrnn/reference/reference.hpp"
#include "tensor_buffer.hpp"

namespace flashrnn::test {

/// How the tensors of a test lie in memory.
enum class Arrangement {
  contiguous,  ///< in the problem's order
  padded,      ///< gaps on every axis
  reversed,    ///< steps run backwards in memory
};

inline Strides arranged(Strides strides, Index steps, Arrangement arrangement) {
  (void)steps;
  if (arrangement == Arrangement::reversed) strides.step = -strides.step;
  return strides;
}

/// Strides with gaps: every axis is longer than it must be.
inline Strides padded_strides(const Shape& shape, const Axes& axes) {
  const Index head = shape.head_dim + 3;
  const Index channel = head * shape.heads + 5;
  const Index batch = channel * axes.channels + 1;
  return Strides{channel, batch * axes.batch + 7, batch, head};
}

/// Runs forward and, if training, backward of `plan` on the tensors of `t` (contiguous, double) and
/// fills t's outputs, dx only if `with_dx`. Checks that nothing else was written.
template <class ExecutionSpace>
void run_plan(const ExecutionSpace& space, const Plan<ExecutionSpace>& plan,
              reference::Tensors<double>& t, Arrangement arrangement = Arrangement::contiguous,
              bool with_dx = true) {
  using Buffer = TensorBuffer<ExecutionSpace>;
  const Problem& p = plan.problem();
  const CellDescription& cell = plan.cell();
  const Shape& s = p.shape;
  const auto make = [&](const Axes& axes, const Strides& contiguous) {
    return Buffer(p.dtype, s, axes,
                  arrangement == Arrangement::padded ? padded_strides(s, axes)
                                                     : arranged(contiguous, s.steps, arrangement));
  };
  const Axes x_axes{cell.input_gates, s.steps, s.batch, true};
  const Axes states_axes{cell.states, s.steps, s.batch};
  const Axes h_axes{1, s.steps, s.batch};
  const Axes state_axes{cell.states, 1, s.batch};
  const Axes bias_axes{cell.bias_gates, 1, 1};
  const Strides x_strides = gate_strides(s, cell.input_gates, p.order);
  const Strides sequence = state_sequence_strides(s, p.order);
  MatrixStrides r_strides = matrix_strides(s);
  if (arrangement == Arrangement::padded) {
    const Index row = s.head_dim + 2;
    r_strides = MatrixStrides{(row * s.head_dim + 3) * s.heads + 1, row * s.head_dim + 3, row};
  }
  const auto given = [](const std::vector<double>& values) { return !values.empty(); };

  Buffer x = make(x_axes, x_strides), states = make(states_axes, sequence),
         h = make(h_axes, sequence), s0 = make(state_axes, state_strides(s)),
         last = make(state_axes, state_strides(s)), b = make(bias_axes, bias_strides(s));
  MatrixBuffer<ExecutionSpace> R(p.dtype, s, cell.recurrent_gates, r_strides);
  x.upload(t.x);
  R.upload(t.R);
  if (given(t.b)) b.upload(t.b);
  if (given(t.s0)) s0.upload(t.s0);
  ByteBuffer<ExecutionSpace> reserve(plan.reserve_bytes());
  ByteBuffer<ExecutionSpace> workspace(plan.forward_workspace_bytes());

  ForwardTensors f;
  f.x = x.const_tensor();
  f.R = R.const_matrix();
  if (given(t.b)) f.b = b.const_tensor();
  if (given(t.s0)) f.s0 = s0.const_tensor();
  f.states = states.tensor();
  f.h = h.tensor();
  f.last = last.tensor();
  f.reserve = reserve.data();
  f.workspace = workspace.data();
  plan.forward(space, f);
  space.fence();
  t.states = states.download();
  t.last = last.download();
  const std::vector<double> h_alone = h.download();
  EXPECT_TRUE(states.surroundings_untouched()) << "states: written outside the tensor";
  EXPECT_TRUE(h.surroundings_untouched()) << "h: written outside the tensor";
  EXPECT_TRUE(last.surroundings_untouched()) << "last: written outside the tensor";
  for (std::size_t i = 0; i < h_alone.size(); ++i)
    if (h_alone[i] != t.states[i] && !(std::isnan(h_alone[i]) && std::isnan(t.states[i]))) {
      ADD_FAILURE() << "h differs from state 0 at element " << i;
      break;
    }
  // Once more, with what the workspace has of R: the same bits.
  Buffer again = make(h_axes, sequence);
  f.h = again.tensor();
  f.R_is_prepared = true;
  plan.forward(space, f);
  space.fence();
  const std::vector<double> h_again = again.download();
  for (std::size_t i = 0; i < h_alone.size(); ++i)
    if (h_again[i] != h_alone[i] && !(std::isnan(h_again[i]) && std::isnan(h_alone[i]))) {
      ADD_FAILURE() << "R_is_prepared: h differs at element " << i;
      break;
    }
  if (!p.training) return;

  Buffer dh = make(h_axes, sequence), d_last = make(state_axes, state_strides(s)),
         dx = make(x_axes, x_strides), db = make(bias_axes, bias_strides(s)),
         ds0 = make(state_axes, state_strides(s));
  MatrixBuffer<ExecutionSpace> dR(p.dtype, s, cell.recurrent_gates, r_strides);
  if (given(t.dh)) dh.upload(t.dh);
  if (given(t.d_last)) d_last.upload(t.d_last);
  ByteBuffer<ExecutionSpace> backward_workspace(plan.backward_workspace_bytes());
  BackwardTensors k;
  k.R = R.const_matrix();
  if (given(t.s0)) k.s0 = s0.const_tensor();
  k.states = states.const_tensor();
  k.reserve = reserve.data();
  if (given(t.dh)) k.dh = dh.const_tensor();
  if (given(t.d_last)) k.d_last = d_last.const_tensor();
  if (with_dx) k.dx = dx.tensor();
  k.dR = dR.matrix();
  k.db = db.tensor();
  k.ds0 = ds0.tensor();
  k.workspace = backward_workspace.data();
  plan.backward(space, k);
  space.fence();
  if (with_dx) t.dx = dx.download();
  t.dR = dR.download();
  t.db = db.download();
  t.ds0 = ds0.download();
  if (with_dx) EXPECT_TRUE(dx.surroundings_untouched()) << "dx: written outside the tensor";
  EXPECT_TRUE(dR.surroundings_untouched()) << "dR: written outside the tensor";
  EXPECT_TRUE(db.surroundings_untouched()) << "db: written outside the tensor";
  EXPECT_TRUE(ds0.surroundings_untouched()) << "ds0: written outside the tensor";
}

}  // namespace flashrnn::test
