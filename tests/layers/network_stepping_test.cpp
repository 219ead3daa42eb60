// SPDX-License-Identifier: Apache-2.0
// A simulation runs a network one step at a time and carries its states in place.
#include "network_fixture.hpp"

namespace flashrnn::test {
namespace {

template <class Space>
class NetworkSteppingTest : public ::testing::Test {};
TYPED_TEST_SUITE(NetworkSteppingTest, TestedSpaces, SpaceName);

TYPED_TEST(NetworkSteppingTest, steps_with_carried_states_make_the_sequence) {
  for (const CellDescription& cell : built_in_cells()) {
    NetworkProblem problem;
    problem.architecture.cell = cell.name;
    problem.architecture.input_size = 3;
    problem.architecture.heads = 2;
    problem.architecture.head_dim = 4;
    problem.architecture.layers = 2;
    problem.architecture.output_size = 5;
    problem.dtype = DataType::float64;
    problem.steps = 7;
    problem.batch = 3;
    const NetworkCase c(problem);
    const NetworkResult expected = run_network<TypeParam>(c);

    NetworkProblem one = problem;
    one.steps = 1;
    const TypeParam space;
    const Network<TypeParam> network(space, one);
    const Memory<TypeParam> parameters(c.parameters, problem.dtype), u(c.u, problem.dtype),
        states(c.s0, problem.dtype), y(unwritten(c.dy.size()), problem.dtype);
    const Memory<TypeParam> workspace(network.forward_workspace_bytes());
    for (Index step = 0; step < problem.steps; ++step) {
      NetworkForwardTensors t;
      t.parameters = parameters.data();
      t.u.data = u.at(step * problem.batch * problem.architecture.input_size);
      t.s0 = states.data();
      t.last = states.data();
      t.y.data = y.at(step * problem.batch * problem.architecture.features());
      t.workspace = workspace.data();
      network.forward(space, t);
    }
    Kokkos::fence();
    // Sums in another grouping at most, through two layers of seven steps.
    expect_close((cell.name + " y").c_str(), y.values(), expected.y, 100 * 0x1p-53);
    expect_close((cell.name + " states").c_str(), states.values(), expected.last, 100 * 0x1p-53);
  }
}

}  // namespace
}  // namespace flashrnn::test
