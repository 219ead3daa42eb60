// SPDX-License-Identifier: Apache-2.0
// constrint_table [--rounds N] [--only PART_OF_NAME]: measures ConstrINT against its goals in one
// interleaved run and prints work | measured | must reach | holds. Every answer is checked first.
// Exit 0: measured; 1: an answer was wrong; 2: bad arguments.
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <memory>
#include <stdexcept>

#include "measure.hpp"
#include "problem_files.hpp"
#include "problems.hpp"
#include "work.hpp"
#ifdef CONSTRINT_BENCH_HAS_GECODE
#include "gecode_peer.hpp"
#endif

namespace {

using bench_solver::interleaved;
using bench_solver::NamedProblem;
using bench_solver::Spread;
using bench_solver::spread_of;

constexpr std::uint64_t most_listed = 2'000'000;

std::string time_text(double seconds) {
  std::array<char, 32> text{};
  const double value = seconds < 1e-3 ? seconds * 1e6 : seconds < 1.0 ? seconds * 1e3 : seconds;
  std::snprintf(text.data(), text.size(), "%.3g %s", value,
                seconds < 1e-3  ? "us"
                : seconds < 1.0 ? "ms"
                                : "s");
  return text.data();
}

std::string spread_text(const Spread& spread) {
  return time_text(spread.median) + " (" + time_text(spread.low) + " .. " + time_text(spread.high) +
         ")";
}

std::string ratio_text(const Spread& spread) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%.3gx (%.3g .. %.3g)", spread.median, spread.low,
                spread.high);
  return text.data();
}

class Table {
 public:
  explicit Table(int rounds) : rounds_(rounds) {
    std::printf(
        "| work | measured: median (quartiles) | must reach | holds? |\n|---|---|---|---|\n");
  }

  // Answers are checked before they are timed; a wrong one is a row of its own.
  void measure(const NamedProblem& problem) {
    try {
      if (!problem.first.empty()) measure_first(problem);
      measure_count(problem);
      if (problem.loops != nullptr && problem.solutions.value_or(most_listed + 1) <= most_listed) {
        measure_list(problem);
      }
      measure_memory(problem);
    } catch (const std::exception& error) {
      wrong(problem.name, error.what());
    }
  }

  bool all_right() const { return all_right_; }

 private:
  static void row(const std::string& work, const std::string& measured, const std::string& goal,
                  const char* holds) {
    std::printf("| %s | %s | %s | %s |\n", work.c_str(), measured.c_str(), goal.c_str(), holds);
    std::fflush(stdout);
  }

  void wrong(const std::string& name, const std::string& what) {
    all_right_ = false;
    row(name, "WRONG: " + what, "the right answer", "NO");
  }

  static void require(bool condition, const std::string& what) {
    if (!condition) throw std::runtime_error(what);
  }

  void measure_first(const NamedProblem& problem) {
    const auto solution = bench_solver::first_solution(problem.text);
    for (const auto& [name, value] : problem.first) {
      const auto& names = problem.read.names;
      const auto at =
          static_cast<std::size_t>(std::find(names.begin(), names.end(), name) - names.begin());
      require(at < solution.size() && solution[at] == value,
              "first: " + name + " is not as expected");
    }
    std::vector<std::function<void()>> contenders{
        [&] { bench_solver::first_solution(problem.text); }};
#ifdef CONSTRINT_BENCH_HAS_GECODE
    buffer_.resize(std::max(buffer_.size(), problem.read.names.size()));
    contenders.emplace_back([&] { peers::gecode_solve(problem.read, 1, buffer_.data()); });
#endif
    const auto seconds = interleaved(contenders, rounds_);
    const Spread spread = spread_of(seconds[0]);
    row("first of " + problem.name + ", text in", spread_text(spread), "<= 50 us",
        spread.median <= 50e-6 ? "yes" : "NO");
    if (seconds.size() > 1) {
      row("first of " + problem.name + ": Gecode, no parsing", spread_text(spread_of(seconds[1])),
          "-", "-");
    }
  }

  void measure_count(const NamedProblem& problem) {
    const std::uint64_t found = bench_solver::count_solutions(problem.text);
    require(!problem.solutions || found == *problem.solutions, "count is " + std::to_string(found));
    const auto seconds =
        interleaved({[&] { bench_solver::count_solutions(problem.text); }}, rounds_);
    const Spread spread = spread_of(seconds[0]);
    const double goal = problem.name.starts_with("flashrnn") ? 5e-3 : 1.0;
    row("count of " + problem.name + " (" + std::to_string(found) + "), text in",
        spread_text(spread), "<= " + time_text(goal), spread.median <= goal ? "yes" : "NO");
  }

