// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Kokkos_Core.hpp>
#include <cstddef>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "flashrnn/architecture.hpp"
#include "flashrnn/copies.hpp"
#include "flashrnn/error.hpp"
#include "flashrnn/network.hpp"
#include "flashrnn/training/adam.hpp"
#include "flashrnn/training/checkpoint.hpp"

namespace flashrnn {

/// A network for those who train, or run a network step by step beside other work of the device,
/// and have no memory to manage: it owns the parameters, their gradient, Adam's moments and all
/// memory that a pass needs. (Predictor is for data in host memory.) A training is
///
///     trainer.resize(T, B);                          the data's size; may change at any time
///     write trainer.u()
///     trainer.forward();
///     write trainer.dy() from trainer.y(), as the functions in loss.hpp do
///     trainer.backward();
///     trainer.update();
///
/// Everything is enqueued on the instance that the constructor is given; only what says so waits.
/// Real, of all values, is float or double. Used from one thread at a time.
template <class Space, class Real = float>
class Trainer {
  static_assert(std::is_same_v<Real, float> || std::is_same_v<Real, double>,
                "Real is float or double");

 public:
  using Array = Kokkos::View<Real*, Space>;
  using Metadata = std::map<std::string, std::string>;

  /// Starts from `parameters`, which lie as ParameterLayout(architecture) says. `options` are for
  /// the plans of all sizes.
  /// @throws InvalidArgument for an invalid architecture or another number of parameters.
  Trainer(const Space& space, const Architecture& architecture, const std::vector<Real>& parameters,
          const PlanOptions& options = {})
      : space_(space),
        architecture_(architecture),
        options_(options),
        layout_(architecture),
        parameters_(on_device<Space>(parameters)),
        gradient_("gradient", parameters.size()),
        adam_(parameters.size()) {
    if (parameters.size() != static_cast<std::size_t>(layout_.size()))
      throw InvalidArgument("parameters: expected " + std::to_string(layout_.size()) +
                            " for this architecture, found " + std::to_string(parameters.size()));
  }

  const Space& space() const { return space_; }  ///< the instance that all is enqueued on
  const Architecture& architecture() const { return architecture_; }
  const ParameterLayout& layout() const { return layout_; }
  const Array& parameters() const { return parameters_; }  ///< [layout().size()]
  const Array& gradient() const { return gradient_; }      ///< likewise; written by backward
  const Adam<Space, Real>& adam() const { return adam_; }
  /// How many updates were made since the training began, those before a checkpoint included.
  long long updates() const { return adam_.updates(); }

  /// What belongs to one tensor, such as "R_l0", of an array that lies as the parameters do. Shares
  /// its memory.
  /// @throws InvalidArgument that lists the names there are.
  Array part(const Array& all, std::string_view name) const {
    const Parameter& p = layout_.at(name);
    return Kokkos::subview(all, std::pair(p.offset, p.offset + p.size));
  }

  /// Makes ready for T = `steps` and B = `batch`; without `training`, for forward alone. Does
  /// nothing if that is the case already. Otherwise it waits, and u, y, dy and states are new
  /// arrays of zeros.
  /// @throws as Network's constructor.
  void resize(Index steps, Index batch, bool training = true) {
    if (run_ && run_->network.problem().steps == steps && run_->network.problem().batch == batch &&
        run_->network.problem().training == training)
      return;
    NetworkProblem problem;
    problem.architecture = architecture_;
    problem.dtype = type;
    problem.steps = steps;
    problem.batch = batch;
    problem.training = training;
    space_.fence("flashrnn::Trainer::resize");
    run_.reset();  // its memory may serve the next
    from_zero_ = true;
    run_.emplace(space_, problem, options_);
  }

  // What follows needs a size.
  // @throws InvalidArgument if there was no resize.

  const Network<Space>& network() const { return run().network; }
  const Array& u() const { return run().u; }    ///< [T, B, I]: written by the caller
  const Array& y() const { return run().y; }    ///< [T, B, features]: written by forward
  const Array& dy() const { return run().dy; }  ///< [T, B, features]: written by the caller
  /// [S, L · directions, B, H · D]: the last states, written by forward.
  const Array& states() const { return run().states; }

  /// Runs the network from states of zero.
  void forward() { pass(nullptr); }

  /// Runs the network from states() and on to them, in place: pieces of a sequence follow each
  /// other so.
  void forward_from_states() {
    if (run().network.problem().training)  // backward reads them again
      Kokkos::deep_copy(space_, run().initial, run().states);
    pass(run().network.problem().training ? run().initial.data() : run().states.data());
  }

  /// Writes the gradient of the parameters for dy and the last pass forward, whose initial states
  /// count as constants.
  /// @throws InvalidArgument if the size is not for training.
  void backward() {
    NetworkBackwardTensors t;
    t.parameters = parameters_.data();
    t.u.data = u().data();
    t.s0 = from_zero_ ? nullptr : run().initial.data();
    t.reserve = run().reserve.data();
    t.dy.data = dy().data();
    t.d_parameters = gradient_.data();
    t.workspace = run().backward_workspace.data();
    run().network.backward(space_, t);
  }

