// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "../common/adam.hpp"
#include "../common/checkpoint.hpp"
#include "../common/trainable_network.hpp"
#include "cross_entropy.hpp"
#include "word_problem.hpp"

/// One training: everything that its result depends on.
struct Setup {
  std::string task = "parity";
  std::string cell = "lstm";
  flashrnn::Index hidden = 32;
  flashrnn::Index batch = 64;
  int longest = 40;  ///< length of the longest sequences to train on
  long long steps = 1000;
  double learning_rate = 5e-3;
  unsigned long long seed = 1;
  bool recurrent = true;  ///< false: R stays zero, so that no step sees the h of the one before
};

/// Trains one recurrent layer with a linear head to say the product after every step.
///
/// Sequences start short and grow (a curriculum): by a quarter whenever the running accuracy
/// reaches 95 %, and at the latest so that the second half of the training is at full length.
template <class Space>
class Trainer {
 public:
  using Array = Kokkos::View<float*, Space>;

  explicit Trainer(Setup setup)
      : setup_(std::move(setup)),
        problem_(word_problem(setup_.task)),
        words_(problem_),
        layout_(architecture()),
        adam_(static_cast<std::size_t>(layout_.size())) {
    parameters_ =
        example::on_device<Space>(example::initial_parameters(architecture(), setup_.seed, 1.0));
    gradient_ = Array("gradient", parameters_.size());
    R_ = layout_.at("R_l0");
    if (!setup_.recurrent) Kokkos::deep_copy(part_of(parameters_), 0.0F);
    set_length(2);
  }

  long long steps_done() const { return adam_.updates(); }
  int length() const { return length_; }
  std::string describe() const { return network_->network().describe(); }

  /// One update of the parameters; the score is that of before.
  Score step() {
    const long long number = adam_.updates();
    const double part = static_cast<double>(number) / static_cast<double>(setup_.steps);
    const int due = std::min(setup_.longest, static_cast<int>(2 * part * setup_.longest));
    if (running_accuracy_ > 0.95) set_length(length_ + std::max(1, length_ / 4));
    if (length_ < due) set_length(due);

    Kokkos::deep_copy(space_, element_, problem_.identity);
    words_.draw(space_, example::CounterRandom(setup_.seed, 1), number * setup_.longest, element_,
                network_->u(), answer_);
    network_->forward(space_, parameters_);
    const Score score = cross_entropy<Space>(space_, network_->y(), answer_, network_->dy());
    network_->backward(space_, parameters_, gradient_);
    if (!setup_.recurrent) Kokkos::deep_copy(space_, part_of(gradient_), 0.0F);
    // The last quarter settles at a falling rate.
    const double rate = setup_.learning_rate * std::min(1.0, 4 * (1 - part) + 0.02);
    adam_.update(space_, parameters_, gradient_, {.learning_rate = rate, .most_norm = 1});
    running_accuracy_ += 0.1 * (score.accuracy - running_accuracy_);
    return score;
  }

  /// Share of right answers after 1, 2, ... `steps` steps of `sequences` new sequences, which run
  /// in pieces of the training length with carried states.
  std::vector<double> accuracy_by_length(int steps, int sequences) const {
    auto problem = network_problem(setup_.longest, sequences);
    problem.training = false;
    example::TrainableNetwork<Space> network(space_, problem);
    const Kokkos::View<int*, Space> element("element", static_cast<std::size_t>(sequences));
    const Kokkos::View<int*, Space> answer("answer",
                                           static_cast<std::size_t>(setup_.longest * sequences));
    Kokkos::deep_copy(element, problem_.identity);
    std::vector<double> accuracy;
    for (int first = 0; first < steps; first += setup_.longest) {
      words_.draw(space_, example::CounterRandom(setup_.seed, 2), first, element, network.u(),
                  answer);
      network.forward_from_states(space_, parameters_);
      for (int t = 0; t < std::min(setup_.longest, steps - first); ++t) {
        const auto row = std::pair(t * sequences, (t + 1) * sequences);
        const auto logits = std::pair(row.first * problem_.classes, row.second * problem_.classes);
        accuracy.push_back(cross_entropy<Space>(space_, Kokkos::subview(network.y(), logits),
                                                Kokkos::subview(answer, row))
                               .accuracy);
      }
    }
    return accuracy;
  }

  void save(const std::filesystem::path& path) const {
    example::Metadata metadata = setup_text();
    metadata["length"] = std::to_string(length_);
    metadata["running_accuracy"] = exact(running_accuracy_);
    example::write_checkpoint(path, layout_, parameters_, adam_, metadata);
  }

  /// Goes on from a checkpoint of the same setup.
  /// @throws flashrnn::InvalidArgument naming what is different.
  void load(const std::filesystem::path& path) {
    example::Metadata metadata = example::read_checkpoint(path, layout_, parameters_, adam_);
    for (const auto& [key, value] : setup_text())
      if (metadata[key] != value)
        throw flashrnn::InvalidArgument(path.string() + ": of a training with " + key + " " +
                                        metadata[key] + ", expected " + value);
    set_length(std::stoi(metadata.at("length")));
    running_accuracy_ = std::strtod(metadata.at("running_accuracy").c_str(), nullptr);
  }

 private:
  flashrnn::Architecture architecture() const {
    flashrnn::Architecture a;
    a.cell = setup_.cell;
    a.input_size = problem_.inputs;
    a.head_dim = setup_.hidden;
    a.output_size = problem_.classes;
    return a;
  }

  flashrnn::NetworkProblem network_problem(int steps, flashrnn::Index batch) const {
    flashrnn::NetworkProblem problem;
    problem.architecture = architecture();
    problem.steps = steps;
    problem.batch = batch;
    problem.training = true;
    return problem;
  }

  void set_length(int length) {
    length = std::min(length, setup_.longest);
    running_accuracy_ = 0;
    if (length == length_) return;
    length_ = length;
    network_.emplace(space_, network_problem(length, setup_.batch));
    answer_ = Kokkos::View<int*, Space>("answer", static_cast<std::size_t>(length * setup_.batch));
    element_ = Kokkos::View<int*, Space>("element", static_cast<std::size_t>(setup_.batch));
  }

  /// What of an array of parameters belongs to R.
  Array part_of(const Array& all) const {
    return Kokkos::subview(all, std::pair(R_.offset, R_.offset + R_.size));
  }

  example::Metadata setup_text() const {
    const Setup& s = setup_;
    return {{"task", s.task},
            {"cell", s.cell},
            {"hidden", std::to_string(s.hidden)},
            {"batch", std::to_string(s.batch)},
            {"longest", std::to_string(s.longest)},
            {"steps", std::to_string(s.steps)},
            {"learning_rate", exact(s.learning_rate)},
            {"seed", std::to_string(s.seed)},
            {"recurrent", s.recurrent ? "yes" : "no"}};
  }

  /// Text that reads back as the same double.
  static std::string exact(double value) {
    char text[32];
    std::snprintf(text, sizeof text, "%a", value);
    return text;
  }

  Setup setup_;
  Space space_;
  WordProblem problem_;
  WordGenerator<Space> words_;
  flashrnn::ParameterLayout layout_;
  flashrnn::Parameter R_;
  example::Adam<Space, float> adam_;
  Array parameters_, gradient_;
  std::optional<example::TrainableNetwork<Space>> network_;
  Kokkos::View<int*, Space> answer_, element_;
  int length_ = 0;
  double running_accuracy_ = 0;  ///< of the batches at this length, exponentially weighted
};
