// SPDX-License-Identifier: Apache-2.0
#include "rules.hpp"

#include <cmath>
#include <cstdio>

namespace flashrnn::bench {

std::vector<std::string> comparison_rules(const Settings& settings) {
  const TimingOptions& timing = settings.timing;
  char text[256];
  std::snprintf(
      text, sizeof text,
      "timing: each contender is warmed up, then %d repetitions of at least %.3g s (fewer "
      "if they took over %.3g s, never below 3) run interleaved in random order; wall-clock "
      "time per call, median and quartiles",
      timing.repetitions, timing.least_seconds, timing.most_seconds);
  std::vector<std::string> rules{
      "input: x = W·u is given; ours has no projection. A peer that contains one is timed whole, "
      "and "
      "matrix products of the projection's shapes by the same library are timed apart and taken "
      "out; both are shown",
      "types: all contenders of a case read and write the same type and add in float; nothing is "
      "quantised, no faster mathematics than each library's default is switched on",
      "passes: inference writes h alone; training also keeps what backward needs; "
      "training_backward is both passes with dx, dR and db (peers: also what backward does for W, "
      "taken out in the same way)",
      "weights: peers get W and R in the order they ask for, prepared once outside the timing; "
      "ours "
      "takes R as the caller has it and packs it within every call",
      "threads: every contender of a case may use as many threads as the case says (OpenMP and "
      "OpenBLAS are set to it)",
      "heads: a peer without heads runs one primitive per head, one after the other on a CPU",
      text,
      "GPUs: calls of a repetition are enqueued back to back and waited for once; caches are warm"};
  if (settings.selection.steps.empty()) {
    std::snprintf(
        text, sizeof text,
        "steps on a CPU: the largest power of two with at most 2^%.0f multiply-adds in a "
        "forward pass (sweep of steps: 2^%.0f), at least 64, at most what the sweep says; "
        "times are per step and per call",
        std::log2(step_budget(false, settings.selection.quick)),
        std::log2(step_budget(true, settings.selection.quick)));
    rules.emplace_back(text);
  }
  return rules;
}

}  // namespace flashrnn::bench
