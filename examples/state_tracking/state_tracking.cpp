// SPDX-License-Identifier: Apache-2.0
// A stream of permutations comes in; asked for is, after every step, the product of all so far.
// LSTM and sLSTM learn it from sequences of at most 40 steps and are tested on much longer ones,
// beside the same cells without recurrence in R, which cannot know what came before.
#include <CLI/CLI.hpp>
#include <Kokkos_Core.hpp>
#include <algorithm>
#include <cstdio>
#include <map>
#include <numeric>
#include <string>
#include <vector>

#include "flashrnn/line_chart.hpp"
#include "flashrnn/progress_bar.hpp"
#include "flashrnn/training/training.hpp"

namespace {

using Space = Kokkos::DefaultExecutionSpace;
using Network = flashrnn::Trainer<Space>;
using Integers = Kokkos::View<int*, Space>;

struct Options {  // main says what they are
  std::string task = "parity", save, resume, plot;
  std::vector<std::string> cells = {"lstm", "slstm"};
  int hidden = 32, batch = 64, longest = 40, steps = 1000, stop_after = 0;
  int test_steps = 400, test_sequences = 1024;
  std::size_t at_length = 160;
  unsigned long long seed = 1;
  double rate = 5e-3, at_least = 0;
  bool baseline = true;
  std::map<std::string, std::string> setup;  ///< what a checkpoint has to agree in
};

/// The word problem of a group: a product of some of its elements, the inputs. Parity is the group
/// of two permutations. Of the 120 permutations of five elements (S5), all come in, or the identity
/// and the transpositions, which generate the others.
struct WordProblem {
  std::string name;
  int inputs = 0, classes = 0;  ///< how many elements come in, and how many there are
  Integers product;             ///< [classes, inputs]: what an input makes of an element

