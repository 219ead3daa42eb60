// SPDX-License-Identifier: Apache-2.0
// Wrong arguments of layers and networks get one message that names them, and nothing is written.
#include "network_fixture.hpp"

namespace flashrnn::test {
namespace {

using Space = Kokkos::DefaultExecutionSpace;
constexpr DataType float64 = DataType::float64;

LayerProblem layer_problem() {
  LayerProblem problem;
  problem.recurrence.dtype = float64;
  problem.recurrence.shape = {3, 2, 1, 4};
  problem.recurrence.training = true;
  problem.input_size = 5;
  return problem;
}

NetworkProblem network_problem() {
  NetworkProblem problem;
  problem.architecture.input_size = 5;
  problem.architecture.head_dim = 4;
  problem.architecture.layers = 2;
  problem.dtype = float64;
  problem.steps = 3;
  problem.batch = 2;
  problem.training = true;
  return problem;
}

std::byte* bytes_of(void* data) {
  return static_cast<std::byte*>(data);
}

/// A layer with all its arguments right, to be made wrong one by one.
struct LayerArguments {
  LayerArguments()
      : layer(Space(), layer_problem()),
        memory(1 << 16),
        output(unwritten(3 * 2 * 5), float64),
        workspace(std::max(layer.forward_workspace_bytes(), layer.backward_workspace_bytes())),
        reserve(layer.reserve_bytes()) {
    forward.u.data = backward.u.data = memory.data();
    forward.W = backward.W = memory.data();
    forward.R.data = backward.R.data = memory.data();
    forward.h.data = output.data();
    backward.du.data = output.data();
    forward.reserve = reserve.data();
    backward.reserve = reserve.data();
    forward.workspace = backward.workspace = workspace.data();
  }

  template <class Change>
  void expect_forward(const Change& change, const std::vector<std::string>& parts) const {
    LayerForwardTensors t = forward;
    change(t);
    expect_invalid([&] { layer.forward(Space(), t); }, parts);
    expect_unwritten();
  }
  template <class Change>
  void expect_backward(const Change& change, const std::vector<std::string>& parts) const {
    LayerBackwardTensors t = backward;
    change(t);
    expect_invalid([&] { layer.backward(Space(), t); }, parts);
    expect_unwritten();
  }
  void expect_unwritten() const {
    Kokkos::fence();
    for (const double value : output.values()) EXPECT_TRUE(std::isnan(value));
  }

