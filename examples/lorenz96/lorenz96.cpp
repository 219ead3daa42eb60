// SPDX-License-Identifier: Apache-2.0
// An LSTM in the place of the fast variables of the two-scale Lorenz-96 system: trained on the
// whole system, run inside the coarse one on the same device, and compared with no closure and
// with Wilks' polynomial.
#include <CLI/CLI.hpp>
#include <Kokkos_Core.hpp>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "../common/progress_bar.hpp"
#include "closures.hpp"
#include "flashrnn/error.hpp"
#include "lorenz96.hpp"
#include "report.hpp"
#include "statistics.hpp"

namespace {

using Space = Kokkos::DefaultExecutionSpace;

struct Options {
  Parameters system;
  int members = 256;           ///< of the test ensemble; K columns each
  int training_members = 64;   ///< of the ensemble that is learnt from
  double training_time = 20;   ///< model time units of it
  double spin_up = 5;          ///< model time units before anything counts
  double warm_up = 1;          ///< of true X that the LSTM reads before a forecast
  double lead = 3;             ///< longest lead time of the forecasts
  double climate = 20;         ///< model time after the forecast for the climate
  flashrnn::Index units = 16;  ///< of the LSTM
  int updates = 3000, window = 128, batch = 256;
  double learning_rate = 5e-3;
  unsigned long long seed = 1;
  std::filesystem::path plots;  ///< folder of pictures
  bool check = false;           ///< fail unless the LSTM beats no closure

