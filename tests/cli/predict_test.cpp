// SPDX-License-Identifier: Apache-2.0
// `flashrnn predict` on models that PyTorch made and on the sunspot series.
#include <cmath>
#include <limits>

#include "../io/file_fixture.hpp"
#include "io/csv.hpp"
#include "program.hpp"

namespace flashrnn::test {
namespace {

using Arguments = std::vector<std::string>;

/// As for `flashrnn run`, with the longest sum of a layer, input and recurrent part together, and
/// the errors of the layers below.
double rounding_bound(const SafetensorsFile& file, double epsilon) {
  double products = 0;
  for (const TensorView& tensor : file.tensors()) {
    if (tensor.shape.size() == 2) products += static_cast<double>(tensor.shape[1]);
  }
  const auto steps = static_cast<double>(file.at("input").shape[0]);
  constexpr double pointwise_operations = 8;
  return epsilon * steps * (products + pointwise_operations);
}

class TorchModule : public FolderTest, public ::testing::WithParamInterface<const char*> {};

TEST_P(TorchModule, gives_what_torch_gave) {
  const std::string in = golden(std::string("torch_") + GetParam() + ".safetensors");
  const SafetensorsFile expected = SafetensorsFile::read(in);
  const double bound = rounding_bound(expected, std::numeric_limits<double>::epsilon());
  for (const char* backend : {"reference", "kokkos"}) {
    const std::string out = path(backend).string() + ".safetensors";
    const ProgramResult result =
        run_program({"predict", "--model", in, "--in", in, "--out", out, "--backend", backend});
    ASSERT_EQ(result.status, 0) << result.err;
    EXPECT_EQ(result.err, "");
    const SafetensorsFile found = SafetensorsFile::read(out);
    for (const char* tensor : {"output", "final_h", "final_c"}) {
      if (expected.find(tensor) != nullptr) expect_near(found, expected, tensor, bound);
    }
    EXPECT_EQ(found.find("final_c") != nullptr, expected.find("final_c") != nullptr);
  }
}

INSTANTIATE_TEST_SUITE_P(cli, TorchModule,
                         ::testing::Values("GRU_1layer", "GRU_2layer_bidirectional", "LSTM_1layer",
                                           "LSTM_2layer_bidirectional", "RNN_1layer",
                                           "RNN_2layer_bidirectional"),
                         [](const auto& parameter) { return std::string(parameter.param); });

class PredictCommand : public FolderTest {
 protected:
  /// A copy of a golden file with changed metadata and without the tensors named in `without`.
  std::string copy(const std::string& name, const std::map<std::string, std::string>& metadata,
                   const std::vector<std::string>& without = {}) {
    const SafetensorsFile file = SafetensorsFile::read(golden(name));
    SafetensorsWriter writer;
    for (const auto& [key, value] : metadata) writer.set_metadata(key, value);
    for (const TensorView& tensor : file.tensors()) {
      if (std::find(without.begin(), without.end(), tensor.name) != without.end()) continue;
      writer.add(tensor.name, tensor.type, tensor.shape, tensor.data);
    }
    std::string target = path("copy.safetensors").string();
    writer.write(target);
    return target;
  }

