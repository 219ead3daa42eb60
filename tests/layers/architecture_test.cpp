// SPDX-License-Identifier: Apache-2.0
#include <limits>

#include "layers_support.hpp"

namespace flashrnn::test {
namespace {

TEST(Architecture, sizes_of_layers_and_outputs) {
  Architecture a;
  a.input_size = 5;
  a.heads = 2;
  a.head_dim = 3;
  a.layers = 2;
  EXPECT_EQ(a.hidden_size(), 6);
  EXPECT_EQ(a.input_size_of(0), 5);
  EXPECT_EQ(a.input_size_of(1), 6);
  EXPECT_EQ(a.features(), 6);
  a.bidirectional = true;
  EXPECT_EQ(a.input_size_of(1), 12);
  EXPECT_EQ(a.features(), 12);
  a.output_size = 4;
  EXPECT_EQ(a.features(), 4);
}

TEST(ParameterLayout, places_all_parameters_without_gaps) {
  Architecture a;
  a.cell = "gru";
  a.input_size = 5;
  a.heads = 2;
  a.head_dim = 3;
  a.layers = 2;
  a.bidirectional = true;
  a.output_size = 4;
  const ParameterLayout layout(a);
  const std::vector<std::pair<std::string, std::vector<Index>>> expected = {
      {"W_l0", {3, 2, 3, 5}},
      {"R_l0", {3, 2, 3, 3}},
      {"b_l0", {4, 2, 3}},
      {"W_l0_reverse", {3, 2, 3, 5}},
      {"R_l0_reverse", {3, 2, 3, 3}},
      {"b_l0_reverse", {4, 2, 3}},
      {"W_l1", {3, 2, 3, 12}},
      {"R_l1", {3, 2, 3, 3}},
      {"b_l1", {4, 2, 3}},
      {"W_l1_reverse", {3, 2, 3, 12}},
      {"R_l1_reverse", {3, 2, 3, 3}},
      {"b_l1_reverse", {4, 2, 3}},
      {"head.W", {4, 12}},
      {"head.b", {4}},
  };
  ASSERT_EQ(layout.parameters().size(), expected.size());
  Index offset = 0;
  for (std::size_t n = 0; n < expected.size(); ++n) {
    const Parameter& parameter = layout.parameters()[n];
    EXPECT_EQ(parameter.name, expected[n].first);
    EXPECT_EQ(parameter.shape, expected[n].second);
    EXPECT_EQ(parameter.offset, offset);
    Index size = 1;
    for (const Index axis : parameter.shape) size *= axis;
    EXPECT_EQ(parameter.size, size);
    EXPECT_EQ(&layout.at(parameter.name), &parameter);
    offset += size;
  }
  EXPECT_EQ(layout.size(), offset);
}

TEST(ParameterLayout, leaves_out_what_is_absent) {
  Architecture a;
  a.bias = false;
  a.output_size = 1;
  a.head_bias = false;
  const ParameterLayout layout(a);
  EXPECT_EQ(layout.find("b_l0"), nullptr);
  EXPECT_EQ(layout.find("head.b"), nullptr);
  EXPECT_EQ(layout.find("W_l0_reverse"), nullptr);
  ASSERT_NE(layout.find("head.W"), nullptr);
  expect_invalid([&] { (void)layout.at("b_l0"); }, {"'b_l0'", "W_l0, R_l0, head.W"});
}

TEST(Architecture, names_the_field_that_is_wrong) {
  const auto expect = [](auto change, const std::vector<std::string>& parts) {
    Architecture a;
    change(a);
    expect_invalid([&] { validate(a); }, parts);
    expect_invalid([&] { ParameterLayout{a}; }, parts);
  };
  constexpr Index huge = std::numeric_limits<Index>::max();
  expect([](Architecture& a) { a.cell = "lsmt"; }, {"cell", "lstm", "'lsmt'"});
  expect([](Architecture& a) { a.input_size = 0; }, {"input_size", "at least 1", "found 0"});
  expect([](Architecture& a) { a.heads = -1; }, {"heads", "found -1"});
  expect([](Architecture& a) { a.head_dim = 0; }, {"head_dim"});
  expect([](Architecture& a) { a.layers = 0; }, {"layers", "found 0"});
  expect([](Architecture& a) { a.layers = huge; }, {"layers", "at most 65536"});
  expect([](Architecture& a) { a.output_size = 0; }, {"output_size"});
  expect([](Architecture& a) { a.output_size = Index(1) << 40; }, {"output_size", "2^31 - 1"});
  expect([](Architecture& a) { a.head_dim = a.heads = Index(1) << 32; }, {"h [", "2^52"});
  expect([](Architecture& a) { a.input_size = huge; }, {"W", "2^52"});
  expect([](Architecture& a) { a.head_dim = Index(1) << 26; }, {"W", "2^52"});
}

TEST(NetworkProblem, names_the_field_that_is_wrong) {
  const auto expect = [](auto change, const std::vector<std::string>& parts) {
    NetworkProblem problem;
    change(problem);
    expect_invalid([&] { validate(problem); }, parts);
  };
  expect([](NetworkProblem& p) { p.steps = 0; }, {"steps", "found 0"});
  expect([](NetworkProblem& p) { p.batch = 0; }, {"batch", "found 0"});
  expect([](NetworkProblem& p) { p.forward_clip = -1; }, {"forward_clip"});
  expect([](NetworkProblem& p) { p.architecture.cell = ""; }, {"cell"});
  expect(
      [](NetworkProblem& p) {
        p.steps = Index(1) << 40;
        p.architecture.input_size = 1 << 20;
      },
      {"u [T, B, I]", "2^52"});
  expect(
      [](NetworkProblem& p) {
        p.steps = Index(1) << 40;
        p.architecture.output_size = 1 << 20;
      },
      {"y [T, B, features]", "2^52"});
}

}  // namespace
}  // namespace flashrnn::test
