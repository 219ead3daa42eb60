// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Kokkos_Core.hpp>
#include <cmath>

#include "../common/counter_random.hpp"

/// The two-scale system of E. Lorenz, "Predictability: a problem partly solved" (1996), with the
/// parameters of D. Wilks (QJRMS 131, 2005) and H. Arnold et al. (Phil. Trans. R. Soc. A 371,
/// 2013). K slow variables X on a ring, J fast variables Y for each on a ring of K·J:
///
///     dX_k/dt = -X_{k-1}·(X_{k-2} - X_{k+1}) - X_k + F - U_k        U_k = h·c/b · sum of k's Y
///     dY_j/dt = -c·b·Y_{j+1}·(Y_{j+2} - Y_{j-1}) - c·Y_j + h·c/b · X_k(j)
struct Parameters {
  int K = 8, J = 32;
  double h = 1, c = 10, b = 10, F = 20;
  double fine_step = 0.001;   ///< of the two-scale system
  double coarse_step = 0.01;  ///< of the slow variables alone
};

/// [variable, member]: an ensemble whose members lie side by side, so that neighbouring lanes work
/// on neighbouring members. A ring of variables needs no halo then.
template <class Space>
using Ensemble = Kokkos::View<double**, Kokkos::LayoutRight, Space>;

/// The tendency of one variable for all members: both scales have the form
///
///     -α·A·(B - C) - β·self + γ + δ·other
///
/// with three neighbours A, B, C on the ring and a variable of the other scale.
struct RowTendency {
  const double *A, *B, *C, *self, *other;  ///< [members] each
  double alpha, beta, gamma, delta;

  KOKKOS_FUNCTION double operator()(int m) const {
    return -alpha * A[m] * (B[m] - C[m]) - beta * self[m] + gamma + delta * other[m];
  }
};

/// dX_k/dt for given U_k [members].
template <class Space>
KOKKOS_FUNCTION RowTendency slow_tendency(const Parameters& p, const Ensemble<Space>& x, int k,
                                          const double* U) {
  const auto row = [&](int offset) { return &x((k + p.K + offset) % p.K, 0); };
  return {row(-1), row(-2), row(1), row(0), U, 1, 1, p.F, -1};
}

/// The whole system: rows 0 .. K - 1 hold X, the others Y.
template <class Space>
struct TwoScale {
  Parameters p;
  Ensemble<Space> U;  ///< [K, members]: that of the state that prepare was given

  int rows() const { return p.K * (1 + p.J); }

  void prepare(const Space& space, const Ensemble<Space>& state) const {
    Kokkos::parallel_for("U", Kokkos::TeamPolicy<Space>(space, p.K, Kokkos::AUTO),
                         Coupling{p, state, U});
  }

  KOKKOS_FUNCTION RowTendency row(const Ensemble<Space>& s, int row) const {
    if (row < p.K) return slow_tendency<Space>(p, s, row, &U(row, 0));
    const int n = p.K * p.J, j = row - p.K;
    const auto fast = [&](int offset) { return &s(p.K + (j + n + offset) % n, 0); };
    return {fast(1),   fast(2), fast(-1), fast(0),        &s(j / p.J, 0),
            p.c * p.b, p.c,     0,        p.h * p.c / p.b};
  }

  struct Coupling {  // public, as all functors: nvcc takes no private ones
    Parameters p;
    Ensemble<Space> state, U;

    using Team = typename Kokkos::TeamPolicy<Space>::member_type;
    KOKKOS_FUNCTION void operator()(const Team& team) const {
      const int k = team.league_rank();
      double* const sum = &U(k, 0);
      for (int j = 0; j < p.J; ++j) {
        const double* const y = &state(p.K + k * p.J + j, 0);
        const double factor = p.h * p.c / p.b;
        const bool first = j == 0;
        // Each thread keeps to its own members, so it needs no barrier.
        Kokkos::parallel_for(Kokkos::TeamVectorRange(team, static_cast<int>(U.extent(1))),
                             [=](int m) { sum[m] = (first ? 0 : sum[m]) + factor * y[m]; });
      }
    }
  };
};

/// The slow variables alone; Closure gives U from (k, member, X_k).
template <class Space, class Closure>
struct OneScale {
  Parameters p;
  Closure closure;

  struct Row {
    RowTendency ring;
    Closure closure;
    int k;
    KOKKOS_FUNCTION double operator()(int m) const { return ring(m) - closure(k, m, ring.self[m]); }
  };

  int rows() const { return p.K; }
  void prepare(const Space&, const Ensemble<Space>&) const {}
  KOKKOS_FUNCTION Row row(const Ensemble<Space>& x, int k) const {
    RowTendency ring = slow_tendency<Space>(p, x, k, &x(k, 0));
    ring.delta = 0;
    return {ring, closure, k};
  }
};

