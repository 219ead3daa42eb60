// SPDX-License-Identifier: Apache-2.0
// The golden files of torch.nn.LSTM, GRU and RNN: weights by their PyTorch names, input, output and
// final states.
#include "layers_support.hpp"

namespace flashrnn::test {
namespace {

struct Case {
  const char* name;
  const char* cell;
  Index layers;
  bool bidirectional;
};
constexpr Case cases[] = {
    {"torch_LSTM_1layer", "lstm", 1, false}, {"torch_LSTM_2layer_bidirectional", "lstm", 2, true},
    {"torch_GRU_1layer", "gru", 1, false},   {"torch_GRU_2layer_bidirectional", "gru", 2, true},
    {"torch_RNN_1layer", "elman", 1, false}, {"torch_RNN_2layer_bidirectional", "elman", 2, true},
};

std::vector<double> final_states(const SafetensorsFile& file) {
  std::vector<double> states = to_vector<double>(file.at("final_h"));
  if (const TensorView* c = file.find("final_c")) {
    const std::vector<double> more = to_vector<double>(*c);
    states.insert(states.end(), more.begin(), more.end());
  }
  return states;
}

Sequences input_of(const SafetensorsFile& file) {
  const TensorView& input = file.at("input");
  Sequences sequences;
  sequences.steps = input.shape[0];
  sequences.batch = input.shape[1];
  sequences.u = to_vector<double>(input);
  return sequences;
}

double root_mean_square(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value * value;
  return std::sqrt(sum / static_cast<double>(values.size()));
}

/// What rounding to 16 bits does to an output, to first order. Roundings are independent and, with
/// unit roundoff e, have a standard deviation of at most e/√3 of the value. A step adds to each
/// pre-activation those of the D + I products w·v from rounding w and v, 2·(D + I)·(w·v)² in
/// variance, and that of x, of size I·(w·v)²; and h itself is rounded, |h| <= 1. (w and v by their
/// root mean square; v is u or an h.) Cells have slopes of at most 1 and these networks do not
/// amplify a disturbance, so that T steps in L layers are at most a random walk of T·L such steps.
/// The largest of some thousand values lies within four standard deviations.
double narrow_tolerance(const Model& model, const Sequences& sequences, double unit_roundoff) {
  const Architecture& a = model.architecture;
  const auto inputs = static_cast<double>(std::max(a.input_size, a.input_size_of(a.layers - 1)));
  const auto units = static_cast<double>(a.hidden_size());
  const double product =
      root_mean_square(model.parameters) * std::max(1.0, root_mean_square(sequences.u));
  const double step_variance = (2 * (units + inputs) + inputs) * product * product + 1;
  const auto walk = static_cast<double>(sequences.steps * a.layers);
  return 4 * unit_roundoff * std::sqrt(step_variance * walk / 3);
}

template <class Space>
class GoldenTorch : public ::testing::Test {};
TYPED_TEST_SUITE(GoldenTorch, TestedSpaces, SpaceName);

TYPED_TEST(GoldenTorch, architecture_is_read_from_the_names) {
  for (const Case& each : cases) {
    SCOPED_TRACE(each.name);
    const SafetensorsFile file = golden(each.name);
    const Architecture a = read_model(file).architecture;
    EXPECT_EQ(a.cell, each.cell);
    EXPECT_EQ(a.layers, each.layers);
    EXPECT_EQ(a.bidirectional, each.bidirectional);
    EXPECT_EQ(a.input_size, file.at("input").shape[2]);
    EXPECT_EQ(a.features(), file.at("output").shape[2]);
    EXPECT_TRUE(a.bias);
    EXPECT_FALSE(a.output_size.has_value());
  }
}

TYPED_TEST(GoldenTorch, outputs_and_final_states) {
  for (const Case& each : cases) {
    const SafetensorsFile file = golden(each.name);
    const Model model = read_model(file);
    const Sequences sequences = input_of(file);
    const std::vector<double> output = to_vector<double>(file.at("output"));
    const std::vector<double> states = final_states(file);
    const struct {
      DataType type;
      double output, states;  // relative to the largest expected value
    } tolerances[] = {
        {DataType::float64, 1e-12, 1e-12},
        {DataType::float32, 1e-5, 1e-5},
        {DataType::bfloat16, narrow_tolerance(model, sequences, 0x1p-8) / max_norm(output),
         narrow_tolerance(model, sequences, 0x1p-8) / max_norm(states)},
        {DataType::float16, narrow_tolerance(model, sequences, 0x1p-11) / max_norm(output),
         narrow_tolerance(model, sequences, 0x1p-11) / max_norm(states)},
    };
    for (const auto& [type, output_tolerance, states_tolerance] : tolerances) {
      SCOPED_TRACE(std::string(each.name) + " " + std::string(name_of(type)));
      Predictor<TypeParam> predictor(TypeParam(), model, type);
      const Prediction prediction = predictor.predict(sequences);
      expect_close("output", prediction.output, output, output_tolerance);
      expect_close("final states", prediction.final_states, states, states_tolerance);
    }
  }
}

TYPED_TEST(GoldenTorch, batch_first) {
  for (const Case& each : cases) {
    SCOPED_TRACE(each.name);
    const SafetensorsFile file = golden(each.name);
    const Sequences time_major = input_of(file);
    const auto swap_axes = [&](const std::vector<double>& from) {
      const Index steps = time_major.steps, batch = time_major.batch;
      const Index row = static_cast<Index>(from.size()) / (steps * batch);
      std::vector<double> to(from.size());
      for (Index t = 0; t < steps; ++t)
        for (Index b = 0; b < batch; ++b)
          std::copy_n(from.begin() + (t * batch + b) * row, row,
                      to.begin() + (b * steps + t) * row);
      return to;
    };
    Sequences batch_first = time_major;
    batch_first.order = SequenceOrder::batch_first;
    batch_first.u = swap_axes(time_major.u);
    Predictor<TypeParam> predictor(TypeParam(), read_model(file), DataType::float64);
    const Prediction prediction = predictor.predict(batch_first);
    expect_close("output", prediction.output, swap_axes(to_vector<double>(file.at("output"))),
                 1e-12);
    expect_close("final states", prediction.final_states, final_states(file), 1e-12);
  }
}

// A sequence may be cut: the final states of its first part are the initial states of the second.
TYPED_TEST(GoldenTorch, continues_from_final_states) {
  for (const Case& each : cases) {
    if (each.bidirectional) continue;  // its reverse direction needs the whole sequence
    SCOPED_TRACE(each.name);
    const SafetensorsFile file = golden(each.name);
    const Sequences whole = input_of(file);
    const std::vector<double> expected = to_vector<double>(file.at("output"));
    Predictor<TypeParam> predictor(TypeParam(), read_model(file), DataType::float64);
    const Index row = whole.batch * predictor.architecture().input_size;
    std::vector<double> output, states;
    for (const auto& [first, steps] : {std::pair<Index, Index>{0, 4}, {4, 1}, {5, 4}}) {
      Sequences part = whole;
      part.steps = steps;
      part.u.assign(whole.u.begin() + first * row, whole.u.begin() + (first + steps) * row);
      part.initial_states = states;
      const Prediction prediction = predictor.predict(part);
      output.insert(output.end(), prediction.output.begin(), prediction.output.end());
      states = prediction.final_states;
    }
    expect_close("output", output, expected, 1e-12);
    expect_close("final states", states, final_states(file), 1e-12);
  }
}

// Its file has the prefix rnn. and a head, its expected output is float64.
TYPED_TEST(GoldenTorch, sunspots) {
  const Model model = read_model(golden("sunspots_lstm_model"));
  EXPECT_EQ(model.architecture.cell, "lstm");
  EXPECT_EQ(model.architecture.layers, 2);
  EXPECT_EQ(model.architecture.output_size, 1);
  const SafetensorsFile expected = golden("sunspots_lstm_expected");
  const std::vector<double> output = to_vector<double>(expected.at("output"));
  for (const auto& [type, tolerance] :
       {std::pair{DataType::float64, 1e-12}, {DataType::float32, 1e-5}}) {
    SCOPED_TRACE(name_of(type));
    Predictor<TypeParam> predictor(TypeParam(), model, type);
    expect_close("output", predictor.predict(input_of(expected)).output, output, tolerance);
  }
}

}  // namespace
}  // namespace flashrnn::test