  explicit WordProblem(const std::string& task) {
    if (task != "parity" && task != "s5" && task != "s5_all")
      throw flashrnn::InvalidArgument("task: expected parity, s5 or s5_all, found '" + task + "'");
    name = task == "s5" ? "S5, transpositions" : task == "s5_all" ? "S5, all elements" : task;
    std::vector<std::size_t> p(task == "parity" ? 2 : 5);
    std::iota(p.begin(), p.end(), 0);
    std::map<std::vector<std::size_t>, int> elements;  // numbered in order, from the identity on
    std::vector<std::vector<std::size_t>> letters;
    do {
      std::size_t fixed = 0;
      for (std::size_t i = 0; i < p.size(); ++i) fixed += p[i] == i ? 1 : 0;
      if (task != "s5" || fixed >= 3) letters.push_back(p);
      elements.emplace(p, classes++);
    } while (std::next_permutation(p.begin(), p.end()));
    inputs = static_cast<int>(letters.size());
    std::vector<int> table;
    for (const auto& [element, number] : elements)
      for (const auto& letter : letters) {
        for (std::size_t i = 0; i < p.size(); ++i) p[i] = letter[element[i]];
        table.push_back(elements.at(p));
      }
    product = flashrnn::on_device<Space>(table);
  }
};

/// Draws sequences on the device. Sequence n goes on from the product element(n) [B]. What comes in
/// at step t, in u [T, B, inputs] a 1 among zeros, is the number of `random` at counter
/// (first + t)·B + n; answer [T, B] is the product from then on.
void draw_words(const Space& space, const WordProblem& words, const flashrnn::CounterRandom& random,
                long long first, const Integers& element, const Network::Array& u,
                const Integers& answer) {
  const Integers product = words.product;
  const int inputs = words.inputs, batch = static_cast<int>(element.size());
  const int steps = static_cast<int>(answer.size()) / batch;
  Kokkos::deep_copy(space, u, 0.0F);
  Kokkos::parallel_for(
      "draw words", Kokkos::RangePolicy<Space>(space, 0, batch), KOKKOS_LAMBDA(const int n) {
        for (int t = 0; t < steps; ++t) {
          const int row = t * batch + n;
          const int letter = random.below(static_cast<std::uint64_t>(first * batch + row), inputs);
          u(static_cast<long long>(row) * inputs + letter) = 1;
          element(n) = product(element(n) * inputs + letter);
          answer(row) = element(n);
        }
      });
}

struct Result {
  std::string name;
  bool recurrent = true;
  double loss = 0, seconds = 0;
  std::vector<double> accuracy = {};  ///< after 1, 2, ... steps
};

/// Trains a network from sequences that grow (a curriculum): by a quarter whenever the running
/// accuracy reaches 95 %, and at the latest so that the second half of the training is at full
/// length.
void train(const Options& o, const WordProblem& words, Network& network, Result& result) {
  const Kokkos::Timer timer;
  int length = 2;
  double running_accuracy = 0;  // of the batches at this length, exponentially weighted
  if (!o.resume.empty()) {
    const Network::Metadata metadata = network.load(o.resume, o.setup);
    length = std::stoi(metadata.at("length"));
    running_accuracy = std::stod(metadata.at("running_accuracy"));
  }
  const Integers element("element", o.batch);
  const int end = o.stop_after > 0 ? o.stop_after : o.steps;
  flashrnn::io::ProgressBar bar(o.task + " " + result.name, end);
  for (long long n = network.updates(); n < end; ++n) {
    const double part = static_cast<double>(n) / o.steps;
    const int due = std::min(o.longest, static_cast<int>(2 * part * o.longest));
    const int grown = running_accuracy > 0.95 ? length + std::max(1, length / 4) : length;
    if (std::clamp(grown, due, o.longest) != length) running_accuracy = 0;
    length = std::clamp(grown, due, o.longest);
    network.resize(length, o.batch);
    const Integers answer("answer", length * o.batch);
    Kokkos::deep_copy(Space(), element, 0);
    draw_words(Space(), words, {o.seed, 1}, n * o.longest, element, network.u(), answer);
    network.forward();
    const auto score = flashrnn::cross_entropy(Space(), network.y(), answer, network.dy());
    network.backward();
    // The last quarter settles at a falling rate.
    const double rate = o.rate * std::min(1.0, 4 * (1 - part) + 0.02);
    network.update({.learning_rate = rate, .most_norm = 1});
    running_accuracy += 0.1 * (score.accuracy - running_accuracy);
    result.loss = score.loss;
    bar.show(n + 1, {{"length", length}, {"loss", score.loss}, {"accuracy", score.accuracy}});
  }
  result.seconds = timer.seconds();
  if (o.save.empty()) return;
  Network::Metadata metadata = o.setup;
  metadata["length"] = std::to_string(length);
  metadata["running_accuracy"] = flashrnn::exact_text(running_accuracy);
  network.save(o.save, metadata);
}

/// Trains a recurrent layer with a linear head and tests it.
Result run(const Options& o, const WordProblem& words, const std::string& cell, bool recurrent) {
  const flashrnn::Architecture layer{
      .cell = cell, .input_size = words.inputs, .head_dim = o.hidden, .output_size = words.classes};
  Network network(Space(), layer, flashrnn::initial_parameters(layer, o.seed, 1));
  if (!recurrent) network.freeze("R_l0", 0);
  Result result{cell + (recurrent ? "" : ", R = 0"), recurrent};
  train(o, words, network, result);

  // New sequences run in pieces of the training length that hand their states on.
  const Integers element("element", o.test_sequences);
  const Integers answer("answer", o.longest * o.test_sequences);
  network.resize(o.longest, o.test_sequences, false);
  for (int first = 0; first < o.test_steps; first += o.longest) {
    draw_words(Space(), words, {o.seed, 2}, first, element, network.u(), answer);
    network.forward_from_states();
    for (const auto& score : flashrnn::scores_by_step(Space(), network.y(), answer, o.longest))
      result.accuracy.push_back(score.accuracy);
  }
  return result;
}

void print(const Options& o, const WordProblem& words, const std::vector<Result>& results) {
  std::printf(
      "%s: %d inputs, %d states; %d units, trained for %d steps of %d sequences of up to %d, "
      "seed %llu\n"
      "right answers in %% after so many steps (%d new sequences; guessing: %.1f)\n\n%-14s",
      words.name.c_str(), words.inputs, words.classes, o.hidden, o.steps, o.batch, o.longest,
      o.seed, o.test_sequences, 100.0 / words.classes, "steps");
  std::vector<int> lengths = {10, 20, 40, 80, 160, 240, 320, 400, 1000, 4000, 10000};
  std::erase_if(lengths, [&](const int length) { return length > o.test_steps; });
  for (const int length : lengths) std::printf(" %6d", length);
  std::printf("   last loss  training\n");
  for (const Result& r : results) {
    std::printf("%-14s", r.name.c_str());
    for (const int length : lengths)
      std::printf(" %6.1f", 100 * r.accuracy[static_cast<std::size_t>(length - 1)]);
    std::printf("   %9.2g  %5.0f s\n", r.loss, r.seconds);
  }
}

/// Accuracy against length, averaged over ten lengths to calm the noise of the test sequences.
void draw(const Options& o, const WordProblem& words, const std::vector<Result>& results) {
  flashrnn::io::LineChart chart{.title = words.name + ": right answers against length",
                                .subtitle = "trained on sequences of up to " +
                                            std::to_string(o.longest) + " steps; percent of " +
                                            std::to_string(o.test_sequences) + " new sequences",
                                .x_label = "steps",
                                .y_label = "right answers, %",
                                .shaded = {{0, static_cast<double>(o.longest), "trained on"}}};
  for (const Result& r : results) {
    flashrnn::io::LineSeries& line = chart.series.emplace_back();
    line.label = r.name;
    for (int first = 0; first + 10 <= std::min(o.test_steps, 400); first += 10) {
      const auto from = r.accuracy.begin() + first;
      line.x.push_back(first + 5.5);
      line.y.push_back(10 * std::accumulate(from, from + 10, 0.0));
    }
  }
  flashrnn::io::write_line_chart_svg(o.plot, chart);
}

}  // namespace

