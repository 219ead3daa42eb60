// SPDX-License-Identifier: Apache-2.0
// tile_search_choices [kernel [device [candidates]]]: prints what the tile search answers to the
// grid of questions of tile_search_grid, a line for each candidate with all its variables and
// times. What it printed before a change and after it shows which choices the change moved.
#include <cstdio>
#include <cstdlib>

#include "question_grid.hpp"

namespace flashrnn {
namespace {

void print(const std::string& kernel, const std::string& text, const TileChoice& choice) {
  int place = 0;
  for (const TileCandidate& candidate : choice.candidates) {
    std::printf("%s %s #%d %lld:", kernel.c_str(), text.c_str(), ++place,
                static_cast<long long>(candidate.step_ps));
    for (const auto* values : {&candidate.tiling, &candidate.times})
      for (const NamedValue& entry : *values)
        std::printf(" %s %lld", entry.name.c_str(), static_cast<long long>(entry.value));
    std::printf("\n");
  }
  if (choice.candidates.empty()) std::printf("%s %s: none\n", kernel.c_str(), text.c_str());
}

void run(const std::string& only_kernel, const std::string& only_device, int candidates) {
  for (const KernelText& kernel : kernel_texts()) {
    if (!only_kernel.empty() && kernel.name != only_kernel) continue;
    ask_grid(kernel, only_device, [&](const TileQuestion& question, const std::string& text) {
      print(kernel.name, text, *find_tilings(question, candidates));
      forget_tilings();
    });
  }
}

}  // namespace
}  // namespace flashrnn

int main(int argc, char** argv) {
  flashrnn::run(argc > 1 ? argv[1] : "", argc > 2 ? argv[2] : "",
                argc > 3 ? std::atoi(argv[3]) : 1);
}
