// SPDX-License-Identifier: Apache-2.0
// Google Benchmark cases: first/…, count/… and list/… for every problem, by constrint, by nested
// loops and by Gecode. --benchmark_enable_random_interleaving=true --benchmark_repetitions=9 makes
// peers comparable on a noisy machine.
#include <benchmark/benchmark.h>

#include <functional>
#include <stdexcept>

#include "problems.hpp"
#include "work.hpp"
#ifdef CONSTRINT_BENCH_HAS_GECODE
#include "gecode_peer.hpp"
#endif

namespace {

using bench_solver::NamedProblem;

// One buffer for all lists, touched once, so that no peer pays for page faults.
std::vector<std::int64_t> buffer;

void add(const std::string& name, const std::function<std::size_t()>& work,
         std::uint64_t expected) {
  benchmark::RegisterBenchmark(name.c_str(), [=](benchmark::State& state) {
    std::size_t found = 0;
    for (auto _ : state) benchmark::DoNotOptimize(found = work());
    if (found != expected) state.SkipWithError("wrong number of solutions");
    state.counters["solutions"] = static_cast<double>(found);
  })->Unit(benchmark::kMicrosecond);
}

void add_lists(const NamedProblem& problem) {
  const std::uint64_t solutions = problem.solutions.value();
  const auto list = [text = problem.text] { return bench_solver::list_solutions(text, buffer); };
  add("list/" + problem.name + "/constrint", list, solutions);
  add(
      "list/" + problem.name + "/loops", [loops = problem.loops] { return loops(buffer.data()); },
      solutions);
#ifdef CONSTRINT_BENCH_HAS_GECODE
  const auto gecode = [read = problem.read, solutions] {
    return peers::gecode_solve(read, solutions + 1, buffer.data());
  };
  add("list/" + problem.name + "/gecode", gecode, solutions);
#endif
}

void add_first(const NamedProblem& problem) {
  const auto first = [text = problem.text] {
    return std::size_t{bench_solver::first_solution(text).empty() ? 0U : 1U};
  };
  add("first/" + problem.name + "/constrint", first, 1);
#ifdef CONSTRINT_BENCH_HAS_GECODE
  add(
      "first/" + problem.name + "/gecode",
      [read = problem.read] { return peers::gecode_solve(read, 1, buffer.data()); }, 1);
#endif
}

}  // namespace

// NOLINTNEXTLINE(bugprone-exception-escape): a benchmark may end with an exception
int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  const auto problems = bench_solver::all_problems();
  std::size_t values = 1024;
  for (const NamedProblem& problem : problems) {
    if (problem.loops == nullptr || !problem.solutions) continue;
    values = std::max(values, (*problem.solutions + 1) * problem.read.names.size());
  }
  buffer.assign(values, 0);
  for (const NamedProblem& problem : problems) {
    if (!problem.solutions) continue;
    add(
        "count/" + problem.name + "/constrint",
        [text = problem.text] { return bench_solver::count_solutions(text); }, *problem.solutions);
    add_first(problem);
    if (problem.loops != nullptr) add_lists(problem);
  }
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
