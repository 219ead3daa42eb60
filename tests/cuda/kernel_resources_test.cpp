// SPDX-License-Identifier: Apache-2.0
// Every built-in cell's kernels, in the tilings that are chosen for a range of heads and batches,
// compiled by NVRTC for every architecture: no spills, no stack frames, and no more registers than
// the tiling leaves to a thread. Needs no GPU.
#include <gtest/gtest.h>

#include <iostream>
#include <regex>
#include <set>

#include "flashrnn/cells/elman.hpp"
#include "flashrnn/cells/gru.hpp"
#include "flashrnn/cells/lstm.hpp"
#include "flashrnn/cells/slstm.hpp"
#include "jit/compiler.hpp"
#include "small_heads/program.hpp"
#include "spread_heads/program.hpp"

namespace flashrnn::cuda {
namespace {

struct Target {
  DeviceFacts device;
  std::vector<Index> head_dims;  ///< the newer architectures compile a few, to see that they do
  std::vector<Index> spread;     ///< of heads that several multiprocessors share
};

/// An RTX 5090, which has no file (CUDA C++ Programming Guide, technical specifications per compute
/// capability).
std::shared_ptr<const DeviceModel> rtx_5090() {
  auto model = std::make_shared<DeviceModel>(*find_device_model("nvidia_rtx_4090"));
  model->set("COMPUTE_CAPABILITY", 120);
  model->set("SM_COUNT", 170);
  model->set("MAX_CLUSTER_SIZE", 8);
  return model;
}

const std::vector<Target>& targets() {
  static const std::vector<Target> all = {
      {facts_of(find_device_model("nvidia_a100")), {13, 16, 64, 128}, {300}},
      {facts_of(find_device_model("nvidia_h200")), {16, 32, 64, 100, 128}, {256, 768}},
      {facts_of(find_device_model("nvidia_b200")), {64}, {1024}},
      {facts_of(rtx_5090()), {64}, {256}}};
  return all;
}

class Resources {
 public:
  /// Compiles a program, once however often it is asked for, and checks what ptxas says of it.
  void check(const Program& program, const Target& target, int threads) {
    const std::string text = program.text();
    if (!seen_.insert(target.device.architecture + text).second) return;
    const Compiled result = nvrtc().compile(text, compile_options(target.device.architecture));
    SCOPED_TRACE(program.kernel + " for " + target.device.architecture);
    ASSERT_TRUE(result.succeeded) << result.log;
    ++compiled;
    // A program may have several kernels, of which ptxas speaks one after the other.
    const auto all = [&result](const char* words) {
      const std::regex expression(words);
      return std::vector<std::smatch>(
          std::sregex_iterator(result.log.begin(), result.log.end(), expression), {});
    };
    const std::size_t kernels = program.arrange_kernel.empty() ? 1 : 2;
    const auto frames =
        all("([0-9]+) bytes stack frame, ([0-9]+) bytes spill stores, ([0-9]+) bytes spill loads");
    const auto registers = all("Used ([0-9]+) registers");
    ASSERT_TRUE(frames.size() == kernels && registers.size() == kernels)
        << "ptxas did not say what the kernels use:\n"
        << result.log;
    for (std::size_t n = 0; n < kernels; ++n) {
      EXPECT_EQ(frames[n][1], "0") << "bytes of stack frame";
      EXPECT_EQ(frames[n][2], "0") << "bytes of spill stores";
      EXPECT_EQ(frames[n][3], "0") << "bytes of spill loads";
      EXPECT_LE(std::stoi(registers[n][1]), registers_per_thread(target.device, threads));
    }
    EXPECT_EQ(result.log.find("setmaxnreg"), std::string::npos) << result.log;
  }
  int compiled = 0;

