// SPDX-License-Identifier: Apache-2.0
// tile_search_grid [kernel [device]]: asks the tile search about a grid of shapes, for all models
// of devices, and prints by kernel what a question takes: the median, the 99th percentile and the
// worst with its question, new and remembered. CPU time, the least of five tries. Goals: a solve
// below 1 ms, a remembered answer below 50 us.
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <string>

#include "flashrnn/recurrence/tile_search.hpp"

namespace flashrnn {
namespace {

struct Asked {
  double solve_us = 1e9, remembered_us = 1e9;
  std::uint64_t nodes = 0;
  std::string text;
};

/// Of the processor: what other programs take does not count.
double thread_microseconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return 1e6 * static_cast<double>(now.tv_sec) + 1e-3 * static_cast<double>(now.tv_nsec);
}

Asked ask(const TileQuestion& question, std::string text) {
  Asked out{.text = std::move(text)};
  const auto microseconds = [&] {
    const double start = thread_microseconds();
    out.nodes = find_tilings(question)->nodes;
    return thread_microseconds() - start;
  };
  for (int n = 0; n < 5; ++n) {
    forget_tilings();
    out.solve_us = std::min(out.solve_us, microseconds());
    out.remembered_us = std::min(out.remembered_us, microseconds());
  }
  return out;
}

/// Inference, training forward and backward of all cells, in two types.
void ask_all(const KernelText& kernel, const std::shared_ptr<const DeviceModel>& device,
             const Shape& shape, std::vector<Asked>& asked) {
  for (const CellDescription& cell : built_in_cells()) {
    for (const DataType type : {DataType::bfloat16, DataType::float32}) {
      for (const char* pass : {"inference", "training", "backward"}) {
        Problem problem;
        problem.dtype = type;
        problem.shape = shape;
        problem.training = pass[0] != 'i';
        TileQuestion question{device, kernel.name, problem_sizes(problem, cell, pass[0] == 'b')};
        for (const NamedValue& entry : space_sizes(*device)) question.sizes.push_back(entry);
        const std::string text = device->name + ' ' + cell.name + ' ' + std::string(name_of(type)) +
                                 ' ' + pass + ' ' + std::to_string(shape.head_dim) + 'x' +
                                 std::to_string(shape.heads) + " B=" + std::to_string(shape.batch);
        if (kernel.name != "spread_heads") {
          asked.push_back(ask(question, text));
          continue;
        }
        // As the backend asks: R unsplit only where it does not fit otherwise.
        question.sizes.push_back({"WHOLE", 0});
        asked.push_back(ask(question, text));
        if (type != DataType::float32 || !find_tilings(question)->candidates.empty()) continue;
        question.sizes.back().value = 1;
        asked.push_back(ask(question, text + " whole"));
      }
    }
  }
}

void print(const std::string& kernel, std::vector<Asked>& asked) {
  const auto at = [&](double part) -> const Asked& {
    return asked[static_cast<std::size_t>(part * static_cast<double>(asked.size() - 1))];
  };
  const auto nodes = std::ranges::max(asked, {}, &Asked::nodes).nodes;
  std::ranges::sort(asked, {}, &Asked::remembered_us);
  const double remembered = at(0.5).remembered_us, most_remembered = at(1).remembered_us;
  std::ranges::sort(asked, {}, &Asked::solve_us);
  std::printf("%-21s %7zu %8.1f %8.1f %8.1f %8.2f %8.2f %6llu  %s\n", kernel.c_str(), asked.size(),
              at(0.5).solve_us, at(0.99).solve_us, at(1).solve_us, remembered, most_remembered,
              static_cast<unsigned long long>(nodes), at(1).text.c_str());
}

void run(const std::string& only_kernel, const std::string& only_device) {
  std::printf("%-21s %7s %8s %8s %8s %8s %8s %6s  %s\n", "kernel (us)", "asked", "median", "99 %",
              "worst", "known", "worst", "nodes", "worst question");
  for (const KernelText& kernel : kernel_texts()) {
    if (!only_kernel.empty() && kernel.name != only_kernel) continue;
    const bool spread = kernel.name.starts_with("spread");
    std::vector<Asked> asked;
    for (const auto& device : device_models()) {
      if (device->kind() != kernel.device || (!only_device.empty() && device->name != only_device))
        continue;
      if (kernel.backend == "cuda" && !device->find("COMPUTE_CAPABILITY")) continue;
      for (const Index head_dim : {16, 33, 64, 100, 128, 130, 160, 256, 300, 384, 512, 768, 1000,
                                   1024, 1056, 1536, 2048, 3000, 4096}) {
        if (spread && head_dim <= 128) continue;
        for (const Index heads : {1, 3, 8, 24})
          for (const Index batch : {1, 3, 16, 32, 64, 100, 256, 512})
            ask_all(kernel, device, {1024, batch, heads, head_dim}, asked);
      }
    }
    if (!asked.empty()) print(kernel.name, asked);
  }
}

}  // namespace
}  // namespace flashrnn

int main(int argc, char** argv) {
  flashrnn::run(argc > 1 ? argv[1] : "", argc > 2 ? argv[2] : "");
}
