// SPDX-License-Identifier: Apache-2.0
#include "network_fixture.hpp"

namespace flashrnn::test {
namespace {

Model small_model() {
  Model model;
  model.architecture.cell = "gru";
  model.architecture.input_size = 2;
  model.architecture.head_dim = 3;
  model.architecture.layers = 2;
  model.parameters = random_values(ParameterLayout(model.architecture).size(), 31, 0.6);
  return model;
}

Sequences random_sequences(Index steps, Index batch) {
  Sequences sequences;
  sequences.steps = steps;
  sequences.batch = batch;
  sequences.u = random_values(steps * batch * 2, 32);
  return sequences;
}

template <class Space>
class PredictorTest : public ::testing::Test {};
TYPED_TEST_SUITE(PredictorTest, TestedSpaces, SpaceName);

// Memory is kept between calls: results must not depend on what was there before.
TYPED_TEST(PredictorTest, sizes_may_change_between_calls) {
  const Model model = small_model();
  Predictor<TypeParam> kept(TypeParam(), model, DataType::float64);
  for (const auto& [steps, batch] :
       {std::pair<Index, Index>{3, 2}, {7, 4}, {3, 2}, {1, 1}, {4, 7}}) {
    const Sequences sequences = random_sequences(steps, batch);
    const Prediction found = kept.predict(sequences);
    Predictor<TypeParam> fresh(TypeParam(), model, DataType::float64);
    const Prediction expected = fresh.predict(sequences);
    EXPECT_EQ(found.output, expected.output);
    EXPECT_EQ(found.final_states, expected.final_states);
  }
}

TYPED_TEST(PredictorTest, initial_states_count) {
  Predictor<TypeParam> predictor(TypeParam(), small_model());
  Sequences sequences = random_sequences(3, 2);
  const Prediction zero = predictor.predict(sequences);
  sequences.initial_states.assign(2 * 2 * 3, 0.0);
  EXPECT_EQ(predictor.predict(sequences).output, zero.output);
  sequences.initial_states[1] = 0.5;
  EXPECT_GT(max_difference(predictor.predict(sequences).output, zero.output), 1e-3);
}

TYPED_TEST(PredictorTest, can_be_moved) {
  Predictor<TypeParam> first(TypeParam(), small_model());
  const std::vector<double> expected = first.predict(random_sequences(3, 2)).output;
  Predictor<TypeParam> second = std::move(first);
  EXPECT_EQ(second.predict(random_sequences(3, 2)).output, expected);
  EXPECT_EQ(second.architecture().cell, "gru");
  EXPECT_EQ(second.cell().states, 1);
}

TYPED_TEST(PredictorTest, wrong_lengths) {
  Predictor<TypeParam> predictor(TypeParam(), small_model());
  Sequences sequences = random_sequences(3, 2);
  sequences.u.pop_back();
  expect_invalid([&] { (void)predictor.predict(sequences); },
                 {"u:", "expected 12", "[T, B, I]", "found 11"});
  sequences = random_sequences(3, 2);
  sequences.initial_states.assign(5, 0.0);
  expect_invalid([&] { (void)predictor.predict(sequences); },
                 {"initial states:", "expected 12", "found 5"});
  for (const Index steps : {Index(0), Index(-1)}) {
    sequences.steps = steps;
    expect_invalid([&] { (void)predictor.predict(sequences); }, {"steps", "at least 1"});
  }
  // A failed call leaves the predictor usable.
  EXPECT_EQ(predictor.predict(random_sequences(3, 2)).output.size(), 18U);
}

TYPED_TEST(PredictorTest, wrong_models) {
  Model model = small_model();
  model.parameters.pop_back();
  expect_invalid([&] { Predictor<TypeParam>(TypeParam(), model); }, {"parameters", "expected"});
  model = small_model();
  model.architecture.cell = "x";
  expect_invalid([&] { Predictor<TypeParam>(TypeParam(), model); }, {"cell", "'x'"});
}

// 1e5 is a finite float32, but beyond float16's range.
TYPED_TEST(PredictorTest, parameters_beyond_the_range_of_the_type) {
  Model model = small_model();
  const ParameterLayout layout(model.architecture);
  model.parameters[static_cast<std::size_t>(layout.at("R_l1").offset) + 4] = 1e5;
  EXPECT_NO_THROW(Predictor<TypeParam>(TypeParam(), model, DataType::float32));
  expect_invalid([&] { Predictor<TypeParam>(TypeParam(), model, DataType::float16); },
                 {"R_l1", "[0, 0, 1, 1]", "100000", "float16"});
  model.parameters[0] = std::nan("");
  expect_invalid([&] { Predictor<TypeParam>(TypeParam(), model, DataType::float64); },
                 {"W_l0", "[0, 0, 0, 0]", "float64"});
}

}  // namespace
}  // namespace flashrnn::test
