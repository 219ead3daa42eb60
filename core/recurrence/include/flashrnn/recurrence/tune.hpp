// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Kokkos_Core.hpp>
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "flashrnn/error.hpp"
#include "flashrnn/plan.hpp"
#include "flashrnn/recurrence/execution_space.hpp"
#include "flashrnn/recurrence/tuning_store.hpp"

namespace flashrnn {

/// Makes a plan's engine: with the best tilings by the model, or with those that win when the best
/// few are timed on the device.
template <class ExecutionSpace>
class Tuner {
 public:
  using EnginePointer = std::unique_ptr<const Engine<ExecutionSpace>>;
  using MakeEngine = std::function<EnginePointer(const Problem&, const EngineOptions&)>;

  Tuner(const ExecutionSpace& space, MakeEngine make_engine)
      : space_(space), make_engine_(std::move(make_engine)) {}

  /// @throws EnvironmentError if there is not enough memory to measure in.
  EnginePointer make(const Problem& problem, const PlanOptions& options) {
    EngineOptions chosen{options.backend};
    EnginePointer engine = make_engine_(problem, chosen);
    if (options.tuning == Tuning::model) return engine;
    chosen.forward = winner(problem, chosen, *engine, false);
    if (problem.training) chosen.backward = winner(problem, chosen, *engine, true);
    return make_engine_(problem, chosen);
  }

  /// What make() measured, a line per pass, for people.
  const std::string& report() const { return report_; }

 private:
  using Bytes = Kokkos::View<unsigned char*, typename ExecutionSpace::memory_space>;
  static constexpr int candidates = 4;
  static constexpr Index most_steps = 64;

  /// The fastest tiling of a pass; nothing fixed where there is nothing to choose.
  FixedTiling winner(const Problem& problem, const EngineOptions& options,
                     const Engine<ExecutionSpace>& engine, bool backward) {
    if (engine.tiling(backward) == nullptr) return {};
    // The engine's own sizes: it may know more than the space and the problem say. Of the engines
    // that "auto" stands for, the portable recurrence alone has tilings to try.
    const TileQuestion question{running_device(space_).resolved.model,
                                options.backend == "auto" ? "kokkos" : options.backend,
                                engine.tiling(backward)->sizes};
    if (auto known = remembered_tiling(question); known && legal(question, *known)) {
      add_report(backward, "as measured earlier", *known);
      return *known;
    }
    const std::vector<FixedTiling> contenders = best_by_model(question);
    FixedTiling fastest;
    double least = std::numeric_limits<double>::infinity();
    for (const FixedTiling& contender : contenders) {
      const double seconds = step_seconds(problem, options, backward, contender);
      if (seconds < least) {
        least = seconds;
        fastest = contender;
      }
    }
    char text[96];
    std::snprintf(text, sizeof text, "fastest of %zu, %.4g us a step", contenders.size(),
                  least * 1e6);
    add_report(backward, text, fastest);
    if (!remember_tiling(question, fastest)) report_ += "  (it could not be stored on disk)\n";
    return fastest;
  }

  /// The best few tilings of all kernels.
  static std::vector<FixedTiling> best_by_model(const TileQuestion& question) {
    std::vector<std::pair<std::int64_t, FixedTiling>> all;
    for (const auto& choice :
         search_kernels(question.device, question.kernel, question.sizes, candidates))
      for (const TileCandidate& candidate : choice->candidates)
        all.emplace_back(candidate.step_ps, FixedTiling{choice->kernel, candidate.tiling});
    std::ranges::stable_sort(all, {}, [](const auto& entry) { return entry.first; });
    std::vector<FixedTiling> best;
    for (auto& entry : all)
      if (best.size() < candidates) best.push_back(std::move(entry.second));
    return best;
  }

  static bool legal(TileQuestion question, const FixedTiling& tiling) {
    question.kernel = tiling.kernel;
    try {
      search_fixed(std::move(question), tiling);
      return true;
    } catch (const InvalidArgument&) {
      return false;  // a damaged or outdated file: measure again
    }
  }

  void add_report(bool backward, const std::string& how, const FixedTiling& tiling) {
    report_ += backward ? "backward measured: " : "forward measured: ";
    report_ += how + ": " + tiling.kernel;
    for (const NamedValue& entry : tiling.values)
      report_ += ' ' + entry.name + ' ' + std::to_string(entry.value);
    report_ += '\n';
  }

  static Bytes bytes(std::size_t count) {
    try {
      return Bytes("flashrnn::tune", count);
    } catch (const std::exception&) {  // Kokkos has no type of its own for it
      throw EnvironmentError("tuning: not enough memory to measure in");
    }
  }

  /// Time of one step with a tiling: the least of three passes after one to warm up.
  double step_seconds(const Problem& problem, EngineOptions options, bool backward,
                      const FixedTiling& tiling) {
    (backward ? options.backward : options.forward) = tiling;
    Problem shorter = problem;
    shorter.shape.steps = std::min(problem.shape.steps, most_steps);
    const Plan<ExecutionSpace> plan(shorter, make_engine_(shorter, options));
    const CellDescription& cell = plan.cell();
    const Shape& s = shorter.shape;
    const auto sized = [&](Index channels, Index rows) {
      return bytes(size_of(shorter.dtype) *
                   static_cast<std::size_t>(channels * rows * s.heads * s.head_dim));
    };
    const Index rows = s.steps * s.batch;
    const Bytes x = sized(cell.input_gates, rows), R = sized(cell.recurrent_gates, s.head_dim),
                states = sized(cell.states, rows), reserve = bytes(plan.reserve_bytes());
    if (!backward) {
      const Bytes workspace = bytes(plan.forward_workspace_bytes());
      ForwardTensors tensors;
      tensors.x.data = x.data();
      tensors.R.data = R.data();
      tensors.states.data = states.data();
      tensors.reserve = reserve.data();
      tensors.workspace = workspace.data();
      return least_seconds([&] { plan.forward(space_, tensors); }) / static_cast<double>(s.steps);
    }
    const Bytes workspace = bytes(plan.backward_workspace_bytes()), dh = sized(1, rows),
                dx = sized(cell.input_gates, rows), dR = sized(cell.recurrent_gates, s.head_dim),
                db = sized(cell.bias_gates, 1);
    BackwardTensors tensors;
    tensors.R.data = R.data();
    tensors.states.data = states.data();
    tensors.reserve = reserve.data();
    tensors.dh.data = dh.data();
    tensors.dx.data = dx.data();
    tensors.dR.data = dR.data();
    tensors.db.data = db.data();
    tensors.workspace = workspace.data();
    return least_seconds([&] { plan.backward(space_, tensors); }) / static_cast<double>(s.steps);
  }

  template <class Body>
  double least_seconds(const Body& body) const {
    double least = std::numeric_limits<double>::infinity();
    constexpr int passes = 4;
    for (int pass = 0; pass < passes; ++pass) {
      space_.fence("flashrnn: tuning");
      const auto start = std::chrono::steady_clock::now();
      body();
      space_.fence("flashrnn: tuning");
      const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
      if (pass > 0) least = std::min(least, seconds.count());
    }
    return least;
  }

  ExecutionSpace space_;
  MakeEngine make_engine_;
  std::string report_;
};

}  // namespace flashrnn
