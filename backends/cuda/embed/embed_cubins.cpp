// SPDX-License-Identifier: Apache-2.0
// embed_cubins PTXAS OUT.cpp ARCHITECTURE...: compiles the kernels of common problems by NVRTC,
// assembles them by the toolkit's PTXAS and writes them as a table that becomes part of the
// library, so that the first plan for one of them compiles nothing, with the answers of the tile
// search that lead to them, so that it searches nothing either. Needs no GPU. Which problems:
// common_problems() below.
#include <algorithm>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <future>
#include <map>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "first_programs.hpp"
#include "flashrnn/cells/gru.hpp"
#include "flashrnn/cells/lstm.hpp"
#include "flashrnn/cells/slstm.hpp"
#include "flashrnn/recurrence/known_tilings.hpp"
#include "jit/compiler.hpp"
#include "jit/cubin_cache.hpp"
#include "ptx.hpp"

namespace flashrnn::cuda {
namespace {

/// The devices whose tilings are embedded for an architecture: all that have a model of their own.
/// Another one of that architecture may get other tilings, which are then compiled when they are
/// needed.
std::vector<DeviceFacts> devices_of(const std::string& architecture) {
  std::vector<DeviceFacts> out;
  for (const auto& model : device_models()) {
    if (!model->name.starts_with("nvidia_") || model->matches.empty()) continue;
    DeviceFacts facts = facts_of(model);
    if (facts.architecture == architecture) out.push_back(std::move(facts));
  }
  if (out.empty())
    throw std::invalid_argument("no file in hardware_models is of a device of " + architecture);
  return out;
}

Problem problem_of(DataType dtype, Index head_dim, Index batch, bool training) {
  Problem problem;
  problem.dtype = dtype;
  problem.shape = {1024, batch, std::max<Index>(1, 768 / head_dim), head_dim};
  problem.training = training;
  return problem;
}

/// What plans for some problems on the devices of an architecture ask for first.
class Programs {
 public:
  explicit Programs(const std::string& architecture)
      : architecture_(architecture), devices_(devices_of(architecture)) {}

  template <class Cell>
  void add(DataType dtype, Index head_dim, Index batch) {
    const NativeCell cell = native_cell<Cell>();
    const CellText text = cell_text(cell);  // built-in cells' programs refer to nothing in it
    for (const DeviceFacts& device : devices_)
      for (const bool training : {false, true})
        for (Program& program :
             first_programs(problem_of(dtype, head_dim, batch, training), cell, text, device))
          all_.push_back(std::move(program));
  }

  /// Compiles everything, as many at once as there are processors. Returns code by key.
  std::map<std::string, std::string> compile(const std::filesystem::path& ptxas) const {
    const std::vector<std::string> options = compile_options(architecture_);
    std::map<std::string, std::string> out;
    std::vector<std::future<std::pair<std::string, std::string>>> running;
    const std::size_t at_once = std::max(1u, std::thread::hardware_concurrency());
    const auto finish = [&] {
      out.insert(running.front().get());
      running.erase(running.begin());
    };
    for (const auto& [key, program] : programs(options)) {
      if (running.size() == at_once) finish();
      running.push_back(
          std::async(std::launch::async, [this, &ptxas, &options, key, text = program->text()] {
            Compiled compiled = nvrtc().compile(text, options);
            if (!compiled.succeeded)
              throw std::runtime_error("a kernel does not compile:\n" + compiled.log);
            return std::pair(
                key, assemble(without_unused_variables(compiled.ptx), architecture_, ptxas));
          }));
    }
    while (!running.empty()) finish();
    return out;
  }

 private:
  /// Every one of them once.
  std::map<std::string, const Program*> programs(const std::vector<std::string>& options) const {
    std::map<std::string, const Program*> out;
    for (const Program& program : all_) out.emplace(program_key(program, options), &program);
    return out;
  }

  std::string architecture_;
  std::vector<DeviceFacts> devices_;
  std::vector<Program> all_;
};

Programs common_problems(const std::string& architecture) {
  Programs out(architecture);
  constexpr DataType bfloat16 = DataType::bfloat16;
  for (const DataType dtype : {bfloat16, DataType::float16, DataType::float32})
    for (const Index head_dim : {16, 32, 64, 128, 256, 768}) out.add<Lstm>(dtype, head_dim, 16);
  for (const Index head_dim : {16, 32, 64, 128}) {
    out.add<Gru>(bfloat16, head_dim, 16);
    out.add<Slstm>(bfloat16, head_dim, 16);
  }
  // Inference in blocks of 24 rows is among what takes longest to compile.
  for (const DataType dtype : {bfloat16, DataType::float16}) out.add<Lstm>(dtype, 64, 256);
  out.add<Gru>(bfloat16, 64, 256);
  return out;
}

void write_tables(const std::filesystem::path& path,
                  const std::map<std::string, std::string>& cubins,
                  const std::vector<FoundTiling>& tilings) {
  const std::filesystem::path binary = std::filesystem::absolute(path).replace_extension(".bin");
  std::ofstream bytes(binary, std::ios::binary), text(path);
  text << "// Written by embed_cubins.\n"
          "#include \"embedded_cubins.hpp\"\n"
          "#include \"tiling/embedded_tilings.hpp\"\n\n"
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
  text << "  };\n  return all;\n}\n\n"
          "const std::vector<KnownTiling>& embedded_tilings() {\n"
          "  static const std::vector<KnownTiling> all = {\n";
  for (const FoundTiling& tiling : tilings)
    text << "      {\"" << tiling.question << "\",\n       \"" << tiling.answer << "\"},\n";
  text << "  };\n  return all;\n}\n\n}  // namespace flashrnn::cuda\n";
  bytes.close();
  text.close();
  if (!bytes || !text) throw std::runtime_error("cannot write " + path.string());
  std::printf("embed_cubins: %zu kernels, %.1f MB; %zu tilings\n", cubins.size(),
              static_cast<double>(at) / 1e6, tilings.size());
}

}  // namespace
}  // namespace flashrnn::cuda

int main(int count, char** arguments) try {
  using namespace flashrnn::cuda;
  if (count < 3) throw std::invalid_argument("usage: embed_cubins PTXAS OUT.cpp ARCHITECTURE...");
  std::map<std::string, std::string> all;
  for (int n = 3; n < count; ++n) all.merge(common_problems(arguments[n]).compile(arguments[1]));
  write_tables(arguments[2], all, flashrnn::found_tilings());
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "embed_cubins: %s\n", error.what());
  return 1;
}
