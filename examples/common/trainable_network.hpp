// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Kokkos_Core.hpp>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "counter_random.hpp"
#include "flashrnn/network.hpp"

namespace example {

/// A network of the library together with all memory that it needs for one size of data.
/// Parameters and their gradients are the caller's, so that networks for several lengths share
/// them. Real is float or double; problem.dtype is not read.
template <class Space, class Real = float>
class TrainableNetwork {
 public:
  using Array = Kokkos::View<Real*, Space>;

  TrainableNetwork(const Space& space, const flashrnn::NetworkProblem& problem,
                   const flashrnn::PlanOptions& options = {})
      : network_(space, with_type(problem), options),
        u_("u", count(problem, problem.architecture.input_size)),
        y_("y", count(problem, problem.architecture.features())),
        dy_("dy", problem.training ? y_.size() : 0),
        states_("states", network_.state_size()),
        reserve_("reserve", network_.reserve_bytes()),
        forward_workspace_("forward workspace", network_.forward_workspace_bytes()),
        backward_workspace_("backward workspace", network_.backward_workspace_bytes()) {}

  const flashrnn::Network<Space>& network() const { return network_; }
  const Array& u() const { return u_; }    ///< [T, B, I]: written by the caller
  const Array& y() const { return y_; }    ///< [T, B, O]: written by forward
  const Array& dy() const { return dy_; }  ///< [T, B, O]: written by the caller before backward
  const Array& states() const { return states_; }  ///< what forward_from_states carries

  /// From states of zero.
  void forward(const Space& space, const Array& parameters) { run(space, parameters, nullptr); }

  /// From states() and on to them, in place.
  void forward_from_states(const Space& space, const Array& parameters) {
    run(space, parameters, states_.data());
  }

  /// After forward; overwrites `gradient`.
  void backward(const Space& space, const Array& parameters, const Array& gradient) {
    flashrnn::NetworkBackwardTensors t;
    t.parameters = parameters.data();
    t.u.data = u_.data();
    t.reserve = reserve_.data();
    t.dy.data = dy_.data();
    t.d_parameters = gradient.data();
    t.workspace = backward_workspace_.data();
    network_.backward(space, t);
  }

 private:
  using Bytes = Kokkos::View<std::byte*, Space>;

  static flashrnn::NetworkProblem with_type(flashrnn::NetworkProblem problem) {
    problem.dtype =
        sizeof(Real) == sizeof(double) ? flashrnn::DataType::float64 : flashrnn::DataType::float32;
    return problem;
  }

  static std::size_t count(const flashrnn::NetworkProblem& problem, flashrnn::Index features) {
    return static_cast<std::size_t>(problem.steps * problem.batch * features);
  }

  void run(const Space& space, const Array& parameters, const Real* s0) {
    flashrnn::NetworkForwardTensors t;
    t.parameters = parameters.data();
    t.u.data = u_.data();
    t.s0 = s0;
    t.y.data = y_.data();
    t.last = states_.data();
    t.reserve = reserve_.data();
    t.workspace = forward_workspace_.data();
    network_.forward(space, t);
  }

  flashrnn::Network<Space> network_;
  Array u_, y_, dy_, states_;
  Bytes reserve_, forward_workspace_, backward_workspace_;
};

/// Parameters to start from: uniform in ±1/sqrt(H·D) as torch.nn.LSTM has them, and the biases of
/// the forget gates of lstm and slstm (gate 1) raised by `forget_bias`, so that a state lasts.
inline std::vector<float> initial_parameters(const flashrnn::Architecture& architecture,
                                             std::uint64_t seed, double forget_bias) {
  const flashrnn::ParameterLayout layout(architecture);
  const CounterRandom random(seed, 0);
  const double bound = 1 / std::sqrt(static_cast<double>(architecture.hidden_size()));
  std::vector<float> values(static_cast<std::size_t>(layout.size()));
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<float>(bound * (2 * random.uniform(i) - 1));
  if (architecture.cell != "lstm" && architecture.cell != "slstm") return values;
  for (flashrnn::Index layer = 0; layer < architecture.layers; ++layer) {
    const auto& b = layout.at(flashrnn::ParameterLayout::name("b", layer, false));
    for (flashrnn::Index unit = 0; unit < architecture.hidden_size(); ++unit)
      values[static_cast<std::size_t>(b.offset + architecture.hidden_size() + unit)] +=
          static_cast<float>(forget_bias);
  }
  return values;
}

/// A copy in the memory of Space.
template <class Space, class Value>
Kokkos::View<Value*, Space> on_device(const std::vector<Value>& values) {
  Kokkos::View<Value*, Space> out("values", values.size());
  Kokkos::deep_copy(out,
                    Kokkos::View<const Value*, Kokkos::HostSpace>(values.data(), values.size()));
  return out;
}

/// A copy in host memory.
template <class Space, class Value>
std::vector<Value> on_host(const Kokkos::View<Value*, Space>& memory) {
  std::vector<Value> out(memory.size());
  Kokkos::deep_copy(Kokkos::View<Value*, Kokkos::HostSpace>(out.data(), out.size()), memory);
  return out;
}

}  // namespace example
