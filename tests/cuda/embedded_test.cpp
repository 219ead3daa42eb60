// SPDX-License-Identifier: Apache-2.0
// What the library carries for common problems, against what a plan would search for and compile.
#include <gtest/gtest.h>

#include <charconv>
#include <map>
#include <string>

#include "first_programs.hpp"
#include "flashrnn/cells/gru.hpp"
#include "flashrnn/cells/lstm.hpp"
#include "flashrnn/cells/slstm.hpp"
#include "flashrnn/recurrence/tile_search.hpp"
#include "jit/compiler.hpp"
#include "jit/cubin_cache.hpp"
#include "tiling/embedded_tilings.hpp"

namespace flashrnn::cuda {
namespace {

std::vector<NamedValue> values_of(std::string_view words) {
  std::vector<NamedValue> out;
  while (!words.empty()) {
    const std::size_t end = std::min(words.find(' '), words.size());
    const std::string_view word = words.substr(0, end);
    words.remove_prefix(std::min(end + 1, words.size()));
    if (word.empty()) continue;
    const std::size_t equal = word.find('=');
    NamedValue value{std::string(word.substr(0, equal)), 0};
    std::from_chars(word.data() + equal + 1, word.data() + word.size(), value.value);
    out.push_back(std::move(value));
  }
  return out;
}

/// "kernel NAME=VALUE… @ NAME=VALUE…": of a device, and of a problem on it.
TileQuestion question_of(std::string_view text) {
  const std::size_t space = text.find(' '), at = text.find('@');
  auto device = std::make_shared<DeviceModel>();
  device->name = "of the question";
  device->values = values_of(text.substr(space + 1, at - space - 1));
  return {device, std::string(text.substr(0, space)), values_of(text.substr(at + 1))};
}

TEST(EmbeddedTilings, AreWhatTheSearchFinds) {
  ASSERT_FALSE(embedded_tilings().empty());
  forget_tilings();
  for (const KnownTiling& known : embedded_tilings()) find_tilings(question_of(known.question));
  const std::vector<FoundTiling> found = found_tilings();
  ASSERT_EQ(found.size(), embedded_tilings().size());
  for (std::size_t n = 0; n < found.size(); ++n) {
    EXPECT_EQ(embedded_tilings()[n].question, found[n].question);
    EXPECT_EQ(embedded_tilings()[n].answer, found[n].answer) << found[n].question;
  }
}

struct Common {
  NativeCell cell;
  Index head_dim;
  Index batch = 16;
  DataType dtype = DataType::bfloat16;
};

/// A few of embed_cubins' problems, on all devices of the architecture that is embedded by default.
TEST(EmbeddedPrograms, OfCommonProblemsNeedNeitherSearchNorCompiler) {
  use_embedded_tilings();
  forget_tilings();
  const std::vector<std::string> options = compile_options("sm_90a");
  const CubinCache cache({});
  for (const char* const name : {"nvidia_h100_sxm", "nvidia_h200"}) {
    const DeviceFacts device = facts_of(find_device_model(name));
    ASSERT_EQ(device.architecture, "sm_90a");
    for (const Common& common :
         {Common{native_cell<Lstm>(), 16}, Common{native_cell<Lstm>(), 64},
          Common{native_cell<Gru>(), 32}, Common{native_cell<Slstm>(), 64},
          Common{native_cell<Lstm>(), 256}, Common{native_cell<Gru>(), 64, 256},
          Common{native_cell<Lstm>(), 32, 16, DataType::float16},
          Common{native_cell<Lstm>(), 64, 256, DataType::float16},
          Common{native_cell<Lstm>(), 64, 16, DataType::float32},
          Common{native_cell<Lstm>(), 128, 16, DataType::float32},
          Common{native_cell<Lstm>(), 256, 16, DataType::float32}}) {
      Problem problem;
      problem.dtype = common.dtype;
      constexpr Index any_steps = 77;
      problem.shape = {any_steps, common.batch, 768 / common.head_dim, common.head_dim};
      const CellText text = cell_text(common.cell);
      for (const bool training : {false, true}) {
        problem.training = training;
        const std::vector<Program> programs = first_programs(problem, common.cell, text, device);
        EXPECT_GE(programs.size(), training ? 4u : 1u);
        for (const Program& program : programs)
          EXPECT_FALSE(cache.embedded(program_key(program, options)).empty())
              << name << ' ' << program.kernel;
      }
    }
  }
  // Every answer was known: what is asked with others is searched for.
  std::map<std::string_view, std::string_view> known;
  for (const KnownTiling& one : embedded_tilings()) known[one.question] = one.answer;
  for (const FoundTiling& one : found_tilings()) EXPECT_TRUE(known.contains(one.question));
}

}  // namespace
}  // namespace flashrnn::cuda