  void measure_list(const NamedProblem& problem) {
    const std::size_t solutions = *problem.solutions;
    const std::size_t values = solutions * problem.read.names.size();
    std::vector<std::int64_t> by_loops(values);
    buffer_.resize(std::max(buffer_.size(), values));
    require(problem.loops(by_loops.data()) == solutions, "the loops find another number");
    require(bench_solver::list_solutions(problem.text, buffer_) == solutions,
            "list: another number");
    require(std::equal(by_loops.begin(), by_loops.end(), buffer_.begin()), "list: other solutions");
    std::vector<std::function<void()>> contenders{
        [&] { bench_solver::list_solutions(problem.text, buffer_); },
        [&] { problem.loops(by_loops.data()); }};
#ifdef CONSTRINT_BENCH_HAS_GECODE
    require(peers::gecode_solve(problem.read, solutions + 1, buffer_.data()) == solutions &&
                std::equal(by_loops.begin(), by_loops.end(), buffer_.begin()),
            "Gecode lists other solutions");
    contenders.emplace_back([&] { peers::gecode_solve(problem.read, solutions, buffer_.data()); });
#endif
    const auto seconds = interleaved(contenders, rounds_);
    report_list(problem, seconds);
  }

  void report_list(const NamedProblem& problem, const std::vector<std::vector<double>>& seconds) {
    const std::string work = "list " + problem.name + " (" + std::to_string(*problem.solutions) +
                             " x " + std::to_string(problem.read.names.size()) + ")";
    const Spread own = spread_of(seconds[0]);
    const Spread loops = bench_solver::ratio_of(seconds[0], seconds[1]);
    row(work + " against loops",
        spread_text(own) + " / " + time_text(spread_of(seconds[1]).median) + " = " +
            ratio_text(loops),
        "<= 2x, never > 3x",
        loops.median <= 2.0   ? "yes"
        : loops.median <= 3.0 ? "<= 3x only"
                              : "NO");
    if (problem.name == "atf_saxpy_1m") {
      row(work + ", text in", spread_text(own), "<= 30 us", own.median <= 30e-6 ? "yes" : "NO");
    }
    if (seconds.size() < 3) return;
    const Spread gecode = bench_solver::ratio_of(seconds[2], seconds[0]);
    const bool named = problem.name == "gemm" || problem.name == "hotspot";
    const double goal = named ? 20.0 : 1.0;
    row(work + " faster than Gecode",
        ratio_text(gecode) + ", Gecode " + time_text(spread_of(seconds[2]).median),
        named ? ">= 20x" : ">= 1x", gecode.median >= goal ? "yes" : "NO");
  }

  void measure_memory(const NamedProblem& problem) {
    std::string path;
    for (const auto& file : bench_solver::problem_files) {
      if (std::string(file.path).ends_with("/" + problem.name + ".constrint")) path = file.path;
    }
    const std::string command = "\"" CONSTRINT_PEAK "\" \"" + path + "\"";
    const std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(command.c_str(), "r"), pclose);
    char count[64] = {};
    double seconds = 0.0;
    long kib = 0;
    require(pipe && std::fscanf(pipe.get(), "%63s %lf %ld", count, &seconds, &kib) == 3,
            "constrint_peak has no answer");
    require(!problem.solutions || count == std::to_string(*problem.solutions),
            "constrint_peak counts otherwise");
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%.1f MiB", static_cast<double>(kib) / 1024.0);
    row("peak memory of a process that counts " + problem.name, text.data(), "< 64 MiB",
        kib > 0 && kib < 64 * 1024 ? "yes" : "NO");
  }

  int rounds_;
  bool all_right_ = true;
  std::vector<std::int64_t> buffer_;
};

}  // namespace

int main(int argc, char** argv) {
  int rounds = 15;
  std::string only;
  for (int i = 1; i < argc; i += 2) {
    const bool is_rounds = std::strcmp(argv[i], "--rounds") == 0;
    if (i + 1 >= argc || (!is_rounds && std::strcmp(argv[i], "--only") != 0)) {
      std::cerr << "usage: " << argv[0] << " [--rounds N] [--only PART_OF_NAME]\n";
      return 2;
    }
    if (is_rounds) {
      rounds = std::max(1, std::atoi(argv[i + 1]));
    } else {
      only = argv[i + 1];
    }
  }
  try {
    Table table(rounds);
    for (const NamedProblem& problem : bench_solver::all_problems()) {
      if (problem.name.find(only) != std::string::npos) table.measure(problem);
    }
    return table.all_right() ? 0 : 1;
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}
