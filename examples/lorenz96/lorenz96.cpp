// SPDX-License-Identifier: Apache-2.0
// An LSTM in the place of the fast variables of the two-scale Lorenz-96 system: trained on both
// scales, run inside the slow one on the same device, compared with none and Wilks' polynomial.
#include <CLI/CLI.hpp>
#include <Kokkos_Core.hpp>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "flashrnn/line_chart.hpp"
#include "flashrnn/progress_bar.hpp"
#include "flashrnn/training/training.hpp"

namespace {

using Space = Kokkos::DefaultExecutionSpace;
namespace io = flashrnn::io;
using Policy = Kokkos::TeamPolicy<Space>;
using Series = flashrnn::Series<Space>;
/// [variable, member]: members lie side by side, for neighbouring lanes to work on.
using Ensemble = Kokkos::View<double**, Kokkos::LayoutRight, Space>;

// The system of E. Lorenz, "Predictability: a problem partly solved" (1996), with the parameters of
// D. Wilks (QJRMS 131, 2005): K slow variables X on a ring, J fast Y for each on a ring of K·J.
//
//     dX_k/dt = -X_{k-1}·(X_{k-2} - X_{k+1}) - X_k + F - U_k        U_k = h·c/b · sum of k's Y
//     dY_j/dt = -c·b·Y_{j+1}·(Y_{j+2} - Y_{j-1}) - c·Y_j + h·c/b · X_k(j)
constexpr int K = 8, J = 32;
constexpr double F = 20, h = 1, c = 10, b = 10;
// A coarse step is one of X alone or ten of both scales. Durations are in coarse steps.
constexpr double coarse_step = 0.01, interval = 0.05;  // between samples
constexpr int fine_steps = 10, time_unit = 100, sampling = 5;
constexpr int lead = 3 * time_unit, climate = 20 * time_unit;  // the forecast, and what follows

/// An ensemble of X (K rows) or of both scales (K + K·J), and the Runge-Kutta method of order 3 of
/// C.-W. Shu and S. Osher (J. Comput. Phys. 77, 1988).
struct Simulation {
  int rows, members;
  Ensemble state{"state", rows, members}, U{"U", K, members};
  Ensemble stages[2] = {{"stage", rows, members}, {"stage", rows, members}};

  Ensemble X() const { return Kokkos::subview(state, std::pair(0, K), Kokkos::ALL); }

  /// Steps of both scales, or of X with the U that is there.
  void advance(int steps) {
    const double step = rows == K ? coarse_step : coarse_step / fine_steps;
    for (int n = 0; n < steps; ++n) {
      stage(step, 1, state, stages[0]);
      stage(step, 1.0 / 4, stages[0], stages[1]);
      stage(step, 2.0 / 3, stages[1], stages[0]);
      std::swap(state, stages[0]);
    }
  }

  /// to = (1 - weight)·state + weight·(at + step·slope(at))
  void stage(double step, double weight, const Ensemble& at, const Ensemble& to) const {
    const Ensemble from = state, coupling = U;
    Kokkos::parallel_for(
        "stage", Policy(rows, Kokkos::AUTO), KOKKOS_LAMBDA(const Policy::member_type& team) {
          const auto members_of_team = Kokkos::TeamVectorRange(team, at.extent_int(1));
          const int row = team.league_rank(), j = row - K, n = K * J;
          const auto move = [=](int m, double slope) {
            to(row, m) = from(row, m) + weight * (at(row, m) - from(row, m) + step * slope);
          };
          if (row < K) {
            // Each thread keeps to its own members, so it needs no barrier.
            for (int y = row * J; at.extent_int(0) > K && y < (row + 1) * J; ++y)
              Kokkos::parallel_for(members_of_team, [=](int m) {
                coupling(row, m) = (y > row * J ? coupling(row, m) : 0) + h * c / b * at(K + y, m);
              });
            const int A = (row + K - 1) % K, B = (row + K - 2) % K, C = (row + 1) % K;
            Kokkos::parallel_for(members_of_team, [=](int m) {
              move(m, -at(A, m) * (at(B, m) - at(C, m)) - at(row, m) + F - coupling(row, m));
            });
          } else {
            const int A = K + (j + 1) % n, B = K + (j + 2) % n, C = K + (j + n - 1) % n;
            Kokkos::parallel_for(members_of_team, [=](int m) {
              const double X = at(j / J, m);
              move(m, -c * b * at(A, m) * (at(B, m) - at(C, m)) - c * at(row, m) + h * c / b * X);
            });
          }
        });
  }
};

/// Sets U for the next coarse step.
using Closure = std::function<void(const Simulation&)>;

/// Both scales, from random states to the attractor.
Simulation spun_up(int members, unsigned long long seed) {
  Simulation out{K + K * J, members};
  std::vector<double> start;
  for (std::size_t i = 0; i < out.state.size(); ++i)
    start.push_back((i < out.U.size() ? 5 : 0.1) * flashrnn::CounterRandom(seed, 7).normal(i));
  flashrnn::copy_to(out.state, start);
  out.advance(5 * time_unit * fine_steps);
  return out;
}

/// Wilks' closure: U = p0 + p1·X + ... + p4·X^4, fitted by least squares to all pairs (x, u).
struct Polynomial {
  double p[5] = {};

