// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "layers_support.hpp"

namespace flashrnn::test {

/// The tensors of one layer on the host, and a layer run on them.
struct LayerCase {
  explicit LayerCase(const LayerProblem& of) : problem(of) {
    const CellDescription& cell = find_cell(of.recurrence.cell);
    const Shape& s = of.recurrence.shape;
    const Index units = s.heads * s.head_dim;
    u = random_values(s.steps * s.batch * of.input_size, 11);
    W = random_values(cell.input_gates * units * of.input_size, 12, 0.6);
    R = random_values(cell.recurrent_gates * units * s.head_dim, 13, 0.6);
    b = random_values(cell.bias_gates * units, 14, 0.6);
    s0 = random_values(cell.states * s.batch * units, 15, 0.5);
    dh = random_values(s.steps * s.batch * units, 16);
    d_last = random_values(cell.states * s.batch * units, 17);
  }

  LayerProblem problem;
  std::vector<double> u, W, R, b, s0, dh, d_last;
  /// Where u and du, and h and dh lie; absent: contiguous in the problem's order.
  std::optional<Strides> u_strides, h_strides;
  Index u_first = 0, h_first = 0;  ///< their elements with all indices 0
};

struct LayerResult {
  std::vector<double> h, last, du, dW, dR, db, ds0;
};

/// Forward, and if the problem is for training backward.
template <class Space>
LayerResult run_layer(const LayerCase& c) {
  const DataType type = c.problem.recurrence.dtype;
  const Layer<Space> layer(Space(), c.problem);
  const Memory<Space> u(c.u, type), W(c.W, type), R(c.R, type), b(c.b, type), s0(c.s0, type);
  const Memory<Space> h(unwritten(c.dh.size()), type), last(unwritten(c.s0.size()), type);
  const Memory<Space> reserve(layer.reserve_bytes());
  const Memory<Space> forward_workspace(layer.forward_workspace_bytes());
  LayerForwardTensors f;
  f.u = {u.at(c.u_first), c.u_strides};
  f.W = W.data();
  f.R.data = R.data();
  f.b.data = b.data();
  f.s0.data = s0.data();
  f.h = {h.at(c.h_first), c.h_strides};
  f.last.data = last.data();
  f.reserve = reserve.data();
  f.workspace = forward_workspace.data();
  layer.forward(Space(), f);
  Kokkos::fence();
  LayerResult result;
  result.h = h.values();
  result.last = last.values();
  if (!c.problem.recurrence.training) return result;

  const Memory<Space> dh(c.dh, type), d_last(c.d_last, type);
  const Memory<Space> du(unwritten(c.u.size()), type), dW(unwritten(c.W.size()), type);
  const Memory<Space> dR(unwritten(c.R.size()), type), db(unwritten(c.b.size()), type);
  const Memory<Space> ds0(unwritten(c.s0.size()), type);
  const Memory<Space> backward_workspace(layer.backward_workspace_bytes());
  LayerBackwardTensors g;
  g.u = f.u;
  g.W = W.data();
  g.R.data = R.data();
  g.s0.data = s0.data();
  g.reserve = reserve.data();
  g.dh = {dh.at(c.h_first), c.h_strides};
  g.d_last.data = d_last.data();
  g.du = {du.at(c.u_first), c.u_strides};
  g.dW = dW.data();
  g.dR.data = dR.data();
  g.db.data = db.data();
  g.ds0.data = ds0.data();
  g.workspace = backward_workspace.data();
  layer.backward(Space(), g);
  Kokkos::fence();
  result.du = du.values();
  result.dW = dW.values();
  result.dR = dR.values();
  result.db = db.values();
  result.ds0 = ds0.values();
  return result;
}

/// Rows [T, B, length] of `from`, moved to where `strides` and `first` have them among `size`
/// elements; the others are 0.
inline std::vector<double> place_rows(const std::vector<double>& from, const Shape& shape,
                                      Index length, const Strides& strides, Index first,
                                      Index size) {
  std::vector<double> to(static_cast<std::size_t>(size), 0.0);
  for (Index t = 0; t < shape.steps; ++t)
    for (Index b = 0; b < shape.batch; ++b)
      std::copy_n(from.begin() + (t * shape.batch + b) * length, length,
                  to.begin() + first + strides.at(0, t, b, 0));
  return to;
}
/// The inverse: time-major rows without gaps.
inline std::vector<double> collect_rows(const std::vector<double>& from, const Shape& shape,
                                        Index length, const Strides& strides, Index first) {
  std::vector<double> to;
  for (Index t = 0; t < shape.steps; ++t)
    for (Index b = 0; b < shape.batch; ++b)
      std::copy_n(from.begin() + first + strides.at(0, t, b, 0), length, std::back_inserter(to));
  return to;
}

}  // namespace flashrnn::test
