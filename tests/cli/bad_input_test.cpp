// SPDX-License-Identifier: Apache-2.0
// Bad input of the command lines: status 2, one line on stderr that says what is wrong, nothing
// written over.
#include <cmath>
#include <functional>

#include "../io/file_fixture.hpp"
#include "program.hpp"

namespace flashrnn::test {
namespace {

using Arguments = std::vector<std::string>;

/// A tensor in memory that a test may change.
struct EditableTensor {
  ElementType type;
  TensorShape shape;
  std::vector<double> values;
};

/// A file in memory that a test may change.
struct EditableFile {
  std::map<std::string, EditableTensor> tensors;
  std::map<std::string, std::string> metadata;

  explicit EditableFile(const std::string& path) {
    const SafetensorsFile file = SafetensorsFile::read(path);
    metadata = file.metadata();
    for (const TensorView& tensor : file.tensors()) {
      tensors[tensor.name] = {tensor.type, tensor.shape, to_vector<double>(tensor)};
    }
  }

  void rename(const std::string& from, const std::string& to) {
    auto node = tensors.extract(from);
    node.key() = to;
    tensors.insert(std::move(node));
  }

  void reshape(const std::string& name, const TensorShape& shape) {
    tensors.at(name).shape = shape;
    tensors.at(name).values.resize(static_cast<std::size_t>(element_count(shape)));
  }

  void write(const std::string& path) const {
    SafetensorsWriter writer;
    for (const auto& [name, tensor] : tensors) {
      writer.add<double>(name, tensor.type, tensor.shape, tensor.values);
    }
    for (const auto& [key, value] : metadata) writer.set_metadata(key, value);
    writer.write(path);
  }
};

class BadInput : public FolderTest {
 protected:
  void expect_refused(Arguments arguments, const std::string& message) {
    put(out_, "precious");
    const std::size_t files = files_in_folder();
    arguments.insert(arguments.end(), {"--out", out_});
    const ProgramResult result = run_program(arguments);
    EXPECT_EQ(result.status, 2) << result.err;
    EXPECT_NE(result.err.find(message), std::string::npos)
        << "expected: " << message << "\nfound:    " << result.err;
    EXPECT_TRUE(result.err.starts_with("flashrnn: ")) << result.err;
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
    EXPECT_EQ(content(out_), "precious");
    EXPECT_EQ(files_in_folder(), files) << "files were left behind";
  }

