// SPDX-License-Identifier: Apache-2.0
// Every include-free header (cells/*.hpp, layout.hpp, types.hpp) is taken by NVRTC as it stands,
// and the forward, the backward and the derived backward of every cell in it compile to machine
// code of every architecture that the CUDA kernels aim at. Compiling needs neither a GPU nor its
// driver.
#include <gtest/gtest.h>
#include <nvrtc.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;

const fs::path include_dir = FLASHRNN_CORE_INCLUDE_DIR;
const std::vector<std::string> architectures = {"sm_80", "sm_90a", "sm_100a", "sm_120"};

std::string read_text(const fs::path& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

std::vector<fs::path> include_free_headers() {
  std::vector<fs::path> headers = {"flashrnn/layout.hpp", "flashrnn/types.hpp"};
  for (const auto& entry : fs::directory_iterator(include_dir / "flashrnn/cells")) {
    headers.push_back(fs::relative(entry.path(), include_dir));
  }
  std::sort(headers.begin(), headers.end());
  return headers;
}

/// Names of the cells that a header defines: structs whose first member is their name.
std::vector<std::string> cells_of(const std::string& text) {
  static const std::regex pattern(
      R"(\nstruct (\w+) \{\s+static constexpr const char\* name = "\w+";)");
  std::vector<std::string> cells;
  for (std::sregex_iterator match(text.begin(), text.end(), pattern), end; match != end; ++match) {
    cells.push_back((*match)[1]);
  }
  return cells;
}

// A program that calls all functions of the cells on values that the compiler cannot know.
std::string program_of(const fs::path& header, const std::vector<std::string>& cells) {
  std::string text = "#include \"" + header.string() + "\"\n#include \"" + header.string() + "\"\n";
  if (cells.empty()) return text;
  text += R"(
#include "flashrnn/cells/differentiate.hpp"
struct DeviceMath {
  using Real = float;
  FLASHRNN_FUNCTION static Real exp(Real x) { return ::expf(x); }
  FLASHRNN_FUNCTION static Real log1p(Real x) { return ::log1pf(x); }
  FLASHRNN_FUNCTION static Real tanh(Real x) { return ::tanhf(x); }
  FLASHRNN_FUNCTION static Real sqrt(Real x) { return ::sqrtf(x); }
  FLASHRNN_FUNCTION static Real abs(Real x) { return ::fabsf(x); }
  FLASHRNN_FUNCTION static Real sigmoid(Real x) { return 1 / (1 + ::expf(-x)); }
  FLASHRNN_FUNCTION static Real log_sigmoid(Real x) {
    return min(x, 0) - ::log1pf(::expf(-::fabsf(x)));
  }
  FLASHRNN_FUNCTION static Real max(Real x, Real y) { return x < y ? y : x; }
  FLASHRNN_FUNCTION static Real min(Real x, Real y) { return y < x ? y : x; }
  FLASHRNN_FUNCTION static bool less(Real x, Real y) { return x < y; }
  FLASHRNN_FUNCTION static bool equal(Real x, Real y) { return x == y; }
  FLASHRNN_FUNCTION static bool negative(Real x) { return __float_as_int(x) < 0; }
  FLASHRNN_FUNCTION static Real select(bool mask, Real x, Real y) { return mask ? x : y; }
  FLASHRNN_FUNCTION static Real stop_gradient(Real x) { return x; }
  FLASHRNN_FUNCTION static Real either(Real quick, Real) { return quick; }
};
template <int N>
__device__ void load(float (&values)[N], const float*& in) {
  for (int n = 0; n < N; ++n) values[n] = *in++;
}
template <int N>
__device__ void store(const float (&values)[N], float*& out) {
  for (int n = 0; n < N; ++n) *out++ = values[n];
}
// The cell without its own backward.
template <class Cell>
struct ForwardOnly {
  static constexpr int states = Cell::states, gates = Cell::gates;
  static constexpr unsigned recurrent_gates = Cell::recurrent_gates;
  static constexpr unsigned input_gates = Cell::input_gates, bias_gates = Cell::bias_gates;
  template <class Math, class Real = typename Math::Real>
  FLASHRNN_FUNCTION static void forward(const Real (&gate)[gates], const Real (&previous)[states],
                                        Real (&next)[states]) {
    Real save[flashrnn::CompleteCell<Cell>::saved_extent];
    flashrnn::CompleteCell<Cell>::template forward<Math>(gate, previous, next, save);
  }
};
template <class Cell>
__device__ void call(const float* in, float* out) {
  float gate[Cell::gates], previous[Cell::states], next[Cell::states], d_next[Cell::states];
  float save[Cell::saved_extent] = {}, d_gate[Cell::gates], d_previous[Cell::states];
  load(gate, in);
  load(previous, in);
  load(d_next, in);
  Cell::template forward<DeviceMath>(gate, previous, next, save);
  store(next, out);
  Cell::template backward<DeviceMath>(save, previous, next, d_next, d_gate, d_previous);
  store(d_gate, out);
  store(d_previous, out);
}
)";
  for (const std::string& cell : cells) {
    const std::string type = "flashrnn::" + cell;
    text +=
        "static_assert(!flashrnn::CompleteCell<ForwardOnly<" + type + ">>::has_own_backward);\n";
    text += "extern \"C\" __global__ void call_" + cell + "(const float* in, float* out) {\n" +
            "  call<flashrnn::CompleteCell<" + type + ">>(in, out);\n" +
            "  call<flashrnn::CompleteCell<ForwardOnly<" + type + ">>>(in, out + 64);\n}\n";
  }
  return text;
}