  int coarse_steps(double time) const {
    return static_cast<int>(std::lround(time / system.coarse_step));
  }
};

constexpr int steps_per_sample = 5;

/// Runs `step` for lead and climate, keeping X every few steps.
Model simulate(const Options& o, const std::string& name, const Ensemble<Space>& state,
               const std::function<void()>& step) {
  const auto K = static_cast<std::size_t>(o.system.K);
  const auto columns = K * static_cast<std::size_t>(o.members);
  Model model{name, {columns, o.system.coarse_step * steps_per_sample, {}}, 0, {}, {}};
  const int steps = o.coarse_steps(o.lead + o.climate);
  example::ProgressBar bar("running " + name, steps);
  const auto X = Kokkos::subview(state, std::pair<std::size_t, std::size_t>(0, K), Kokkos::ALL);
  const auto host = Kokkos::create_mirror_view(X);
  std::vector<double> seconds;
  for (int t = 0; t < steps; t += steps_per_sample) {
    Kokkos::deep_copy(host, X);
    for (std::size_t k = 0; k < K; ++k)
      for (std::size_t m = 0; m < static_cast<std::size_t>(o.members); ++m)
        model.run.x.push_back(static_cast<float>(host(k, m)));
    for (int n = 0; n < steps_per_sample; ++n) {
      const Kokkos::Timer timer;
      step();
      Kokkos::fence();
      seconds.push_back(timer.seconds());
    }
    bar.show(t + steps_per_sample, "");
  }
  // Of the fastest tenth the slowest: what a step takes while no other program has the processor.
  const auto tenth = seconds.begin() + steps / 10;
  std::nth_element(seconds.begin(), tenth, seconds.end());
  model.microseconds = 1e6 * *tenth / o.members;
  return model;
}

/// A model of the slow variables alone, from `start` on; `closure` is asked before every step.
template <class MakeClosure>
Model simulate_coarse(const Options& o, const std::string& name, const Ensemble<Space>& start,
                      const MakeClosure& closure) {
  const Space space;
  const Ensemble<Space> x("X", start.extent(0), start.extent(1));
  Kokkos::deep_copy(x, start);
  const RungeKutta4<Space> scheme(o.system.K, o.members);
  return simulate(o, name, x, [&] {
    const auto now = closure(x);
    scheme.advance(space, OneScale<Space, decltype(now)>{o.system, now}, x, o.system.coarse_step);
  });
}

Scaling scaling_of(const std::vector<float>& x, const std::vector<float>& u) {
  const auto moments = [](const std::vector<float>& values) {
    double mean = 0, square = 0;
    for (const float v : values) mean += double(v) / static_cast<double>(values.size());
    for (const float v : values) square += std::pow(double(v) - mean, 2);
    return std::pair(mean, std::sqrt(square / static_cast<double>(values.size())));
  };
  const auto [x_mean, x_deviation] = moments(x);
  const auto [u_mean, u_deviation] = moments(u);
  return {static_cast<float>(x_mean), static_cast<float>(x_deviation), static_cast<float>(u_mean),
          static_cast<float>(u_deviation)};
}

void train(const Options& o, LstmClosure<Space>& lstm, const Record<Space>& record) {
  lstm.start_training(o.window, o.batch, o.window / 4);
  example::ProgressBar bar("training the LSTM", o.updates);
  double loss = 1;
  for (int n = 0; n < o.updates; ++n) {
    const double part = static_cast<double>(n) / o.updates;
    const double now =
        lstm.train(record, o.learning_rate * 0.5 * (1.02 + std::cos(3.14159265 * part)));
    loss = n == 0 ? now : loss + 0.02 * (now - loss);
    char text[64];
    std::snprintf(text, sizeof text, "unexplained variance %.4f", loss);
    bar.show(n + 1, text);
  }
  std::printf("LSTM: %lld units, %zu parameters, variance of U left unexplained %.4f\n", o.units,
              lstm.parameters().size(), loss);
}

int run(const Options& o) {
  const Space space;
  const Parameters& p = o.system;
  std::printf(
      "K = %d, J = %d, F = %g, h = %g, c = %g, b = %g; RK4 with steps of %g (all scales) "
      "and %g (X alone); seed %llu\n",
      p.K, p.J, p.F, p.h, p.c, p.b, p.fine_step, p.coarse_step, o.seed);
  const Truth<Space> teacher(space, p, o.training_members, o.seed);
  for (int n = 0; n < o.coarse_steps(o.spin_up); ++n) teacher.step();
  const auto record = Record<Space>::of(space, teacher, o.coarse_steps(o.training_time));
  const auto x = example::on_host(record.x), u = example::on_host(record.u);
  const auto polynomial = PolynomialClosure::fit(x, u);
  const Scaling scaling = scaling_of(x, u);
  double unexplained = 0;
  for (std::size_t i = 0; i < x.size(); ++i)
    unexplained += std::pow(double(u[i]) - polynomial(0, 0, double(x[i])), 2);
  unexplained /= static_cast<double>(x.size()) * std::pow(double(scaling.u_deviation), 2);
  std::printf(
      "polynomial: %.4g + %.4g X + %.4g X^2 + %.4g X^3 + %.4g X^4, variance of U left "
      "unexplained %.4f\n",
      polynomial.coefficient[0], polynomial.coefficient[1], polynomial.coefficient[2],
      polynomial.coefficient[3], polynomial.coefficient[4], unexplained);
  LstmClosure<Space> lstm(space, o.units, scaling, o.seed);
  train(o, lstm, record);

  // Another ensemble to test on. The LSTM reads its true X for a while, as it would read analyses.
  const Truth<Space> truth(space, p, o.members, o.seed + 1);
  for (int n = 0; n < o.coarse_steps(o.spin_up); ++n) truth.step();
  lstm.start_running(p.K * o.members);
  for (int n = 0; n < o.coarse_steps(o.warm_up); ++n) {
    lstm.step(truth.state());
    truth.step();
  }
  const Ensemble<Space> start("start", static_cast<std::size_t>(p.K),
                              static_cast<std::size_t>(o.members));
  Kokkos::deep_copy(start, Kokkos::subview(truth.state(), std::pair(0, p.K), Kokkos::ALL));
  std::vector<Model> models;
  models.push_back(simulate(o, "truth", truth.state(), [&] { truth.step(); }));
  models.push_back(
      simulate_coarse(o, "no closure", start, [](const auto&) { return NoClosure{}; }));
  models.push_back(
      simulate_coarse(o, "polynomial", start, [&](const auto&) { return polynomial; }));
  models.push_back(simulate_coarse(o, "LSTM", start, [&](const Ensemble<Space>& now) {
    lstm.step(now);
    return lstm.held(o.members);
  }));
  const auto samples = [&](double time) {
    return static_cast<std::size_t>(std::lround(time / models[0].run.interval));
  };
  for (Model& m : models) {
    m.climate = climate_of(m.run, samples(o.lead), samples(std::min(5.0, o.climate / 2)) + 1);
    m.error = forecast_error(m.run, models[0].run, samples(o.lead) + 1);
  }
  report(models);
  if (!o.plots.empty()) draw(o.plots, models);
  const auto lead = samples(0.5);
  const bool helps = models[3].error[lead] < 0.5 * models[1].error[lead] &&
                     hellinger_distance(models[3].climate, models[0].climate) <
                         0.5 * hellinger_distance(models[1].climate, models[0].climate);
  if (o.check && !helps) std::printf("the LSTM does not halve the errors of no closure\n");
  return o.check && !helps ? 1 : 0;
}

}  // namespace

// NOLINTNEXTLINE(bugprone-exception-escape): only building the options can throw, a fault of ours
int main(int argc, char** argv) {
  CLI::App app("Two-scale Lorenz-96 with an LSTM closure");
  Options o;
  app.add_option("--members", o.members, "of the test ensemble")->capture_default_str();
  app.add_option("--training-members", o.training_members)->capture_default_str();
  app.add_option("--training-time", o.training_time)->capture_default_str();
  app.add_option("--climate", o.climate, "model time for the climate")->capture_default_str();
  app.add_option("--forcing", o.system.F, "F")->capture_default_str();
  app.add_option("--c", o.system.c, "time-scale ratio c")->capture_default_str();
  app.add_option("--units", o.units, "of the LSTM")->capture_default_str();
  app.add_option("--updates", o.updates, "of its training")->capture_default_str();
  app.add_option("--seed", o.seed, "of everything random")->capture_default_str();
  app.add_option("--plots", o.plots, "folder to draw pictures in");
  app.add_flag("--check", o.check, "status 1 unless the LSTM halves the errors of no closure");
  CLI11_PARSE(app, argc, argv);
  const Kokkos::ScopeGuard kokkos(argc, argv);
  try {
    return run(o);
  } catch (const flashrnn::Error& error) {
    std::fprintf(stderr, "lorenz96: %s\n", error.what());
    return 2;
  }
}