 private:
  std::set<std::string> seen_;
};

/// Forward of many rows of the batch, of a head that several multiprocessors share.
void check_wide(const NativeCell& cell, const CellText& text, const ProductType& type,
                Index head_dim, const Target& target, Resources& resources) {
  Problem problem;
  problem.dtype = type.type;
  problem.float32_matmul_precision = type.precision;
  problem.shape = {1024, 256, 1, head_dim};
  for (const bool training : {false, true}) {
    problem.training = training;
    const auto forward =
        choose_spread(problem.shape, forward_pass(cell.description, training, type), target.device);
    ASSERT_FALSE(forward.empty()) << head_dim << " on " << target.device.architecture;
    EXPECT_TRUE(forward[0].wide || cell.description.recurrent_gates == 1 || head_dim < 768);
    resources.check(spread_forward_program(cell, text, problem, forward[0]), target,
                    forward[0].threads());
  }
}

/// Backward of many rows and of a clipped h, where several rounds of units share the registers.
void check_crowded(const NativeCell& cell, const CellText& text, const ProductType& type,
                   const Target& target, Resources& resources) {
  NativeCell clipping = cell;
  clipping.reads.states |= 1u;
  for (const bool clips : {false, true})
    for (const auto& [head_dim, batch] :
         {std::pair<Index, Index>{128, 256}, {160, 64}, {384, 256}}) {
      Problem problem;
      problem.dtype = type.type;
      problem.shape = {1024, batch, 768 / head_dim, head_dim};
      problem.training = true;
      if (clips) problem.forward_clip = 1.0;
      const NativeCell& used = clips ? clipping : cell;
      // The kernels of small heads run what fits one multiprocessor.
      if (choose_backward(problem.shape, cell.description, type, used.reads, target.device))
        continue;
      const auto backward = choose_spread(
          problem.shape, backward_pass(cell.description, used.reads, type, clips), target.device);
      ASSERT_FALSE(backward.empty()) << head_dim;
      resources.check(spread_backward_program(used, text, problem, backward[0]), target,
                      backward[0].threads());
    }
}

/// The first tilings for a head that several multiprocessors share.
void check_spread(const NativeCell& cell, const CellText& text, const ProductType& type,
                  Index head_dim, Index batch, const Target& target, Resources& resources) {
  Problem problem;
  problem.dtype = type.type;
  problem.float32_matmul_precision = type.precision;
  problem.shape = {1024, batch, 768 / std::min<Index>(768, head_dim), head_dim};
  for (const bool training : {false, true}) {
    problem.training = training;
    const auto forward =
        choose_spread(problem.shape, forward_pass(cell.description, training, type), target.device);
    ASSERT_FALSE(forward.empty()) << head_dim << " on " << target.device.architecture;
    resources.check(spread_forward_program(cell, text, problem, forward[0]), target,
                    forward[0].threads());
  }
  const auto backward = choose_spread(
      problem.shape, backward_pass(cell.description, cell.reads, type), target.device);
  ASSERT_FALSE(backward.empty()) << head_dim << " on " << target.device.architecture;
  resources.check(spread_backward_program(cell, text, problem, backward[0]), target,
                  backward[0].threads());
}

template <class Cell>
void check_cell(const ProductType& type) {
  const NativeCell cell = native_cell<Cell>();
  const CellText text = cell_text(cell);
  ASSERT_FALSE(text.type.empty());
  Resources resources;
  // Two parts of a float instead of three: on the architectures that have the most of the tilings.
  const auto left_out = [&](const Target& target) {
    return type.parts() == 2 && target.device.architecture != "sm_80" &&
           target.device.architecture != "sm_90a";
  };
  for (const Target& target : targets()) {
    if (left_out(target)) continue;
    // Of float32 fewer, as each takes seconds to compile, but those near the largest that fit.
    std::vector<Index> head_dims = target.head_dims, batches = {16, 64, 256};
    if (type.is_float()) {
      batches = {16};
      head_dims = target.device.architecture == "sm_90a" ? std::vector<Index>{16, 64, 80, 96}
                                                         : std::vector<Index>{64};
    }
    for (const Index head_dim : head_dims) {
      for (const Index batch : batches) {
        Problem problem;
        problem.dtype = type.type;
        problem.float32_matmul_precision = type.precision;
        problem.shape = {1024, batch, 768 / head_dim, head_dim};
        const std::string where = std::to_string(head_dim) + " on " + target.device.architecture;
        // Four gates of 128 units take most of the registers: sm_80, which cannot hand registers
        // around, may have too few of them, and so may training with sLSTM's four states.
        // Of float32, those of more than 64 units with several gates may not fit anywhere.
        const auto may_not_fit = [&](bool training) {
          if (type.is_float()) return head_dim > 64 && cell.description.gates > 1;
          return (head_dim == 128 && target.device.architecture == "sm_80") ||
                 (head_dim > 96 && training && cell.description.states == 4);
        };
        for (const bool saving : {false, true}) {
          const auto tiling =
              choose_forward(problem.shape, cell.description, type, saving, target.device);
          ASSERT_TRUE(tiling || may_not_fit(saving)) << where;
          if (tiling) {
            resources.check(forward_program(cell, text, problem, *tiling), target,
                            tiling->threads());
            if (has_program_of_hidden_state(cell.description, saving))
              resources.check(forward_program(cell, text, problem, *tiling, false), target,
                              tiling->threads());
          } else {
            std::cout << "no forward" << (saving ? " for training" : "") << ": " << where << '\n';
          }
        }
        const auto tiling =
            choose_backward(problem.shape, cell.description, type, cell.reads, target.device);
        ASSERT_TRUE(tiling || may_not_fit(true)) << where;
        if (tiling) {
          const Program program = backward_program(cell, text, problem, *tiling);
          resources.check(program, target, tiling->threads());
        } else {
          std::cout << "no backward: " << where << '\n';
        }
        const auto weights =
            choose_weight_gradient(problem.shape, cell.description, type, target.device);
        ASSERT_TRUE(weights);
        resources.check(weight_gradient_program(cell, type, *weights), target, weights->threads());
      }
    }
  }
  for (const Target& target : targets())
    for (const Index head_dim : target.spread) {
      if (left_out(target)) continue;
      check_spread(cell, text, type, head_dim, 16, target, resources);
      if (target.device.architecture != "sm_90a" || type.is_float()) continue;
      check_spread(cell, text, type, head_dim, 64, target, resources);
      check_wide(cell, text, type, head_dim, target, resources);
    }
  for (const Target& target : targets())
    if (target.device.architecture == "sm_90a" && !type.is_float())
      check_crowded(cell, text, type, target, resources);
  std::cout << resources.compiled << " programs compiled\n";
  EXPECT_GT(resources.compiled, 0);
}

TEST(KernelResources, Lstm) {
  check_cell<Lstm>(DataType::bfloat16);
}
TEST(KernelResources, LstmFloat32) {
  check_cell<Lstm>(DataType::float32);
}
TEST(KernelResources, LstmFloat32High) {
  check_cell<Lstm>({DataType::float32, MatmulPrecision::high});
}
TEST(KernelResources, Slstm) {
  check_cell<Slstm>(DataType::float16);
}
TEST(KernelResources, SlstmFloat32) {
  check_cell<Slstm>(DataType::float32);
}
TEST(KernelResources, Gru) {
  check_cell<Gru>(DataType::bfloat16);
}
TEST(KernelResources, GruFloat32) {
  check_cell<Gru>(DataType::float32);
}
TEST(KernelResources, GruFloat32High) {
  check_cell<Gru>({DataType::float32, MatmulPrecision::high});
}
TEST(KernelResources, Elman) {
  check_cell<Elman>(DataType::float16);
}
TEST(KernelResources, ElmanOfManyRows) {
  // Tilings with several rounds of units cost a cell of one gate little, but registers all the
  // same.
  const NativeCell cell = native_cell<Elman>();
  const CellText text = cell_text(cell);
  const Target target{facts_of(find_device_model("nvidia_h200")), {}, {}};
  Resources resources;
  for (const Index head_dim : {384, 768, 896, 1024})
    for (const Index batch : {64, 128, 256})
      check_spread(cell, text, DataType::float16, head_dim, batch, target, resources);
  EXPECT_GT(resources.compiled, 20);
}
TEST(KernelResources, GruFloat32OfHeadsWhoseRIsSplitInEveryStep) {
  const NativeCell cell = native_cell<Gru>();
  const CellText text = cell_text(cell);
  const Target target{facts_of(find_device_model("nvidia_h200")), {}, {}};
  Resources resources;
  for (const Index head_dim : {1200, 1360})
    for (const Index batch : {1, 16})
      check_spread(cell, text, DataType::float32, head_dim, batch, target, resources);
}
TEST(KernelResources, ElmanFloat32) {
  check_cell<Elman>(DataType::float32);
}
TEST(KernelResources, ElmanRelu) {
  check_cell<ElmanRelu>(DataType::bfloat16);
}
TEST(KernelResources, ElmanReluFloat32) {
  check_cell<ElmanRelu>(DataType::float32);
}

TEST(BackwardReads, FindsWhatTheCellsRead) {
  // LSTM's backward reads c and c', never h; GRU's h'; sLSTM's c and n, not h or m.
  EXPECT_EQ(native_cell<Lstm>().reads.states, 0b10u);
  EXPECT_EQ(native_cell<Lstm>().reads.saved, 0b1111u);
  EXPECT_EQ(native_cell<Gru>().reads.states, 0b1u);
  EXPECT_EQ(native_cell<Gru>().reads.saved, 0b1111u);
  EXPECT_EQ(native_cell<Slstm>().reads.states, 0b110u);
  EXPECT_EQ(native_cell<Slstm>().reads.saved, 0b1111u);
  EXPECT_EQ(native_cell<Elman>().reads.states, 0b1u);
  EXPECT_EQ(native_cell<Elman>().reads.saved, 0u);
}

}  // namespace
}  // namespace flashrnn::cuda
