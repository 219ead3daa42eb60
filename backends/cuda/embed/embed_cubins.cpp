// SPDX-License-Identifier: Apache-2.0
// embed_cubins PTXAS OUT.cpp ARCHITECTURE...: compiles the kernels of common problems by NVRTC,
// assembles them by the toolkit's PTXAS and writes them as a table that becomes part of the
// library, so that the first plan for one of them compiles nothing. Needs no GPU. Which problems:
// common_problems() below.
#include <algorithm>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <functional>
#include <future>
#include <map>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "flashrnn/cells/gru.hpp"
#include "flashrnn/cells/lstm.hpp"
#include "flashrnn/cells/slstm.hpp"
#include "jit/compiler.hpp"
#include "jit/cubin_cache.hpp"
#include "ptx.hpp"
#include "small_heads/program.hpp"
#include "spread_heads/program.hpp"

namespace flashrnn::cuda {
namespace {

/// The device whose tilings are embedded for an architecture. Another one of that architecture may
/// get other tilings, which are then compiled when they are needed.
DeviceFacts device_of(const std::string& architecture) {
  for (const char* const name : {"nvidia_a100", "nvidia_h200", "nvidia_b200"}) {
    DeviceFacts facts = facts_of(find_device_model(name));
    if (facts.architecture == architecture) return facts;
  }
  throw std::invalid_argument("expected sm_80, sm_90a or sm_100a, found " + architecture);
}

Problem problem_of(Index head_dim, Index batch, bool training) {
  Problem problem;
  problem.dtype = DataType::bfloat16;
  problem.shape = {1024, batch, std::max<Index>(1, 768 / head_dim), head_dim};
  problem.training = training;
  return problem;
}

/// What plans for some problems on a device ask for first.
class Programs {
 public:
  explicit Programs(DeviceFacts device) : device_(std::move(device)) {}

  template <class Cell>
  void add(Index head_dim, Index batch) {
    const NativeCell cell = native_cell<Cell>();
    const CellText text = cell_text(cell);
    for (const bool training : {false, true}) {
      const Problem problem = problem_of(head_dim, batch, training);
      if (head_dim <= 128) {
        if (const auto tiling =
                choose_forward(problem.shape, cell.description, problem.dtype, training, device_))
          add(forward_program(cell, text, problem, *tiling));
      } else {
        add_spread(
            choose_spread(problem.shape, forward_pass(cell.description, training, problem.dtype),
                          device_),
            [&](const SpreadTiling& t) { return spread_forward_program(cell, text, problem, t); });
      }
    }
    const Problem problem = problem_of(head_dim, batch, true);
    if (head_dim <= 128) {
      if (const auto tiling =
              choose_backward(problem.shape, cell.description, problem.dtype, cell.reads, device_))
        add(backward_program(cell, text, problem, *tiling));
      if (const auto tiling =
              choose_weight_gradient(problem.shape, cell.description, problem.dtype, device_))
        add(weight_gradient_program(cell, problem.dtype, *tiling));
    } else {
      add_spread(
          choose_spread(problem.shape, backward_pass(cell.description, cell.reads, problem.dtype),
                        device_),
          [&](const SpreadTiling& t) { return spread_backward_program(cell, text, problem, t); });
      add(arrange_program(problem.dtype));
    }
    add(sum_parts_program(problem.dtype));
  }

  /// Compiles everything, as many at once as there are processors. Returns code by key.
  std::map<std::string, std::string> compile(const std::filesystem::path& ptxas) const {
    const std::vector<std::string> options = compile_options(device_.architecture);
    std::map<std::string, std::string> out;
    std::vector<std::future<std::pair<std::string, std::string>>> running;
    const std::size_t at_once = std::max(1u, std::thread::hardware_concurrency());
    const auto finish = [&] {
      out.insert(running.front().get());
      running.erase(running.begin());
    };
    for (const std::string& program : texts_) {
      if (running.size() == at_once) finish();
      running.push_back(std::async(std::launch::async, [this, &ptxas, &program, &options] {
        Compiled compiled = nvrtc().compile(program, options);
        if (!compiled.succeeded)
          throw std::runtime_error("a kernel does not compile:\n" + compiled.log);
        return std::pair(
            program_key(program, options),
            assemble(without_unused_variables(compiled.ptx), device_.architecture, ptxas));
      }));
    }
    while (!running.empty()) finish();
    return out;
  }

 private:
  void add(const Program& program) {
    std::string text = program.text();
    if (std::find(texts_.begin(), texts_.end(), text) == texts_.end())
      texts_.push_back(std::move(text));
  }
  void add_spread(const std::vector<SpreadTiling>& tilings,
                  const std::function<Program(const SpreadTiling&)>& program) {
    if (!tilings.empty()) add(program(tilings.front()));
  }

  DeviceFacts device_;
  std::vector<std::string> texts_;
};

Programs common_problems(const std::string& architecture) {
  Programs out(device_of(architecture));
  for (const Index head_dim : {16, 32, 64, 128, 256, 768}) out.add<Lstm>(head_dim, 16);
  for (const Index head_dim : {16, 32, 64, 128}) {
    out.add<Gru>(head_dim, 16);
    out.add<Slstm>(head_dim, 16);
  }
  return out;
}

void write_table(const std::filesystem::path& path,
                 const std::map<std::string, std::string>& cubins) {
  const std::filesystem::path binary = std::filesystem::absolute(path).replace_extension(".bin");
  std::ofstream bytes(binary, std::ios::binary), text(path);
  text << "// Written by embed_cubins.\n"
          "#include \"embedded_cubins.hpp\"\n\n"
          "asm(\".section .rodata\\n.balign 16\\nflashrnn_embedded_cubins:\\n\"\n"
          "    \".incbin \\\""
       << binary.string()
       << "\\\"\\n.text\\n\");\n\n"
          "extern \"C\" __attribute__((visibility(\"hidden\"))) const char bytes[]\n"
          "    __asm__(\"flashrnn_embedded_cubins\");\n\n"
          "namespace flashrnn::cuda {\n\n"
          "const std::vector<EmbeddedCubin>& embedded_cubins() {\n"
          "  static const std::vector<EmbeddedCubin> all = {\n";
  std::size_t at = 0;
  for (const auto& [key, code] : cubins) {
    bytes << code;
    text << "      {\"" << key << "\", {bytes + " << at << ", " << code.size() << "}},\n";
    at += code.size();
    // Where the next begins, at a multiple of 16.
    for (; at % 16 != 0; ++at) bytes.put('\0');
  }
  text << "  };\n  return all;\n}\n\n}  // namespace flashrnn::cuda\n";
  bytes.close();
  text.close();
  if (!bytes || !text) throw std::runtime_error("cannot write " + path.string());
  std::printf("embed_cubins: %zu kernels, %.1f MB\n", cubins.size(), static_cast<double>(at) / 1e6);
}

}  // namespace
}  // namespace flashrnn::cuda

int main(int count, char** arguments) try {
  using namespace flashrnn::cuda;
  if (count < 3) throw std::invalid_argument("usage: embed_cubins PTXAS OUT.cpp ARCHITECTURE...");
  std::map<std::string, std::string> all;
  for (int n = 3; n < count; ++n) all.merge(common_problems(arguments[n]).compile(arguments[1]));
  write_table(arguments[2], all);
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "embed_cubins: %s\n", error.what());
  return 1;
}