/// The classical Runge-Kutta method of order 4 for an ensemble of any of the systems above.
template <class Space>
class RungeKutta4 {
 public:
  RungeKutta4(int rows, int members)
      : first_("stage", rows, members),
        second_("stage", rows, members),
        sum_("sum", rows, members) {}

  /// Moves `state` on by `step`.
  template <class System>
  void advance(const Space& space, const System& system, const Ensemble<Space>& state,
               double step) const {
    stage(space, system, state, state, state, first_, step / 2, step / 6);
    stage(space, system, state, first_, sum_, second_, step / 2, step / 3);
    stage(space, system, state, second_, sum_, first_, step, step / 3);
    stage(space, system, state, first_, sum_, second_, 0, step / 6);
    Kokkos::deep_copy(space, state, sum_);
  }

  /// sum = before + weight·f(at);  next = start + ahead·f(at)
  template <class System>
  struct Stage {
    System system;
    Ensemble<Space> start, at, before, sum, next;
    double ahead, weight;

    using Team = typename Kokkos::TeamPolicy<Space>::member_type;
    KOKKOS_FUNCTION void operator()(const Team& team) const {
      const int row = team.league_rank();
      // By value: the compiler then knows that no store changes what the loop reads.
      const auto slope_of = system.row(at, row);
      const double *const from = &start(row, 0), *const so_far = &before(row, 0);
      double *const to = &next(row, 0), *const total = &sum(row, 0);
      const double far = ahead, share = weight;
      Kokkos::parallel_for(Kokkos::TeamVectorRange(team, static_cast<int>(at.extent(1))),
                           [=](int m) {
                             const double slope = slope_of(m);
                             total[m] = so_far[m] + share * slope;
                             to[m] = from[m] + far * slope;
                           });
    }
  };

 private:
  template <class System>
  void stage(const Space& space, const System& system, const Ensemble<Space>& start,
             const Ensemble<Space>& at, const Ensemble<Space>& before, const Ensemble<Space>& next,
             double ahead, double weight) const {
    system.prepare(space, at);
    Kokkos::parallel_for("RK4 stage", Kokkos::TeamPolicy<Space>(space, system.rows(), Kokkos::AUTO),
                         Stage<System>{system, start, at, before, sum_, next, ahead, weight});
  }

  Ensemble<Space> first_, second_, sum_;
};

/// An ensemble of the whole system.
template <class Space>
class Truth {
 public:
  Truth(const Space& space, const Parameters& p, int members, unsigned long long seed)
      : space_(space),
        system_{p, Ensemble<Space>("U", p.K, members)},
        state_("X and Y", system_.rows(), members),
        mean_coupling_("mean U", p.K, members),
        scheme_(system_.rows(), members) {
    Kokkos::parallel_for("start", Kokkos::RangePolicy<Space>(space, 0, members),
                         Start{example::CounterRandom(seed, 7), p.K, state_});
  }

  const Ensemble<Space>& state() const { return state_; }  ///< [K + K·J, members], X first
  /// [K, members]: U averaged over the last coarse step (trapezoidal rule).
  const Ensemble<Space>& mean_coupling() const { return mean_coupling_; }

  /// Moves on by one coarse step, in fine ones.
  void step() const {
    const Parameters& p = system_.p;
    const int fine = static_cast<int>(std::lround(p.coarse_step / p.fine_step));
    Kokkos::deep_copy(space_, mean_coupling_, 0.0);
    const Kokkos::RangePolicy<Space> all(space_, 0, static_cast<int>(mean_coupling_.size()));
    for (int n = 0; n <= fine; ++n) {
      system_.prepare(space_, state_);
      Kokkos::parallel_for(
          "mean U", all, Add{mean_coupling_, system_.U, (n == 0 || n == fine ? 0.5 : 1.0) / fine});
      if (n < fine) scheme_.advance(space_, system_, state_, p.coarse_step / fine);
    }
  }

  struct Add {
    Ensemble<Space> to, from;
    double weight;
    KOKKOS_FUNCTION void operator()(int i) const { to.data()[i] += weight * from.data()[i]; }
  };

  struct Start {
    example::CounterRandom random;
    int K;
    Ensemble<Space> state;
    KOKKOS_FUNCTION void operator()(int m) const {
      const int rows = static_cast<int>(state.extent(0));
      for (int row = 0; row < rows; ++row) {
        const auto counter = static_cast<std::uint64_t>(m) * static_cast<std::uint64_t>(rows) +
                             static_cast<std::uint64_t>(row);
        state(row, m) = (row < K ? 5.0 : 0.1) * random.normal(counter);
      }
    }
  };

 private:
  Space space_;
  TwoScale<Space> system_;
  Ensemble<Space> state_, mean_coupling_;
  RungeKutta4<Space> scheme_;
};