  /// Sets a tensor such as "R_l0" to `value`, if one is given, and has updates leave it as it is:
  /// a network that lacks it, or one of which a part is trained. A checkpoint does not hold this.
  /// @throws InvalidArgument that lists the names there are.
  void freeze(std::string_view name, std::optional<Real> value = {}) {
    if (value) Kokkos::deep_copy(space_, part(parameters_, name), *value);
    frozen_.push_back(part(gradient_, name));
  }

  /// One update of the parameters by the gradient, of which frozen parts become zero. Needs no
  /// size.
  void update(const AdamOptions& options = {}) {
    for (const Array& gradient : frozen_) Kokkos::deep_copy(space_, gradient, Real(0));
    adam_.update(space_, parameters_, gradient_, options);
  }

  /// Writes a checkpoint with `metadata` (checkpoint.hpp). Waits for all work enqueued before.
  /// @throws as write_checkpoint.
  void save(const std::filesystem::path& path, const Metadata& metadata = {}) const {
    Checkpoint c;
    c.parameters = widened(parameters_);
    c.first_moment = widened(adam_.first_moment());
    c.second_moment = widened(adam_.second_moment());
    c.updates = adam_.updates();
    c.metadata = metadata;
    write_checkpoint(path, layout_, type, c);
  }

  /// Goes on from a checkpoint of the same architecture and Real, and returns its metadata, whose
  /// entries have to be those of `expected` where that has some: so a training recognises its own
  /// checkpoints. Waits.
  /// @throws as read_checkpoint, and InvalidArgument naming an entry that is different. Nothing is
  /// changed then.
  Metadata load(const std::filesystem::path& path, const Metadata& expected = {}) {
    Checkpoint c = read_checkpoint(path, layout_, type);
    for (const auto& [key, value] : expected)
      if (const std::string& found = c.metadata[key]; found != value)
        throw InvalidArgument(path.string() + ": of a training with " + key + " " + found +
                              ", expected " + value);
    Kokkos::deep_copy(parameters_, narrowed(c.parameters));
    Kokkos::deep_copy(adam_.first_moment(), narrowed(c.first_moment));
    Kokkos::deep_copy(adam_.second_moment(), narrowed(c.second_moment));
    adam_.set_updates(c.updates);
    return std::move(c.metadata);
  }

 private:
  static constexpr DataType type =
      std::is_same_v<Real, double> ? DataType::float64 : DataType::float32;

  /// A network for data of one size, with its memory.
  struct Run {
    using Bytes = Kokkos::View<std::byte*, Space>;
    Network<Space> network;
    Array u, y, dy, states, initial;
    Bytes reserve, forward_workspace, backward_workspace;

    Run(const Space& space, const NetworkProblem& problem, const PlanOptions& options)
        : network(space, problem, options),
          u("u", count(problem, problem.architecture.input_size)),
          y("y", count(problem, problem.architecture.features())),
          dy("dy", problem.training ? y.size() : 0),
          states("states", network.state_size()),
          initial("initial states", problem.training ? states.size() : 0),
          reserve("reserve", network.reserve_bytes()),
          forward_workspace("forward workspace", network.forward_workspace_bytes()),
          backward_workspace("backward workspace", network.backward_workspace_bytes()) {}

    static std::size_t count(const NetworkProblem& problem, Index features) {
      return static_cast<std::size_t>(problem.steps * problem.batch * features);
    }
  };

  const Run& run() const {
    if (!run_) throw InvalidArgument("trainer: resize comes first, as the data has no size yet");
    return *run_;
  }

  void pass(const Real* s0) {
    NetworkForwardTensors t;
    t.parameters = parameters_.data();
    t.u.data = u().data();
    t.s0 = s0;
    t.y.data = y().data();
    t.last = states().data();
    t.reserve = run().reserve.data();
    t.workspace = run().forward_workspace.data();
    run().network.forward(space_, t);
    from_zero_ = s0 == nullptr;
  }

  static std::vector<double> widened(const Array& memory) {
    const std::vector<Real> values = on_host(memory);
    return {values.begin(), values.end()};
  }
  static Array narrowed(const std::vector<double>& values) {
    std::vector<Real> out(values.size());
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<Real>(values[i]);
    return on_device<Space>(out);
  }

  Space space_;
  Architecture architecture_;
  PlanOptions options_;
  ParameterLayout layout_;
  Array parameters_, gradient_;
  std::vector<Array> frozen_;  ///< what of the gradient
  Adam<Space, Real> adam_;
  std::optional<Run> run_;
  bool from_zero_ = true;  ///< whether the last pass forward was
};

}  // namespace flashrnn
