// SPDX-License-Identifier: Apache-2.0
// tile_search_grid [kernel [device [candidates]]]: asks the tile search about a grid of shapes, for
// all models of devices, and prints by kernel what a question takes: the median, the 99th
// percentile and the worst with its question, new and remembered. CPU time, the least of five
// tries. With candidates, that many are asked for (runners-up). Goals: a solve below 1 ms, a
// remembered answer below 50 us.
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "question_grid.hpp"

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

Asked ask(const TileQuestion& question, const std::string& text, int candidates) {
  Asked out{.text = text};
  const auto microseconds = [&] {
    const double start = thread_microseconds();
    out.nodes = find_tilings(question, candidates)->nodes;
    return thread_microseconds() - start;
  };
  for (int n = 0; n < 5; ++n) {
    forget_tilings();
    out.solve_us = std::min(out.solve_us, microseconds());
    out.remembered_us = std::min(out.remembered_us, microseconds());
  }
  return out;
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

void run(const std::string& only_kernel, const std::string& only_device, int candidates) {
  std::printf("%-21s %7s %8s %8s %8s %8s %8s %6s  %s\n", "kernel (us)", "asked", "median", "99 %",
              "worst", "known", "worst", "nodes", "worst question");
  for (const KernelText& kernel : kernel_texts()) {
    if (!only_kernel.empty() && kernel.name != only_kernel) continue;
    std::vector<Asked> asked;
    ask_grid(kernel, only_device, [&](const TileQuestion& question, const std::string& text) {
      asked.push_back(ask(question, text, candidates));
    });
    if (!asked.empty()) print(kernel.name, asked);
  }
}

}  // namespace
}  // namespace flashrnn

int main(int argc, char** argv) {
  flashrnn::run(argc > 1 ? argv[1] : "", argc > 2 ? argv[2] : "",
                argc > 3 ? std::atoi(argv[3]) : 1);
}
