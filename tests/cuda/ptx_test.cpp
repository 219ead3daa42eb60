// SPDX-License-Identifier: Apache-2.0
// Variables that nothing names are dropped from what becomes part of the library, and nothing else.
#include "embed/ptx.hpp"

#include <gtest/gtest.h>

#include "flashrnn/cells/lstm.hpp"
#include "jit/compiler.hpp"
#include "small_heads/program.hpp"

namespace flashrnn::cuda {
namespace {

constexpr const char* header = ".version 9.0\n.target sm_90a\n.address_size 64\n";
constexpr const char* code = ".visible .entry kernel()\n{\n\tret;\n}\n";

std::string join(std::initializer_list<std::string> pieces) {
  std::string out;
  for (const std::string& piece : pieces) out += piece;
  return out;
}

TEST(Ptx, LosesVariablesThatNothingNames) {
  EXPECT_EQ(without_unused_variables(join({header, ".global .align 4 .u32 a = 2;\n",
                                           ".global .align 1 .b8 text[5] = {108, 115, 0};\n",
                                           ".global .align 4 .u32 b;\n", code})),
            join({header, code}));
}

TEST(Ptx, LosesVariablesThatOnlySuchVariablesName) {
  EXPECT_EQ(without_unused_variables(
                join({header, ".global .align 1 .b8 $str[5] = {108, 115, 116, 109};\n",
                      ".global .align 8 .u64 name = generic($str);\n", code})),
            join({header, code}));
}

TEST(Ptx, KeepsVariablesThatAreNamed) {
  const std::string table = ".global .align 4 .b8 table[8] = {1, 0, 0, 0, 2, 0, 0, 0};\n",
                    pointer = ".global .align 8 .u64 pointer = generic(table);\n",
                    longer = ".global .align 4 .u32 table_size = 2;\n",
                    use = ".visible .entry kernel()\n{\n\tld.global.u64 \t%rd1, [pointer];\n}\n";
  EXPECT_EQ(without_unused_variables(join({header, table, pointer, longer, use})),
            join({header, table, pointer, use}));
}

TEST(Ptx, KeepsWhatOthersMayLookUp) {
  const std::string text = join({header, ".visible .global .align 4 .u32 result;\n", code});
  EXPECT_EQ(without_unused_variables(text), text);
}

TEST(Ptx, NoVariablesAreLeftOfAKernel) {
  const NativeCell cell = native_cell<Lstm>();
  Problem problem;
  problem.dtype = DataType::bfloat16;
  problem.shape = {64, 16, 2, 32};
  const DeviceFacts device = facts_of(find_device_model("nvidia_h200"));
  const auto tiling = choose_forward(problem.shape, cell.description, problem.dtype, false, device);
  ASSERT_TRUE(tiling.has_value());
  const Compiled compiled =
      nvrtc().compile(forward_program(cell, cell_text(cell), problem, *tiling).text(),
                      compile_options(device.architecture));
  ASSERT_TRUE(compiled.succeeded) << compiled.log;
  ASSERT_NE(compiled.ptx.find("\n.global "), std::string::npos) << "not needed any more?";
  const std::string without = without_unused_variables(compiled.ptx);
  EXPECT_EQ(without.find("\n.global "), std::string::npos);
  const std::string cubin = assemble(without, device.architecture, FLASHRNN_PTXAS);
  EXPECT_EQ(cubin.find(".nv.global"), std::string::npos);
  EXPECT_NE(compiled.cubin.find(".nv.global"), std::string::npos);
}

TEST(Ptx, AssemblerErrorsAreReported) {
  try {
    assemble("no PTX\n", "sm_90a", FLASHRNN_PTXAS);
    FAIL() << "expected an exception";
  } catch (const std::runtime_error& error) {
    EXPECT_NE(std::string(error.what()).find("kernel.ptx"), std::string::npos) << error.what();
  }
  EXPECT_THROW(assemble(join({header, code}), "sm_90a", "/no/such/ptxas"), std::runtime_error);
}

}  // namespace
}  // namespace flashrnn::cuda
