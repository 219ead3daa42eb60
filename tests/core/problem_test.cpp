// SPDX-License-Identifier: Apache-2.0
// What validate() says about problems, and the names of types and cells.
#include "flashrnn/problem.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>

#include "expect_message.hpp"
#include "flashrnn/error.hpp"

namespace flashrnn {
namespace {

constexpr Index most = std::numeric_limits<Index>::max();

/// A right problem with one thing wrong: the message has both parts.
void expect_invalid(const std::function<void(Problem&)>& make_wrong, const char* part,
                    const char* other = "") {
  Problem problem;
  problem.shape = {5, 3, 2, 4};
  EXPECT_NO_THROW(validate(problem));
  make_wrong(problem);
  expect_message<InvalidArgument>([&] { validate(problem); }, part, other);
}

TEST(Problem, SizesBelowOne) {
  expect_invalid([](Problem& p) { p.shape.steps = 0; }, "steps: expected at least 1, found 0");
  expect_invalid([](Problem& p) { p.shape.batch = -3; }, "batch: expected at least 1, found -3");
  expect_invalid([](Problem& p) { p.shape.heads = 0; }, "heads: expected at least 1, found 0");
  expect_invalid([](Problem& p) { p.shape.head_dim = std::numeric_limits<Index>::min(); },
                 "head_dim: expected at least 1");
}

TEST(Problem, SizesThatOverflow) {
  expect_invalid([](Problem& p) { p.shape.steps = most; }, "tensor x", "2^63 - 1 bytes");
  expect_invalid([](Problem& p) { p.shape.head_dim = Index(1) << 32; }, "tensor R",
                 "2^63 - 1 bytes");
  expect_invalid([](Problem& p) { p.shape = {most, most, most, most}; }, "2^63 - 1 bytes");
  expect_invalid(
      [](Problem& p) {
        p.shape = {1, Index(1) << 16, Index(1) << 15, 1};
      },
      "heads × batch", "batch = 65536");
  Problem largest;
  largest.shape = {1, (Index(1) << 31) - 1, 1, 1};
  EXPECT_NO_THROW(validate(largest));
}

TEST(Problem, Clips) {
  for (const double wrong : {0.0, -1.0, std::nan(""), std::numeric_limits<double>::infinity()}) {
    expect_invalid([&](Problem& p) { p.forward_clip = wrong; },
                   "forward_clip: expected a positive, finite number");
    expect_invalid([&](Problem& p) { p.recurrent_gradient_clip = wrong; },
                   "recurrent_gradient_clip: expected a positive, finite number");
  }
}

TEST(Problem, UnknownCell) {
  expect_invalid([](Problem& p) { p.cell = "LSTM"; },
                 "cell: expected one of elman, elman_relu, lstm, gru, slstm", "found 'LSTM'");
  expect_invalid([](Problem& p) { p.cell = ""; }, "found ''");
}

TEST(Problem, UnknownType) {
  expect_invalid([](Problem& p) { p.dtype = static_cast<DataType>(9); }, "data type", "9");
  expect_message<InvalidArgument>([] { data_type_from_name("int8"); }, "float64 (f64)",
                                  "found 'int8'");
  expect_message<InvalidArgument>([] { size_of(static_cast<DataType>(-1)); }, "data type", "-1");
}

TEST(Problem, NamesOfTypes) {
  const struct {
    DataType type;
    const char* name;
    const char* short_name;
    std::size_t size;
  } types[] = {{DataType::float64, "float64", "f64", 8},
               {DataType::float32, "float32", "f32", 4},
               {DataType::bfloat16, "bfloat16", "bf16", 2},
               {DataType::float16, "float16", "f16", 2}};
  for (const auto& each : types) {
    EXPECT_EQ(name_of(each.type), each.name);
    EXPECT_EQ(data_type_from_name(each.name), each.type);
    EXPECT_EQ(data_type_from_name(each.short_name), each.type);
    EXPECT_EQ(size_of(each.type), each.size);
  }
}

TEST(Problem, MatmulPrecisions) {
  EXPECT_EQ(Problem().float32_matmul_precision, MatmulPrecision::highest);
  for (const MatmulPrecision precision : {MatmulPrecision::highest, MatmulPrecision::high})
    EXPECT_EQ(matmul_precision_from_name(name_of(precision)), precision);
  EXPECT_EQ(name_of(MatmulPrecision::high), "high");
  expect_message<InvalidArgument>([] { matmul_precision_from_name("medium"); },
                                  "expected highest or high", "found 'medium'");
  expect_invalid([](Problem& p) { p.float32_matmul_precision = static_cast<MatmulPrecision>(7); },
                 "float32_matmul_precision", "7");
}

TEST(Problem, BuiltInCells) {
  const struct {
    const char* name;
    int states, gates, recurrent, input, bias;
  } cells[] = {{"elman", 1, 1, 1, 1, 1},
               {"elman_relu", 1, 1, 1, 1, 1},
               {"lstm", 2, 4, 4, 4, 4},
               {"gru", 1, 4, 3, 3, 4},
               {"slstm", 4, 4, 4, 4, 4}};
  ASSERT_EQ(built_in_cells().size(), std::size(cells));
  for (const auto& each : cells) {
    const CellDescription& found = find_cell(each.name);
    EXPECT_EQ(found.name, each.name);
    EXPECT_EQ(found.states, each.states) << each.name;
    EXPECT_EQ(found.gates, each.gates) << each.name;
    EXPECT_EQ(found.recurrent_gates, each.recurrent) << each.name;
    EXPECT_EQ(found.input_gates, each.input) << each.name;
    EXPECT_EQ(found.bias_gates, each.bias) << each.name;
  }
}

}  // namespace
}  // namespace flashrnn
