// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Kokkos_Core.hpp>
#include <cmath>
#include <cstdint>
#include <functional>
#include <vector>

#include "flashrnn/training/counter_random.hpp"

using Space = Kokkos::DefaultExecutionSpace;

/// [variable, member]: an ensemble whose members lie side by side, so that neighbouring lanes work
/// on neighbouring members. A ring of variables needs no halo then.
using Ensemble = Kokkos::View<double**, Kokkos::LayoutRight, Space>;
using Policy = Kokkos::TeamPolicy<Space>;

/// The two-scale system of E. Lorenz, "Predictability: a problem partly solved" (1996), with the
/// parameters of D. Wilks (QJRMS 131, 2005) and H. Arnold et al. (Phil. Trans. R. Soc. A 371,
/// 2013). K slow variables X on a ring, J fast variables Y for each on a ring of K·J:
///
///     dX_k/dt = -X_{k-1}·(X_{k-2} - X_{k+1}) - X_k + F - U_k        U_k = h·c/b · sum of k's Y
///     dY_j/dt = -c·b·Y_{j+1}·(Y_{j+2} - Y_{j-1}) - c·Y_j + h·c/b · X_k(j)
struct Lorenz96 {
  int K = 8, J = 32;
  double h = 1, c = 10, b = 10, F = 20;
  double fine_step = 0.001;   ///< of the two-scale system
  double coarse_step = 0.01;  ///< of the slow variables alone
};

/// An ensemble of the slow variables, or of both scales, and the Runge-Kutta method of order 4.
class Simulation {
 public:
  /// Sets U [K, members] for a state, before the slope of each stage is taken.
  using Coupling = std::function<void(const Ensemble& state)>;

  Simulation(const Lorenz96& system, int members, bool both_scales)
      : p_(system),
        state_("state", system.K * (both_scales ? 1 + system.J : 1), members),
        U_("U", system.K, members),
        mean_U_("mean U", system.K, members),
        first_("stage", state_.extent(0), members),
        second_("stage", state_.extent(0), members),
        sum_("sum", state_.extent(0), members) {}

  const Ensemble& state() const { return state_; }  ///< X in rows 0 .. K - 1, Y behind
  const Ensemble& U() const { return U_; }
  /// U averaged over the last step of both scales (trapezoidal rule).
  const Ensemble& mean_coupling() const { return mean_U_; }

  /// Draws X and Y to start from.
  void start(unsigned long long seed) const {
    const Ensemble state = state_;
    const int rows = state.extent_int(0), K = p_.K;
    const flashrnn::CounterRandom random(seed, 7);
    Kokkos::parallel_for(
        "start", Kokkos::RangePolicy<Space>(0, state.extent_int(1)), KOKKOS_LAMBDA(const int m) {
          for (int row = 0; row < rows; ++row) {
            const long long place = static_cast<long long>(m) * rows + row;
            state(row, m) =
                (row < K ? 5.0 : 0.1) * random.normal(static_cast<std::uint64_t>(place));
          }
        });
  }

  /// Moves the slow variables on by one coarse step, with U as `coupling` leaves it.
  void step(const Coupling& coupling) const { advance(p_.coarse_step, coupling); }

  /// Moves both scales on by one coarse step, in fine ones.
  void step_both() const {
    const int fine = static_cast<int>(std::lround(p_.coarse_step / p_.fine_step));
    const Coupling sum_up = [this](const Ensemble& state) { sum_fast(state); };
    const Ensemble mean = mean_U_, now = U_;
    Kokkos::deep_copy(Space(), mean, 0.0);
    for (int n = 0; n <= fine; ++n) {
      const double weight = (n == 0 || n == fine ? 0.5 : 1.0) / fine;
      sum_fast(state_);
      Kokkos::parallel_for(
          "mean U", Kokkos::RangePolicy<Space>(0, static_cast<int>(mean.size())),
          KOKKOS_LAMBDA(const int i) { mean.data()[i] += weight * now.data()[i]; });
      if (n < fine) advance(p_.coarse_step / fine, sum_up);
    }
  }

  // Public because they hold kernels: nvcc takes none of private functions.

  /// U of the fast variables.
  void sum_fast(const Ensemble& state) const {
    const Ensemble U = U_;
    const int K = p_.K, J = p_.J;
    const double factor = p_.h * p_.c / p_.b;
    Kokkos::parallel_for(
        "U", Policy(K, Kokkos::AUTO), KOKKOS_LAMBDA(const Policy::member_type& team) {
          const int k = team.league_rank();
          double* const sum = &U(k, 0);
          for (int j = 0; j < J; ++j) {
            const double* const y = &state(K + k * J + j, 0);
            const bool first = j == 0;
            // Each thread keeps to its own members, so it needs no barrier.
            Kokkos::parallel_for(Kokkos::TeamVectorRange(team, U.extent_int(1)), [=](const int m) {
              sum[m] = (first ? 0 : sum[m]) + factor * y[m];
            });
          }
        });
  }

