// SPDX-License-Identifier: Apache-2.0
#include "network_fixture.hpp"

namespace flashrnn::test {
namespace {

NetworkProblem stack(bool training = false) {
  NetworkProblem problem;
  problem.architecture.cell = "lstm";
  problem.architecture.input_size = 3;
  problem.architecture.heads = 2;
  problem.architecture.head_dim = 4;
  problem.architecture.layers = 3;
  problem.architecture.bidirectional = true;
  problem.architecture.output_size = 5;
  problem.dtype = DataType::float64;
  problem.steps = 6;
  problem.batch = 2;
  problem.training = training;
  return problem;
}

// Products of the same rows in other groupings, through three layers of six steps.
constexpr double regrouped = 1000 * 0x1p-53;

template <class Space>
class NetworkTest : public ::testing::Test {};
TYPED_TEST_SUITE(NetworkTest, TestedSpaces, SpaceName);

// A stack is its layers by hand: both directions read the layer below and write side by side.
TYPED_TEST(NetworkTest, is_a_stack_of_layers_and_a_head) {
  const NetworkProblem problem = stack();
  const Architecture& a = problem.architecture;
  const NetworkCase c(problem);
  const NetworkResult found = run_network<TypeParam>(c);

  const ParameterLayout layout(a);
  const DataType type = problem.dtype;
  const Memory<TypeParam> parameters(c.parameters, type), s0(c.s0, type);
  const Index units = a.hidden_size(), row = 2 * units, rows = problem.steps * problem.batch;
  const Index block = problem.batch * units;
  const Strides states{a.layers * 2 * block, 0, units, a.head_dim};
  const Memory<TypeParam> last(unwritten(c.s0.size()), type);
  std::vector<double> below = c.u;
  for (Index l = 0; l < a.layers; ++l) {
    const Memory<TypeParam> u(below, type),
        h(unwritten(static_cast<std::size_t>(rows * row)), type);
    for (const bool reverse : {false, true}) {
      LayerProblem one;
      one.recurrence.dtype = type;
      one.recurrence.shape = {problem.steps, problem.batch, a.heads, a.head_dim};
      one.input_size = a.input_size_of(l);
      one.direction = reverse ? Direction::reverse : Direction::forward;
      const Layer<TypeParam> layer(TypeParam(), one);
      const Memory<TypeParam> workspace(layer.forward_workspace_bytes());
      const Index first = (2 * l + (reverse ? 1 : 0)) * block;
      const auto at = [&](const char* name) {
        return parameters.at(layout.at(ParameterLayout::name(name, l, reverse)).offset);
      };
      LayerForwardTensors t;
      t.u.data = u.data();
      t.W = at("W");
      t.R.data = at("R");
      t.b.data = at("b");
      t.s0 = {s0.at(first), states};
      t.h = {h.at(reverse ? units : 0), Strides{0, problem.batch * row, row, a.head_dim}};
      t.last = {last.at(first), states};
      t.workspace = workspace.data();
      layer.forward(TypeParam(), t);
      Kokkos::fence();
    }
    below = h.values();
  }
  const Parameter& W = layout.at("head.W");
  const Parameter& b = layout.at("head.b");
  std::vector<double> y;
  for (Index r = 0; r < rows; ++r)
    for (Index out = 0; out < *a.output_size; ++out) {
      double sum = c.parameters[static_cast<std::size_t>(b.offset + out)];
      for (Index in = 0; in < row; ++in)
        sum += c.parameters[static_cast<std::size_t>(W.offset + out * row + in)] *
               below[static_cast<std::size_t>(r * row + in)];
      y.push_back(sum);
    }
  expect_close("y", found.y, y, regrouped);
  expect_close("last", found.last, last.values(), regrouped);
}

TYPED_TEST(NetworkTest, training_computes_the_same) {
  const NetworkResult inference = run_network<TypeParam>(NetworkCase(stack()));
  const NetworkResult training = run_network<TypeParam>(NetworkCase(stack(true)));
  expect_close("y", training.y, inference.y, regrouped);
  expect_close("last", training.last, inference.last, regrouped);
}

TYPED_TEST(NetworkTest, strides_of_input_and_output) {
  const NetworkCase plain(stack(true));
  const NetworkResult expected = run_network<TypeParam>(plain);
  const Shape shape{plain.problem.steps, plain.problem.batch, 1, 1};
  const Index inputs = 3, features = 5, u_row = inputs + 2, y_row = features + 1;
  const Strides u{0, u_row, shape.steps * u_row, 0}, y{0, y_row, shape.steps * y_row, 0};
  const Index rows = shape.steps * shape.batch;
  NetworkCase placed = plain;
  placed.u = place_rows(plain.u, shape, inputs, u, 1, rows * u_row);
  placed.dy = place_rows(plain.dy, shape, features, y, 0, rows * y_row);
  placed.u_strides = u;
  placed.u_first = 1;
  placed.y_strides = y;
  NetworkResult found = run_network<TypeParam>(placed);
  for (std::size_t n = 0; n < found.y.size(); n += static_cast<std::size_t>(y_row))
    EXPECT_TRUE(std::isnan(found.y[n + features])) << "wrote into the gap behind row " << n;
  expect_close("y", collect_rows(found.y, shape, features, y, 0), expected.y, regrouped);
  expect_close("du", collect_rows(found.du, shape, inputs, u, 1), expected.du, regrouped);
  expect_close("d_parameters", found.d_parameters, expected.d_parameters, regrouped);
}

// No upstream gradient means zero: all gradients are 0, those of the head too.
TYPED_TEST(NetworkTest, absent_gradients_are_zero) {
  NetworkCase c(stack(true));
  c.with_gradients = false;
  const NetworkResult found = run_network<TypeParam>(c);
  EXPECT_EQ(max_difference(found.d_parameters, std::vector<double>(c.parameters.size(), 0.0)), 0);
  EXPECT_EQ(max_difference(found.du, std::vector<double>(c.u.size(), 0.0)), 0);
  EXPECT_EQ(max_difference(found.ds0, std::vector<double>(c.s0.size(), 0.0)), 0);
}

TYPED_TEST(NetworkTest, absent_initial_states_are_zero) {
  NetworkCase c(stack());
  c.s0.assign(c.s0.size(), 0.0);
  const NetworkResult zero = run_network<TypeParam>(c);
  c.with_states = false;
  EXPECT_EQ(run_network<TypeParam>(c).y, zero.y);
}

TYPED_TEST(NetworkTest, final_states_may_replace_the_initial_ones) {
  const NetworkProblem problem = stack();
  const NetworkCase c(problem);
  const NetworkResult expected = run_network<TypeParam>(c);
  const Network<TypeParam> network(TypeParam(), problem);
  const DataType type = problem.dtype;
  const Memory<TypeParam> parameters(c.parameters, type), u(c.u, type), states(c.s0, type);
  const Memory<TypeParam> y(unwritten(c.dy.size()), type);
  const Memory<TypeParam> workspace(network.forward_workspace_bytes());
  NetworkForwardTensors t;
  t.parameters = parameters.data();
  t.u.data = u.data();
  t.s0 = states.data();
  t.y.data = y.data();
  t.last = states.data();
  t.workspace = workspace.data();
  network.forward(TypeParam(), t);
  Kokkos::fence();
  EXPECT_EQ(y.values(), expected.y);
  EXPECT_EQ(states.values(), expected.last);
}

TYPED_TEST(NetworkTest, describes_itself) {
  const std::string text = Network<TypeParam>(TypeParam(), stack()).describe();
  for (const char* part : {"3 layer(s) in 2 direction(s)", "layer 2", "backwards", "head", "lstm"})
    EXPECT_NE(text.find(part), std::string::npos) << part << " in: " << text;
}

}  // namespace
}  // namespace flashrnn::test
