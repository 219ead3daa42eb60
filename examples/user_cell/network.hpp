// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Kokkos_Core.hpp>
#include <cstddef>
#include <random>
#include <vector>

#include "flashrnn/copies.hpp"
#include "flashrnn/user_cell.hpp"

/// Everything that a loss can be differentiated by; also the gradients. Contiguous, time-major.
struct Parameters {
  std::vector<double> x, R, b, s0;
};

/// A user's cell in float64 in one execution space, with the loss
///
///     loss = sum over all steps of weight·h + sum over the last states of last_weight·state
///
/// so that the upstream gradients of backward are the weights themselves.
template <class Cell, class ExecutionSpace>
class Network {
 public:
  Network(const flashrnn::Shape& shape, unsigned seed)
      // Compiled for float64 alone, because training_problem asks for no other type.
      : plan_(flashrnn::Plan<ExecutionSpace>::template for_cell<Cell, double>(
            space_, training_problem(shape))) {
    std::mt19937 random(seed);
    weight_ = uniform(rows(1) * steps(), random);
    last_weight_ = uniform(rows(Cell::states), random);
  }

  std::string describe() const { return plan_.describe(); }

  Parameters random_parameters(unsigned seed) const {
    std::mt19937 random(seed);
    const flashrnn::CellDescription& cell = plan_.cell();
    const auto per_gate = static_cast<std::size_t>(shape().heads * shape().head_dim);
    return {uniform(rows(cell.input_gates) * steps(), random),
            uniform(per_gate * static_cast<std::size_t>(cell.recurrent_gates * shape().head_dim),
                    random),
            uniform(per_gate * static_cast<std::size_t>(cell.bias_gates), random),
            uniform(rows(cell.states), random)};
  }

  double loss(const Parameters& at) {
    const Forward result = forward(at);
    double sum = 0;
    // h is state 0, so it stands in front.
    for (std::size_t n = 0; n < weight_.size(); ++n) sum += weight_[n] * result.states[n];
    for (std::size_t n = 0; n < last_weight_.size(); ++n) sum += last_weight_[n] * result.last[n];
    return sum;
  }

  Parameters gradient(const Parameters& at) {
    forward(at);
    const Memory dh = flashrnn::on_device<ExecutionSpace>(weight_),
                 d_last = flashrnn::on_device<ExecutionSpace>(last_weight_);
    const Memory dx("dx", at.x.size()), dR("dR", at.R.size()), db("db", at.b.size()),
        ds0("ds0", at.s0.size());
    const Bytes workspace("workspace", plan_.backward_workspace_bytes());
    flashrnn::BackwardTensors t;
    t.R.data = R_.data();
    t.s0.data = s0_.data();
    t.states.data = states_.data();
    t.reserve = reserve_.data();
    t.dh.data = dh.data();
    t.d_last.data = d_last.data();
    t.dx.data = dx.data();
    t.dR.data = dR.data();
    t.db.data = db.data();
    t.ds0.data = ds0.data();
    t.workspace = workspace.data();
    plan_.backward(space_, t);
    space_.fence();
    return {flashrnn::on_host(dx), flashrnn::on_host(dR), flashrnn::on_host(db),
            flashrnn::on_host(ds0)};
  }

 private:
  using Memory = Kokkos::View<double*, ExecutionSpace>;
  using Bytes = Kokkos::View<char*, ExecutionSpace>;
  struct Forward {
    std::vector<double> states, last;
  };

  static flashrnn::Problem training_problem(const flashrnn::Shape& shape) {
    flashrnn::Problem problem;  // problem.cell is not read: the cell is a type here
    problem.dtype = flashrnn::DataType::float64;
    problem.shape = shape;
    problem.training = true;
    return problem;
  }

  Forward forward(const Parameters& at) {
    const Memory x = flashrnn::on_device<ExecutionSpace>(at.x),
                 b = flashrnn::on_device<ExecutionSpace>(at.b);
    R_ = flashrnn::on_device<ExecutionSpace>(at.R);
    s0_ = flashrnn::on_device<ExecutionSpace>(at.s0);
    states_ = Memory("states", rows(Cell::states) * steps());
    reserve_ = Bytes("reserve", plan_.reserve_bytes());
    const Memory last("last", rows(Cell::states));
    const Bytes workspace("workspace", plan_.forward_workspace_bytes());
    flashrnn::ForwardTensors t;
    t.x.data = x.data();
    t.R.data = R_.data();
    t.b.data = b.data();
    t.s0.data = s0_.data();
    t.states.data = states_.data();
    t.last.data = last.data();
    t.reserve = reserve_.data();
    t.workspace = workspace.data();
    plan_.forward(space_, t);
    space_.fence();
    return {flashrnn::on_host(states_), flashrnn::on_host(last)};
  }

  const flashrnn::Shape& shape() const { return plan_.problem().shape; }
  std::size_t steps() const { return static_cast<std::size_t>(shape().steps); }
  /// Elements of `channels` channels of one step.
  std::size_t rows(int channels) const {
    return static_cast<std::size_t>(channels * shape().batch * shape().heads * shape().head_dim);
  }

  static std::vector<double> uniform(std::size_t count, std::mt19937& random) {
    std::uniform_real_distribution<double> between(-1.0, 1.0);
    std::vector<double> out(count);
    for (double& value : out) value = between(random);
    return out;
  }

  ExecutionSpace space_;
  flashrnn::Plan<ExecutionSpace> plan_;
  std::vector<double> weight_, last_weight_;
  Memory R_, s0_, states_;  // what backward reads again
  Bytes reserve_;
};