  const std::string out_ = path("out.safetensors").string();
  const std::string series_ = golden("sunspots_lstm.csv");
  const std::string model_ = golden("sunspots_lstm_model.safetensors");
  const std::string expected_ = golden("sunspots_lstm_expected.safetensors");
};

TEST_F(PredictCommand, kind_comes_from_the_number_of_gates_where_the_metadata_says_nothing) {
  for (const char* module : {"LSTM", "GRU", "RNN"}) {
    const std::string name = std::string("torch_") + module + "_1layer.safetensors";
    const std::string in = copy(name, {});
    const ProgramResult result =
        run_program({"predict", "--model", in, "--in", in, "--out", out_, "--quiet"});
    ASSERT_EQ(result.status, 0) << result.err;
    EXPECT_EQ(result.out, "");
    const SafetensorsFile expected = SafetensorsFile::read(golden(name));
    expect_near(SafetensorsFile::read(out_), expected, "output", rounding_bound(expected, 0x1p-52));
  }
}

TEST_F(PredictCommand, relu_is_not_tanh) {
  const std::string tanh = golden("torch_RNN_1layer.safetensors");
  const std::string relu =
      copy("torch_RNN_1layer.safetensors", {{"module", "RNN(6, 10)"}, {"nonlinearity", "relu"}});
  ASSERT_EQ(run_program({"predict", "--model", relu, "--in", tanh, "--out", out_}).status, 0);
  const SafetensorsFile by_metadata = SafetensorsFile::read(out_);
  ASSERT_EQ(
      run_program({"predict", "--model", tanh, "--in", tanh, "--out", out_, "--cell", "elman_relu"})
          .status,
      0);
  EXPECT_TRUE(std::ranges::equal(by_metadata.at("output").data,
                                 SafetensorsFile::read(out_).at("output").data));
  // The first step by hand: relu(W_ih·u + b_ih + b_hh), from zero.
  const SafetensorsFile file = SafetensorsFile::read(tanh);
  const std::vector<double> W = to_vector<double>(file.at("weight_ih_l0"));
  const std::vector<double> b_ih = to_vector<double>(file.at("bias_ih_l0"));
  const std::vector<double> b_hh = to_vector<double>(file.at("bias_hh_l0"));
  const std::vector<double> u = to_vector<double>(file.at("input"));
  const std::vector<double> y = to_vector<double>(by_metadata.at("output"));
  for (std::size_t unit = 0; unit < 10; ++unit) {
    double sum = b_ih[unit] + b_hh[unit];
    for (std::size_t i = 0; i < 6; ++i) sum += W[unit * 6 + i] * u[i];
    // Seven sums of terms below 1 in two different orders.
    EXPECT_NEAR(y[unit], std::max(sum, 0.0), 16 * 0x1p-52);
  }
}

/// Steps [begin, end) of the input, with the states of a file of results where there is one.
void write_part(const std::string& path, const SafetensorsFile& whole, std::size_t begin,
                std::size_t end, const SafetensorsFile* states) {
  const TensorView& input = whole.at("input");
  const std::size_t row = input.data.size() / static_cast<std::size_t>(input.shape[0]);
  SafetensorsWriter writer;
  TensorShape shape = input.shape;
  shape[0] = static_cast<std::int64_t>(end - begin);
  writer.add("input", input.type, shape, input.data.subspan(begin * row, (end - begin) * row));
  if (states != nullptr) {
    for (const auto& [from, to] : {std::pair("final_h", "initial_h"), {"final_c", "initial_c"}}) {
      if (const TensorView* tensor = states->find(from)) {
        writer.add(to, tensor->type, tensor->shape, tensor->data);
      }
    }
  }
  writer.write(path);
}

TEST_F(PredictCommand, initial_states_go_on_where_final_states_ended) {
  for (const char* module : {"LSTM", "GRU"}) {
    const std::string model = golden(std::string("torch_") + module + "_1layer.safetensors");
    const SafetensorsFile whole = SafetensorsFile::read(model);
    const std::string in = path("part.safetensors").string();
    write_part(in, whole, 0, 4, nullptr);
    ASSERT_EQ(run_program({"predict", "--model", model, "--in", in, "--out", out_}).status, 0);
    const SafetensorsFile first = SafetensorsFile::read(out_);
    write_part(in, whole, 4, 9, &first);
    const ProgramResult result =
        run_program({"predict", "--model", model, "--in", in, "--out", out_});
    ASSERT_EQ(result.status, 0) << result.err;
    expect_near(SafetensorsFile::read(out_), whole, "final_h", rounding_bound(whole, 0x1p-52));
  }
}

TEST_F(PredictCommand, batch_first_by_option_and_by_metadata) {
  const SafetensorsFile whole = SafetensorsFile::read(golden("torch_GRU_1layer.safetensors"));
  // One sequence of the batch: [T, 1, I] and [1, T, I] are the same bytes.
  const std::vector<double> input = to_vector<double>(whole.at("input"));
  const std::vector<double> output = to_vector<double>(whole.at("output"));
  std::vector<double> one_input;
  std::vector<double> one_output;
  for (std::size_t t = 0; t < 9; ++t) {
    for (std::size_t i = 0; i < 6; ++i) one_input.push_back(input[(t * 3 + 1) * 6 + i]);
    for (std::size_t i = 0; i < 10; ++i) one_output.push_back(output[(t * 3 + 1) * 10 + i]);
  }
  SafetensorsWriter writer;
  writer.add<double>("input", ElementType::F64, {1, 9, 6}, one_input);
  const std::string in = path("in.safetensors").string();
  writer.write(in);
  SafetensorsWriter wanted;
  wanted.add<double>("output", ElementType::F64, {1, 9, 10}, one_output);
  const SafetensorsFile expected = SafetensorsFile::parse(wanted.serialize(), "expected");
  const std::string by_metadata =
      copy("torch_GRU_1layer.safetensors", {{"module", "GRU(6, 10, batch_first=True)"}});
  for (const Arguments& model :
       {Arguments{"--model", golden("torch_GRU_1layer.safetensors"), "--batch-first"},
        Arguments{"--model", by_metadata}}) {
    Arguments arguments{"predict", "--in", in, "--out", out_};
    arguments.insert(arguments.end(), model.begin(), model.end());
    const ProgramResult result = run_program(arguments);
    ASSERT_EQ(result.status, 0) << result.err;
    expect_near(SafetensorsFile::read(out_), expected, "output", rounding_bound(whole, 0x1p-52));
  }
}

TEST_F(PredictCommand, sunspot_tensors) {
  const ProgramResult result =
      run_program({"predict", "--model", model_, "--in", expected_, "--out", out_});
  ASSERT_EQ(result.status, 0) << result.err;
  const SafetensorsFile found = SafetensorsFile::read(out_);
  const SafetensorsFile expected = SafetensorsFile::read(expected_);
  EXPECT_EQ(found.at("output").type, ElementType::F32);
  const std::vector<double> a = to_vector<double>(found.at("output"));
  const std::vector<double> b = to_vector<double>(expected.at("output"));
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], b[i], 1e-5) << i;
  EXPECT_NE(result.out.find("this model         24.62\n"), std::string::npos) << result.out;
}

