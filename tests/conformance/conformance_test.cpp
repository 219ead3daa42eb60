// SPDX-License-Identifier: Apache-2.0
// Every execution space × backend × cell × type, on a list of shapes, arrangements and options,
// against the serial reference in wider arithmetic. Tests are registered one by one, so that the
// list of tests says what was run.
#include <gtest/gtest.h>

#include <iostream>
#include <memory>
#include <optional>
#include <sstream>

#include "compare.hpp"
#include "flashrnn/error.hpp"
#include "flashrnn/plan.hpp"
#include "flashrnn/recurrence/execution_space.hpp"
#include "flashrnn/recurrence/native_engine.hpp"
#include "random_tensors.hpp"
#include "run_plan.hpp"
#include "spaces.hpp"

namespace flashrnn::test {
namespace {

struct Case {
  Shape shape;
  Arrangement arrangement = Arrangement::contiguous;
  SequenceOrder order = SequenceOrder::time_major;
  bool initial_states = true, bias = true, upstream = true, last_gradient = true;
  std::optional<double> forward_clip{}, recurrent_gradient_clip{};
  bool cut = false, training = true;
  MatmulPrecision precision = MatmulPrecision::highest;
  bool input_gradient = true;
  bool closed_gate = false;  ///< for sLSTM: gate i so low that f⁺ of the first step exceeds float16
};

/// `long_run`: also more steps than a GPU's engine records in a graph, which take the reference
/// long.
std::vector<Case> cases(bool long_run) {
  std::vector<Case> out;
  for (const Shape& shape :
       {Shape{1, 1, 1, 1}, Shape{7, 3, 2, 5}, Shape{1, 4, 2, 16}, Shape{9, 1, 1, 1},
        Shape{12, 5, 3, 13}, Shape{33, 4, 3, 16}, Shape{5, 17, 1, 32}, Shape{6, 2, 1, 65},
        Shape{3, 1, 5, 31}, Shape{4, 6, 1, 130}, Shape{5, 3, 1, 264}})
    out.push_back({shape});
  if (long_run) out.push_back({.shape = Shape{67, 2, 1, 131}});
  const Shape odd{7, 5, 2, 19};
  for (const SequenceOrder order : {SequenceOrder::time_major, SequenceOrder::batch_first})
    for (const Arrangement arrangement :
         {Arrangement::contiguous, Arrangement::padded, Arrangement::reversed})
      out.push_back({odd, arrangement, order});
  out.push_back({.shape = odd, .initial_states = false});
  out.push_back({.shape = odd, .bias = false});
  out.push_back({.shape = odd, .upstream = false});
  out.push_back({.shape = odd, .last_gradient = false});
  out.push_back({.shape = odd, .forward_clip = 0.25});
  out.push_back({.shape = odd, .recurrent_gradient_clip = 0.05});
  out.push_back({.shape = odd, .cut = true});
  out.push_back({.shape = odd, .precision = MatmulPrecision::high});
  out.push_back({.shape = Shape{5, 3, 1, 264}, .precision = MatmulPrecision::high});
  for (const Shape& shape : {odd, Shape{7, 5, 2, 32}})
    out.push_back({.shape = shape, .initial_states = false, .closed_gate = true});
  out.push_back({.shape = odd, .training = false});
  out.push_back({.shape = Shape{2, 40, 2, 24}, .training = false});
  out.push_back({.shape = odd, .input_gradient = false});
  for (const bool input_gradient : {false, true})
    out.push_back({.shape = Shape{5, 3, 2, 264}, .input_gradient = input_gradient});
  return out;
}

std::string text(const Case& c) {
  std::ostringstream out;
  out << "T" << c.shape.steps << " B" << c.shape.batch << " H" << c.shape.heads << " D"
      << c.shape.head_dim << " arrangement " << static_cast<int>(c.arrangement)
      << (c.order == SequenceOrder::batch_first ? " batch-first" : " time-major")
      << (c.initial_states ? "" : " without s0") << (c.bias ? "" : " without b")
      << (c.upstream ? "" : " without dh") << (c.last_gradient ? "" : " without d_last")
      << (c.input_gradient ? "" : " without dx") << (c.forward_clip ? " forward clip" : "")
      << (c.recurrent_gradient_clip ? " gradient clip" : "") << (c.cut ? " cut" : "")
      << (c.training ? "" : " inference")
      << (c.precision == MatmulPrecision::high ? " high precision" : "")
      << (c.closed_gate ? " closed gate" : "");
  return out.str();
}

template <class Cell, class ExecutionSpace>
void check(const Case& c, DataType type, const std::string& backend, unsigned seed) {
  SCOPED_TRACE(text(c));
  Problem problem;
  problem.cell = Cell::name;
  problem.dtype = type;
  problem.shape = c.shape;
  problem.order = c.order;
  problem.training = c.training;
  problem.forward_clip = c.forward_clip;
  problem.recurrent_gradient_clip = c.recurrent_gradient_clip;
  problem.cut_recurrent_gradient = c.cut;
  problem.float32_matmul_precision = c.precision;

  reference::Tensors<double> found = random_tensors<Cell>(problem, seed);
  if (!c.initial_states) found.s0.clear();
  if (!c.bias) found.b.clear();
  if (!c.upstream) found.dh.clear();
  if (!c.last_gradient) found.d_last.clear();

  if (c.closed_gate) {
    const Strides strides = gate_strides(c.shape, count_gates(Cell::input_gates), c.order);
    for (Index t = 0; t < c.shape.steps; ++t)
      for (Index row = 0; row < c.shape.batch; ++row)
        for (Index head = 0; head < c.shape.heads; ++head)
          for (Index unit = 0; unit < c.shape.head_dim; ++unit)
            found.x[static_cast<std::size_t>(strides.at(0, t, row, head) + unit)] -= 14;
    found.x = as_stored(type, found.x);
  }

  // The oracle: arithmetic of twice the digits (long double has 11 bits more than double, enough
  // for bounds that are multiples of double's roundoff), and no rounding of h.
  using Wide = long double;
  const auto widen = [](const std::vector<double>& v) {
    return std::vector<Wide>(v.begin(), v.end());
  };
  reference::Tensors<Wide> expected{.x = widen(found.x),
                                    .R = widen(found.R),
                                    .b = widen(found.b),
                                    .s0 = widen(found.s0),
                                    .dh = widen(found.dh),
                                    .d_last = widen(found.d_last)};
  const reference::Recurrence<Cell, Wide, Wide> oracle(problem);
  oracle.forward(expected);

  const ExecutionSpace space;
  std::optional<Plan<ExecutionSpace>> plan;
  try {
    plan.emplace(space, problem, PlanOptions{backend});
  } catch (const InvalidArgument& error) {
    // A vendor's own kernels may leave large heads to others, small ones never.
    if (backend != native_backend<ExecutionSpace> || c.shape.head_dim <= 64) throw;
    std::cout << "skipped " << Cell::name << " (" << text(c) << "): " << error.what() << '\n';
    return;
  }
  run_plan(space, *plan, found, c.arrangement, c.input_gradient);

  double bound = error_bound(type, c.shape);
  // Devices may round the factors of products to TF32 then; hosts do not.
  constexpr bool host = std::is_same_v<typename ExecutionSpace::memory_space, Kokkos::HostSpace>;
  if (!host && type == DataType::float32 && c.precision == MatmulPrecision::high)
    bound += 8 * std::sqrt(static_cast<double>(c.shape.steps)) * 0x1p-11;
  const auto compare = [&](const char* name, const std::vector<double>& mine,
                           const std::vector<Wide>& theirs, double terms = 0) {
    expect_close(name, mine, std::vector<double>(theirs.begin(), theirs.end()), bound,
                 underflow_bound(type, c.shape) + bound * terms);
  };
  // States are sums that may cancel, as z·h' + (1 - z)·n does; in a tensor of one element that is
  // the only element. Their error is relative to the terms: the initial state.
  double terms = 0;
  for (const double value : found.s0) terms = std::max(terms, std::abs(value));
  compare("states", found.states, expected.states, terms);
  compare("last", found.last, expected.last, terms);
  if (!c.training) return;
  // Gradients are compared at the states that the backend stored: at a kink (relu, a clip) a
  // rounding of the state decides on which side the derivative is taken.
  expected.states = widen(found.states);
  oracle.backward(expected);
  if (c.input_gradient) compare("dx", found.dx, expected.dx);
  compare("dR", found.dR, expected.dR);
  compare("db", found.db, expected.db);
  // The gradient of sLSTM's c of before the first step is beyond float16 then.
  if (!c.closed_gate || type != DataType::float16) compare("ds0", found.ds0, expected.ds0);
}

template <class Cell, class ExecutionSpace>
class ConformanceTest : public testing::Test {
 public:
  ConformanceTest(DataType type, std::string backend) : type_(type), backend_(std::move(backend)) {}
  void TestBody() override {
    unsigned seed = 1;
    for (const Case& c : cases(is_gpu<ExecutionSpace>))
      if (!c.closed_gate || std::is_same_v<Cell, Slstm>)
        check<Cell, ExecutionSpace>(c, type_, backend_, seed++);
  }

