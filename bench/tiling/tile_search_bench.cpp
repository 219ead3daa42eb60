// SPDX-License-Identifier: Apache-2.0
// What a plan pays for its tiling: solving for it, solving for the best four, and getting an answer
// that the process remembers; that there is no tiling is an answer too. Goals: a solve below 1 ms,
// a remembered answer below 50 us.
#include <benchmark/benchmark.h>

#include "flashrnn/recurrence/tile_search.hpp"

namespace flashrnn {
namespace {

TileQuestion question(const KernelText& kernel, const char* device_name, Index head_dim) {
  Problem problem;
  problem.shape = {1024, 16, std::max<Index>(1, 768 / head_dim), head_dim};
  TileQuestion out{find_device_model(device_name), kernel.name,
                   problem_sizes(problem, find_cell("lstm"), false)};
  for (const NamedValue& entry : space_sizes(*out.device)) out.sizes.push_back(entry);
  return out;
}

void solve(benchmark::State& state, const TileQuestion& asked, int candidates) {
  for (auto _ : state) {
    forget_tilings();
    benchmark::DoNotOptimize(find_tilings(asked, candidates));
  }
}

void remember(benchmark::State& state, const TileQuestion& asked) {
  find_tilings(asked);
  for (auto _ : state) benchmark::DoNotOptimize(find_tilings(asked));
}

}  // namespace
}  // namespace flashrnn

int main(int argc, char** argv) {
  for (const flashrnn::KernelText& kernel : flashrnn::kernel_texts()) {
    for (const char* device : {"nvidia_h200", "amd_mi300x", "cpu_zen5"}) {
      if (flashrnn::find_device_model(device)->kind() != kernel.device) continue;
      for (const flashrnn::Index head_dim : {16, 64, 768, 4096}) {
        const auto asked = flashrnn::question(kernel, device, head_dim);
        const std::string name = kernel.name + '/' + device + '/' + std::to_string(head_dim);
        const auto add = [&](const char* what, auto body) {
          benchmark::RegisterBenchmark((what + name).c_str(), body)->Unit(benchmark::kMicrosecond);
        };
        add("solve/", [asked](benchmark::State& state) { flashrnn::solve(state, asked, 1); });
        add("best_four/", [asked](benchmark::State& state) { flashrnn::solve(state, asked, 4); });
        add("remembered/", [asked](benchmark::State& state) { flashrnn::remember(state, asked); });
      }
    }
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