  const std::string out_ = path("out.safetensors").string();
  const std::string case_ = golden("cell_lstm_small.safetensors");
};

struct Change {
  std::string what;
  std::function<void(EditableFile&)> change;
  Arguments options;
  std::string message;  // behind the file's name
};

class BadCase : public BadInput, public ::testing::WithParamInterface<Change> {};

TEST_P(BadCase, is_refused) {
  EditableFile file(case_);
  GetParam().change(file);
  const std::string in = path("in.safetensors").string();
  file.write(in);
  Arguments arguments{"run", "--cell", "lstm", "--in", in};
  arguments.insert(arguments.end(), GetParam().options.begin(), GetParam().options.end());
  expect_refused(arguments, "flashrnn: " + in + ": " + GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(
    cli, BadCase,
    ::testing::Values(
        Change{"missing_x",
               [](EditableFile& f) { f.tensors.erase("x"); },
               {},
               "tensor 'x' is missing; the file has 'R', 'b',"},
        Change{"misnamed_R",
               [](EditableFile& f) { f.rename("R", "r"); },
               {},
               "tensor 'R' is missing; the file has 'b', 'dR',"},
        Change{"missing_b",
               [](EditableFile& f) { f.tensors.erase("b"); },
               {},
               "tensor 'b' is missing"},
        Change{"missing_dh",
               [](EditableFile& f) { f.tensors.erase("dh"); },
               {"--backward"},
               "tensor 'dh' is missing"},
        Change{"x_rank",
               [](EditableFile& f) {
                 f.reshape("x", {7, 3, 40});
               },
               {},
               "tensor 'x': expected shape [T, B, 4, H, D] for the cell lstm, found [7, 3, 40]"},
        Change{
            "x_gates",
            [](EditableFile& f) {
              f.reshape("x", {7, 3, 3, 2, 5});
            },
            {},
            "tensor 'x': expected shape [T, B, 4, H, D] for the cell lstm, found [7, 3, 3, 2, 5]"},
        Change{"no_steps",
               [](EditableFile& f) {
                 f.reshape("x", {0, 3, 4, 2, 5});
               },
               {},
               "tensor 'x' of shape [0, 3, 4, 2, 5]: steps: expected at least 1, found 0"},
        Change{"R_shape",
               [](EditableFile& f) {
                 f.reshape("R", {4, 2, 5, 4});
               },
               {},
               "tensor 'R': expected shape [4, 2, 5, 5], found [4, 2, 5, 4]"},
        Change{"b_shape",
               [](EditableFile& f) {
                 f.reshape("b", {4, 10});
               },
               {},
               "tensor 'b': expected shape [4, 2, 5], found [4, 10]"},
        Change{"s0_shape",
               [](EditableFile& f) {
                 f.reshape("s0", {1, 3, 2, 5});
               },
               {},
               "tensor 's0': expected shape [2, 3, 2, 5], found [1, 3, 2, 5]"},
        Change{"dh_shape",
               [](EditableFile& f) {
                 f.reshape("dh", {6, 3, 2, 5});
               },
               {"--backward"},
               "tensor 'dh': expected shape [7, 3, 2, 5], found [6, 3, 2, 5]"},
        Change{"integers",
               [](EditableFile& f) {
                 f.tensors.at("b") = {ElementType::I32, {4, 2, 5}, std::vector<double>(40)};
               },
               {},
               "tensor 'b': expected a floating type (F64, F32, F16 or BF16), found I32"},
        Change{"not_a_number",
               [](EditableFile& f) { f.tensors.at("R").values[57] = std::nan(""); },
               {},
               "tensor 'R': element [1, 0, 1, 2] is NaN, not a finite number"},
        Change{"beyond_the_type",
               [](EditableFile& f) { f.tensors.at("s0").values[1] = 1e6; },
               {"--dtype", "f16"},
               "tensor 's0': element [0, 0, 0, 1] is 1000000.000000, beyond the range of float16"}),
    [](const auto& parameter) { return parameter.param.what; });

TEST_F(BadInput, options_of_run) {
  const Arguments run{"run", "--in", case_};
  const auto with = [&](Arguments more) {
    more.insert(more.begin(), run.begin(), run.end());
    return more;
  };
  expect_refused(with({"--cell", "lstn"}),
                 "cell: expected one of elman, elman_relu, lstm, gru, slstm, found 'lstn'");
  expect_refused(with({"--backend", "hip"}),
                 "--backend: 'hip' is not built into this program; it has: reference, kokkos");
  expect_refused(
      with({"--dtype", "int8"}),
      "expected float64 (f64), float32 (f32), bfloat16 (bf16) or float16 (f16), found 'int8'");
  expect_refused(with({"--forward-clip", "-1"}),
                 "forward_clip: expected a positive, finite number");
  expect_refused(with({"--forward-clip", "x"}), "--forward-clip");
  expect_refused(with({"--float32-matmul-precision", "medium"}),
                 "expected highest or high, found 'medium'");
  expect_refused(with({"--unknown"}), "--unknown");
  expect_refused({"run", "--cell", "lstm"}, "--in is required");
  expect_refused({"run", "--in", path("none").string()},
                 "none: cannot read: No such file or directory");
  expect_refused({"run", "--in", golden("sunspots_lstm.csv")},
                 "is above the limit of 104857600 bytes (is this a safetensors file?)");
  expect_refused({"run", "--in", golden("torch_GRU_1layer.safetensors")},
                 "--cell is needed, as the metadata of");
}

TEST_F(BadInput, folder_that_is_not_there) {
  const ProgramResult result =
      run_program({"run", "--in", case_, "--out", path("none/out.safetensors").string()});
  EXPECT_EQ(result.status, 2);
  EXPECT_NE(result.err.find("none/out.safetensors: cannot open for writing: No such file"),
            std::string::npos)
      << result.err;
}

TEST_F(BadInput, truncated_file) {
  const std::string whole = content(case_);
  put(path("cut.safetensors"), whole.substr(0, whole.size() - 1));
  expect_refused({"run", "--in", path("cut.safetensors").string()}, "reach beyond the file");
}

TEST_F(BadInput, no_command_and_help) {
  const ProgramResult none = run_program({});
  EXPECT_EQ(none.status, 2);
  EXPECT_NE(none.err.find("flashrnn --help"), std::string::npos);
  const ProgramResult help = run_program({"predict", "--help"});
  EXPECT_EQ(help.status, 0);
  EXPECT_NE(help.out.find("--model"), std::string::npos);
}

class BadModel : public BadInput, public ::testing::WithParamInterface<Change> {};

TEST_P(BadModel, is_refused) {
  // Weights and input in one file, as the golden files have them.
  EditableFile file(golden("torch_LSTM_2layer_bidirectional.safetensors"));
  GetParam().change(file);
  const std::string in = path("in.safetensors").string();
  file.write(in);
  Arguments arguments{"predict", "--model", in, "--in", in};
  arguments.insert(arguments.end(), GetParam().options.begin(), GetParam().options.end());
  expect_refused(arguments, "flashrnn: " + in + ": " + GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(
    cli, BadModel,
    ::testing::Values(
        Change{"missing_weight",
               [](EditableFile& f) { f.tensors.erase("weight_hh_l1_reverse"); },
               {},
               "tensor 'weight_hh_l1_reverse' is missing"},
        Change{"misnamed_weight",
               [](EditableFile& f) { f.rename("weight_ih_l1", "weight_ih_l2"); },
               {},
               "tensor 'weight_ih_l"},
        Change{"missing_bias",
               [](EditableFile& f) { f.tensors.erase("bias_ih_l0"); },
               {},
               "tensor 'bias_ih_l0' is missing"},
        Change{"weight_shape",
               [](EditableFile& f) {
                 f.reshape("weight_ih_l1", {48, 12});
               },
               {},
               "tensor 'weight_ih_l1': expected shape [48, 24], found [48, 12]"},
        Change{"gates",
               [](EditableFile& f) {
                 f.reshape("weight_hh_l0", {47, 12});
                 f.metadata.clear();
               },
               {},
               "tensor 'weight_hh_l0'"},
        Change{"kind_against_gates",
               [](EditableFile& f) { f.metadata["kind"] = "GRU"; },
               {},
               "tensor 'weight_hh_l0'"},
        Change{"unknown_kind",
               [](EditableFile& f) { f.metadata["kind"] = "TCN"; },
               {},
               "metadata 'kind': expected LSTM, GRU or RNN, found 'TCN'"},
        Change{"not_a_number",
               [](EditableFile& f) { f.tensors.at("weight_hh_l1").values[13] = HUGE_VAL; },
               {},
               "tensor 'weight_hh_l1': element [1, 1] is infinity, not a finite number"},
        Change{"integers",
               [](EditableFile& f) {
                 f.tensors.at("bias_hh_l0") = {ElementType::I64, {48}, std::vector<double>(48)};
               },
               {},
               "tensor 'bias_hh_l0': expected"},
        Change{"mean",
               [](EditableFile& f) { f.metadata["mean"] = "1,5"; },
               {},
               "metadata 'mean': expected a finite number, found '1,5'"},
        Change{"deviation",
               [](EditableFile& f) { f.metadata["std"] = "0"; },
               {},
               "metadata 'std': expected a number above 0, found '0'"},
        Change{"missing_input",
               [](EditableFile& f) { f.tensors.erase("input"); },
               {},
               "tensor 'input' is missing"},
        Change{
            "input_rank",
            [](EditableFile& f) {
              f.reshape("input", {11, 20});
            },
            {},
            "tensor 'input': expected shape [T, B, 5] with T and B of at least 1, found [11, 20]"},
        Change{"input_features",
               [](EditableFile& f) {
                 f.reshape("input", {11, 4, 6});
               },
               {},
               "tensor 'input': expected shape [T, B, 5] with T and B of at least 1, found [11, 4, "
               "6]"},
        Change{"empty_input",
               [](EditableFile& f) {
                 f.reshape("input", {11, 0, 5});
               },
               {"--batch-first"},
               "tensor 'input': expected shape [B, T, 5] with T and B of at least 1, found [11, 0, "
               "5]"},
        Change{"input_not_a_number",
               [](EditableFile& f) { f.tensors.at("input").values[0] = std::nan(""); },
               {},
               "tensor 'input': element [0, 0, 0] is NaN, not a finite number"},
        Change{"initial_h_alone",
               [](EditableFile& f) { f.tensors["initial_h"] = f.tensors.at("final_h"); },
               {},
               "tensor 'initial_c' is missing"},
        Change{"initial_c_alone",
               [](EditableFile& f) { f.tensors["initial_c"] = f.tensors.at("final_h"); },
               {},
               "tensor 'initial_h' is missing"},
        Change{"initial_h_shape",
               [](EditableFile& f) {
                 f.tensors["initial_h"] = f.tensors.at("final_h");
                 f.reshape("initial_h", {2, 4, 12});
               },
               {},
               "tensor 'initial_h': expected shape [4, 4, 12], found [2, 4, 12]"},
        Change{"target_shape",
               [](EditableFile& f) { f.tensors["target"] = f.tensors.at("input"); },
               {},
               "tensor 'target': expected shape [11, 4, 24], found [11, 4, 5]"}),
    [](const auto& parameter) { return parameter.param.what; });

TEST_F(BadInput, initial_c_of_a_cell_that_has_none) {
  EditableFile file(golden("torch_GRU_1layer.safetensors"));
  file.tensors["initial_c"] = file.tensors.at("final_h");
  const std::string in = path("in.safetensors").string();
  file.write(in);
  expect_refused({"predict", "--model", in, "--in", in},
                 in + ": tensor 'initial_c': the cell gru has no state c");
}

TEST_F(BadInput, options_and_series_of_predict) {
  const std::string model = golden("sunspots_lstm_model.safetensors");
  const std::string series = golden("sunspots_lstm.csv");
  const auto with = [&](const std::string& in, Arguments more) {
    const Arguments first{"predict", "--model", model, "--in", in};
    more.insert(more.begin(), first.begin(), first.end());
    return more;
  };
  expect_refused(with("series.txt", {}),
                 "--in: expected a file name that ends in .csv or .safetensors, found series.txt");
  expect_refused(with(series, {"--train-fraction", "1"}),
                 "--train-fraction: expected a number from 0 to below 1, found 1");
  expect_refused(with(series, {"--column", "count"}),
                 "sunspots_lstm.csv: no column 'count'; there are 'time', 'value'");
  expect_refused(with(series, {"--backend", "hip"}),
                 "--backend: 'hip' is not built into this program");
  expect_refused(
      with(golden("sunspots_lstm_expected.safetensors"), {"--plot", path("p.svg").string()}),
      "--plot: draws the prediction of a series");
  expect_refused({"predict", "--model", golden("torch_GRU_1layer.safetensors"), "--in", series},
                 "a series has one value a step, but the model expects 6");
  put(path("bad.csv"), "time,value\n1700,5\n1701,\n");
  expect_refused(with(path("bad.csv").string(), {}),
                 "bad.csv: line 3: column 2 ('value'): the value is missing");
  put(path("short.csv"), "time,value\n1700,5\n");
  expect_refused(with(path("short.csv").string(), {}),
                 "short.csv: a series needs at least two rows, found 1");
}

}  // namespace
}  // namespace flashrnn::test
