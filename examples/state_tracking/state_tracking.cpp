// SPDX-License-Identifier: Apache-2.0
// Trains LSTM and sLSTM on sequences of at most 40 steps to track the state of a group, and tests
// them on much longer ones, beside the same cells without recurrence in R.
#include <CLI/CLI.hpp>
#include <Kokkos_Core.hpp>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include "../common/progress_bar.hpp"
#include "flashrnn/error.hpp"
#include "flashrnn/line_chart.hpp"
#include "trainer.hpp"

namespace {

using Space = Kokkos::DefaultExecutionSpace;

struct Options {
  Setup setup;
  std::vector<std::string> cells = {"lstm", "slstm"};
  bool baseline = true;
  int test_steps = 400;
  int test_sequences = 1024;
  long long stop_after = 0;      ///< 0: at the end
  std::filesystem::path save;    ///< a checkpoint to write
  std::filesystem::path resume;  ///< a checkpoint to start from
  std::filesystem::path plot;    ///< where to draw accuracy against length
  double at_least = 0;           ///< accuracy that fails the run if missed ...
  int at_length = 160;           ///< ... after so many steps
};

struct Run {
  std::string name;
  bool recurrent = true;
  double loss = 0;
  double seconds = 0;
  std::vector<double> accuracy;  ///< after 1, 2, ... steps
};

/// Trains one network and tests it.
Run run(const Options& options, const Setup& setup) {
  Run result{setup.cell + (setup.recurrent ? "" : ", R = 0"), setup.recurrent, 0, 0, {}};
  const auto start = std::chrono::steady_clock::now();
  Trainer<Space> trainer(setup);
  if (!options.resume.empty()) trainer.load(options.resume);
  const long long end = options.stop_after > 0 ? options.stop_after : setup.steps;
  example::ProgressBar bar(setup.task + " " + result.name, end);
  while (trainer.steps_done() < end) {
    const Score score = trainer.step();
    result.loss = score.loss;
    char text[96];
    std::snprintf(text, sizeof text, "length %d, loss %.9g, accuracy %.3f", trainer.length(),
                  score.loss, score.accuracy);
    bar.show(trainer.steps_done(), text);
  }
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (!options.save.empty()) trainer.save(options.save);
  result.accuracy = trainer.accuracy_by_length(options.test_steps, options.test_sequences);
  return result;
}

void print(const Options& options, const std::vector<Run>& runs) {
  const Setup& s = options.setup;
  const WordProblem problem = word_problem(s.task);
  std::printf(
      "%s: %d inputs, %d states; %lld units, trained for %lld steps of %lld sequences of up to %d, "
      "seed %llu\n"
      "right answers in %% after so many steps (%d new sequences; guessing: %.1f)\n\n%-14s",
      problem.name.c_str(), problem.inputs, problem.classes, s.hidden, s.steps, s.batch, s.longest,
      s.seed, options.test_sequences, 100.0 / problem.classes, "steps");
  std::vector<int> lengths;
  for (const int length : {10, 20, 40, 80, 160, 240, 320, 400, 1000, 4000, 10000})
    if (length <= options.test_steps) lengths.push_back(length);
  for (const int length : lengths) std::printf(" %6d", length);
  std::printf("   last loss  training\n");
  for (const Run& r : runs) {
    std::printf("%-14s", r.name.c_str());
    for (const int length : lengths)
      std::printf(" %6.1f", 100 * r.accuracy[static_cast<std::size_t>(length - 1)]);
    std::printf("   %9.2g  %5.0f s\n", r.loss, r.seconds);
  }
}

/// Accuracy against length, averaged over ten lengths to calm the noise of the test sequences.
void draw(const Options& options, const std::vector<Run>& runs) {
  flashrnn::io::LineChart chart;
  const WordProblem problem = word_problem(options.setup.task);
  chart.title = problem.name + ": right answers against length";
  chart.subtitle = "trained on sequences of up to " + std::to_string(options.setup.longest) +
                   " steps; percent of " + std::to_string(options.test_sequences) +
                   " new sequences";
  chart.x_label = "steps";
  chart.y_label = "right answers, %";
  const auto shown = std::min<std::size_t>(static_cast<std::size_t>(options.test_steps), 400);
  for (const Run& r : runs) {
    flashrnn::io::LineSeries series;
    series.label = r.name;
    for (std::size_t first = 0; first + 10 <= shown; first += 10) {
      double sum = 0;
      for (std::size_t t = first; t < first + 10; ++t) sum += r.accuracy[t];
      series.x.push_back(static_cast<double>(first) + 5.5);
      series.y.push_back(10 * sum);
    }
    chart.series.push_back(series);
  }
  chart.shaded = {0, static_cast<double>(options.setup.longest), "trained on"};
  flashrnn::io::write_line_chart_svg(options.plot, chart);
}

/// Whether every network with recurrence is right often enough.
bool good(const Options& options, const std::vector<Run>& runs) {
  bool all = true;
  const auto at = static_cast<std::size_t>(options.at_length - 1);
  for (const Run& r : runs) {
    if (!r.recurrent || options.at_least <= 0 || r.accuracy.at(at) >= options.at_least) continue;
    std::printf("%s: accuracy %.4f after %d steps, at least %.4f was asked for\n", r.name.c_str(),
                r.accuracy[at], options.at_length, options.at_least);
    all = false;
  }
  return all;
}

}  // namespace

