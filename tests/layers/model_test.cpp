// SPDX-License-Identifier: Apache-2.0
#include "state_dict_fixture.hpp"

namespace flashrnn::test {
namespace {

std::vector<double> part(const Model& model, const std::string& name) {
  const ParameterLayout layout(model.architecture);
  const Parameter& parameter = layout.at(name);
  const auto first = model.parameters.begin() + parameter.offset;
  return {first, first + parameter.size};
}

TEST(ReadModel, lstm_keeps_the_order_of_gates_and_adds_biases) {
  const Tensors tensors = lstm_tensors();
  const Model model = read_model(file_of(tensors));
  EXPECT_EQ(model.architecture.cell, "lstm");
  EXPECT_EQ(part(model, "W_l0"), tensors.at("weight_ih_l0").values);
  EXPECT_EQ(part(model, "R_l0"), tensors.at("weight_hh_l0").values);
  std::vector<double> b = tensors.at("bias_ih_l0").values;
  for (std::size_t n = 0; n < b.size(); ++n) b[n] += tensors.at("bias_hh_l0").values[n];
  EXPECT_EQ(part(model, "b_l0"), b);
}

TEST(ReadModel, gru_keeps_b_hn_apart_and_moves_its_gate_first) {
  Tensors tensors;  // hidden 2, so rows r0 r1 z0 z1 n0 n1
  add_recurrence(tensors, "", 3, 1, 2, "_l0");
  tensors["weight_hh_l0"].values = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
  tensors["bias_ih_l0"].values = {1, 2, 3, 4, 5, 6};
  tensors["bias_hh_l0"].values = {10, 20, 30, 40, 50, 60};
  const Model model = read_model(file_of(tensors));
  EXPECT_EQ(model.architecture.cell, "gru");
  EXPECT_EQ(part(model, "W_l0"), tensors.at("weight_ih_l0").values);
  EXPECT_EQ(part(model, "R_l0"), (std::vector<double>{9, 10, 11, 12, 1, 2, 3, 4, 5, 6, 7, 8}));
  EXPECT_EQ(part(model, "b_l0"), (std::vector<double>{50, 60, 11, 22, 33, 44, 5, 6}));
}

TEST(ReadModel, finds_the_prefix_and_the_head) {
  Tensors tensors = lstm_tensors("encoder.rnn.");
  add_head(tensors, "decoder.fc", 2, 3);
  const Model model = read_model(file_of(tensors));
  EXPECT_EQ(model.architecture.output_size, 2);
  EXPECT_TRUE(model.architecture.head_bias);
  EXPECT_EQ(part(model, "head.W"), tensors.at("decoder.fc.weight").values);
  EXPECT_EQ(part(model, "head.b"), tensors.at("decoder.fc.bias").values);
}

TEST(ReadModel, biases_may_be_absent) {
  Tensors tensors = lstm_tensors();
  add_head(tensors, "head", 2, 3);
  for (const char* name : {"bias_ih_l0", "bias_hh_l0", "head.bias"}) tensors.erase(name);
  const Architecture a = read_model(file_of(tensors)).architecture;
  EXPECT_FALSE(a.bias);
  EXPECT_TRUE(a.output_size.has_value());
  EXPECT_FALSE(a.head_bias);
}

TEST(ReadModel, cell_may_be_given) {
  Tensors tensors;
  add_recurrence(tensors, "", 1, 2, 3, "_l0");
  ModelOptions options;
  EXPECT_EQ(read_model(file_of(tensors), options).architecture.cell, "elman");
  options.cell = "elman_relu";
  EXPECT_EQ(read_model(file_of(tensors), options).architecture.cell, "elman_relu");
}

TEST(ReadModel, prefix_and_head_may_be_given) {
  Tensors tensors = lstm_tensors("a.");
  add_recurrence(tensors, "b.", 3, 2, 4, "_l0");
  add_head(tensors, "x", 2, 4);
  add_head(tensors, "y", 5, 4);
  ModelOptions options;
  options.prefix = "b.";
  options.head = "y";
  const Architecture a = read_model(file_of(tensors), options).architecture;
  EXPECT_EQ(a.cell, "gru");
  EXPECT_EQ(a.output_size, 5);
  options.head = "";
  EXPECT_FALSE(read_model(file_of(tensors), options).architecture.output_size.has_value());
}

TEST(ReadModel, ignores_what_is_no_parameter) {
  Tensors tensors = lstm_tensors();
  tensors["mean"] = {{1}, {std::nan("")}};
  EXPECT_FALSE(read_model(file_of(tensors)).architecture.output_size.has_value());
}

TEST(ReadModel, reads_every_floating_type) {
  const Model expected = read_model(file_of(lstm_tensors()));
  for (const ElementType type : {ElementType::F32, ElementType::F16, ElementType::BF16})
    EXPECT_EQ(read_model(file_of(lstm_tensors(), type)).parameters, expected.parameters);
}

}  // namespace
}  // namespace flashrnn::test
