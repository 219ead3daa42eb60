// SPDX-License-Identifier: Apache-2.0
// An LSTM in the place of the fast variables of the two-scale Lorenz-96 system: trained on the
// whole system (simulation.hpp), run inside the coarse one on the same device, and compared with no
// closure and with Wilks' polynomial.
#include <CLI/CLI.hpp>
#include <Kokkos_Core.hpp>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "evaluation.hpp"
#include "flashrnn/progress_bar.hpp"
#include "flashrnn/training/training.hpp"
#include "simulation.hpp"

namespace {

using Network = flashrnn::Trainer<Space>;
using Series = flashrnn::Series<Space>;

struct Options {  // times in model units
  Lorenz96 system;
  int members = 256;          ///< of the test ensemble; K columns each
  int training_members = 64;  ///< of the ensemble that is learnt from
  double training_time = 20;  ///< of it
  double spin_up = 5;         ///< before anything counts
  double warm_up = 1;         ///< of true X that the LSTM reads before a forecast
  double lead = 3;            ///< longest lead time of the forecasts
  double climate = 20;        ///< after the forecast
  int units = 16, updates = 3000, window = 128, batch = 256;
  double rate = 5e-3;
  unsigned long long seed = 1;
  std::filesystem::path plots;
  bool check = false;

  int steps(double time) const { return static_cast<int>(std::lround(time / system.coarse_step)); }
};

/// How the network sees a quantity: (value - mean) / deviation.
struct Scaling {
  float mean = 0, deviation = 1;
};

/// Scales to mean 0 and deviation 1.
Scaling normalise(std::vector<float>& values) {
  const auto count = static_cast<double>(values.size());
  double mean = 0, square = 0;
  for (const float v : values) mean += double(v) / count;
  for (const float v : values) square += std::pow(double(v) - mean, 2);
  const Scaling s{static_cast<float>(mean), static_cast<float>(std::sqrt(square / count))};
  for (float& v : values) v = (v - s.mean) / s.deviation;
  return s;
}

/// Writes variables of an ensemble, [K, members], as one step of a recording of K·members columns.
void record(const Ensemble& from, const Series& to, int step, const Scaling& scaling = {}) {
  const int members = from.extent_int(1);
  Kokkos::parallel_for(
      "record", Kokkos::RangePolicy<Space>(0, to.extent_int(1)), KOKKOS_LAMBDA(const int column) {
        const auto value = static_cast<float>(from(column / members, column % members));
        to(step, column, 0) = (value - scaling.mean) / scaling.deviation;
      });
}

/// The closure: U [K, members] from a step of the network, a call of T = 1 for all columns whose
/// states are carried in place.
struct LstmClosure {
  Network& network;
  Scaling x_scaling, u_scaling;