  Polynomial(const std::vector<float>& x, const std::vector<float>& u) {
    double A[5][6] = {};  // the normal equations in X / 10
    for (std::size_t n = 0; n < x.size(); ++n)
      for (int i = 0; i < 5; ++i)
        for (int j = 0; j < 6; ++j)
          A[i][j] += std::pow(x[n] / 10, i) * (j < 5 ? std::pow(x[n] / 10, j) : u[n]);
    // Gauss and Jordan; the matrix is positive definite and needs no pivots.
    for (int i = 0; i < 5; ++i)
      for (int row = 0; row < 5; ++row) {
        const double factor = A[row][i] / A[i][i];
        for (int j = i; row != i && j < 6; ++j) A[row][j] -= factor * A[i][j];
      }
    for (int i = 0; i < 5; ++i) p[i] = A[i][5] / A[i][i] / std::pow(10, i);
  }

  void operator()(const Simulation& s) const {
    const Ensemble X = s.X(), U = s.U;
    const Polynomial q = *this;
    Kokkos::parallel_for(
        "polynomial", Kokkos::RangePolicy<Space>(0, K * s.members), KOKKOS_LAMBDA(int i) {
          const double x = X.data()[i];
          U.data()[i] = q.p[0] + x * (q.p[1] + x * (q.p[2] + x * (q.p[3] + x * q.p[4])));
        });
  }
};

struct Options {
  int members = 256, updates = 3000;
  unsigned long long seed = 1;
  std::string plots;
};

/// Compares ways of running X with the first of them.
struct Comparison {
  const int members;
  Series truth{};
  io::LineChart error{"Lorenz-96: error of forecasts", "", "lead time, model units", "RMSE of X"};
  io::LineChart histogram{"Lorenz-96: distribution of X", "", "X", "share of bins of 0.5"};
  io::LineChart correlation{"Lorenz-96: autocorrelation", "", "lag, model units", "correlation"};

