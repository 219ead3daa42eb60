// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Kokkos_Core.hpp>
#include <array>
#include <cmath>
#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

#include "../common/adam.hpp"
#include "../common/trainable_network.hpp"
#include "lorenz96.hpp"

// What takes the place of the fast variables in the coarse model.

/// U = 0.
struct NoClosure {
  KOKKOS_FUNCTION double operator()(int, int, double) const { return 0; }
};

/// U = b0 + b1·X + ... + b4·X^4 (Wilks 2005).
struct PolynomialClosure {
  static constexpr int terms = 5;
  double coefficient[terms] = {};

  KOKKOS_FUNCTION double operator()(int, int, double x) const {
    double sum = 0;
    for (int i = terms - 1; i >= 0; --i) sum = sum * x + coefficient[i];
    return sum;
  }

  /// Least squares over all pairs (x, u), by Cholesky's method on the normal equations in X / 10.
  static PolynomialClosure fit(const std::vector<float>& x, const std::vector<float>& u) {
    std::array<std::array<double, terms>, terms> A{};
    std::array<double, terms> rhs{};
    for (std::size_t n = 0; n < x.size(); ++n) {
      std::array<double, terms> power{1};
      for (std::size_t i = 1; i < terms; ++i) power[i] = power[i - 1] * double(x[n]) / 10;
      for (std::size_t i = 0; i < terms; ++i) {
        rhs[i] += power[i] * double(u[n]);
        for (std::size_t j = 0; j < terms; ++j) A[i][j] += power[i] * power[j];
      }
    }
    for (std::size_t i = 0; i < terms; ++i) {
      for (std::size_t j = 0; j <= i; ++j) {
        for (std::size_t k = 0; k < j; ++k) A[i][j] -= A[i][k] * A[j][k];
        A[i][j] = i == j ? std::sqrt(A[i][i]) : A[i][j] / A[j][j];
      }
      for (std::size_t k = 0; k < i; ++k) rhs[i] -= A[i][k] * rhs[k];
      rhs[i] /= A[i][i];
    }
    PolynomialClosure out;
    for (std::size_t i = terms; i-- > 0;) {
      for (std::size_t k = i + 1; k < terms; ++k) rhs[i] -= A[k][i] * rhs[k];
      rhs[i] /= A[i][i];
      out.coefficient[i] = rhs[i] / std::pow(10.0, static_cast<double>(i));
    }
    return out;
  }
};

/// Slow variables and U of many columns (one X_k of one member is a column) over time, as the whole
/// system had them: [steps, columns], columns k·members + member.
template <class Space>
struct Record {
  int steps = 0, columns = 0;
  Kokkos::View<float*, Space> x, u;

  /// Follows `truth` for some steps: x at the beginning of a step, u averaged over it.
  static Record of(const Space& space, const Truth<Space>& truth, int steps) {
    const auto K = truth.mean_coupling().extent(0), members = truth.mean_coupling().extent(1);
    Record record{steps, static_cast<int>(K * members), {}, {}};
    const auto size = static_cast<std::size_t>(steps) * static_cast<std::size_t>(record.columns);
    record.x = Kokkos::View<float*, Space>("X", size);
    record.u = Kokkos::View<float*, Space>("U", size);
    const Kokkos::RangePolicy<Space> all(space, 0, record.columns);
    for (int t = 0; t < steps; ++t) {
      Kokkos::parallel_for("record", all, Copy{truth.state(), record.x, t, record.columns});
      truth.step();
      Kokkos::parallel_for("record", all, Copy{truth.mean_coupling(), record.u, t, record.columns});
    }
    return record;
  }

  struct Copy {  // public: nvcc takes no private functors
    Ensemble<Space> from;
    Kokkos::View<float*, Space> to;
    int t, columns;
    KOKKOS_FUNCTION void operator()(int column) const {
      const int members = static_cast<int>(from.extent(1));
      to(static_cast<long long>(t) * columns + column) =
          static_cast<float>(from(column / members, column % members));
    }
  };
};

/// Means and deviations of x and u, which the network sees normalised.
struct Scaling {
  float x_mean = 0, x_deviation = 1, u_mean = 0, u_deviation = 1;
};

/// U from the history of X in the same column, by an LSTM with a linear head: one network for all
/// columns, whose states are the memory of the closure.
template <class Space>
class LstmClosure {
 public:
  using Array = Kokkos::View<float*, Space>;

  LstmClosure(const Space& space, flashrnn::Index units, const Scaling& scaling,
              unsigned long long seed)
      : space_(space), scaling_(scaling), seed_(seed) {
    architecture_.head_dim = units;
    architecture_.output_size = 1;
    parameters_ = example::on_device<Space>(example::initial_parameters(architecture_, seed, 1.0));
  }

  const Array& parameters() const { return parameters_; }
  const flashrnn::Architecture& architecture() const { return architecture_; }

