// SPDX-License-Identifier: Apache-2.0
#include "flashrnn/training/initial_parameters.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

namespace flashrnn::test {
namespace {

Architecture two_layers(const std::string& cell) {
  Architecture a;
  a.cell = cell;
  a.input_size = 3;
  a.heads = 2;
  a.head_dim = 8;
  a.layers = 2;
  a.bidirectional = true;
  a.output_size = 5;
  return a;
}

TEST(initial_parameters, are_uniform_up_to_one_over_the_root_of_the_units) {
  for (const char* const cell : {"lstm", "gru", "elman", "slstm"}) {
    const Architecture a = two_layers(cell);
    const std::vector<float> values = initial_parameters(a, 3);
    ASSERT_EQ(values.size(), static_cast<std::size_t>(ParameterLayout(a).size()));
    const auto [low, high] = std::minmax_element(values.begin(), values.end());
    // Of thousands of values the extremes are close to ±1/4.
    EXPECT_GE(*low, -0.25F);
    EXPECT_LT(*low, -0.24F);
    EXPECT_LE(*high, 0.25F);
    EXPECT_GT(*high, 0.24F);
    EXPECT_EQ(values, initial_parameters(a, 3));
    EXPECT_NE(values, initial_parameters(a, 4));
  }
}

TEST(initial_parameters, raise_the_biases_of_forget_gates) {
  for (const std::string cell : {"lstm", "slstm", "gru", "elman"}) {
    const Architecture a = two_layers(cell);
    const ParameterLayout layout(a);
    const std::vector<float> plain = initial_parameters(a, 3), raised = initial_parameters(a, 3, 2);
    const bool has_forget_gate = cell == "lstm" || cell == "slstm";
    Index differ = 0;
    for (const Parameter& p : layout.parameters())
      for (Index i = 0; i < p.size; ++i) {
        const auto at = static_cast<std::size_t>(p.offset + i);
        // b [G_b, H, D]: gate 1 of the four stands second.
        const bool forget = p.name.starts_with("b_") && i / a.hidden_size() == 1;
        ASSERT_EQ(raised[at], has_forget_gate && forget ? plain[at] + 2 : plain[at]) << p.name;
        differ += raised[at] != plain[at] ? 1 : 0;
      }
    EXPECT_EQ(differ, has_forget_gate ? a.layers * a.directions() * a.hidden_size() : 0) << cell;
  }
}

TEST(initial_parameters, need_no_biases) {
  Architecture a = two_layers("lstm");
  a.bias = false;
  EXPECT_EQ(initial_parameters(a, 3, 2), initial_parameters(a, 3));
}

}  // namespace
}  // namespace flashrnn::test
