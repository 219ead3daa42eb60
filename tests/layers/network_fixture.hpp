// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "layer_fixture.hpp"

namespace flashrnn::test {

/// The tensors of a network on the host.
struct NetworkCase {
  explicit NetworkCase(const NetworkProblem& of) : problem(of) {
    const Architecture& a = of.architecture;
    const Index rows = of.steps * of.batch;
    parameters = random_values(ParameterLayout(a).size(), 21, 0.6);
    u = random_values(rows * a.input_size, 22);
    s0 = random_values(
        find_cell(a.cell).states * a.layers * a.directions() * of.batch * a.hidden_size(), 23, 0.5);
    dy = random_values(rows * a.features(), 24);
    d_last = random_values(static_cast<Index>(s0.size()), 25);
  }

  NetworkProblem problem;
  std::vector<double> parameters, u, s0, dy, d_last;
  bool with_states = true, with_gradients = true;
  std::optional<Strides> u_strides, y_strides;
  Index u_first = 0;
};

struct NetworkResult {
  std::vector<double> y, last, du, d_parameters, ds0;
};

/// Forward, and if the problem is for training backward.
template <class Space>
NetworkResult run_network(const NetworkCase& c) {
  const DataType type = c.problem.dtype;
  const Network<Space> network(Space(), c.problem);
  const Memory<Space> parameters(c.parameters, type), u(c.u, type), s0(c.s0, type);
  const Memory<Space> y(unwritten(c.dy.size()), type), last(unwritten(c.s0.size()), type);
  const Memory<Space> reserve(network.reserve_bytes());
  const Memory<Space> forward_workspace(network.forward_workspace_bytes());
  NetworkForwardTensors f;
  f.parameters = parameters.data();
  f.u = {u.at(c.u_first), c.u_strides};
  f.s0 = c.with_states ? s0.data() : nullptr;
  f.y = {y.data(), c.y_strides};
  f.last = last.data();
  f.reserve = reserve.data();
  f.workspace = forward_workspace.data();
  network.forward(Space(), f);
  Kokkos::fence();
  NetworkResult result;
  result.y = y.values();
  result.last = last.values();
  if (!c.problem.training) return result;

  const Memory<Space> dy(c.dy, type), d_last(c.d_last, type), du(unwritten(c.u.size()), type);
  const Memory<Space> d_parameters(unwritten(c.parameters.size()), type);
  const Memory<Space> ds0(unwritten(c.s0.size()), type);
  const Memory<Space> backward_workspace(network.backward_workspace_bytes());
  NetworkBackwardTensors g;
  g.parameters = parameters.data();
  g.u = f.u;
  g.s0 = f.s0;
  g.reserve = reserve.data();
  g.dy = {c.with_gradients ? dy.data() : nullptr, c.y_strides};
  g.d_last = c.with_gradients ? d_last.data() : nullptr;
  g.du = {du.at(c.u_first), c.u_strides};
  g.d_parameters = d_parameters.data();
  g.ds0 = ds0.data();
  g.workspace = backward_workspace.data();
  network.backward(Space(), g);
  Kokkos::fence();
  result.du = du.values();
  result.d_parameters = d_parameters.values();
  result.ds0 = ds0.values();
  return result;
}

}  // namespace flashrnn::test
