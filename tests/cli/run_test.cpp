// SPDX-License-Identifier: Apache-2.0
// `flashrnn run` on the golden cells. The cells' numerics have tests of their own; these show that
// the program hands every tensor to the right place.
#include <limits>

#include "../io/file_fixture.hpp"
#include "program.hpp"

namespace flashrnn::test {
namespace {

using Arguments = std::vector<std::string>;

/// Errors of a recurrence in units of the largest value: each step rounds a sum of D products and a
/// few operations on it, and errors of earlier steps add up at most once a step.
double rounding_bound(const SafetensorsFile& file, double epsilon) {
  const TensorShape& x = file.at("x").shape;
  constexpr double pointwise_operations = 8;
  return epsilon * static_cast<double>(x[0]) * (static_cast<double>(x[4]) + pointwise_operations);
}

struct Case {
  std::string cell;
  std::string size;
  std::string backend;
};

class RunCase : public FolderTest, public ::testing::WithParamInterface<Case> {};

TEST_P(RunCase, equals_the_golden_tensors) {
  const auto& [cell, size, backend] = GetParam();
  const std::string in = golden("cell_" + cell + "_" + size + ".safetensors");
  const std::string out = path("out.safetensors").string();
  const ProgramResult result = run_program(
      {"run", "--cell", cell, "--in", in, "--out", out, "--backend", backend, "--backward"});
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(result.out + result.err, "");
  const SafetensorsFile expected = SafetensorsFile::read(in);
  const SafetensorsFile found = SafetensorsFile::read(out);
  const double bound = rounding_bound(expected, std::numeric_limits<double>::epsilon());
  for (const char* tensor : {"states", "dx", "dR", "db", "ds0"}) {
    expect_near(found, expected, tensor, bound);
  }
}

std::vector<Case> all_cases() {
  std::vector<Case> cases;
  for (const char* cell : {"elman", "lstm", "gru", "slstm"}) {
    for (const char* size : {"small", "heads"}) {
      for (const char* backend : {"reference", "kokkos"}) cases.push_back({cell, size, backend});
    }
  }
  return cases;
}

INSTANTIATE_TEST_SUITE_P(cli, RunCase, ::testing::ValuesIn(all_cases()), [](const auto& parameter) {
  const Case& one = parameter.param;
  return one.cell + "_" + one.size + "_" + one.backend;
});

class RunCommand : public FolderTest {
 protected:
  const std::string in_ = golden("cell_lstm_small.safetensors");
  const std::string out_ = path("out.safetensors").string();
};

TEST_F(RunCommand, stores_in_the_type_that_is_asked_for) {
  const SafetensorsFile expected = SafetensorsFile::read(in_);
  struct Type {
    const char* option;
    ElementType stored;
    double epsilon;
  };
  for (const Type& type :
       {Type{"f64", ElementType::F64, 0x1p-52}, Type{"f32", ElementType::F32, 0x1p-23},
        Type{"f16", ElementType::F16, 0x1p-10}, Type{"bf16", ElementType::BF16, 0x1p-7}}) {
    const ProgramResult result =
        run_program({"run", "--cell", "lstm", "--in", in_, "--out", out_, "--dtype", type.option});
    ASSERT_EQ(result.status, 0) << result.err;
    const SafetensorsFile found = SafetensorsFile::read(out_);
    EXPECT_EQ(found.at("states").type, type.stored);
    EXPECT_EQ(found.find("dx"), nullptr) << "gradients come with --backward alone";
    expect_near(found, expected, "states", rounding_bound(expected, type.epsilon));
  }
}

TEST_F(RunCommand, takes_the_cell_from_the_metadata) {
  ASSERT_EQ(run_program({"run", "--in", in_, "--out", out_}).status, 0);
  const SafetensorsFile found = SafetensorsFile::read(out_);
  EXPECT_EQ(found.metadata().at("cell"), "lstm");
  const SafetensorsFile expected = SafetensorsFile::read(in_);
  expect_near(found, expected, "states", rounding_bound(expected, 0x1p-52));
}

/// The tensor with its axes `first` and `first + 1` exchanged.
void add_transposed(SafetensorsWriter& writer, const TensorView& tensor, std::size_t first) {
  const std::vector<double> values = to_vector<double>(tensor);
  TensorShape shape = tensor.shape;
  std::size_t outer = 1;
  for (std::size_t axis = 0; axis < first; ++axis) outer *= static_cast<std::size_t>(shape[axis]);
  const auto a = static_cast<std::size_t>(shape[first]);
  const auto b = static_cast<std::size_t>(shape[first + 1]);
  const std::size_t inner = values.size() / (outer * a * b);
  std::vector<double> result(values.size());
  for (std::size_t o = 0; o < outer; ++o) {
    for (std::size_t i = 0; i < a; ++i) {
      for (std::size_t j = 0; j < b; ++j) {
        for (std::size_t k = 0; k < inner; ++k) {
          result[((o * b + j) * a + i) * inner + k] = values[((o * a + i) * b + j) * inner + k];
        }
      }
    }
  }
  std::swap(shape[first], shape[first + 1]);
  writer.add<double>(tensor.name, ElementType::F64, shape, result);
}

TEST_F(RunCommand, batch_first_sequences) {
  const SafetensorsFile file = SafetensorsFile::read(in_);
  SafetensorsWriter writer;
  SafetensorsWriter expected;
  for (const TensorView& tensor : file.tensors()) {
    const bool sequence = tensor.name == "x" || tensor.name == "dh" || tensor.name == "dx";
    if (sequence || tensor.name == "states") {
      add_transposed(writer, tensor, sequence ? 0 : 1);
    } else {
      writer.add(tensor.name, tensor.type, tensor.shape, tensor.data);
    }
  }
  const std::string in = path("in.safetensors").string();
  writer.write(in);
  const ProgramResult result = run_program(
      {"run", "--cell", "lstm", "--in", in, "--out", out_, "--batch-first", "--backward"});
  ASSERT_EQ(result.status, 0) << result.err;
  const SafetensorsFile found = SafetensorsFile::read(out_);
  for (const char* tensor : {"states", "dx", "dR", "db", "ds0"}) {
    expect_near(found, SafetensorsFile::read(in), tensor, rounding_bound(file, 0x1p-52));
  }
}

TEST_F(RunCommand, initial_states_of_zero_may_be_left_out) {
  const SafetensorsFile file = SafetensorsFile::read(in_);
  SafetensorsWriter zero;
  SafetensorsWriter none;
  for (const char* name : {"x", "R", "b", "dh"}) {
    const TensorView& tensor = file.at(name);
    zero.add(name, tensor.type, tensor.shape, tensor.data);
    none.add(name, tensor.type, tensor.shape, tensor.data);
  }
  const TensorView& s0 = file.at("s0");
  zero.add("s0", s0.type, s0.shape, std::vector<std::byte>(s0.data.size()));
  zero.write(path("zero.safetensors"));
  none.write(path("none.safetensors"));
  for (const char* name : {"zero", "none"}) {
    const ProgramResult result =
        run_program({"run", "--cell", "lstm", "--backward", "--in",
                     path(name).string() + ".safetensors", "--out", path(name).string() + ".out"});
    ASSERT_EQ(result.status, 0) << result.err;
  }
  EXPECT_EQ(content(path("zero.out")), content(path("none.out")));
}

}  // namespace
}  // namespace flashrnn::test
