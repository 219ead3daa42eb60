// SPDX-License-Identifier: Apache-2.0
#include <cstring>
#include <iterator>

#include "layer_fixture.hpp"

namespace flashrnn::test {
namespace {

LayerProblem small_problem(const char* cell = "lstm") {
  LayerProblem problem;
  problem.recurrence.cell = cell;
  problem.recurrence.dtype = DataType::float64;
  problem.recurrence.shape = {6, 3, 2, 4};
  problem.recurrence.training = true;
  problem.input_size = 5;
  return problem;
}

// Sums of up to G·H·D = 32 products in another order, through six steps of cells with slopes of at
// most 1: some hundreds of roundings.
constexpr double reordered = 500 * 0x1p-53;

/// All results alike.
void expect_same(const LayerResult& found, const LayerResult& expected) {
  expect_close("h", found.h, expected.h, reordered);
  expect_close("last", found.last, expected.last, reordered);
  expect_close("du", found.du, expected.du, reordered);
  expect_close("dW", found.dW, expected.dW, reordered);
  expect_close("dR", found.dR, expected.dR, reordered);
  expect_close("db", found.db, expected.db, reordered);
  expect_close("ds0", found.ds0, expected.ds0, reordered);
}

template <class Space>
class LayerTest : public ::testing::Test {
 protected:
  /// The case with u and h lying in memory as the strides say, and its results brought back.
  static LayerResult run_placed(const LayerCase& plain, const Strides& u, Index u_first,
                                Index u_size, const Strides& h, Index h_first, Index h_size) {
    const Shape& s = plain.problem.recurrence.shape;
    const Index units = s.heads * s.head_dim, inputs = plain.problem.input_size;
    LayerCase placed = plain;
    placed.u = place_rows(plain.u, s, inputs, u, u_first, u_size);
    placed.dh = place_rows(plain.dh, s, units, h, h_first, h_size);
    placed.u_strides = u;
    placed.h_strides = h;
    placed.u_first = u_first;
    placed.h_first = h_first;
    LayerResult result = run_layer<Space>(placed);
    result.h = collect_rows(result.h, s, units, h, h_first);
    result.du = collect_rows(result.du, s, inputs, u, u_first);
    return result;
  }
};
TYPED_TEST_SUITE(LayerTest, TestedSpaces, SpaceName);

// x = W·u by plain sums, then the plan of the recurrence.
TYPED_TEST(LayerTest, is_a_projection_and_a_recurrence) {
  for (const CellDescription& cell : built_in_cells()) {
    SCOPED_TRACE(cell.name);
    const LayerCase c(small_problem(cell.name.c_str()));
    const Problem& problem = c.problem.recurrence;
    const Shape& s = problem.shape;
    const Index rows = s.steps * s.batch, length = cell.input_gates * s.heads * s.head_dim;
    std::vector<double> x(static_cast<std::size_t>(rows * length), 0.0);
    for (Index row = 0; row < rows; ++row)
      for (Index out = 0; out < length; ++out)
        for (Index in = 0; in < c.problem.input_size; ++in)
          x[static_cast<std::size_t>(row * length + out)] +=
              c.W[static_cast<std::size_t>(out * c.problem.input_size + in)] *
              c.u[static_cast<std::size_t>(row * c.problem.input_size + in)];
    Problem inference = problem;
    inference.training = false;
    const Plan<TypeParam> plan(TypeParam(), inference);
    const DataType type = problem.dtype;
    const Memory<TypeParam> dx(x, type), R(c.R, type), b(c.b, type), s0(c.s0, type);
    const Memory<TypeParam> h(unwritten(c.dh.size()), type), last(unwritten(c.s0.size()), type);
    const Memory<TypeParam> workspace(plan.forward_workspace_bytes());
    ForwardTensors t;
    t.x.data = dx.data();
    t.R.data = R.data();
    t.b.data = b.data();
    t.s0.data = s0.data();
    t.h.data = h.data();
    t.last.data = last.data();
    t.workspace = workspace.data();
    plan.forward(TypeParam(), t);
    Kokkos::fence();
    const LayerResult found = run_layer<TypeParam>(c);
    expect_close("h", found.h, h.values(), reordered);
    expect_close("last", found.last, last.values(), reordered);
  }
}

TYPED_TEST(LayerTest, batch_first) {
  const LayerCase time_major(small_problem());
  const LayerResult expected = run_layer<TypeParam>(time_major);
  LayerCase c = time_major;
  c.problem.recurrence.order = SequenceOrder::batch_first;
  const Shape& s = c.problem.recurrence.shape;
  const Index units = s.heads * s.head_dim, inputs = c.problem.input_size;
  const Strides u{0, inputs, s.steps * inputs, 0}, h{0, units, s.steps * units, s.head_dim};
  c.u = place_rows(time_major.u, s, inputs, u, 0, s.steps * s.batch * inputs);
  c.dh = place_rows(time_major.dh, s, units, h, 0, s.steps * s.batch * units);
  LayerResult found = run_layer<TypeParam>(c);
  found.h = collect_rows(found.h, s, units, h, 0);
  found.du = collect_rows(found.du, s, inputs, u, 0);
  expect_same(found, expected);
}

// Strides alone say where rows lie: batch-first memory in a time-major problem, rows with gaps, and
// a sequence stored back to front.
TYPED_TEST(LayerTest, explicit_strides) {
  for (const Direction direction : {Direction::forward, Direction::reverse}) {
    LayerProblem problem = small_problem("gru");
    problem.direction = direction;
    const LayerCase c(problem);
    const LayerResult expected = run_layer<TypeParam>(c);
    const Shape& s = problem.recurrence.shape;
    const Index units = s.heads * s.head_dim, inputs = problem.input_size;
    const auto batch_first = [&](Index row) { return Strides{0, row, s.steps * row, s.head_dim}; };
    const auto time_major = [&](Index row) { return Strides{0, s.batch * row, row, s.head_dim}; };
    const auto size = [&](Index row) { return s.steps * s.batch * row; };
    {
      SCOPED_TRACE("batch first");
      expect_same(this->run_placed(c, batch_first(inputs), 0, size(inputs), batch_first(units), 0,
                                   size(units)),
                  expected);
    }
    {
      SCOPED_TRACE("gaps");
      expect_same(this->run_placed(c, time_major(inputs + 3), 2, size(inputs + 3),
                                   batch_first(units + 2), 1, size(units + 2)),
                  expected);
    }
    {
      SCOPED_TRACE("gaps between steps only");
      Strides u = time_major(inputs), h = time_major(units);
      u.step += 7;
      h.step += 1;
      expect_same(
          this->run_placed(c, u, 0, size(inputs) + 7 * s.steps, h, 0, size(units) + s.steps),
          expected);
    }
    {
      SCOPED_TRACE("back to front");
      Strides u = time_major(inputs), h = batch_first(units);
      const Index u_first = (s.steps - 1) * u.step, h_first = (s.steps - 1) * h.step;
      u.step = -u.step;
      h.step = -h.step;
      expect_same(this->run_placed(c, u, u_first, size(inputs), h, h_first, size(units)), expected);
    }
  }
}

// The reverse direction on a sequence is the forward direction on the turned sequence.
TYPED_TEST(LayerTest, reverse_direction) {
  for (const SequenceOrder order : {SequenceOrder::time_major, SequenceOrder::batch_first}) {
    LayerProblem problem = small_problem();
    problem.recurrence.order = order;
    const LayerCase forward(problem);
    const LayerResult expected = run_layer<TypeParam>(forward);
    const Shape& s = problem.recurrence.shape;
    const auto turned = [&](const std::vector<double>& from, Index row) {
      const bool time_major = order == SequenceOrder::time_major;
      const Strides strides{0, time_major ? s.batch * row : row, time_major ? row : s.steps * row,
                            0};
      Strides back = strides;
      back.step = -back.step;
      const auto rows = collect_rows(from, s, row, strides, 0);
      return place_rows(rows, s, row, back, (s.steps - 1) * strides.step, s.steps * s.batch * row);
    };
    const Index units = s.heads * s.head_dim;
    LayerCase reverse = forward;
    reverse.problem.direction = Direction::reverse;
    reverse.u = turned(forward.u, problem.input_size);
    reverse.dh = turned(forward.dh, units);
    LayerResult found = run_layer<TypeParam>(reverse);
    EXPECT_GT(max_difference(found.h, expected.h), 0.1);  // the direction matters
    found.h = turned(found.h, units);
    found.du = turned(found.du, problem.input_size);
    expect_same(found, expected);
  }
}

TYPED_TEST(LayerTest, odd_sizes) {
  for (const Shape& shape : {Shape{1, 1, 1, 1}, Shape{1, 5, 1, 3}, Shape{7, 1, 3, 1}}) {
    for (const Index inputs : {Index(1), Index(9)}) {
      LayerProblem problem = small_problem("gru");
      problem.recurrence.shape = shape;
      problem.input_size = inputs;
      const LayerResult time_major = run_layer<TypeParam>(LayerCase(problem));
      EXPECT_FALSE(std::isnan(max_difference(time_major.h, time_major.h)));
      if (shape.steps > 1 && shape.batch > 1) continue;
      // With one step or one batch row both orders are the same memory.
      problem.recurrence.order = SequenceOrder::batch_first;
      expect_same(run_layer<TypeParam>(LayerCase(problem)), time_major);
    }
  }
}

// 16-bit results differ from float64's by roundings alone: unit roundoff e of inputs, weights, x
// and every h, so a few e a step, through six steps and the backward pass through them, where sums
// of up to 32 products of rounded factors add their errors at most linearly.
TYPED_TEST(LayerTest, sixteen_bits) {
  for (const auto& [type, unit_roundoff] :
       {std::pair{DataType::bfloat16, 0x1p-8}, {DataType::float16, 0x1p-11}}) {
    SCOPED_TRACE(name_of(type));
    LayerProblem problem = small_problem();
    const LayerResult expected = run_layer<TypeParam>(LayerCase(problem));
    problem.recurrence.dtype = type;
    const LayerResult found = run_layer<TypeParam>(LayerCase(problem));
    const auto steps = static_cast<double>(problem.recurrence.shape.steps);
    const double tolerance = 4 * steps * unit_roundoff;
    expect_close("h", found.h, expected.h, tolerance);
    expect_close("last", found.last, expected.last, tolerance);
    expect_close("du", found.du, expected.du, tolerance);
    expect_close("dW", found.dW, expected.dW, tolerance);
    expect_close("dR", found.dR, expected.dR, tolerance);
    expect_close("db", found.db, expected.db, tolerance);
    expect_close("ds0", found.ds0, expected.ds0, tolerance);
  }
}

TYPED_TEST(LayerTest, accumulates_du_on_request) {
  const LayerCase c(small_problem());
  const LayerResult once = run_layer<TypeParam>(c);
  const DataType type = DataType::float64;
  const Layer<TypeParam> layer(TypeParam(), c.problem);
  const Memory<TypeParam> u(c.u, type), W(c.W, type), R(c.R, type), b(c.b, type), s0(c.s0, type);
  const Memory<TypeParam> dh(c.dh, type), d_last(c.d_last, type);
  const std::vector<double> before = random_values(static_cast<Index>(c.u.size()), 18);
  const Memory<TypeParam> du(before, type);
  const Memory<TypeParam> reserve(layer.reserve_bytes());
  const Memory<TypeParam> workspace(
      std::max(layer.forward_workspace_bytes(), layer.backward_workspace_bytes()));
  LayerForwardTensors f;
  f.u.data = u.data();
  f.W = W.data();
  f.R.data = R.data();
  f.b.data = b.data();
  f.s0.data = s0.data();
  f.reserve = reserve.data();
  f.workspace = workspace.data();
  layer.forward(TypeParam(), f);
  LayerBackwardTensors g;
  g.W = W.data();
  g.R.data = R.data();
  g.s0.data = s0.data();
  g.reserve = reserve.data();
  g.dh.data = dh.data();
  g.d_last.data = d_last.data();
  g.du.data = du.data();
  g.accumulate_du = true;
  g.workspace = workspace.data();
  layer.backward(TypeParam(), g);
  Kokkos::fence();
  std::vector<double> expected = before;
  for (std::size_t n = 0; n < expected.size(); ++n) expected[n] += once.du[n];
  expect_close("du", du.values(), expected, reordered);
}

TYPED_TEST(LayerTest, describes_itself) {
  LayerProblem problem = small_problem();
  problem.direction = Direction::reverse;
  const std::string text = Layer<TypeParam>(TypeParam(), problem).describe();
  for (const char* part : {"5 features", "backwards in time", "lstm", "6 steps"})
    EXPECT_NE(text.find(part), std::string::npos) << part << " in: " << text;
}

}  // namespace
}  // namespace flashrnn::test