// NOLINTNEXTLINE(bugprone-exception-escape): only building the options can throw, a fault of ours
int main(int argc, char** argv) {
  CLI::App app("State tracking with LSTM and sLSTM");
  Options o;
  app.add_option("--task", o.setup.task, "parity, s5 (transpositions) or s5_all")
      ->capture_default_str();
  app.add_option("--cell", o.cells, "cells to train")->capture_default_str();
  app.add_flag("!--no-baseline", o.baseline, "leave out the networks without recurrence");
  app.add_option("--hidden", o.setup.hidden, "units")->capture_default_str();
  app.add_option("--batch", o.setup.batch, "sequences per step")->capture_default_str();
  app.add_option("--longest", o.setup.longest, "longest training sequence")->capture_default_str();
  app.add_option("--steps", o.setup.steps, "updates in all")->capture_default_str();
  app.add_option("--rate", o.setup.learning_rate, "learning rate")->capture_default_str();
  app.add_option("--seed", o.setup.seed, "of everything random")->capture_default_str();
  app.add_option("--test-steps", o.test_steps, "longest test sequence")->capture_default_str();
  app.add_option("--test-sequences", o.test_sequences, "how many")->capture_default_str();
  app.add_option("--stop-after", o.stop_after, "stop after so many updates in all");
  app.add_option("--save", o.save, "checkpoint to write (one cell, no baseline)");
  app.add_option("--resume", o.resume, "checkpoint to go on from (one cell, no baseline)");
  app.add_option("--plot", o.plot, "SVG picture to draw");
  app.add_option("--at-least", o.at_least, "accuracy to reach, else status 1");
  app.add_option("--at-length", o.at_length, "after so many steps")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  const Kokkos::ScopeGuard kokkos(argc, argv);
  try {
    if ((!o.save.empty() || !o.resume.empty()) && (o.cells.size() != 1 || o.baseline))
      throw flashrnn::InvalidArgument("a checkpoint is of one cell: give --cell and --no-baseline");
    std::vector<Run> runs;
    for (const bool recurrent : {true, false})
      for (const std::string& cell : o.cells) {
        Setup setup = o.setup;
        setup.cell = cell;
        setup.recurrent = recurrent;
        if (recurrent || o.baseline) runs.push_back(run(o, setup));
      }
    print(o, runs);
    if (!o.plot.empty()) draw(o, runs);
    return good(o, runs) ? 0 : 1;
  } catch (const flashrnn::Error& error) {
    std::fprintf(stderr, "state_tracking: %s\n", error.what());
    return 2;
  }
}