struct Compiled {
  bool succeeded = false;
  std::size_t machine_code_size = 0;
  std::string log;
};

Compiled compile(const std::string& source, const std::string& architecture) {
  nvrtcProgram program = nullptr;
  EXPECT_EQ(nvrtcCreateProgram(&program, source.c_str(), "cells.cu", 0, nullptr, nullptr),
            NVRTC_SUCCESS);
  const std::string target = "--gpu-architecture=" + architecture;
  const std::string include = "--include-path=" + include_dir.string();
  const std::vector<const char*> options = {target.c_str(), include.c_str(), "--std=c++20",
                                            "--device-as-default-execution-space"};
  Compiled result;
  result.succeeded = nvrtcCompileProgram(program, static_cast<int>(options.size()),
                                         options.data()) == NVRTC_SUCCESS;
  std::size_t log_size = 0;
  EXPECT_EQ(nvrtcGetProgramLogSize(program, &log_size), NVRTC_SUCCESS);
  result.log.resize(log_size);
  EXPECT_EQ(nvrtcGetProgramLog(program, result.log.data()), NVRTC_SUCCESS);
  if (result.succeeded) {
    EXPECT_EQ(nvrtcGetCUBINSize(program, &result.machine_code_size), NVRTC_SUCCESS);
  }
  EXPECT_EQ(nvrtcDestroyProgram(&program), NVRTC_SUCCESS);
  return result;
}

class IncludeFreeHeader : public testing::TestWithParam<fs::path> {};

TEST_P(IncludeFreeHeader, CompilesForEveryArchitecture) {
  const std::string text = read_text(include_dir / GetParam());
  ASSERT_FALSE(text.empty());
  const std::string program = program_of(GetParam(), cells_of(text));
  for (const std::string& architecture : architectures) {
    const Compiled result = compile(program, architecture);
    EXPECT_TRUE(result.succeeded) << architecture << ":\n" << result.log;
    EXPECT_GT(result.machine_code_size, 0u) << architecture;
  }
}

INSTANTIATE_TEST_SUITE_P(All, IncludeFreeHeader, testing::ValuesIn(include_free_headers()),
                         [](const auto& header) { return header.param.stem().string(); });

TEST(IncludeFreeHeaders, DefineTheCells) {
  std::vector<std::string> cells;
  for (const fs::path& header : include_free_headers()) {
    for (const std::string& cell : cells_of(read_text(include_dir / header))) cells.push_back(cell);
  }
  for (const char* cell : {"Elman", "ElmanRelu", "Gru", "Lstm", "Slstm"}) {
    EXPECT_NE(std::find(cells.begin(), cells.end(), cell), cells.end()) << cell << " is missing";
  }
}

TEST(Nvrtc, RefusesAHeaderThatIncludesTheStandardLibrary) {
  EXPECT_FALSE(compile("#include <vector>\n", "sm_90a").succeeded);
}

}  // namespace