  /// Calls `closure` before every step. Returns the RMSE at lead 0.5 and Hellinger's distance.
  auto run(const std::string& name, const Ensemble& start, const Closure& closure = {}) {
    Simulation simulation{start.extent_int(0), members};
    Kokkos::deep_copy(simulation.state, start);
    const Series x("x", (lead + climate) / sampling, K * members, 1);
    io::ProgressBar bar("running " + name, lead + climate);
    double seconds = 1e300;
    for (int t = 0; t < lead + climate; ++t) {
      if (t % sampling == 0) flashrnn::record(Space(), simulation.X(), x, t / sampling);
      Kokkos::fence();
      const Kokkos::Timer timer;
      if (closure) closure(simulation);
      simulation.advance(simulation.rows == K ? 1 : fine_steps);
      Kokkos::fence();
      seconds = std::min(seconds, timer.seconds());
      bar.show(t + 1);
    }
    if (error.series.empty()) truth = x;
    std::vector<double> rmse = flashrnn::errors_by_step(Space(), x, truth);
    rmse.resize(lead / sampling + 1);
    const flashrnn::StatisticsOptions after{
        .first = lead / sampling, .lags = 100, .low = -20, .high = 30, .bins = 100};
    const auto found = statistics_of(Space(), x, after);
    const auto wanted = statistics_of(Space(), truth, after);
    std::printf("%-12s %7.3f %9.3f %10.4f %10.4f |           %6.3f %6.3f %6.3f | %10.2f\n",
                name.c_str(), found.mean, found.variance, histogram_distance(found, wanted),
                autocorrelation_distance(found, wanted), rmse[10], rmse[20], rmse[40],
                1e6 * seconds / members);
    error.series.push_back(io::evenly_spaced(name, 0, interval, rmse));
    histogram.series.push_back(io::evenly_spaced(name, -19.75, 0.5, found.histogram));
    correlation.series.push_back(io::evenly_spaced(name, 0, interval, found.autocorrelation));
    return std::pair(rmse[10], histogram_distance(found, wanted));
  }
};

bool compare(const Options& o) {
  // An ensemble to learn from: U in the middle of a coarse step stands for its mean.
  const int columns = K * o.members / 4, steps = 20 * time_unit;
  Simulation teacher = spun_up(o.members / 4, o.seed);
  const Series x("X", steps, columns, 1), u("U", steps, columns, 1);
  for (int t = 0; t < steps; ++t) {
    flashrnn::record(Space(), teacher.X(), x, t);
    teacher.advance(fine_steps / 2);
    flashrnn::record(Space(), teacher.U, u, t);
    teacher.advance(fine_steps / 2);
  }
  const Polynomial polynomial(flashrnn::on_host(x), flashrnn::on_host(u));
  const auto x_scaling = flashrnn::normalise(Space(), x),
             u_scaling = flashrnn::normalise(Space(), u);
  const flashrnn::Architecture layer{.head_dim = 16, .output_size = 1};
  flashrnn::Trainer<Space> network(Space(), layer, flashrnn::initial_parameters(layer, o.seed, 1));
  io::ProgressBar bar("training the LSTM", o.updates);
  flashrnn::fit(network, x, u, {.washout = 32, .batch = 256, .updates = o.updates, .seed = o.seed},
                [&](long long n, double loss) { bar.show(n, "loss " + std::to_string(loss)); });

  // The closure: a call of T = 1 for all columns, whose states are carried in place.
  network.resize(1, K * o.members, false);
  const Closure lstm = [&](const Simulation& s) {
    x_scaling.normalise(Space(), s.X(), network.u());
    network.forward_from_states();
    u_scaling.restore(Space(), network.y(), s.U);
  };
  // Another ensemble to test on. The LSTM reads its true X for a while, as it would read analyses.
  Simulation truth = spun_up(o.members, o.seed + 1);
  for (int n = 0; n < time_unit; ++n) {
    lstm(truth);
    truth.advance(fine_steps);
  }
  std::printf("\n%-12s %7s %9s %10s %10s | RMSE at lead 0.5    1.0    2.0 | µs per member, step\n",
              "model", "mean", "variance", "Hellinger", "ACF error");
  Comparison comparison{o.members};
  comparison.run("truth", truth.state);
  const auto without = comparison.run("no closure", truth.X());
  comparison.run("polynomial", truth.X(), polynomial);
  const auto with = comparison.run("LSTM", truth.X(), lstm);
  if (!o.plots.empty()) {
    io::write_line_chart_svg(o.plots + "/lorenz96_forecast.svg", comparison.error);
    io::write_line_chart_svg(o.plots + "/lorenz96_histogram.svg", comparison.histogram);
    io::write_line_chart_svg(o.plots + "/lorenz96_autocorrelation.svg", comparison.correlation);
  }
  return with.first < 0.5 * without.first && with.second < 0.5 * without.second;
}

}  // namespace

int main(int argc, char** argv) try {
  CLI::App app("Two-scale Lorenz-96 with an LSTM closure");
  app.option_defaults()->always_capture_default();
  Options o;
  bool check = false;
  app.add_option("--members", o.members, "of the test ensemble")->check(CLI::Range(4, 1 << 20));
  app.add_option("--updates", o.updates, "of the LSTM")->check(CLI::Range(1, 1 << 30));
  app.add_option("--seed", o.seed, "of everything random");
  app.add_option("--plots", o.plots, "folder to draw pictures in")->check(CLI::ExistingDirectory);
  app.add_flag("--check", check, "status 1 unless the LSTM halves the errors of no closure");
  CLI11_PARSE(app, argc, argv);
  const Kokkos::ScopeGuard kokkos(argc, argv);
  return compare(o) || !check ? 0 : 1;
} catch (const std::exception& error) {
  std::fprintf(stderr, "lorenz96: %s\n", error.what());
  return 2;
}