 private:
  DataType type_;
  std::string backend_;
};

const bool registered = [] {
  Spaces::for_each([]<class ExecutionSpace>() {
    Cells::for_each([]<class Cell>() {
      for (const DataType type :
           {DataType::float64, DataType::float32, DataType::bfloat16, DataType::float16}) {
        for (const char* const backend_name :
             {"kokkos", "kokkos_generic", "reference", native_backend<ExecutionSpace>}) {
          const std::string backend = backend_name;
          // Neither the reference nor the generic kernels depend on the space, and both are the
          // host's: once is enough. Of the spaces only some have kernels of their own, which are
          // for the 16-bit types, those for CUDA also for float32.
          if ((backend == "reference" || backend == "kokkos_generic") &&
              !std::is_same_v<ExecutionSpace, Kokkos::Serial>)
            continue;
          const bool native = backend == native_backend<ExecutionSpace>;
          if (backend.empty() ||
              (native && size_of(type) > (backend == "cuda" ? sizeof(float) : 2)))
            continue;
          const std::string suite = "Conformance/" + backend + "/" + ExecutionSpace::name();
          const std::string name = std::string(Cell::name) + "/" + std::string(name_of(type));
          testing::RegisterTest(suite.c_str(), name.c_str(), nullptr, nullptr, __FILE__, __LINE__,
                                [type, backend]() -> testing::Test* {
                                  return new ConformanceTest<Cell, ExecutionSpace>(type, backend);
                                });
        }
      }
    });
  });
  return true;
}();

}  // namespace
}  // namespace flashrnn::test
