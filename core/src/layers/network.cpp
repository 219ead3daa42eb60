// SPDX-License-Identifier: Apache-2.0
#include "flashrnn/network.hpp"

#include <sstream>

#include "instantiate.hpp"
#include "layers/network_parts.hpp"

namespace flashrnn {

template <class ExecutionSpace>
Network<ExecutionSpace>::Network(const ExecutionSpace& space, const NetworkProblem& problem,
                                 const PlanOptions& options)
    : parts_(std::make_unique<const Parts>(space, problem, options)) {}
template <class ExecutionSpace>
Network<ExecutionSpace>::Network(Network&&) noexcept = default;
template <class ExecutionSpace>
Network<ExecutionSpace>& Network<ExecutionSpace>::operator=(Network&&) noexcept = default;
template <class ExecutionSpace>
Network<ExecutionSpace>::~Network() = default;

template <class ExecutionSpace>
const NetworkProblem& Network<ExecutionSpace>::problem() const {
  return parts_->problem;
}
template <class ExecutionSpace>
const CellDescription& Network<ExecutionSpace>::cell() const {
  return parts_->layers.front().cell();
}
template <class ExecutionSpace>
const ParameterLayout& Network<ExecutionSpace>::parameters() const {
  return parts_->layout;
}

template <class ExecutionSpace>
std::string Network<ExecutionSpace>::describe() const {
  const Architecture& a = parts_->architecture;
  std::ostringstream out;
  out << a.layers << " layer(s) in " << a.directions() << " direction(s), " << parts_->layout.size()
      << " parameters\n";
  for (Index layer = 0; layer < a.layers; ++layer)
    for (Index d = 0; d < a.directions(); ++d)
      out << "layer " << layer << ": " << parts_->layer(layer, d).describe();
  if (a.output_size)
    out << "head: " << parts_->outputs << " features to " << *a.output_size << " by BLAS\n";
  return out.str();
}

template <class ExecutionSpace>
std::size_t Network<ExecutionSpace>::state_size() const {
  const Parts& p = *parts_;
  return static_cast<std::size_t>(cell().states * p.architecture.layers * p.problem.batch *
                                  p.outputs);
}
template <class ExecutionSpace>
std::size_t Network<ExecutionSpace>::reserve_bytes() const {
  if (!parts_->problem.training) return 0;
  return typename Parts::template Reserve<char>(*parts_, nullptr).bytes();
}
template <class ExecutionSpace>
std::size_t Network<ExecutionSpace>::forward_workspace_bytes() const {
  return parts_->forward_workspace(nullptr).bytes;
}
template <class ExecutionSpace>
std::size_t Network<ExecutionSpace>::backward_workspace_bytes() const {
  return parts_->problem.training ? parts_->backward_workspace(nullptr).bytes : 0;
}

template <class ExecutionSpace>
void Network<ExecutionSpace>::forward(const ExecutionSpace& space,
                                      const NetworkForwardTensors& t) const {
  const Parts& p = *parts_;
  const Architecture& a = p.architecture;
  require_tensor("parameters", t.parameters, "forward reads the weights");
  require_aligned("parameters", t.parameters, p.problem.dtype);
  require_tensor("u", t.u.data, "forward reads the input u [T, B, I]");
  require_tensor("y", t.y.data, "forward writes the output y [T, B, features]");
  require_aligned("s0", t.s0, p.problem.dtype);
  require_aligned("last", t.last, p.problem.dtype);
  require_memory("workspace", t.workspace, forward_workspace_bytes());
  require_memory("reserve", t.reserve, reserve_bytes());
  ConstSequence u = p.frame.checked("u", t.u, a.input_size);
  const Sequence y = p.frame.checked("y", t.y, a.features());
  const auto workspace = p.forward_workspace(t.workspace);
  const typename Parts::template Reserve<char> reserve(p, static_cast<char*>(t.reserve));

  for (Index layer = 0; layer < a.layers; ++layer) {
    Sequence h = y;
    if (layer < p.hidden_outputs())
      h = p.frame.template contiguous<void*>(
          p.problem.training ? reserve.output(layer)
                             : workspace.hidden[static_cast<std::size_t>(layer % 2)],
          p.outputs);
    for (Index d = 0; d < a.directions(); ++d) {
      LayerForwardTensors part;
      part.u = Parts::tensor(u);
      part.W = p.parameter(t.parameters, "W", layer, d);
      part.R.data = p.parameter(t.parameters, "R", layer, d);
      part.b.data = p.parameter(t.parameters, "b", layer, d);
      part.s0 = p.states_of(t.s0, layer, d);
      part.h = p.direction_of(h, d);
      part.last = p.states_of(t.last, layer, d);
      part.reserve = p.problem.training ? reserve.of(layer, d) : nullptr;
      part.workspace = workspace.shared;
      p.layer(layer, d).forward(space, part);
    }
    u = as_const(h);
  }
  if (!p.head) return;
  const void* const bias = p.parameter(t.parameters, "head.b");
  if (bias != nullptr) repeat_row(space, p.frame, bias, y);
  p.head->forward(space, u, p.parameter(t.parameters, "head.W"), y, bias != nullptr,
                  workspace.shared);
}

template <class ExecutionSpace>
void Network<ExecutionSpace>::backward(const ExecutionSpace& space,
                                       const NetworkBackwardTensors& t) const {
  const Parts& p = *parts_;
  const Architecture& a = p.architecture;
  if (!p.problem.training)
    throw InvalidArgument(
        "backward: the network was made for inference; set NetworkProblem::training");
  require_tensor("parameters", t.parameters, "backward reads the weights");
  require_aligned("parameters", t.parameters, p.problem.dtype);
  require_aligned("d_parameters", t.d_parameters, p.problem.dtype);
  require_aligned("s0", t.s0, p.problem.dtype);
  require_aligned("d_last", t.d_last, p.problem.dtype);
  require_aligned("ds0", t.ds0, p.problem.dtype);
  if (t.d_parameters != nullptr)
    require_tensor("u", t.u.data, "gradients of the weights are summed from it");
  require_memory("workspace", t.workspace, backward_workspace_bytes());
  require_memory("reserve", t.reserve, reserve_bytes());
  const ConstSequence u = p.frame.checked("u", t.u, a.input_size);
  const Sequence du = p.frame.checked("du", t.du, a.input_size);
  ConstSequence dh = p.frame.checked("dy", t.dy, a.features());
  const auto workspace = p.backward_workspace(t.workspace);
  const typename Parts::template Reserve<const char> reserve(p,
                                                             static_cast<const char*>(t.reserve));
  const auto hidden_output = [&](Index layer) {
    return p.frame.template contiguous<const void*>(reserve.output(layer), p.outputs);
  };
  // The gradient of layer `layer`'s output, in one of two sequences in turn.
  const auto hidden_gradient = [&](Index layer) {
    return p.frame.template contiguous<void*>(workspace.hidden[static_cast<std::size_t>(layer % 2)],
                                              p.outputs);
  };

  if (p.head) {
    void* const dW = p.parameter(t.d_parameters, "head.W");
    void* const db = p.parameter(t.d_parameters, "head.b");
    if (dh.data != nullptr) {
      if (dW != nullptr)
        p.head->weight_gradient(space, dh, hidden_output(a.layers - 1), dW, workspace.shared);
      if (db != nullptr) sum_rows(space, p.frame, dh, db);
      const Sequence top = hidden_gradient(a.layers - 1);
      p.head->input_gradient(space, dh, p.parameter(t.parameters, "head.W"), top, false,
                             workspace.shared);
      dh = as_const(top);
    } else {
      if (dW != nullptr) fill_zero(space, dW, p.bytes(p.layout.at("head.W").size));
      if (db != nullptr) fill_zero(space, db, p.bytes(p.layout.at("head.b").size));
    }
  }
  for (Index layer = a.layers - 1; layer >= 0; --layer) {
    const Sequence below = layer == 0 ? du : hidden_gradient(layer - 1);
    for (Index d = 0; d < a.directions(); ++d) {
      LayerBackwardTensors part;
      part.u = Parts::tensor(layer == 0 ? u : hidden_output(layer - 1));
      part.W = p.parameter(t.parameters, "W", layer, d);
      part.R.data = p.parameter(t.parameters, "R", layer, d);
      part.s0 = p.states_of(t.s0, layer, d);
      part.reserve = reserve.of(layer, d);
      part.dh = p.direction_of(dh, d);
      part.d_last = p.states_of(t.d_last, layer, d);
      part.du = Parts::tensor(below);
      part.accumulate_du = d > 0;
      part.dW = p.parameter(t.d_parameters, "W", layer, d);
      part.dR.data = p.parameter(t.d_parameters, "R", layer, d);
      part.db.data = p.parameter(t.d_parameters, "b", layer, d);
      part.ds0 = p.states_of(t.ds0, layer, d);
      part.workspace = workspace.shared;
      p.layer(layer, d).backward(space, part);
    }
    dh = as_const(below);
  }
}

#define FLASHRNN_INSTANTIATE(space) template class Network<space>;
FLASHRNN_FOR_EACH_EXECUTION_SPACE(FLASHRNN_INSTANTIATE)
#undef FLASHRNN_INSTANTIATE

}  // namespace flashrnn
