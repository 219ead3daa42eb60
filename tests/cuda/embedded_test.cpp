// SPDX-License-Identifier: Apache-2.0
// What the library carries for common problems, against what a plan would search for and compile.
#include <gtest/gtest.h>

#include <charconv>
#include <map>
#include <string>

#include "flashrnn/cells/gru.hpp"
#include "flashrnn/cells/lstm.hpp"
#include "flashrnn/cells/slstm.hpp"
#include "flashrnn/recurrence/tile_search.hpp"
#include "jit/compiler.hpp"
#include "jit/cubin_cache.hpp"
#include "small_heads/program.hpp"
#include "spread_heads/program.hpp"
#include "tiling/embedded_tilings.hpp"
#include "tiling/kernel_choice.hpp"

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
  const auto expect_embedded = [&](const Program& program, const std::string& what) {
    EXPECT_FALSE(cache.embedded(program_key(program, options)).empty()) << what;
  };
  for (const char* const name : {"nvidia_h100_sxm", "nvidia_h200"}) {
    const DeviceFacts device = facts_of(find_device_model(name));
    ASSERT_EQ(device.architecture, "sm_90a");
    for (const Common& common :
         {Common{native_cell<Lstm>(), 16}, Common{native_cell<Lstm>(), 64},
          Common{native_cell<Gru>(), 32}, Common{native_cell<Slstm>(), 64},
          Common{native_cell<Lstm>(), 256}, Common{native_cell<Gru>(), 64, 256},
          Common{native_cell<Lstm>(), 32, 16, DataType::float16},
          Common{native_cell<Lstm>(), 64, 16, DataType::float32},
          Common{native_cell<Lstm>(), 128, 16, DataType::float32},
          Common{native_cell<Lstm>(), 256, 16, DataType::float32}}) {
      const NativeCell& cell = common.cell;
      Problem problem;
      problem.dtype = common.dtype;
      constexpr Index any_steps = 77;
      problem.shape = {any_steps, common.batch, 768 / common.head_dim, common.head_dim};
      const ProductType type(problem);
      const std::string what =
          std::string(name) + ' ' + cell.description.name + ' ' + std::to_string(common.head_dim);
      const CellText text = cell_text(cell);
      bool spread = false;  // in training at last
      for (const bool training : {false, true}) {
        problem.training = training;
        const auto forward =
            choose_forward(problem.shape, cell.description, type, training, device);
        const bool fits = forward && (!training || choose_backward(problem.shape, cell.description,
                                                                   type, cell.reads, device));
        spread = spreading_is_faster(problem, cell, device) || !fits;
        EXPECT_TRUE(fits || common.head_dim > 64) << what;
        if (!spread) {
          expect_embedded(forward_program(cell, text, problem, *forward), what);
          if (has_program_of_hidden_state(cell.description, training))
            expect_embedded(forward_program(cell, text, problem, *forward, false), what);
        } else {
          const auto of_several =
              choose_spread(problem.shape, forward_pass(cell.description, training, type), device);
          ASSERT_FALSE(of_several.empty()) << what;
          expect_embedded(spread_forward_program(cell, text, problem, of_several[0]), what);
        }
      }
      if (!spread) {
        const auto backward =
            choose_backward(problem.shape, cell.description, type, cell.reads, device);
        const auto weights = choose_weight_gradient(problem.shape, cell.description, type, device);
        ASSERT_TRUE(backward && weights) << what;
        expect_embedded(backward_program(cell, text, problem, *backward), what);
        expect_embedded(weight_gradient_program(cell, type, *weights), what);
      } else {
        const auto backward =
            choose_spread(problem.shape, backward_pass(cell.description, cell.reads, type), device);
        ASSERT_FALSE(backward.empty()) << what;
        expect_embedded(spread_backward_program(cell, text, problem, backward[0]), what);
      }
      expect_embedded(sum_parts_program(problem.dtype), what);
    }
  }
  // Every answer was known: what is asked with others is searched for.
  std::map<std::string_view, std::string_view> known;
  for (const KnownTiling& one : embedded_tilings()) known[one.question] = one.answer;
  for (const FoundTiling& one : found_tilings()) EXPECT_TRUE(known.contains(one.question));
}

}  // namespace
}  // namespace flashrnn::cuda