  void operator()(const Ensemble& state, const Ensemble& U) const {
    const int columns = static_cast<int>(U.size()), members = U.extent_int(1);
    record(state, Series(network.u().data(), 1, columns, 1), 0, x_scaling);
    network.forward_from_states();
    const Network::Array y = network.y();
    const Scaling scaling = u_scaling;
    Kokkos::parallel_for(
        "U", Kokkos::RangePolicy<Space>(0, columns), KOKKOS_LAMBDA(const int column) {
          U(column / members, column % members) = scaling.mean + scaling.deviation * y(column);
        });
  }
};

/// Teaches the network U from the history of X in the same column.
void train(const Options& o, Network& network, const Series& x, const Series& u) {
  const Space space;
  network.resize(o.window, o.batch);
  const Network::Array target("target", o.window * o.batch);
  // The first quarter of a window fills the network's memory and does not count.
  const std::pair counted(o.window / 4 * o.batch, o.window * o.batch);
  flashrnn::io::ProgressBar bar("training the LSTM", o.updates);
  double loss = 1;
  for (int n = 0; n < o.updates; ++n) {
    const flashrnn::CounterRandom random(o.seed, 100 + static_cast<unsigned long long>(n));
    flashrnn::draw_windows(space, x, random, o.batch, network.u());
    flashrnn::draw_windows(space, u, random, o.batch, target);
    network.forward();
    const double now = flashrnn::mean_squared_error(space, Kokkos::subview(network.y(), counted),
                                                    Kokkos::subview(target, counted),
                                                    Kokkos::subview(network.dy(), counted));
    network.backward();
    const double part = static_cast<double>(n) / o.updates;
    const double rate = o.rate * 0.5 * (1.02 + std::cos(3.14159265 * part));
    network.update({.learning_rate = rate, .most_norm = 1});
    loss = n == 0 ? now : loss + 0.02 * (now - loss);
    bar.show(n + 1, {{"unexplained variance", loss}});
  }
  std::printf("LSTM: %d units, %zu parameters, variance of U left unexplained %.4f\n", o.units,
              network.parameters().size(), loss);
}

/// Runs `step` for lead and climate, keeping X every few steps.
Model simulate(const Options& o, const std::string& name, const Simulation& simulation,
               const std::function<void()>& step) {
  constexpr int steps_per_sample = 5;
  const int columns = o.system.K * o.members, steps = o.steps(o.lead + o.climate);
  Model model{name, {std::size_t(columns), o.system.coarse_step * steps_per_sample, {}}};
  flashrnn::io::ProgressBar bar("running " + name, steps);
  const Series sample("sample", 1, columns, 1);
  std::vector<double> seconds;
  for (int t = 0; t < steps; ++t) {
    if (t % steps_per_sample == 0) {
      record(simulation.state(), sample, 0);
      const std::vector<float> x = flashrnn::on_host(sample);
      model.run.x.insert(model.run.x.end(), x.begin(), x.end());
    }
    const Kokkos::Timer timer;
    step();
    Kokkos::fence();
    seconds.push_back(timer.seconds());
    bar.show(t + 1);
  }
  // Of the fastest tenth the slowest: what a step takes while no other program has the processor.
  const auto tenth = seconds.begin() + steps / 10;
  std::nth_element(seconds.begin(), tenth, seconds.end());
  model.microseconds = 1e6 * *tenth / o.members;
  return model;
}

int run(const Options& o) {
  const Lorenz96& p = o.system;
  std::printf(
      "K = %d, J = %d, F = %g, h = %g, c = %g, b = %g; RK4 with steps of %g (all scales) "
      "and %g (X alone); seed %llu\n",
      p.K, p.J, p.F, p.h, p.c, p.b, p.fine_step, p.coarse_step, o.seed);

  // To learn from: X at the beginning of a step and U averaged over it.
  const Simulation teacher(p, o.training_members, true);
  teacher.start(o.seed);
  for (int n = 0; n < o.steps(o.spin_up); ++n) teacher.step_both();
  const int recorded = o.steps(o.training_time);
  const Series x("X", recorded, p.K * o.training_members, 1), u("U", x.layout());
  for (int t = 0; t < recorded; ++t) {
    record(teacher.state(), x, t);
    teacher.step_both();
    record(teacher.mean_coupling(), u, t);
  }
  std::vector<float> host_x = flashrnn::on_host(x), host_u = flashrnn::on_host(u);
  const Polynomial polynomial = Polynomial::fit(host_x, host_u);
  double unexplained = 0;
  for (std::size_t i = 0; i < host_x.size(); ++i)
    unexplained += std::pow(double(host_u[i]) - polynomial(double(host_x[i])), 2);
  const Scaling x_scaling = normalise(host_x), u_scaling = normalise(host_u);
  unexplained /= double(host_u.size()) * std::pow(double(u_scaling.deviation), 2);
  const double* const c = polynomial.coefficient;
  std::printf(
      "polynomial: %.4g + %.4g X + %.4g X^2 + %.4g X^3 + %.4g X^4, variance of U left "
      "unexplained %.4f\n",
      c[0], c[1], c[2], c[3], c[4], unexplained);
  flashrnn::copy_to(x, host_x);
  flashrnn::copy_to(u, host_u);
  const flashrnn::Architecture layer{.head_dim = o.units, .output_size = 1};
  Network network(Space(), layer, flashrnn::initial_parameters(layer, o.seed, 1));
  train(o, network, x, u);

  // Another ensemble to test on. The LSTM reads its true X for a while, as it would read analyses.
  const Simulation truth(p, o.members, true);
  truth.start(o.seed + 1);
  for (int n = 0; n < o.steps(o.spin_up); ++n) truth.step_both();
  network.resize(1, p.K * o.members, false);
  const LstmClosure closure{network, x_scaling, u_scaling};
  for (int n = 0; n < o.steps(o.warm_up); ++n) {
    closure(truth.state(), truth.U());
    truth.step_both();
  }
  const Simulation none(p, o.members, false), wilks(p, o.members, false), lstm(p, o.members, false);
  for (const Simulation& coarse : {none, wilks, lstm})
    Kokkos::deep_copy(coarse.state(),
                      Kokkos::subview(truth.state(), std::pair(0, p.K), Kokkos::ALL));
  std::vector<Model> models;
  models.push_back(simulate(o, "truth", truth, [&] { truth.step_both(); }));
  models.push_back(simulate(o, "no closure", none, [&] { none.step([](const Ensemble&) {}); }));
  models.push_back(simulate(o, "polynomial", wilks, [&] {
    wilks.step([&](const Ensemble& state) { polynomial.apply(state, wilks.U()); });
  }));
  models.push_back(simulate(o, "LSTM", lstm, [&] {
    closure(lstm.state(), lstm.U());
    lstm.step([](const Ensemble&) {});
  }));
  evaluate(models, o.lead, o.climate);
  print(models);
  if (!o.plots.empty()) draw(o.plots, models);
  const bool helps = halves_errors(models[3], models[1], models[0]);
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
  } catch (const std::exception& error) {
    std::fprintf(stderr, "lorenz96: %s\n", error.what());
    return 2;
  }
}