  Layer<Space> layer;
  Memory<Space> memory, output, workspace, reserve;
  LayerForwardTensors forward;
  LayerBackwardTensors backward;
};

TEST(LayerErrors, problem) {
  const auto expect = [](auto change, const std::vector<std::string>& parts) {
    LayerProblem problem = layer_problem();
    change(problem);
    expect_invalid([&] { Layer<Space>(Space(), problem); }, parts);
  };
  expect([](LayerProblem& p) { p.input_size = 0; }, {"input_size", "at least 1", "found 0"});
  expect([](LayerProblem& p) { p.input_size = Index(1) << 60; }, {"u [T, B, I]"});
  expect([](LayerProblem& p) { p.recurrence.cell = "x"; }, {"cell", "'x'"});
  expect([](LayerProblem& p) { p.recurrence.shape.steps = 0; }, {"steps"});
  expect_invalid([] { Layer<Space>(Space(), layer_problem(), PlanOptions{"fast"}); },
                 {"backend", "'fast'"});
}

TEST(LayerErrors, forward) {
  const LayerArguments right;
  const auto expect = [&](auto change, const std::vector<std::string>& parts) {
    right.expect_forward(change, parts);
  };
  using T = LayerForwardTensors;
  expect([](T& t) { t.u.data = nullptr; }, {"u:", "null"});
  expect([](T& t) { t.W = nullptr; }, {"W:", "null"});
  expect([](T& t) { t.R.data = nullptr; }, {"R:", "null"});
  expect([](T& t) { t.workspace = nullptr; }, {"workspace", "null", "bytes"});
  expect([](T& t) { t.reserve = nullptr; }, {"reserve", "null", "bytes"});
  expect([](T& t) { t.workspace = bytes_of(t.workspace) + 8; }, {"workspace", "64 bytes"});
  expect([](T& t) { t.u.data = static_cast<const std::byte*>(t.u.data) + 1; },
         {"u:", "8 bytes of float64"});
  expect([](T& t) { t.W = static_cast<const std::byte*>(t.W) + 1; }, {"W:", "8 bytes of float64"});
  expect([](T& t) { t.u.strides = Strides{0, 10, 4, 0}; }, {"u:", "axis batch", "4", "the 5"});
  expect([](T& t) { t.u.strides = Strides{0, -4, 15, 0}; }, {"u:", "axis step", "-4"});
  expect([](T& t) { t.u.strides = Strides{0, 0, 5, 0}; }, {"u:", "axis step"});
  expect([](T& t) { t.u.strides = Strides{0, 10, -5, 0}; }, {"u:", "axis batch", "-5"});
  expect([](T& t) { t.h.strides = Strides{0, 8, 3, 4}; }, {"h:", "axis batch", "3"});
}

TEST(LayerErrors, backward) {
  const LayerArguments right;
  const auto expect = [&](auto change, const std::vector<std::string>& parts) {
    right.expect_backward(change, parts);
  };
  using T = LayerBackwardTensors;
  expect([](T& t) { t.R.data = nullptr; }, {"R:", "null"});
  expect([](T& t) { t.W = nullptr; }, {"W:", "null", "du"});
  expect(
      [&](T& t) {
        t.u.data = nullptr;
        t.dW = right.memory.data();
      },
      {"u:", "null", "dW"});
  expect([](T& t) { t.workspace = nullptr; }, {"workspace", "null"});
  expect([](T& t) { t.reserve = nullptr; }, {"reserve", "null"});
  expect([](T& t) { t.du.strides = Strides{0, 10, 4, 0}; }, {"du:", "axis batch", "4", "the 5"});
}

TEST(LayerErrors, backward_of_inference) {
  LayerProblem problem = layer_problem();
  problem.recurrence.training = false;
  const Layer<Space> layer(Space(), problem);
  EXPECT_EQ(layer.reserve_bytes(), 0U);
  EXPECT_EQ(layer.backward_workspace_bytes(), 0U);
  expect_invalid([&] { layer.backward(Space(), {}); }, {"backward", "inference", "training"});
}

TEST(NetworkErrors, forward) {
  const Network<Space> network(Space(), network_problem());
  const Memory<Space> memory(1 << 16), workspace(network.forward_workspace_bytes());
  const Memory<Space> reserve(network.reserve_bytes()), y(unwritten(3 * 2 * 4), float64);
  const auto expect = [&](auto change, const std::vector<std::string>& parts) {
    NetworkForwardTensors t;
    t.parameters = memory.data();
    t.u.data = memory.data();
    t.y.data = y.data();
    t.reserve = reserve.data();
    t.workspace = workspace.data();
    change(t);
    expect_invalid([&] { network.forward(Space(), t); }, parts);
    Kokkos::fence();
    for (const double value : y.values()) EXPECT_TRUE(std::isnan(value));
  };
  using T = NetworkForwardTensors;
  expect([](T& t) { t.parameters = nullptr; }, {"parameters:", "null"});
  expect([](T& t) { t.u.data = nullptr; }, {"u:", "null"});
  expect([](T& t) { t.y.data = nullptr; }, {"y:", "null"});
  expect([](T& t) { t.workspace = nullptr; }, {"workspace:", "null", "bytes"});
  expect([](T& t) { t.reserve = nullptr; }, {"reserve:", "null", "bytes"});
  expect([](T& t) { t.reserve = bytes_of(t.reserve) + 16; }, {"reserve:", "64 bytes"});
  expect([](T& t) { t.parameters = static_cast<const std::byte*>(t.parameters) + 4; },
         {"parameters:", "8 bytes of float64"});
  expect([&](T& t) { t.s0 = bytes_of(memory.data()) + 4; }, {"s0:", "8 bytes"});
  expect([&](T& t) { t.last = bytes_of(memory.data()) + 4; }, {"last:", "8 bytes"});
  expect([](T& t) { t.u.strides = Strides{0, 10, 4, 0}; }, {"u:", "axis batch", "the 5"});
  expect([](T& t) { t.y.strides = Strides{0, 3, 12, 0}; }, {"y:", "axis step", "the 4"});
}

TEST(NetworkErrors, backward) {
  const Network<Space> network(Space(), network_problem());
  const Memory<Space> memory(1 << 16), workspace(network.backward_workspace_bytes());
  const Memory<Space> reserve(network.reserve_bytes()), du(unwritten(3 * 2 * 5), float64);
  const auto expect = [&](auto change, const std::vector<std::string>& parts) {
    NetworkBackwardTensors t;
    t.parameters = memory.data();
    t.u.data = memory.data();
    t.du.data = du.data();
    t.reserve = reserve.data();
    t.workspace = workspace.data();
    change(t);
    expect_invalid([&] { network.backward(Space(), t); }, parts);
    Kokkos::fence();
    for (const double value : du.values()) EXPECT_TRUE(std::isnan(value));
  };
  using T = NetworkBackwardTensors;
  expect([](T& t) { t.parameters = nullptr; }, {"parameters:", "null"});
  expect(
      [&](T& t) {
        t.u.data = nullptr;
        t.d_parameters = memory.data();
      },
      {"u:", "null", "weights"});
  expect([](T& t) { t.workspace = nullptr; }, {"workspace:", "null"});
  expect([](T& t) { t.reserve = nullptr; }, {"reserve:", "null"});
  expect(
      [&](T& t) {
        t.dy = {memory.data(), Strides{0, 3, 12, 0}};
      },
      {"dy:", "axis step", "the 4"});
  expect([](T& t) { t.du.strides = Strides{0, 10, 4, 0}; }, {"du:", "axis batch", "the 5"});
  expect([&](T& t) { t.d_last = bytes_of(memory.data()) + 4; }, {"d_last:", "8 bytes"});
  expect([&](T& t) { t.ds0 = bytes_of(memory.data()) + 4; }, {"ds0:", "8 bytes"});
  expect([&](T& t) { t.d_parameters = bytes_of(memory.data()) + 4; }, {"d_parameters:", "8 bytes"});
}

TEST(NetworkErrors, backward_of_inference) {
  NetworkProblem problem = network_problem();
  problem.training = false;
  const Network<Space> network(Space(), problem);
  EXPECT_EQ(network.reserve_bytes(), 0U);
  EXPECT_EQ(network.backward_workspace_bytes(), 0U);
  expect_invalid([&] { network.backward(Space(), {}); }, {"backward", "inference", "training"});
}

}  // namespace
}  // namespace flashrnn::test
