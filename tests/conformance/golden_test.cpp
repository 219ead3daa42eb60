// SPDX-License-Identifier: Apache-2.0
// The recurrence against golden data that was made with independent code, in float64.
#include <gtest/gtest.h>

#include <cstdlib>

#include "compare.hpp"
#include "flashrnn/plan.hpp"
#include "flashrnn/safetensors.hpp"
#include "run_plan.hpp"
#include "spaces.hpp"

namespace flashrnn::test {
namespace {

/// A golden file: inputs and the expected outputs of one cell.
struct Golden {
  Problem problem;
  reference::Tensors<double> tensors;
};

/// Where the golden files lie: named by the environment where the tests run on another machine than
/// the one that built them.
std::string golden_folder() {
  const char* named = std::getenv("FLASHRNN_GOLDEN_DATA");
  return named != nullptr ? named : FLASHRNN_GOLDEN_DATA;
}

Golden load(const std::string& cell, const std::string& size) {
  const std::string path = golden_folder() + "/cell_" + cell + "_" + size + ".safetensors";
  const SafetensorsFile file = SafetensorsFile::read(path);
  const auto values = [&](const char* name) { return to_vector<double>(file.at(name)); };
  Golden golden;
  golden.problem.cell = cell;
  const auto& axes = file.at("dh").shape;  // [T, B, H, D]
  golden.problem.shape = Shape{axes.at(0), axes.at(1), axes.at(2), axes.at(3)};
  golden.problem.training = true;
  auto& t = golden.tensors;
  t.x = values("x");
  t.R = values("R");
  t.b = values("b");
  t.s0 = values("s0");
  t.states = values("states");
  t.dh = values("dh");
  t.dx = values("dx");
  t.dR = values("dR");
  t.db = values("db");
  t.ds0 = values("ds0");
  return golden;
}

void compare(const reference::Tensors<double>& found, const reference::Tensors<double>& expected,
             double bound) {
  expect_close("states", found.states, expected.states, bound);
  expect_close("dx", found.dx, expected.dx, bound);
  expect_close("dR", found.dR, expected.dR, bound);
  expect_close("db", found.db, expected.db, bound);
  expect_close("ds0", found.ds0, expected.ds0, bound);
}

reference::Tensors<double> inputs(const Golden& golden, DataType type) {
  const auto& t = golden.tensors;
  return {.x = as_stored(type, t.x),
          .R = as_stored(type, t.R),
          .b = as_stored(type, t.b),
          .s0 = as_stored(type, t.s0),
          .dh = as_stored(type, t.dh)};
}

template <class Cell>
void check_reference(const Golden& golden) {
  reference::Tensors<double> found = inputs(golden, DataType::float64);
  const reference::Recurrence<Cell, double> recurrence(golden.problem);
  recurrence.forward(found);
  recurrence.backward(found);
  compare(found, golden.tensors, 1e-12);
}

class GoldenTest : public testing::TestWithParam<std::tuple<const char*, const char*>> {
 protected:
  Golden golden() const { return load(std::get<0>(GetParam()), std::get<1>(GetParam())); }
};

TEST_P(GoldenTest, ReferenceIsWithin1em12) {
  const Golden data = golden();
  bool found = false;
  Cells::for_each([&]<class Cell>() {
    if (data.problem.cell != Cell::name) return;
    found = true;
    check_reference<Cell>(data);
  });
  EXPECT_TRUE(found) << "no cell is named " << data.problem.cell;
}

TEST_P(GoldenTest, EverySpaceAndTypeIsWithinItsBound) {
  Spaces::for_each([&]<class ExecutionSpace>() {
    for (const DataType type :
         {DataType::float64, DataType::float32, DataType::bfloat16, DataType::float16}) {
      SCOPED_TRACE(std::string(ExecutionSpace::name()) + " " + std::string(name_of(type)));
      Golden data = golden();
      data.problem.dtype = type;
      // float64 and float32: what users are promised. 16-bit types also round their inputs, each of
      // the 2·D + 2 terms of a gate by u; being independent, they add like a random walk.
      const double narrow = error_bound(type, data.problem.shape) *
                            std::sqrt(2.0 * static_cast<double>(data.problem.shape.head_dim) + 2);
      const double bound = type == DataType::float64   ? 1e-12
                           : type == DataType::float32 ? 1e-5
                                                       : narrow;
      reference::Tensors<double> found = inputs(data, type);
      const ExecutionSpace space;
      const Plan<ExecutionSpace> plan(space, data.problem);
      run_plan(space, plan, found);
      compare(found, data.tensors, bound);
    }
  });
}

INSTANTIATE_TEST_SUITE_P(Cells, GoldenTest,
                         testing::Combine(testing::Values("elman", "lstm", "gru", "slstm"),
                                          testing::Values("small", "heads")),
                         [](const auto& test) {
                           return std::string(std::get<0>(test.param)) + "_" +
                                  std::get<1>(test.param);
                         });

}  // namespace
}  // namespace flashrnn::test