// NOLINTNEXTLINE(bugprone-exception-escape): only building the options can throw, a fault of ours
int main(int argc, char** argv) {
  CLI::App app("State tracking with LSTM and sLSTM");
  Options o;
  app.add_option("--task", o.task, "parity, s5 (transpositions) or s5_all")->capture_default_str();
  app.add_option("--cell", o.cells, "cells to train")->capture_default_str();
  app.add_flag("!--no-baseline", o.baseline, "leave out the networks without recurrence");
  app.add_option("--hidden", o.hidden, "units")->capture_default_str();
  app.add_option("--batch", o.batch, "sequences per step")->capture_default_str();
  app.add_option("--longest", o.longest, "longest training sequence")->capture_default_str();
  app.add_option("--steps", o.steps, "updates in all")->capture_default_str();
  app.add_option("--rate", o.rate, "learning rate")->capture_default_str();
  app.add_option("--seed", o.seed, "of everything random")->capture_default_str();
  app.add_option("--test-steps", o.test_steps, "longest test sequence")->capture_default_str();
  app.add_option("--test-sequences", o.test_sequences, "how many")->capture_default_str();
  app.add_option("--stop-after", o.stop_after, "stop after so many updates in all");
  app.add_option("--save", o.save, "checkpoint to write (one cell, no baseline)");
  app.add_option("--resume", o.resume, "checkpoint to go on from (one cell, no baseline)");
  app.add_option("--plot", o.plot, "SVG picture to draw");
  app.add_option("--at-least", o.at_least, "accuracy to reach, else status 1");
  app.add_option("--at-length", o.at_length, "after so many steps")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  for (const char* name : {"task", "cell", "hidden", "batch", "longest", "steps", "rate", "seed"})
    o.setup[name] = app.get_option(std::string("--") + name)->as<std::string>();
  const Kokkos::ScopeGuard kokkos(argc, argv);
  try {
    if ((!o.save.empty() || !o.resume.empty()) && (o.cells.size() != 1 || o.baseline))
      throw flashrnn::InvalidArgument("a checkpoint is of one cell: give --cell and --no-baseline");
    const WordProblem words(o.task);
    std::vector<Result> results;
    for (const bool recurrent : {true, false})
      for (const std::string& cell : o.cells)
        if (recurrent || o.baseline) results.push_back(run(o, words, cell, recurrent));
    print(o, words, results);
    if (!o.plot.empty()) draw(o, words, results);
    bool good = true;
    for (const Result& r : results)
      if (r.recurrent && o.at_least > 0) good &= r.accuracy.at(o.at_length - 1) >= o.at_least;
    if (!good) std::printf("fewer than %g are right after %zu steps\n", o.at_least, o.at_length);
    return good ? 0 : 1;
  } catch (const flashrnn::Error& error) {
    std::fprintf(stderr, "state_tracking: %s\n", error.what());
    return 2;
  }
}