  /// Makes ready for windows of `steps` steps, of which the first `warm_up` do not count.
  void start_training(int steps, int batch, int warm_up) {
    training_.emplace(space_, problem(steps, batch, true));
    adam_.emplace(parameters_.size());
    gradient_ = Array("gradient", parameters_.size());
    steps_ = steps;
    batch_ = batch;
    warm_up_ = warm_up;
  }

  /// One update on random windows of the record; the mean squared error of u in units of its
  /// variance.
  double train(const Record<Space>& record, double learning_rate) {
    const example::CounterRandom random(seed_,
                                        100 + static_cast<unsigned long long>(adam_->updates()));
    const Kokkos::RangePolicy<Space> windows(space_, 0, batch_);
    Kokkos::parallel_for("windows", windows,
                         Gather{record, scaling_, random, steps_, batch_, training_->u()});
    training_->forward(space_, parameters_);
    double sum = 0;
    const float weight = 1.0F / static_cast<float>((steps_ - warm_up_) * batch_);
    Kokkos::parallel_reduce("loss", windows,
                            Loss{record, scaling_, random, steps_, batch_, warm_up_, weight,
                                 training_->y(), training_->dy()},
                            sum);
    training_->backward(space_, parameters_, gradient_);
    adam_->update(space_, parameters_, gradient_, {.learning_rate = learning_rate, .most_norm = 1});
    return sum * static_cast<double>(weight);
  }

  /// Makes ready to run `columns` columns step by step, with an empty memory.
  void start_running(int columns) { running_.emplace(space_, problem(1, columns, false)); }

  /// One step for all columns: a call of T = 1 that carries the states in place.
  void step(const Ensemble<Space>& x) {
    const auto columns = static_cast<int>(running_->u().size());
    Kokkos::parallel_for("normalise", Kokkos::RangePolicy<Space>(space_, 0, columns),
                         Normalise{x, scaling_, running_->u()});
    running_->forward_from_states(space_, parameters_);
  }

  /// The U of the last step, as a closure that the coarse model holds through its next step.
  struct Held {
    Array y;
    Scaling scaling;
    int members;
    KOKKOS_FUNCTION double operator()(int k, int m, double) const {
      return static_cast<double>(scaling.u_mean + scaling.u_deviation * y(k * members + m));
    }
  };
  Held held(int members) const { return {running_->y(), scaling_, members}; }

  // Functors are public: nvcc takes no private ones.

  /// Where window n of a batch lies in the record: the offset of its first step.
  KOKKOS_FUNCTION static long long window(const Record<Space>& record,
                                          const example::CounterRandom& random, int steps, int n) {
    const auto counter = 2 * static_cast<std::uint64_t>(n);
    const long long first = random.below(counter, record.steps - steps + 1);
    return first * record.columns + random.below(counter + 1, record.columns);
  }

  struct Gather {
    Record<Space> record;
    Scaling scaling;
    example::CounterRandom random;
    int steps, batch;
    Array u;
    KOKKOS_FUNCTION void operator()(int n) const {
      const long long first = window(record, random, steps, n);
      for (int t = 0; t < steps; ++t)
        u(t * batch + n) =
            (record.x(first + static_cast<long long>(t) * record.columns) - scaling.x_mean) /
            scaling.x_deviation;
    }
  };

  struct Loss {
    Record<Space> record;
    Scaling scaling;
    example::CounterRandom random;
    int steps, batch, warm_up;
    float weight;
    Array y, dy;
    KOKKOS_FUNCTION void operator()(int n, double& sum) const {
      const long long first = window(record, random, steps, n);
      for (int t = 0; t < steps; ++t) {
        const float target =
            (record.u(first + static_cast<long long>(t) * record.columns) - scaling.u_mean) /
            scaling.u_deviation;
        const float error = t < warm_up ? 0 : y(t * batch + n) - target;
        sum += static_cast<double>(error * error);
        dy(t * batch + n) = 2 * weight * error;
      }
    }
  };

  struct Normalise {
    Ensemble<Space> x;
    Scaling scaling;
    Array u;
    KOKKOS_FUNCTION void operator()(int column) const {
      const int members = static_cast<int>(x.extent(1));
      u(column) = (static_cast<float>(x(column / members, column % members)) - scaling.x_mean) /
                  scaling.x_deviation;
    }
  };

 private:
  flashrnn::NetworkProblem problem(int steps, int batch, bool training) const {
    flashrnn::NetworkProblem out;
    out.architecture = architecture_;
    out.steps = steps;
    out.batch = batch;
    out.training = training;
    return out;
  }

  Space space_;
  Scaling scaling_;
  unsigned long long seed_;
  flashrnn::Architecture architecture_;
  Array parameters_, gradient_;
  std::optional<example::TrainableNetwork<Space>> training_, running_;
  std::optional<example::Adam<Space, float>> adam_;
  int steps_ = 0, batch_ = 0, warm_up_ = 0;
};