  /// A step of the Runge-Kutta method.
  void advance(double step, const Coupling& coupling) const {
    stage(coupling, state_, state_, first_, step / 2, step / 6);
    stage(coupling, first_, sum_, second_, step / 2, step / 3);
    stage(coupling, second_, sum_, first_, step, step / 3);
    stage(coupling, first_, sum_, second_, 0, step / 6);
    Kokkos::deep_copy(Space(), state_, sum_);
  }

  /// sum = before + weight·slope(at);  next = state + ahead·slope(at)
  void stage(const Coupling& coupling, const Ensemble& at, const Ensemble& before,
             const Ensemble& next, double ahead, double weight) const {
    coupling(at);
    const Lorenz96 p = p_;
    const Ensemble state = state_, U = U_, sum = sum_;
    Kokkos::parallel_for(
        "stage", Policy(at.extent_int(0), Kokkos::AUTO),
        KOKKOS_LAMBDA(const Policy::member_type& team) {
          // Both scales are -α·A·(B - C) - β·self + γ + δ·other, with three neighbours A, B, C on
          // rings that run in opposite directions, and a variable of the other scale.
          const int row = team.league_rank(), members = at.extent_int(1);
          const bool slow = row < p.K;
          const int first = slow ? 0 : p.K, i = row - first, n = slow ? p.K : p.K * p.J;
          const auto ring = [&](const int offset) -> const double* {
            return &at(first + (i + n + (slow ? -offset : offset)) % n, 0);
          };
          const double *const A = ring(1), *const B = ring(2), *const C = ring(-1),
                              *const self = ring(0),
                              *const other = slow ? &U(row, 0) : &at(i / p.J, 0);
          const double alpha = slow ? 1 : p.c * p.b, beta = slow ? 1 : p.c, gamma = slow ? p.F : 0,
                       delta = slow ? -1 : p.h * p.c / p.b;
          const double *const from = &state(row, 0), *const so_far = &before(row, 0);
          double *const to = &next(row, 0), *const total = &sum(row, 0);
          const double far = ahead, share = weight;  // copies: no store changes what the loop reads
          Kokkos::parallel_for(Kokkos::TeamVectorRange(team, members), [=](const int m) {
            const double slope =
                -alpha * A[m] * (B[m] - C[m]) - beta * self[m] + gamma + delta * other[m];
            total[m] = so_far[m] + share * slope;
            to[m] = from[m] + far * slope;
          });
        });
  }

 private:
  Lorenz96 p_;
  Ensemble state_, U_, mean_U_, first_, second_, sum_;
};

/// A closure: U = b0 + b1·X + ... + b4·X^4 (Wilks 2005).
struct Polynomial {
  static constexpr int terms = 5;
  double coefficient[terms] = {};

  KOKKOS_FUNCTION double operator()(double x) const {
    double sum = 0;
    for (int i = terms - 1; i >= 0; --i) sum = sum * x + coefficient[i];
    return sum;
  }

  /// U [K, members] of the slow variables in `state`.
  void apply(const Ensemble& state, const Ensemble& U) const {
    const Polynomial polynomial = *this;
    Kokkos::parallel_for(
        "polynomial", Policy(U.extent_int(0), Kokkos::AUTO),
        KOKKOS_LAMBDA(const Policy::member_type& team) {
          const double* const x = &state(team.league_rank(), 0);
          double* const u = &U(team.league_rank(), 0);
          const Polynomial of = polynomial;  // a copy: no store changes what the loop reads
          Kokkos::parallel_for(Kokkos::TeamVectorRange(team, U.extent_int(1)),
                               [=](const int m) { u[m] = of(x[m]); });
        });
  }

  /// Least squares over all pairs (x, u), by the normal equations in X / 10.
  static Polynomial fit(const std::vector<float>& x, const std::vector<float>& u) {
    double A[terms][terms + 1] = {};
    for (std::size_t n = 0; n < x.size(); ++n) {
      double power[terms] = {1};
      for (int i = 1; i < terms; ++i) power[i] = power[i - 1] * double(x[n]) / 10;
      for (int i = 0; i < terms; ++i) {
        for (int j = 0; j < terms; ++j) A[i][j] += power[i] * power[j];
        A[i][terms] += power[i] * double(u[n]);
      }
    }
    // Gauss and Jordan; the matrix is positive definite and needs no pivots.
    for (int i = 0; i < terms; ++i)
      for (int row = 0; row < terms; ++row) {
        const double factor = A[row][i] / A[i][i];
        for (int j = i; row != i && j <= terms; ++j) A[row][j] -= factor * A[i][j];
      }
    Polynomial out;
    for (int i = 0; i < terms; ++i) out.coefficient[i] = A[i][terms] / A[i][i] / std::pow(10.0, i);
    return out;
  }
};
