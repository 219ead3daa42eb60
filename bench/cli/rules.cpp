// SPDX-License-Identifier: Apache-2.0
#include "rules.hpp"

#include <cmath>
#include <cstdio>

namespace flashrnn::bench {
namespace {

std::string timing_rule(const TimingOptions& timing) {
  char text[512];
  std::snprintf(text, sizeof text,
                "timing: warm-up, then %d repetitions of at least %.3g s (fewer if they took over "
                "%.3g s, never below 3), all contenders of a case in turns, in random order; %s "
                "per call, median and quartiles",
                timing.repetitions, timing.least_seconds, timing.most_seconds,
                timing.cpu_time ? "the process's processor time (one thread does all the work)"
                                : "wall-clock time");
  return text;
}

std::string steps_rule(bool quick) {
  char text[512];
  std::snprintf(text, sizeof text,
                "steps on a CPU: the largest power of two with at most 2^%.0f multiply-adds in a "
                "forward pass (sweep of steps: 2^%.0f), at least 64, at most what the sweep says; "
                "times are per step and per call",
                std::log2(step_budget(false, quick)), std::log2(step_budget(true, quick)));
  return text;
}

}  // namespace

std::vector<std::string> comparison_rules(const Settings& settings) {
  std::vector<std::string> rules{
      // NOLINTNEXTLINE(bugprone-suspicious-missing-comma): long texts, one rule each
      "input: x = W·u is given, ours has no projection. A peer that contains one is timed whole; "
      "matrix products of its shapes by the same library (on GPUs its vendor's BLAS) are timed "
      "apart and taken out; both times are kept",
      "types: all contenders of a case read and write the same type and add in float; nothing is "
      "quantised, no faster mathematics than a library's default is switched on; float32_high lets "
      "all of them use TF32 or what is more accurate",
      "passes: inference writes h alone; training also keeps what backward needs; "
      "training_backward is both passes with dx, dR and db (what a peer's backward does for W is "
      "taken out in the same way)",
      "weights: peers get W and R in the order they ask for, prepared outside the timing; ours "
      "takes R as the caller has it and packs it within every call",
      "threads: every contender of a case may use as many as the case says (OpenMP and OpenBLAS "
      "are set to it)",
      "heads: a peer without heads runs one primitive per head; on a CPU one after the other, on a "
      "GPU each on a stream of its own",
      timing_rule(settings.timing),
      "GPUs: calls of a repetition are enqueued back to back and waited for once; caches are "
      "warm"};
  if (settings.selection.steps.empty()) rules.push_back(steps_rule(settings.selection.quick));
  return rules;
}

}  // namespace flashrnn::bench