TEST_F(PredictCommand, sunspot_series) {
  const std::string table = path("prediction.csv").string();
  const std::string plot = path("prediction.svg").string();
  const ProgramResult result = run_program({"predict", "--model", model_, "--in", series_, "--out",
                                            table, "--plot", plot, "--step-name", "year"});
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(result.err, "");
  for (const char* line : {"on the last 77 of 308 predictions, 1932 to 2008:\n",
                           "  this model         24.62\n", "  same as last year  31.94\n"}) {
    EXPECT_NE(result.out.find(line), std::string::npos) << result.out;
  }

  const io::CsvTable found = io::read_csv(table);
  EXPECT_EQ(found.names, (std::vector<std::string>{"time", "value", "prediction"}));
  const SafetensorsFile expected = SafetensorsFile::read(expected_);
  const SafetensorsFile model = SafetensorsFile::read(model_);
  const double mean = std::stod(model.metadata().at("mean"));
  const double deviation = std::stod(model.metadata().at("std"));
  const std::vector<double> output = to_vector<double>(expected.at("output"));
  ASSERT_EQ(found.rows(), output.size());
  double squares = 0;
  for (std::size_t i = 0; i < output.size(); ++i) {
    EXPECT_NEAR(found.columns[2][i], output[i] * deviation + mean, 1e-5 * deviation) << i;
    const double error = found.columns[2][i] - found.columns[1][i];
    if (i >= 231) squares += error * error;
  }
  EXPECT_EQ(found.columns[0].front(), 1701);
  EXPECT_NEAR(std::sqrt(squares / 77), std::stod(expected.metadata().at("rmse_test")),
              1e-5 * deviation);
  EXPECT_NE(content(plot).find("predicted one year ahead"), std::string::npos);
}

TEST_F(PredictCommand, series_to_tensors) {
  const ProgramResult result =
      run_program({"predict", "--model", model_, "--in", series_, "--out", out_, "--quiet"});
  ASSERT_EQ(result.status, 0) << result.err;
  const SafetensorsFile found = SafetensorsFile::read(out_);
  const SafetensorsFile expected = SafetensorsFile::read(expected_);
  for (const char* tensor : {"input", "target", "output"}) {
    expect_near(found, expected, tensor, 1e-5);
  }
}

TEST_F(PredictCommand, train_fraction_moves_the_part_that_counts) {
  const ProgramResult result = run_program({"predict", "--model", model_, "--in", series_, "--out",
                                            out_, "--train-fraction", "0.5", "--column", "value"});
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_NE(result.out.find("on the last 154 of 308 predictions"), std::string::npos) << result.out;
}

TEST_F(PredictCommand, progress_does_not_change_the_result) {
  const SafetensorsFile whole = SafetensorsFile::read(golden("torch_LSTM_1layer.safetensors"));
  std::vector<double> input;
  for (int i = 0; i < 1000 * 2 * 6; ++i) input.push_back(std::sin(0.1 * i));
  SafetensorsWriter writer;
  writer.add<double>("input", ElementType::F64, {1000, 2, 6}, input);
  const std::string in = path("in.safetensors").string();
  writer.write(in);
  const std::string other = path("other.safetensors").string();
  const Arguments arguments{"predict", "--model", whole.label(), "--in", in, "--out"};
  Arguments plain = arguments;
  plain.push_back(out_);
  Arguments with_progress = arguments;
  with_progress.insert(with_progress.end(), {other, "--progress"});
  ASSERT_EQ(run_program(plain).status, 0);
  const ProgramResult result = run_program(with_progress);
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_TRUE(result.err.starts_with("flashrnn: steps")) << result.err;
  EXPECT_NE(result.err.find("] 1000/1000 "), std::string::npos) << result.err;
  // The same operations, but matrix products of other sizes may add up in another order.
  const double bound = 0x1p-52 * 1000 * (6 + 10 + 8);
  for (const char* tensor : {"output", "final_h", "final_c"}) {
    expect_near(SafetensorsFile::read(other), SafetensorsFile::read(out_), tensor, bound);
  }
}

}  // namespace
}  // namespace flashrnn::test
